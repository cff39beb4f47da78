"""Set up the demo operators."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.console.services import demo_seed


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Create or complete the two demo operators; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reset-passwords", action="store_true", help="give every demo user its first password"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = demo_seed(reset_passwords=options["reset_passwords"])
        self.stdout.write(
            f"{report.operators} operators, {report.devices} devices, {report.stations} stations"
        )
