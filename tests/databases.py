"""The test database made once, and copied for the test runs beside the first one.

    python -m tests.databases sockets stacks

Migrating three schemas takes many seconds of CPU; PostgreSQL copies the files of them in one.
"""

import sys

import tests.environment  # noqa: F401 - before Django reads its settings

import django  # isort: skip

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases  # noqa: E402

from apps.tenants.services.empty_schema import new_models_rendered_alone  # noqa: E402
from tests.operators import operators_make  # noqa: E402


def main(copies: list[str]) -> None:
    """Make the test database of the environment, and one `<name>_<copy>` for each copy."""
    base = connection.settings_dict["NAME"]
    with new_models_rendered_alone():
        setup_databases(verbosity=0, interactive=False)
        operators_make()
    made = connection.settings_dict["NAME"]
    connection.close()
    quote = connection.ops.quote_name
    # As Django names the test database of a run whose database is `<base>_<copy>`.
    with connection.creation._nodb_cursor() as cursor:
        for copy in copies:
            target = made.replace(base, f"{base}_{copy}")
            cursor.execute(f"DROP DATABASE IF EXISTS {quote(target)}")
            cursor.execute(f"CREATE DATABASE {quote(target)} TEMPLATE {quote(made)}")


if __name__ == "__main__":
    main(sys.argv[1:])
