"""Today's plan: where it comes from, the total against measurement, and each battery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.assets.selectors import DeviceLatest, devices_latest
from apps.console.viewmodels.day import DayChart, HourRow, day_chart_recent, hour_rows
from apps.console.viewmodels.live import main_site_id
from apps.flexibility.choices import PlanSource, PlanStatus, reason_words
from apps.flexibility.models import Plan
from apps.flexibility.selectors import (
    ControlView,
    DeviceSlot,
    PlanSummary,
    control_state,
    plan_device_slots,
    plan_last_attempt,
    plan_summary,
)
from cariflex.common.units import QUARTER_HOUR, floor_slot


@dataclass(frozen=True, slots=True)
class BatteryPlan:
    """One battery: its planned slots of the plan in force and what it does now."""

    code: str
    name: str
    state: str
    planned_now_kw: float | None
    setpoint_kw: float | None
    measured_kw: float | None
    soc_percent: float | None
    soc_at_end_percent: float | None
    spark: str
    spark_zero: float
    slots: tuple[DeviceSlot, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt to make a plan."""

    status: str
    status_label: str
    reason: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Everything the plan page shows."""

    summary: PlanSummary | None
    source_label: str
    control: ControlView | None
    attempt: Attempt | None
    chart: DayChart
    hours: tuple[HourRow, ...]
    batteries: tuple[BatteryPlan, ...]


# The size of the small curve of one battery, in SVG units.
SPARK_WIDTH, SPARK_HEIGHT = 160.0, 36.0


def plan_page(*, now: datetime) -> PlanPage:
    """The plan in force at `now`; at most 16 queries."""
    site_id = main_site_id()
    summary = plan_summary(site_id, now) if site_id else None
    slots = plan_device_slots(summary.plan_id) if summary else []
    chart = day_chart_recent(now=now)
    return PlanPage(
        summary=summary,
        source_label=str(PlanSource(summary.source).label) if summary else "",
        control=control_state(site_id) if site_id else None,
        attempt=_attempt(plan_last_attempt(site_id)) if site_id else None,
        chart=chart,
        hours=tuple(hour_rows(chart)),
        batteries=battery_plans(devices_latest(now=now, kind="battery"), slots, now=now),
    )


def battery_plans(
    batteries: Sequence[DeviceLatest], slots: Sequence[DeviceSlot], *, now: datetime
) -> tuple[BatteryPlan, ...]:
    """Each battery with its planned slots, its set-point and its measured power."""
    by_device: dict[int, list[DeviceSlot]] = {}
    for slot in slots:
        by_device.setdefault(slot.device_id, []).append(slot)
    current = floor_slot(now, QUARTER_HOUR)
    plans: list[BatteryPlan] = []
    for battery in batteries:
        own = by_device.get(battery.device_id, [])
        spark, spark_zero = spark_path([slot.power_kw for slot in own])
        plans.append(
            BatteryPlan(
                code=battery.code,
                name=battery.name,
                state=str(battery.connection_state),
                planned_now_kw=next((s.power_kw for s in own if s.start == current), None),
                setpoint_kw=battery.setpoint_kw,
                measured_kw=battery.power_kw,
                soc_percent=battery.soc_percent,
                soc_at_end_percent=own[-1].soc_percent if own else None,
                spark=spark,
                spark_zero=spark_zero,
                slots=tuple(own),
            )
        )
    return tuple(plans)


def spark_path(powers_kw: Sequence[float]) -> tuple[str, float]:
    """The step curve of powers as SVG path data, and the height of zero; charging goes up."""
    if not powers_kw:
        return "", SPARK_HEIGHT / 2
    top, bottom = max(0.0, *powers_kw), min(0.0, *powers_kw)
    span = (top - bottom) or 1.0
    step = SPARK_WIDTH / len(powers_kw)

    def height(power_kw: float) -> float:
        return round(2 + (SPARK_HEIGHT - 4) * (top - power_kw) / span, 1)

    zero = height(0.0)
    parts = [f"M0 {zero}"]
    for n, power_kw in enumerate(powers_kw):
        parts.append(f"L{n * step:.1f} {height(power_kw)}L{(n + 1) * step:.1f} {height(power_kw)}")
    parts.append(f"L{SPARK_WIDTH:.0f} {zero}Z")
    return "".join(parts), zero


def _attempt(plan: Plan | None) -> Attempt | None:
    if plan is None:
        return None
    return Attempt(
        status=plan.status,
        status_label=str(PlanStatus(plan.status).label),
        reason=reason_words(plan.reason_code),
        requested_at=plan.requested_at,
    )
