"""Reads of plans and of what the batteries follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count

from apps.assets.choices import DeviceKind
from apps.assets.models import Site
from apps.flexibility.choices import ControlMode, PlanStatus, reason_words
from apps.flexibility.models import IN_FLIGHT, ControlState, Plan, PlanSlot
from cariflex.common.time import Interval
from cariflex.common.units import QUARTER_HOUR

# For each slot the newest accepted plan that covers it: one index look-up per slot.
_SLOTS_TOTAL = """
SELECT slot.start, SUM(planned.power_kw)
FROM generate_series(
    %s::timestamptz, %s::timestamptz, interval '15 minutes') AS slot(start)
CROSS JOIN LATERAL (
    SELECT id FROM flexibility_plan AS plan
    WHERE plan.site_id = %s AND plan.status = 'accepted'
      AND plan.start <= slot.start AND plan."end" > slot.start
    ORDER BY plan.start DESC LIMIT 1
) AS newest
JOIN flexibility_planslot AS planned
  ON planned.plan_id = newest.id AND planned.start = slot.start
JOIN assets_device AS device ON device.id = planned.device_id AND device.kind = 'battery'
GROUP BY slot.start ORDER BY slot.start
"""


@dataclass(frozen=True, slots=True)
class SlotTotal:
    """All batteries of a site during one slot as planned; kW, charging positive."""

    start: datetime
    power_kw: float


@dataclass(frozen=True, slots=True)
class DeviceSlot:
    """One battery during one slot as planned; the state of charge is that of the slot's end."""

    device_id: int
    start: datetime
    power_kw: float
    soc_percent: float


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """An accepted plan: where it comes from and which prices it was made of."""

    plan_id: int
    site_id: int
    source: str
    start: datetime
    end: datetime
    computed_at: datetime | None
    duration_s: float | None
    job_id: str
    server_version: str
    price_sensor_id: int | None
    price_area: str
    price_count: int
    price_actual_count: int
    battery_cost_eur: Decimal | None


@dataclass(frozen=True, slots=True)
class ControlView:
    """What the batteries of a site follow; `reason` is in the active language."""

    site_id: int
    mode: ControlMode
    reason_code: str
    reason: str
    since: datetime | None
    plan_id: int | None


def plan_in_force(site_id: int, now: datetime) -> Plan | None:
    """The newest accepted plan that covers `now`, or None."""
    return (
        Plan.objects.filter(
            site_id=site_id, status=PlanStatus.ACCEPTED, start__lte=now, end__gt=now
        )
        .order_by("-start")
        .first()
    )


def plan_last_attempt(site_id: int) -> Plan | None:
    """The last attempt that ended, whatever its outcome, or None."""
    return (
        Plan.objects.filter(site_id=site_id)
        .exclude(status__in=IN_FLIGHT)
        .order_by("-requested_at", "-pk")
        .first()
    )


def plan_summary(site_id: int, now: datetime) -> PlanSummary | None:
    """The plan in force now with its origin, or None."""
    plan = plan_in_force(site_id, now)
    if plan is None:
        return None
    return PlanSummary(
        plan_id=plan.pk,
        site_id=plan.site_id,
        source=plan.source,
        start=plan.start,
        end=plan.end,
        computed_at=plan.computed_at,
        duration_s=plan.duration_s,
        job_id=plan.job_id,
        server_version=plan.server_version,
        price_sensor_id=plan.price_sensor_id,
        price_area=plan.price_area,
        price_count=plan.price_count,
        price_actual_count=plan.price_actual_count,
        battery_cost_eur=plan.battery_cost_eur,
    )


def plan_slots_total(site_id: int, *, start: datetime, end: datetime) -> list[SlotTotal]:
    """Planned power of all batteries of a site per quarter hour of [start, end), kW.

    Each slot comes from the newest accepted plan whose start is not after it: for a slot that is
    over that is the plan the batteries followed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS_TOTAL, [start, end - QUARTER_HOUR, site_id])
        return [SlotTotal(slot_start, power_kw) for slot_start, power_kw in cursor.fetchall()]


def plan_today(site_id: int, now: datetime) -> list[SlotTotal]:
    """Planned power of all batteries over the site's local day that holds `now`."""
    day = local_day(now, Site.objects.only("time_zone").get(pk=site_id).time_zone)
    return plan_slots_total(site_id, start=day.start, end=day.end)


def plan_device_slots(plan_id: int) -> list[DeviceSlot]:
    """Every slot of the batteries in one plan, ordered by device and start."""
    rows = PlanSlot.objects.filter(
        plan_id=plan_id, device__kind=DeviceKind.BATTERY, soc_percent__isnull=False
    ).order_by("device_id", "start")
    return [
        DeviceSlot(device_id, start, power_kw, soc_percent)
        for device_id, start, power_kw, soc_percent in rows.values_list(
            "device_id", "start", "power_kw", "soc_percent"
        )
        if device_id is not None and soc_percent is not None
    ]


def control_state(site_id: int) -> ControlView:
    """What the batteries of a site follow now; fallback while nothing has been decided yet."""
    state = ControlState.objects.filter(site_id=site_id).first()
    if state is None:
        return ControlView(site_id, ControlMode.FALLBACK, "", "", None, None)
    return ControlView(
        site_id=site_id,
        mode=ControlMode(state.mode),
        reason_code=state.reason_code,
        reason=reason_words(state.reason_code),
        since=state.since,
        plan_id=state.plan_id,
    )


def plan_counts(site_id: int, *, start: datetime, end: datetime) -> dict[str, int]:
    """How many attempts requested in [start, end) ended in each status."""
    rows = (
        Plan.objects.filter(site_id=site_id, requested_at__gte=start, requested_at__lt=end)
        .values_list("status")
        .annotate(number=Count("pk"))
    )
    return dict(rows)


def local_day(now: datetime, time_zone: str) -> Interval:
    """The local calendar day that holds `now`, as UTC instants on quarter-hour edges."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    following = (midnight.replace(tzinfo=None) + 96 * QUARTER_HOUR).replace(tzinfo=zone)
    utc = ZoneInfo("UTC")
    return Interval(midnight.astimezone(utc), following.astimezone(utc))
