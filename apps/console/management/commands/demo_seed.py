"""Set up the demo operators."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.console.services import demo_seed


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Create or complete the two demo operators; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        report = demo_seed()
        self.stdout.write(
            f"{report.operators} operators, {report.devices} devices, {report.stations} stations"
        )
