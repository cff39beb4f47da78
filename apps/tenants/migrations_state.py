"""Which schemas lack a migration, asked of the `django_migrations` tables alone.

A `migrate` that finds nothing to do scans the whole catalog of the database for each schema.
"""

from django.db import connection
from django.db.migrations.loader import MigrationLoader


def is_behind(schema_name: str) -> bool:
    """True when the schema does not exist or lacks a migration that the code has."""
    return not _on_disk() <= _applied(schema_name)


def is_empty(schema_name: str) -> bool:
    """True when no migration was ever applied to the schema."""
    return not _applied(schema_name)


def _on_disk() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)


def _applied(schema_name: str) -> set[tuple[str, str]]:
    quoted = connection.ops.quote_name(schema_name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"{quoted}.django_migrations"])
        if cursor.fetchone()[0] is None:
            return set()
        cursor.execute(f"SELECT app, name FROM {quoted}.django_migrations")  # noqa: S608
        return set(cursor.fetchall())
