"""Migrate the platform and every operator that is behind."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.services import roles_ensure
from apps.tenants.context import operator_context
from apps.tenants.services import operators_migrate


class Command(BaseCommand):
    # Unfold checks its actions against tables that do not exist yet.
    requires_system_checks: list[str] = []
    help = "Migrate the public schema and each operator's schema that is behind."

    def handle(self, *args: Any, **options: Any) -> None:
        results = operators_migrate()
        for result in results:
            if result.changed and result.schema_name != "public":
                with operator_context(result.schema_name):
                    roles_ensure()
            state = result.error or ("migrated" if result.changed else "up to date")
            self.stdout.write(f"{result.schema_name}: {state}")
        failed = [result.schema_name for result in results if result.error]
        if failed:
            raise CommandError(f"not migrated: {', '.join(failed)}")
