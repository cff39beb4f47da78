"""`ocpi_conformance`: what of a partner's interfaces is not as the standard has it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.ocpi.management.partner_command import PartnerCommand, partner_named
from apps.ocpi.models import ConformanceReport, ConformanceState
from apps.ocpi.selectors.conformance import report_words
from apps.ocpi.services.conformance import conformance_begin, conformance_run
from cariflex.common.time import utc_now


class Command(PartnerCommand):
    help = (
        "Check a partner's sender interfaces with reading calls. Exit code 1 when a rule is broken"
        " or the check did not reach its end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--partner", required=True, help="its code or name")

    def handle(self, *args: Any, **options: Any) -> None:
        self._is_good = True
        super().handle(*args, **options)
        if not self._is_good:
            raise SystemExit(1)

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        partner = partner_named(options["partner"])
        begun = conformance_begin(partner=partner, asked_by=None, now=utc_now())
        conformance_run(report_id=begun.pk)
        report = ConformanceReport.objects.select_related("partner").filter(pk=begun.pk).first()
        if report is None:
            raise CommandError("The report is gone.")
        is_whole = report.state == ConformanceState.ENDED and not report.note_code
        self._is_good = is_whole and not report.failed
        words = report_words(report, utc_now())
        return words if options["json"] else _lines(words)


def _lines(words: dict[str, Any]) -> dict[str, Any]:
    """A line for each rule that is not kept, below the counts."""
    rules = [row for row in words.pop("rules") if row["outcome"] != "passed"]
    found = {name: value for name, value in words.items() if value not in ("", None)}
    for row in rules:
        name = f"{row['outcome']} {row['module']} {row['rule']} ({row['section']})"
        found[name] = f"{row['title']}. {row['told']}"
    return found
