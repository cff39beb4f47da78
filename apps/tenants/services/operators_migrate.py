"""Migrate what is behind, and only that."""

from dataclasses import dataclass

from django_tenants.utils import schema_context

from apps.tenants.directory import forget_operators
from apps.tenants.migrations_state import is_behind
from apps.tenants.selectors import operator_schemas
from apps.tenants.services.empty_schema import schema_migrate
from apps.tenants.services.operator_create import schema_ensure


@dataclass(frozen=True)
class MigrationResult:
    """What became of one schema."""

    schema_name: str
    changed: bool
    error: str = ""


def operators_migrate() -> list[MigrationResult]:
    """Bring public first, then each operator that is behind; one failure does not stop the rest."""
    results = []
    with schema_context("public"):
        public_behind = is_behind("public")
        if public_behind:
            schema_migrate("public")
        results.append(MigrationResult("public", changed=public_behind))
        for schema_name in operator_schemas():
            behind = is_behind(schema_name)
            error = ""
            if behind:
                try:
                    schema_ensure(schema_name)
                # One operator's broken schema must not keep the others from their upgrade.
                except Exception as err:  # noqa: BLE001
                    error = f"{type(err).__name__}: {err}"
            results.append(MigrationResult(schema_name, changed=behind and not error, error=error))
    forget_operators()
    return results
