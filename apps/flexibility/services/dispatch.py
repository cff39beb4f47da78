"""Giving each battery and PV plant its set-point: every 2 s, without asking FlexMeasures."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.assets.choices import (
    SETPOINT_ACTIVE,
    DeviceKind,
    DeviceStage,
    SetpointSource,
    SetpointStatus,
)
from apps.assets.models import Device, Setpoint, Site
from apps.assets.ports import ConnectionLimits, connection_limits
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.assets.services import limits_now, setpoint_request
from apps.chargers.selectors import charging_power_kw
from apps.flexibility.choices import ControlMode, PlanStatus
from apps.flexibility.control import Decision, FailedAttempt, PlanAge, control_decide
from apps.flexibility.events import ControlStateChanged
from apps.flexibility.models import ControlState, Plan
from apps.flexibility.services.dispatch_wants import (
    SiteNow,
    Wanted,
    by_plan,
    by_rule,
    site_rest_kw,
)
from apps.flexibility.services.plan_inputs import battery_state
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

RULE_EVERY: Final = timedelta(seconds=10)
# A refused or failed set-point is not asked for again at every turn.
RETRY_AFTER: Final = timedelta(seconds=15)
SAME_KW: Final = 0.05
_FAILED: Final = (PlanStatus.FAILED, PlanStatus.REFUSED, PlanStatus.LATE)


@dataclass(frozen=True, slots=True)
class _Island:
    """Everything one dispatch reads, for all sites of the operator."""

    now: datetime
    latest: dict[int, DeviceLatest]
    controlled: dict[int, list[Device]]
    """The batteries and PV plants that may be written to, by site."""
    active: dict[int, Setpoint]
    grid_meters: dict[int, int]
    charging_kw: float
    first_site_id: int | None
    limits: dict[int, ConnectionLimits]
    """What the grid asks for a while, by site."""


def dispatch(*, now: datetime) -> int:
    """Decide per site what its batteries follow and ask for the set-points that differ.

    Gives the number of set-points asked for. A site that another dispatch is working on is left
    to it. Devices under an operator's or the grid's set-point are left alone.
    """
    island = _read(now)
    requested = 0
    for site_id, devices in island.controlled.items():
        with transaction.atomic():
            state = _locked_state(site_id, now)
            if state is None:
                continue
            decision = _decide(site_id, now)
            wanted = _wanted(island, site_id, devices, state, decision)
            _state_update(state, decision, now)
        for device in devices:
            if device.pk in wanted:
                requested += _request(device, wanted[device.pk], island)
    return requested


def _read(now: datetime) -> _Island:
    controlled: dict[int, list[Device]] = {}
    rows = Device.objects.filter(
        kind__in=(DeviceKind.BATTERY, DeviceKind.PV),
        stage=DeviceStage.IN_SERVICE,
        control_enabled=True,
    )
    for device in rows.select_related("site").order_by("site_id", "pk"):
        controlled.setdefault(device.site_id, []).append(device)
    # A site of which only PV may be written to has nothing to plan.
    controlled = {
        site_id: devices
        for site_id, devices in controlled.items()
        if any(device.kind == DeviceKind.BATTERY for device in devices)
    }
    ids = [device.pk for devices in controlled.values() for device in devices]
    active = Setpoint.objects.filter(
        device_id__in=ids, status__in=SETPOINT_ACTIVE, expires_at__gt=now
    )
    meters = Device.objects.filter(is_grid_meter=True).values_list("site_id", "pk")
    return _Island(
        now=now,
        latest={row.device_id: row for row in devices_latest(now=now)},
        controlled=controlled,
        active={setpoint.device_id: setpoint for setpoint in active},
        grid_meters=dict(meters),
        charging_kw=charging_power_kw(),
        first_site_id=Site.objects.order_by("pk").values_list("pk", flat=True).first(),
        limits=connection_limits(now=now),
    )


def _locked_state(site_id: int, now: datetime) -> ControlState | None:
    # Two dispatches at once: the second leaves the site to the first.
    mine = ControlState.objects.select_for_update(skip_locked=True, of=("self",))
    state = mine.filter(site_id=site_id).first()
    if state is None and not ControlState.objects.filter(site_id=site_id).exists():
        ControlState.objects.get_or_create(
            site_id=site_id,
            defaults={"mode": ControlMode.FALLBACK, "reason_code": "no_plan_yet", "since": now},
        )
        state = mine.filter(site_id=site_id).first()
    return state


def _decide(site_id: int, now: datetime) -> Decision:
    plan = (
        Plan.objects.filter(
            site_id=site_id, status=PlanStatus.ACCEPTED, start__lte=now, end__gt=now
        )
        .order_by("-start")
        .values_list("pk", "start", "requested_at")
        .first()
    )
    failed = (
        Plan.objects.filter(site_id=site_id, status__in=_FAILED)
        .order_by("-requested_at")
        .values_list("reason_code", "requested_at")
        .first()
    )
    return control_decide(
        plan=PlanAge(*plan) if plan else None,
        failed=FailedAttempt(*failed) if failed else None,
        now=now,
    )


def _wanted(
    island: _Island,
    site_id: int,
    devices: Iterable[Device],
    state: ControlState,
    decision: Decision,
) -> dict[int, Wanted]:
    # A device that nobody may write to takes no share of the others' power.
    free = [d for d in devices if not (d.hands_off or d.site.hands_off)]
    site = _site_now(island, site_id, free) if free else None
    if site is None:
        return {}
    if decision.plan_id is not None:
        return by_plan(site, decision, decision.plan_id)
    if state.fallback_at is not None and island.now - state.fallback_at < RULE_EVERY:
        return {}
    state.fallback_at = island.now
    return by_rule(site, decision)


def _site_now(island: _Island, site_id: int, free: list[Device]) -> SiteNow:
    batteries = [
        battery
        for device in free
        if device.kind == DeviceKind.BATTERY
        and (row := island.latest.get(device.pk))
        and (battery := battery_state(device, row))
    ]
    plants = tuple(device for device in free if device.kind == DeviceKind.PV)
    # Stations are counted at the operator's first site until each names its own.
    charging_kw = island.charging_kw if site_id == island.first_site_id else 0.0
    limits = limits_now(site=free[0].site, now=island.now, for_a_while=island.limits)
    return SiteNow(
        now=island.now,
        batteries=tuple(batteries),
        plants=plants,
        plant_kw={
            device.pk: min(0.0, row.power_kw or 0.0)
            for device in plants
            if (row := island.latest.get(device.pk))
        },
        rest_kw=site_rest_kw(
            latest=[row for row in island.latest.values() if row.site_id == site_id],
            charging_kw=charging_kw,
            grid_meter_id=island.grid_meters.get(site_id),
        ),
        active=island.active,
        import_limit_kw=limits.import_kw,
        export_limit_kw=limits.export_kw,
    )


def _state_update(state: ControlState, decision: Decision, now: datetime) -> None:
    changed = (state.mode, state.reason_code) != (decision.mode.value, decision.reason_code)
    if changed:
        state.mode = decision.mode.value
        state.reason_code = decision.reason_code
        state.since = now
        logger.info(
            "control state site=%s mode=%s reason=%s",
            state.site_id, state.mode, state.reason_code or "-",
        )  # fmt: skip
        events.publish(ControlStateChanged(schema=current_schema(), site_id=state.site_id))
    if changed or state.plan_id != decision.plan_id or state.fallback_at == now:
        state.plan_id = decision.plan_id
        state.save()


def _request(device: Device, wanted: Wanted, island: _Island) -> bool:
    active = island.active.get(device.pk)
    if active is not None and _outranks(active, wanted):
        return False
    if (
        active is not None
        and active.source == wanted.source
        and abs(_asked_kw(active) - wanted.power_kw) < SAME_KW
        and active.expires_at > wanted.renew_before
    ):
        return False
    if active is None and _refused_just_now(device, island.now):
        return False
    try:
        setpoint_request(
            device_id=device.pk,
            power_kw=wanted.power_kw,
            source=wanted.source,
            reason=wanted.reason,
            expires_at=wanted.expires_at,
            now=island.now,
        )
    except DomainError as err:
        logger.warning("set-point refused device=%s code=%s", device.code, err.code)
        return False
    return True


def _asked_kw(active: Setpoint) -> float:
    """What was asked before a limit of the grid connection cut it; the cut follows by itself."""
    return active.power_kw if active.asked_kw is None else active.asked_kw


def _outranks(active: Setpoint, wanted: Wanted) -> bool:
    """An operator, the grid, or a plan's set-point that still lasts while the own rule begins."""
    return SetpointSource(active.source).priority < wanted.source.priority


def _refused_just_now(device: Device, now: datetime) -> bool:
    last = Setpoint.objects.filter(device=device).order_by("-pk").first()
    return (
        last is not None
        and last.status in (SetpointStatus.FAILED, SetpointStatus.REFUSED)
        and last.requested_at > now - RETRY_AFTER
    )
