"""Reads of stored energy reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from apps.flexibility.models import EnergyReport
from apps.flexibility.reporting.stored import ReportFigures, figures_of

PAGE_SIZE = 24


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The report of a site and local month (its first day) as it was last computed."""

    site_id: int
    site_code: str
    site_name: str
    month: date
    computed_at: datetime
    is_final: bool
    figures: ReportFigures


@dataclass(frozen=True, slots=True)
class ReportsPage:
    """One page of reports, newest month first."""

    reports: tuple[StoredReport, ...]
    total: int
    page: int
    pages: int


def report_of(site_id: int, month: date) -> StoredReport | None:
    """The report of a site's local month; None while there is none. One query."""
    row = _reports().filter(site_id=site_id, month=month).first()
    return _stored(row) if row else None


def reports_page(
    *, site_id: int | None = None, page: int = 1, page_size: int = PAGE_SIZE
) -> ReportsPage:
    """A page of the reports of a site, or of all sites; two queries."""
    rows = _reports()
    if site_id is not None:
        rows = rows.filter(site_id=site_id)
    total = rows.count()
    pages = max(1, -(-total // page_size))
    page = min(max(1, page), pages)
    found = (_stored(row) for row in rows[(page - 1) * page_size : page * page_size])
    return ReportsPage(tuple(one for one in found if one), total, page, pages)


def _reports() -> QuerySet[EnergyReport]:
    # Without figures: somebody is computing the first of them.
    computed = EnergyReport.objects.exclude(figures={}).select_related("site")
    return computed.order_by("-month", "site__code", "site_id")


def _stored(row: EnergyReport) -> StoredReport | None:
    figures = figures_of(row.figures)
    if figures is None:
        return None
    return StoredReport(
        site_id=row.site_id,
        site_code=row.site.code,
        site_name=row.site.name,
        month=row.month,
        computed_at=row.computed_at,
        is_final=row.is_final,
        figures=figures,
    )
