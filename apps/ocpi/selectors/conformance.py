"""Reads of conformance reports: the newest of a partner, one in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import translation

from apps.ocpi.models import ConformanceReport, Exchange, Partner
from apps.ocpi.services.conformance.report import FAILED, PASSED, SKIPPED, is_dead
from apps.ocpi.services.conformance.rules import rule_known
from apps.ocpi.services.conformance.words import sentence
from cariflex.common.time import format_rfc3339

_ORDER = {FAILED: 0, SKIPPED: 1, PASSED: 2}
INTERRUPTED = "interrupted"
"""What a running report is that nobody works on any more."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One rule of a report, in the reader's language."""

    rule: str
    title: str
    section: str
    module: str
    outcome: str
    told: str
    request_id: str


def reports_of(partner: Partner) -> list[ConformanceReport]:
    """The reports of a partner, newest first, without their rows; one query."""
    return list(
        ConformanceReport.objects.filter(partner=partner)
        .select_related("asked_by")
        .defer("rows")
        .order_by("-started_at", "-pk")
    )


def report_get(partner: Partner, report_id: int) -> ConformanceReport | None:
    """One report of a partner, with its rows."""
    return (
        ConformanceReport.objects.filter(partner=partner, pk=report_id)
        .select_related("asked_by", "partner")
        .first()
    )


def report_state(report: ConformanceReport, now: datetime) -> str:
    """Its state, or `interrupted` when who worked on it is gone."""
    if is_dead(report, now) or report.note_code == INTERRUPTED:
        return INTERRUPTED
    return report.state


def report_note(report: ConformanceReport) -> str:
    """Why it stopped, as a sentence; empty for one that reached its end."""
    values = report.note_values if isinstance(report.note_values, Mapping) else {}
    return sentence(report.note_code, values) if report.note_code else ""


def report_rows(report: ConformanceReport) -> tuple[ReportRow, ...]:
    """The rules, those that are broken first, then those not tried."""
    rows = [_row(row, report.version) for row in report.rows if isinstance(row, dict)]
    return tuple(sorted(rows, key=lambda row: _ORDER.get(row.outcome, 3)))


def exchanges_of(report: ConformanceReport, request_ids: list[str]) -> dict[str, int]:
    """The exchanges of a report by request id, as far as the log still has them; one query.

    By partner and time: the log has no index on request ids.
    """
    if not request_ids:
        return {}
    asked = Exchange.objects.filter(
        partner=report.partner_id, at__gte=report.started_at, request_id__in=request_ids
    )
    if report.ended_at is not None:
        asked = asked.filter(at__lte=report.ended_at)
    return dict(asked.values_list("request_id", "pk"))


def report_words(report: ConformanceReport, now: datetime) -> dict[str, Any]:
    """A report as a file or a command gives it, in English: it is meant for the partner too."""
    with translation.override("en"):
        return {
            "partner": report.partner.code,
            "version": report.version,
            "state": report_state(report, now),
            "note": report_note(report),
            "started_at": format_rfc3339(report.started_at),
            "ended_at": format_rfc3339(report.ended_at) if report.ended_at else None,
            "requests": report.requests,
            "passed": report.passed,
            "failed": report.failed,
            "not_tried": report.skipped,
            "rules": [
                {
                    "rule": row.rule, "title": row.title, "section": row.section,
                    "module": row.module, "outcome": row.outcome, "told": row.told,
                    "request_id": row.request_id,
                }
                for row in report_rows(report)
            ],
        }  # fmt: skip


def _row(row: Mapping[str, Any], version: str) -> ReportRow:
    code, module = str(row.get("rule", "")), str(row.get("module", ""))
    rule = rule_known(code)
    values = row.get("values")
    told = sentence(str(row.get("seen", "")), values if isinstance(values, Mapping) else {})
    return ReportRow(
        rule=code,
        title=str(rule.title) if rule else code,
        section=rule.section(version, module) if rule else "",
        module=module,
        outcome=str(row.get("outcome", "")),
        told=told or str(row.get("told", "")),
        request_id=str(row.get("request_id", "")),
    )
