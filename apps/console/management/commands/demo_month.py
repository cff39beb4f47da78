"""A past month of the demo, to try the closing of a month with."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.billing.months import month_of, month_parse
from apps.console.services.demo_month import demo_month_make
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Give a demo operator the sessions, CDRs and partner's CDRs of a month that is over."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", default="guadeloupe")
        parser.add_argument("--month", help="such as 2026-03; the last one if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            month = (
                month_parse(options["month"])
                if options["month"]
                else month_of(month_of(utc_now().date()) - timedelta(days=1))
            )
            with operator_context(options["operator"]):
                made = demo_month_make(operator=options["operator"], month=month)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{month:%Y-%m}: {made.sessions} sessions, {made.cdrs} CDRs,"
            f" {made.partner_cdrs} CDRs of a partner"
        )
