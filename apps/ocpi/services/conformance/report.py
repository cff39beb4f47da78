"""Reports: begun one at a time, filled row by row, ended, found dead, forgotten."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.ocpi.choices import InterfaceRole, PartnerState
from apps.ocpi.models import ConformanceReport, ConformanceState, Partner, PartnerEndpoint
from apps.ocpi.services.conformance.rules import LISTS, VERSIONS, rules_of
from apps.ocpi.services.conformance.words import Seen, seen
from cariflex.common.errors import DomainError

KEPT = 20
"""Reports of a partner."""
DEAD_AFTER = timedelta(minutes=15)
SILENT_AFTER = timedelta(minutes=2)
"""Longer than any single request may take (Partner.timeout_s): who works on it was killed."""
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class ReportTaken(Exception):
    """The report is no longer ours to write: it was given up for dead."""


def lists_served(partner: Partner) -> dict[str, str]:
    """The address of each list that the partner serves as SENDER, in the order of LISTS."""
    rows = PartnerEndpoint.objects.filter(
        partner=partner, role=InterfaceRole.SENDER, identifier__in=LISTS
    )
    found = {row.identifier: row.url for row in rows}
    return {str(kind): found[kind] for kind in LISTS if kind in found}


@transaction.atomic
def conformance_begin(
    *, partner: Partner, asked_by: User | None, now: datetime
) -> ConformanceReport:
    """A new report; the checking itself is `conformance_run`.

    DomainError `ocpi.not_registered`, and `ocpi.conformance_running` while another one goes on.
    """
    if partner.state != PartnerState.REGISTERED:
        raise DomainError("ocpi.not_registered", "the partner is not registered", field="partner")
    running = ConformanceReport.objects.filter(partner=partner, state=ConformanceState.RUNNING)
    running.filter(_dead(now)).update(
        state=ConformanceState.FAILED, ended_at=now, note_code="interrupted"
    )
    modules = (VERSIONS, *lists_served(partner))
    try:
        with transaction.atomic():
            report = ConformanceReport.objects.create(
                partner=partner,
                asked_by=asked_by,
                version=partner.version,
                started_at=now,
                planned=sum(len(rules_of(partner.version, module)) for module in modules),
            )
    except IntegrityError as err:
        raise DomainError(
            "ocpi.conformance_running", "the partner is being checked already", field="partner"
        ) from err
    kept = ConformanceReport.objects.filter(partner=partner).values_list("pk", flat=True)[:KEPT]
    ConformanceReport.objects.filter(partner=partner).exclude(pk__in=list(kept)).delete()
    return report


def is_dead(report: ConformanceReport, now: datetime) -> bool:
    """Whether a report that is running lost who worked on it."""
    if report.state != ConformanceState.RUNNING:
        return False
    is_silent = report.heard_at is not None and report.heard_at <= now - SILENT_AFTER
    return is_silent or report.started_at <= now - DEAD_AFTER


def report_take(report_id: int, now: datetime) -> ConformanceReport | None:
    """The report, ours to fill; None when it is over or somebody works on it, or did."""
    waiting = ConformanceReport.objects.filter(
        pk=report_id, state=ConformanceState.RUNNING, heard_at=None
    )
    if not waiting.update(heard_at=now):
        return None
    return ConformanceReport.objects.select_related("partner").get(pk=report_id)


class Book:
    """The rows of a report: one for each rule and module, stored as they come."""

    def __init__(self, report: ConformanceReport) -> None:
        self.report = report
        self.version = report.version
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._places = {
            (rule.code, module)
            for module in (VERSIONS, *LISTS)
            for rule in rules_of(self.version, module)
        }

    def passed(self, rule: str, module: str, request_id: str, what: Seen | None = None) -> None:
        """A rule is kept, unless another answer broke it before."""
        if (rule, module) not in self._rows:
            self._write(PASSED, rule, module, request_id, what or seen("good"))

    def failed(self, rule: str, module: str, request_id: str, what: Seen) -> None:
        """A rule is broken; the first time counts."""
        if self.outcome(rule, module) != FAILED:
            self._write(FAILED, rule, module, request_id, what)

    def skipped(self, rule: str, module: str, what: Seen) -> None:
        """A rule could not be tried."""
        if (rule, module) not in self._rows:
            self._write(SKIPPED, rule, module, "", what)

    def skip_rest(self, module: str, what: Seen) -> None:
        """Nothing more is tried in a module."""
        for rule in rules_of(self.version, module):
            self.skipped(rule.code, module, what)

    def outcome(self, rule: str, module: str) -> str:
        """What became of a rule; empty when nothing yet."""
        row = self._rows.get((rule, module))
        return str(row["outcome"]) if row else ""

    def store(self, now: datetime, *, requests: int) -> None:
        """Write the rows down as they are; ReportTaken when the report was given up."""
        self._save(heard_at=now, requests=requests)

    def end(
        self, now: datetime, *, requests: int, state: ConformanceState, note: Seen | None
    ) -> None:
        """The last rows; `note` says why the check stopped early."""
        self._save(
            heard_at=now, ended_at=now, requests=requests, state=state,
            note_code=note.code if note else "", note_values=dict(note.values) if note else {},
        )  # fmt: skip

    def _write(self, outcome: str, rule: str, module: str, request_id: str, what: Seen) -> None:
        if (rule, module) not in self._places:
            return
        self._rows[rule, module] = {
            "rule": rule, "module": module, "outcome": outcome, "told": what.told,
            "seen": what.code, "values": dict(what.values), "request_id": request_id,
        }  # fmt: skip

    def _save(self, **values: Any) -> None:
        counts = Counter(row["outcome"] for row in self._rows.values())
        ours = ConformanceReport.objects.filter(pk=self.report.pk, state=ConformanceState.RUNNING)
        stored = ours.update(
            rows=list(self._rows.values()), passed=counts[PASSED], failed=counts[FAILED],
            skipped=counts[SKIPPED], **values,
        )  # fmt: skip
        if not stored:
            raise ReportTaken


def _dead(now: datetime) -> Q:
    return Q(heard_at__lte=now - SILENT_AFTER) | Q(started_at__lte=now - DEAD_AFTER)
