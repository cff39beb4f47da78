"""`billing_month --operator NAME 2026-03 [--draft] [--settle] [--issue] [--close]`: a month."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts.models import User
from apps.billing.months import month_parse
from apps.billing.selectors.closing import MonthReview, month_review
from apps.billing.services.closing import month_close
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoices_issue_month
from apps.billing.services.settlements import settlements_make
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED, BAD_INPUT = 1, 2


class Command(BaseCommand):
    help = (
        "Show how a month of the books stands; with options make its drafts and statements, issue"
        " its invoices, and close it, in this order. Exit code 1: something was refused, and said."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", metavar="MONTH", help="such as 2026-03")
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--draft", action="store_true", help="make the drafts of invoices")
        parser.add_argument("--settle", action="store_true", help="make partners' statements")
        parser.add_argument("--issue", action="store_true", help="issue all drafts")
        parser.add_argument("--close", action="store_true", help="close the month, for good")
        parser.add_argument("--by", metavar="USERNAME", help="who issues and closes")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        refused: list[dict[str, Any]] = []
        try:
            month = month_parse(options["month"])
            with operator_context(options["operator"]):
                by = _user(options["by"])
                refused = self._work(month, by, options)
                review = month_review(month, now=utc_now())
        except DomainError as err:
            self._refuse(err, as_json=options["json"])
        self._tell(review, refused, as_json=options["json"])
        if refused:
            sys.exit(REFUSED)

    def _work(self, month: date, by: User | None, options: dict[str, Any]) -> list[dict[str, Any]]:
        refused: list[dict[str, Any]] = []
        if options["draft"]:
            invoice_draft_make(month=month)
        if options["settle"]:
            settlements_make(month=month)
        if options["issue"]:
            report = invoices_issue_month(month=month, by=by)
            refused = [
                {"invoice": pk, "code": err.code, "message": str(err)}
                for pk, err in report.refused.items()
            ]
        if options["close"] and not refused:
            month_close(month=month, by=by, now=utc_now())
        return refused

    def _refuse(self, err: DomainError, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": {"code": err.code, "message": err.message}}))
        else:
            self.stderr.write(f"{err.code}: {err.message}")
        is_bad_input = err.code in ("billing.month_invalid", "operator.missing", "user.unknown")
        sys.exit(BAD_INPUT if is_bad_input else REFUSED)

    def _tell(self, review: MonthReview, refused: list[dict[str, Any]], *, as_json: bool) -> None:
        shown = {
            "month": f"{review.month:%Y-%m}",
            "is_over": review.is_over,
            "may_close": review.may_close,
            "closed_at": review.closing.closed_at if review.closing else None,
            "steps": {step.code: step.count for step in review.steps},
            "totals": [asdict(totals) for totals in review.totals],
            "refused": refused,
        }
        if as_json:
            self.stdout.write(json.dumps(shown, default=_plain))
            return
        for name in ("month", "is_over", "may_close", "closed_at"):
            self.stdout.write(f"{name}: {shown[name]}")
        for step in review.steps:
            blocking = " (blocks)" if step.is_blocking and step.count else ""
            self.stdout.write(f"{step.code}: {step.count}{blocking}")
        for totals in review.totals:
            self.stdout.write(
                f"{totals.currency}: {totals.cdrs} CDRs, {totals.energy_kwh.normalize():f} kWh,"
                f" net {totals.net}, tax {totals.tax}, gross {totals.gross},"
                f" {totals.invoices} invoices, {totals.credit_notes} credit notes"
            )
        for one in refused:
            self.stderr.write(f"draft {one['invoice']}: {one['code']}: {one['message']}")


def _user(username: str | None) -> User | None:
    if not username:
        return None
    found = User.objects.filter(username=username).first()
    if found is None:
        raise DomainError("user.unknown", f"There is no user {username}.", field="by")
    return found


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
