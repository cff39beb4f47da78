"""A local day of a site: planned and measured side by side, with prices, limits and attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from apps.assets.choices import SETPOINT_ACTIVE, SetpointSource
from apps.assets.models import Setpoint, Site
from apps.flexibility.choices import (
    ControlMode,
    GridRequestKind,
    Objective,
    PlanStatus,
    ReplanReason,
)
from apps.flexibility.models import ControlState, Plan
from apps.flexibility.selectors.grid_requests import (
    Asked,
    grid_requests_in_force,
    limit_by_slot,
)
from apps.flexibility.selectors.schedule_courses import (
    Course,
    Values,
    column_of,
    courses_of,
    values_of,
)
from apps.flexibility.selectors.schedule_sql import basis_rows
from apps.markets.choices import Quality, SeriesKind
from apps.markets.feeds.day_ahead import local_day_slots
from apps.markets.selectors import best_known, leading_series, prices
from cariflex.common.units import QUARTER_HOUR

MOST_PLANS: Final = 200
"""Attempts shown of a day: two a quarter hour."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """An attempt to plan that was made during the day."""

    plan_id: int
    status: PlanStatus
    reason_code: str
    detail: str
    trigger: ReplanReason
    objective: Objective
    start: datetime
    end: datetime
    requested_at: datetime
    duration_s: float | None
    attempts: int
    unresolved: int
    """How many wishes FlexMeasures could not meet."""


@dataclass(frozen=True, slots=True)
class SetpointInForce:
    """What a device has been asked last, and by whom."""

    device_id: int
    device_name: str
    power_kw: float
    asked_kw: float | None
    source: SetpointSource
    reason: str
    since: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Control:
    """What the batteries follow now and why."""

    mode: ControlMode
    reason_code: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleDay:
    """A local day [start, end) of a site in quarter hours."""

    site_id: int
    site_name: str
    time_zone: str
    day: date
    today: date
    now: datetime
    starts: tuple[datetime, ...]
    courses: tuple[Course, ...]
    price_eur_per_mwh: Values
    price_is_estimated: tuple[bool, ...]
    steering_eur_per_mwh: Values
    co2_g_per_kwh: Values
    import_limit_kw: Values
    export_limit_kw: Values
    requests: tuple[Asked, ...]
    plans: tuple[DayPlan, ...]
    plan_ids: tuple[int | None, ...]
    setpoints: tuple[SetpointInForce, ...]
    control: Control

    @property
    def start(self) -> datetime:
        """Midnight."""
        return self.starts[0]

    @property
    def end(self) -> datetime:
        """The midnight after."""
        return self.starts[-1] + QUARTER_HOUR

    def course(self, key: str) -> Course | None:
        """The line of a key."""
        return next((course for course in self.courses if course.key == key), None)


def schedule_day(*, site_id: int, now: datetime, day: date | None = None) -> ScheduleDay:
    """The day of a site (today unless `day` says another) as planned and as it went.

    At most 22 queries. Each slot is planned by the newest accepted plan that covers it: for a slot
    that is over, the plan that was followed. Raises Site.DoesNotExist.
    """
    site = Site.objects.get(pk=site_id)
    zone = ZoneInfo(site.time_zone)
    today = now.astimezone(zone).date()
    starts = tuple(local_day_slots(day or today, zone, QUARTER_HOUR))
    start, end = starts[0], starts[-1] + QUARTER_HOUR
    basis = {row.start: row for row in basis_rows(site_id, start=start, end=end)}
    requests = grid_requests_in_force(site_id, start=start, end=end)
    known = {point.start: point for point in prices(start=start, end=end)}
    co2 = _co2(start, end)
    planned_price = column_of(basis, "price_eur_per_mwh")
    price = {at: float(point.price_eur_per_mwh) for at, point in known.items()} | planned_price
    return ScheduleDay(
        site_id=site_id,
        site_name=site.name,
        time_zone=site.time_zone,
        day=day or today,
        today=today,
        now=now,
        starts=starts,
        courses=courses_of(site, starts, now, basis),
        price_eur_per_mwh=values_of(starts, price),
        price_is_estimated=tuple(
            at in known and known[at].quality != Quality.ACTUAL for at in starts
        ),
        steering_eur_per_mwh=values_of(starts, column_of(basis, "steering_eur_per_mwh")),
        co2_g_per_kwh=values_of(starts, co2 | column_of(basis, "co2_g_per_kwh")),
        import_limit_kw=limit_by_slot(
            site.grid_import_limit_kw,
            [r for r in requests if r.kind == GridRequestKind.IMPORT_LIMIT],
            starts,
        ),
        export_limit_kw=limit_by_slot(
            site.grid_export_limit_kw,
            [r for r in requests if r.kind == GridRequestKind.EXPORT_LIMIT],
            starts,
        ),
        requests=tuple(requests),
        plans=day_plans(site_id, start=start, end=end),
        plan_ids=tuple(basis[at].plan_id if at in basis else None for at in starts),
        setpoints=setpoints_in_force(site_id, now=now),
        control=control_now(site_id),
    )


def day_plans(site_id: int, *, start: datetime, end: datetime) -> tuple[DayPlan, ...]:
    """The attempts requested in [start, end), the latest first, at most `MOST_PLANS`."""
    plans = Plan.objects.filter(
        site_id=site_id, requested_at__gte=start, requested_at__lt=end
    ).defer("basis")
    return tuple(
        DayPlan(
            plan_id=plan.pk,
            status=PlanStatus(plan.status),
            reason_code=plan.reason_code,
            detail=plan.detail,
            trigger=ReplanReason(plan.trigger),
            objective=Objective(plan.objective),
            start=plan.start,
            end=plan.end,
            requested_at=plan.requested_at,
            duration_s=plan.duration_s,
            attempts=plan.attempts,
            unresolved=_count(plan.findings.get("unresolved")),
        )
        for plan in plans.order_by("-requested_at", "-pk")[:MOST_PLANS]
    )


def setpoints_in_force(site_id: int, *, now: datetime) -> tuple[SetpointInForce, ...]:
    """The set-points that devices of a site have now, by device."""
    rows = Setpoint.objects.filter(
        device__site_id=site_id, status__in=SETPOINT_ACTIVE, expires_at__gt=now
    ).select_related("device")
    return tuple(
        SetpointInForce(
            device_id=row.device_id,
            device_name=row.device.name,
            power_kw=row.power_kw,
            asked_kw=row.asked_kw,
            source=SetpointSource(row.source),
            reason=row.reason,
            since=row.requested_at,
            expires_at=row.expires_at,
        )
        for row in rows.order_by("device_id")
    )


def control_now(site_id: int) -> Control:
    """What the batteries of a site follow; the own rule while nothing has been decided yet."""
    state = ControlState.objects.filter(site_id=site_id).first()
    if state is None:
        return Control(ControlMode.FALLBACK, "", None)
    return Control(ControlMode(state.mode), state.reason_code, state.since)


def _co2(start: datetime, end: datetime) -> dict[datetime, float]:
    series = leading_series(SeriesKind.CO2_LIFECYCLE)
    if series is None:
        return {}
    steps = max(1, series.resolution // QUARTER_HOUR)
    return {
        value.start + step * QUARTER_HOUR: float(value.value)
        for value in best_known(series=series, start=start, end=end)
        for step in range(steps)
    }


def _count(found: object) -> int:
    return len(found) if isinstance(found, list | dict) else 0
