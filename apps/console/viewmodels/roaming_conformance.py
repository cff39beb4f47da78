"""The check of a partner against the standard: its reports in words and colours."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.console.refusals import refusal_words
from apps.console.states import StateWord
from apps.ocpi.models import ConformanceReport, ConformanceState, Partner
from apps.ocpi.selectors.conformance import (
    INTERRUPTED,
    ReportRow,
    exchanges_of,
    report_note,
    report_rows,
    report_state,
    reports_of,
)
from apps.ocpi.services.conformance.report import FAILED, PASSED, SKIPPED
from cariflex.common.errors import DomainError

MAY_CHECK = "ocpi.register_partner"
KEPT = "kept"
STATES: dict[str, StateWord] = {
    str(ConformanceState.RUNNING): StateWord(_("Being checked"), "info", "restart"),
    str(ConformanceState.ENDED): StateWord(pgettext_lazy("partner", "Checked"), "mute", "list"),
    str(ConformanceState.FAILED): StateWord(pgettext_lazy("check", "Broken off"), "bad", "alert"),
    INTERRUPTED: StateWord(pgettext_lazy("check", "Interrupted"), "warn", "pause"),
    KEPT: StateWord(_("Keeps every rule"), "ok", "check"),
}
OUTCOMES: dict[str, StateWord] = {
    FAILED: StateWord(pgettext_lazy("rule", "Broken"), "bad", "cross"),
    SKIPPED: StateWord(pgettext_lazy("rule", "Not tried"), "mute", "question"),
    PASSED: StateWord(pgettext_lazy("rule", "Kept"), "ok", "check"),
}
_RUNNING_ALREADY = _("This partner is being checked already.")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule, and the exchange that told, when the log still has it and the reader may see it."""

    row: ReportRow
    exchange_id: int | None


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report; `lines` are those asked for, the broken rules first."""

    report: ConformanceReport
    state: str
    note: str
    lines: tuple[RuleLine, ...] = ()

    @property
    def is_running(self) -> bool:
        """True while somebody works on it."""
        return self.state == ConformanceState.RUNNING

    @property
    def tried(self) -> int:
        """Rules with an outcome."""
        return self.report.passed + self.report.failed + self.report.skipped


@dataclass(frozen=True, slots=True)
class ConformanceCard:
    """What the partner's page shows: the newest report with its broken rules, and the others."""

    partner: Partner
    latest: ReportView | None
    older: tuple[ReportView, ...]


def conformance_card(*, partner: Partner, now: datetime, may_read_log: bool) -> ConformanceCard:
    """The reports of a partner; one query, three when there is a report."""
    reports = reports_of(partner)
    latest = None
    if reports:
        latest = report_view(
            report=reports[0], now=now, outcomes=(FAILED,), may_read_log=may_read_log
        )
    older = tuple(ReportView(one, _state(one, now), report_note(one)) for one in reports[1:])
    return ConformanceCard(partner=partner, latest=latest, older=older)


def report_view(
    *,
    report: ConformanceReport,
    now: datetime,
    may_read_log: bool,
    outcomes: tuple[str, ...] = (FAILED, SKIPPED, PASSED),
) -> ReportView:
    """One report with the rules that ended in some way; one query for the exchanges."""
    rows = [row for row in report_rows(report) if row.outcome in outcomes]
    ids = [row.request_id for row in rows if row.request_id] if may_read_log else []
    exchanges = exchanges_of(report, ids)
    return ReportView(
        report=report,
        state=_state(report, now),
        note=report_note(report),
        lines=tuple(RuleLine(row, exchanges.get(row.request_id)) for row in rows),
    )


def check_refused(error: DomainError) -> str:
    """Why a check was not begun, in the reader's words."""
    if error.code == "ocpi.conformance_running":
        return str(_RUNNING_ALREADY)
    return refusal_words(error)


def _state(report: ConformanceReport, now: datetime) -> str:
    state = report_state(report, now)
    is_whole = state == ConformanceState.ENDED and not report.note_code
    return KEPT if is_whole and not report.failed and report.passed else state
