"""The schedule page: one day of a site in one chart, the same as a table, and its plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.assets.choices import SetpointSource
from apps.assets.models import Site
from apps.console.formats import NO_VALUE, percent_text, power_text, price_text
from apps.console.plan_words import PLAN_TONES, clock_words, co2_text
from apps.flexibility.choices import GridRequestKind, Objective, ReplanReason, reason_words
from apps.flexibility.selectors.schedule import (
    Control,
    DayPlan,
    ScheduleDay,
    SetpointInForce,
    schedule_day,
)
from apps.flexibility.selectors.schedule_courses import (
    BATTERIES,
    CARS,
    LOAD,
    PV,
    SITE,
    Course,
    Values,
)
from cariflex.common.units import QUARTER_HOUR, floor_slot

MAY_PLAN = "flexibility.change_plan"
YEARS = range(2000, 2100)
EXPLAINED = ("battery", "car", BATTERIES, PV)
"""Kinds of lines of which a set-point can be explained."""


@dataclass(frozen=True, slots=True)
class ChartCourse:
    """One line of the chart; limits as the chart draws them. PV is shown as production (>= 0)."""

    key: str
    label: str
    group: str
    is_explained: bool
    planned_kw: Values
    actual_kw: Values
    planned_soc_percent: Values
    actual_soc_percent: Values
    upper_kw: Values
    lower_kw: Values
    soc_min_percent: float | None
    soc_max_percent: float | None


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """A request of the grid as a shade; UTC epoch seconds."""

    start_s: int
    end_s: int
    label: str


@dataclass(frozen=True, slots=True)
class ScheduleChart:
    """Everything the chart's script draws; one value per slot start (UTC epoch seconds)."""

    now_s: int
    start_s: int
    end_s: int
    times_s: tuple[int, ...]
    price_eur_per_mwh: Values
    requests: tuple[ChartRequest, ...]
    courses: tuple[ChartCourse, ...]


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A quarter hour of the chosen line as text."""

    number: int
    start: datetime
    time: str
    planned: str
    actual: str
    planned_soc: str
    actual_soc: str
    price: str
    is_estimated: bool
    co2: str
    limit: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class PlanLine:
    """An attempt of the day as text."""

    plan: DayPlan
    at: str
    covers: str
    status: str
    tone: str
    icon: str
    why: str
    objective: str
    reason: str
    took_s: float | None


@dataclass(frozen=True, slots=True)
class SetpointLine:
    """A set-point in force as text."""

    setpoint: SetpointInForce
    source: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """The whole page but the panel of reasons."""

    day: ScheduleDay
    sites: tuple[tuple[int, str], ...]
    chosen: Course
    chosen_label: str
    slot: int
    chart: ScheduleChart
    slots: tuple[SlotRow, ...]
    plans: tuple[PlanLine, ...]
    setpoints: tuple[SetpointLine, ...]
    control: Control
    may_plan: bool

    @property
    def is_today(self) -> bool:
        """Whether the day is the site's own today."""
        return self.day.day == self.day.today

    @property
    def previous(self) -> date:
        """The day before."""
        return self.day.day - timedelta(days=1)

    @property
    def next(self) -> date:
        """The day after."""
        return self.day.day + timedelta(days=1)

    @property
    def has_soc(self) -> bool:
        """Whether the chosen line has a state of charge."""
        return any(v is not None for v in (*self.chosen.planned_soc_percent,
                                           *self.chosen.actual_soc_percent))  # fmt: skip

    @property
    def words(self) -> dict[str, str]:
        """What the chart's script says, in the reader's language."""
        return {
            "actual": _("Measured"),
            "planned": _("Planned"),
            "price": _("Price"),
            "soc": _("SoC measured"),
            "soc_planned": _("SoC planned"),
            "upper": _("Highest power"),
            "lower": _("Lowest power"),
            "soc_min": _("Lowest SoC"),
            "soc_max": _("Highest SoC"),
            "whole_day": _("Whole day"),
            "choose": _("Choose batteries, a car or the PV to see why it is set as it is."),
        }

    @property
    def is_explained(self) -> bool:
        """Whether a set-point of the chosen line can be explained."""
        return self.chosen.kind in EXPLAINED


def schedule_page(
    *,
    site_id: int,
    asked: date | None,
    key: str,
    slot: int | None,
    now: datetime,
    may_plan: bool,
) -> SchedulePage:
    """A day of a site (today unless asked for another) with one of its lines; 23 queries."""
    day = schedule_day(
        site_id=site_id, now=now, day=asked if asked and asked.year in YEARS else None
    )
    chosen = day.course(key) or day.course(BATTERIES) or day.courses[0]
    zone = ZoneInfo(day.time_zone)
    return SchedulePage(
        day=day,
        sites=tuple(Site.objects.order_by("pk").values_list("pk", "name")),
        chosen=chosen,
        chosen_label=label_of(chosen),
        slot=_slot(day, slot),
        chart=chart_of(day),
        slots=_slots(day, chosen, zone),
        plans=tuple(_plan_line(plan, zone, day.start) for plan in day.plans),
        setpoints=tuple(_setpoint_line(row, zone, now) for row in day.setpoints),
        control=day.control,
        may_plan=may_plan,
    )


