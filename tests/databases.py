"""The test database made once, and copied for the test runs beside the first one.

    python -m tests.databases sockets stacks

Migrating three schemas takes many seconds of CPU; PostgreSQL copies the files of them in one.
"""

import sys

import tests.environment  # noqa: F401 - before Django reads its settings

import django  # isort: skip

django.setup()

from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402

from django.db import connection  # noqa: E402
from django.db.migrations.state import ModelState, ProjectState  # noqa: E402
from django.test.utils import setup_databases  # noqa: E402

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


@contextmanager
def new_models_rendered_alone() -> Iterator[None]:
    """Migrate in a quarter of the time, to the same tables.

    Django makes the classes of all related models anew for each model that a migration creates,
    two thirds of the time of ours. A new model needs its own class alone: the state says then that
    its other classes are late, and is made whole before a migration's own code sees it.
    """
    add_model = ProjectState.add_model

    def add_alone(state: ProjectState, model: ModelState) -> None:
        apps = state.__dict__.pop("apps", None)
        add_model(state, model)
        if apps is not None:
            with apps.bulk_update():
                model.render(apps)
            state.__dict__["apps"] = apps
            state.is_delayed = True

    ProjectState.add_model = add_alone
    try:
        yield
    finally:
        ProjectState.add_model = add_model


if __name__ == "__main__":
    main(sys.argv[1:])
