"""Energy reports as pages: the list of months, and one month at a site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.assets.models import Site
from apps.flexibility.reporting import words
from apps.flexibility.reporting.baselines import CaseName
from apps.flexibility.reporting.figures import DayFigures
from apps.flexibility.reporting.stored import ReportFigures
from apps.flexibility.selectors.reports import StoredReport, report_of, reports_page

MAY_SEE = "flexibility.view_energyreport"
MAY_COMPUTE = "flexibility.change_energyreport"
ALMOST_S = 1
"""A day is drawn to just before its end: two points, none for what is not known."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A month of the list."""

    report: StoredReport
    state: str
    cost: str
    saving: str
    is_saved: bool
    drawn: str
    sun: str
    covered: str
    measured: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class ReportsList:
    """A page of the list; `sites` are what can be computed."""

    lines: tuple[ReportLine, ...]
    total: int
    page: int
    pages: int
    sites: tuple[Site, ...]
    may_compute: bool


@dataclass(frozen=True, slots=True)
class DaysChart:
    """Cost (EUR) and energies (kWh) by day; each day has two points, null where nothing is known.

    `gaps` are the days of which nothing was measured, in seconds.
    """

    times_s: list[int]
    start_s: int
    end_s: int
    cost_eur: list[float | None]
    import_kwh: list[float | None]
    export_kwh: list[float | None]
    pv_kwh: list[float | None]
    gaps: list[tuple[int, int]]
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One month at a site."""

    report: StoredReport
    state: str
    tiles: tuple[words.Line, ...]
    sections: tuple[words.Section, ...]
    cases: tuple[words.CaseLine, ...]
    no_cases: str
    possible: str
    gaps: tuple[str, ...]
    days: tuple[words.DayLine, ...]
    chart: DaysChart
    until: str
    computed: str
    previous: date | None
    following: date | None
    may_compute: bool


def reports_list(*, page: int, may_compute: bool) -> ReportsList:
    """The reports of all sites, newest month first. Three queries."""
    found = reports_page(page=page)
    sites = Site.objects.filter(devices__isnull=False).distinct().order_by("code")
    return ReportsList(
        lines=tuple(_line(one) for one in found.reports),
        total=found.total,
        page=found.page,
        pages=found.pages,
        sites=tuple(sites),
        may_compute=may_compute,
    )


def report_page(*, site_id: int, month: date, may_compute: bool) -> ReportPage | None:
    """A month of a site with its neighbours; None where it was not computed. Three queries."""
    report = report_of(site_id, month)
    if report is None:
        return None
    figures = report.figures
    before = (month - timedelta(days=1)).replace(day=1)
    after = (month + timedelta(days=31)).replace(day=1)
    told = words.sections(figures)
    return ReportPage(
        report=report,
        state=state_of(report),
        tiles=_tiles(figures, told),
        sections=told,
        cases=words.case_lines(figures),
        no_cases=words.no_cases_words(figures.comparison.reason),
        possible=words.possible_words(figures),
        gaps=words.gap_sentences(figures),
        days=words.day_lines(figures),
        chart=days_chart(figures),
        until=words.moment(figures.end, figures.time_zone),
        computed=words.moment(report.computed_at, figures.time_zone),
        previous=before if report_of(site_id, before) else None,
        following=after if report_of(site_id, after) else None,
        may_compute=may_compute and not report.is_final,
    )


def state_of(report: StoredReport) -> str:
    """`running`, `open` (over, readings may still come) or `final`."""
    if report.is_final:
        return "final"
    return "running" if report.figures.is_so_far else "open"


def days_chart(figures: ReportFigures) -> DaysChart:
    """The days of the month so far as steps."""
    days = figures.month.days
    edges = [_day_edges(day.day, figures.time_zone) for day in days]
    return DaysChart(
        times_s=[at for start, end in edges for at in (start, end - ALMOST_S)],
        start_s=edges[0][0] if edges else 0,
        end_s=edges[-1][1] if edges else 0,
        cost_eur=_doubled([None if d.cost_eur is None else float(d.cost_eur) for d in days]),
        import_kwh=_doubled([_known(day, day.import_kwh) for day in days]),
        export_kwh=_doubled([_known(day, day.export_kwh) for day in days]),
        pv_kwh=_doubled([_known(day, day.pv_kwh) for day in days]),
        gaps=[edge for edge, day in zip(edges, days, strict=True) if not day.measured_count],
        words={
            "cost": _("Cost"),
            "import": _("Drawn"),
            "export": _("Fed in"),
            "pv": pgettext("energy", "Sun"),
        },
    )


def _line(report: StoredReport) -> ReportLine:
    figures, month = report.figures, report.figures.month
    saved = figures.comparison.saving_eur(CaseName.NO_CONTROL)
    known = bool(month.measured_count)
    return ReportLine(
        report=report,
        state=state_of(report),
        cost=words.money(month.cost_eur, figures.currency),
        saving=words.NO_VALUE if saved is None else words.saving_words(saved, figures.currency),
        is_saved=saved is not None and saved >= 0,
        drawn=words.energy(month.flows.import_kwh if known else None),
        sun=words.energy(month.flows.pv_kwh if known else None),
        covered=words.percent(month.self_sufficiency_percent),
        measured=words.percent(month.measured_percent),
        is_whole=month.measured_count == month.slot_count,
    )


def _tiles(figures: ReportFigures, sections: tuple[words.Section, ...]) -> tuple[words.Line, ...]:
    lines = {line.key: line for section in sections for line in section.lines}
    saved = figures.comparison.saving_eur(CaseName.NO_CONTROL)
    saving = words.Line(
        "saving",
        _("Against no control"),
        words.NO_VALUE if saved is None else words.saving_words(saved, figures.currency),
        words.possible_words(figures),
    )
    chosen = ("import_kwh", "peak_kw")
    return (lines["cost_eur"], saving, *(lines[key] for key in chosen))


def _day_edges(day: date, time_zone: str) -> tuple[int, int]:
    zone, following = ZoneInfo(time_zone), day + timedelta(days=1)
    start, end = (
        datetime(one.year, one.month, one.day, tzinfo=zone).astimezone(UTC)
        for one in (day, following)
    )
    return int(start.timestamp()), int(end.timestamp())


def _known(day: DayFigures, value: float) -> float | None:
    return round(value, 3) if day.measured_count else None


def _doubled(values: list[float | None]) -> list[float | None]:
    return [value for value in values for _twice in range(2)]