def chart_of(day: ScheduleDay) -> ScheduleChart:
    """The chart's block of a day."""
    return ScheduleChart(
        now_s=int(day.now.timestamp()),
        start_s=int(day.start.timestamp()),
        end_s=int(day.end.timestamp()),
        times_s=tuple(int(start.timestamp()) for start in day.starts),
        price_eur_per_mwh=day.price_eur_per_mwh,
        requests=tuple(
            ChartRequest(
                int(max(request.start, day.start).timestamp()),
                int(min(request.end, day.end).timestamp()),
                f"{GridRequestKind(request.kind).label} {power_text(request.limit_kw)}",
            )
            for request in day.requests
        ),
        courses=tuple(_chart_course(day, course) for course in day.courses),
    )


def label_of(course: Course) -> str:
    """The name of a line in the picker."""
    names = {
        SITE: _("Whole site"),
        BATTERIES: _("All batteries"),
        PV: _("PV production"),
        LOAD: _("Other load"),
        CARS: _("Vehicle charging"),
    }
    name = names.get(course.key, course.name)
    if course.kind == "car":
        return f"{name} ({_('car')} {course.key.rpartition('-')[2]})"
    return name


def group_of(course: Course) -> str:
    """The heading of a line in the picker."""
    return {"battery": _("Batteries"), "car": _("Cars")}.get(course.kind, _("Site"))


def _chart_course(day: ScheduleDay, course: Course) -> ChartCourse:
    is_pv = course.key == PV
    count = len(day.starts)
    if course.key == SITE:
        upper, lower = day.import_limit_kw, _negated(day.export_limit_kw)
    elif is_pv:
        upper, lower = (course.discharge_kw,) * count, (None,) * count
    else:
        upper = (course.charge_kw,) * count
        lower = _negated((course.discharge_kw,) * count)
    return ChartCourse(
        key=course.key,
        label=label_of(course),
        group=group_of(course),
        is_explained=course.kind in EXPLAINED,
        planned_kw=_negated(course.planned_kw) if is_pv else course.planned_kw,
        actual_kw=_negated(course.actual_kw) if is_pv else course.actual_kw,
        planned_soc_percent=course.planned_soc_percent,
        actual_soc_percent=course.actual_soc_percent,
        upper_kw=upper,
        lower_kw=lower,
        soc_min_percent=course.soc_min_percent,
        soc_max_percent=course.soc_max_percent,
    )


def _negated(values: Sequence[float | None]) -> Values:
    return tuple(None if value is None else 0.0 - value for value in values)


def _slot(day: ScheduleDay, asked: int | None) -> int:
    """The slot that is explained: the one asked for, else the running one, else the first."""
    if asked is not None and 0 <= asked < len(day.starts):
        return asked
    current = floor_slot(day.now)
    return (current - day.start) // QUARTER_HOUR if day.start <= current < day.end else 0


def _slots(day: ScheduleDay, course: Course, zone: ZoneInfo) -> tuple[SlotRow, ...]:
    shown = _chart_course(day, course)
    nothing: Values = (None,) * len(day.starts)
    return tuple(
        SlotRow(
            number=n,
            start=start,
            time=clock_words(start, zone, day.start),
            planned=power_text(shown.planned_kw[n], "kW"),
            actual=power_text(shown.actual_kw[n], "kW"),
            planned_soc=percent_text((shown.planned_soc_percent or nothing)[n]),
            actual_soc=percent_text((shown.actual_soc_percent or nothing)[n]),
            price=price_text(day.price_eur_per_mwh[n]),
            is_estimated=day.price_is_estimated[n],
            co2=co2_text(day.co2_g_per_kwh[n]),
            limit=_limit_text(shown.upper_kw[n], shown.lower_kw[n]),
            is_now=start <= day.now < start + QUARTER_HOUR,
        )
        for n, start in enumerate(day.starts)
    )


def _limit_text(upper_kw: float | None, lower_kw: float | None) -> str:
    if upper_kw is None and lower_kw is None:
        return NO_VALUE
    return f"{power_text(lower_kw, 'kW')} … {power_text(upper_kw, 'kW')}"


def _plan_line(plan: DayPlan, zone: ZoneInfo, day: datetime) -> PlanLine:
    tone, icon = PLAN_TONES[plan.status]
    return PlanLine(
        plan=plan,
        at=clock_words(plan.requested_at, zone, day),
        covers=f"{clock_words(plan.start, zone, day)} – {clock_words(plan.end, zone, day)}",
        status=str(plan.status.label),
        tone=tone,
        icon=icon,
        why=str(ReplanReason(plan.trigger).label),
        objective=str(Objective(plan.objective).label),
        reason=reason_words(plan.reason_code),
        took_s=plan.duration_s,
    )


def _setpoint_line(row: SetpointInForce, zone: ZoneInfo, now: datetime) -> SetpointLine:
    return SetpointLine(
        setpoint=row,
        source=str(SetpointSource(row.source).label),
        since=clock_words(row.since, zone, now),
        until=clock_words(row.expires_at, zone, now),
    )
