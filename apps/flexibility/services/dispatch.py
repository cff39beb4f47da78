"""Giving each battery its set-point of the moment: every 2 s, without asking FlexMeasures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
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
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.assets.services import setpoint_request
from apps.chargers.selectors import charging_power_kw
from apps.flexibility.choices import ControlMode, PlanStatus
from apps.flexibility.control import Decision, FailedAttempt, PlanAge, control_decide
from apps.flexibility.events import ControlStateChanged
from apps.flexibility.models import ControlState, Plan, PlanSlot
from apps.flexibility.planning import BatteryState, power_within_window, rule_setpoints
from apps.flexibility.services.plan_inputs import battery_state
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, floor_slot

logger = logging.getLogger(__name__)

# A set-point outlives its slot by this much, so that a late dispatch leaves no hole.
OVERLAP: Final = timedelta(seconds=120)
RULE_EVERY: Final = timedelta(seconds=10)
RULE_LASTS: Final = timedelta(seconds=120)
RULE_RENEW_WITHIN: Final = timedelta(seconds=60)
# A refused or failed set-point is not asked for again at every turn.
RETRY_AFTER: Final = timedelta(seconds=15)
SAME_KW: Final = 0.05
_FAILED: Final = (PlanStatus.FAILED, PlanStatus.REFUSED, PlanStatus.LATE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The set-point a battery shall have."""

    power_kw: float
    source: SetpointSource
    reason: str
    expires_at: datetime
    renew_before: datetime


@dataclass(frozen=True, slots=True)
class _Island:
    """Everything one dispatch reads, for all sites of the operator."""

    now: datetime
    latest: dict[int, DeviceLatest]
    batteries: dict[int, list[Device]]
    active: dict[int, Setpoint]


def dispatch(*, now: datetime) -> int:
    """Decide per site what its batteries follow and ask for the set-points that differ.

    Gives the number of set-points asked for. A site that another dispatch is working on is left
    to it. Devices under an operator's or the grid's set-point are left alone.
    """
    island = _read(now)
    requested = 0
    for site_id, batteries in island.batteries.items():
        with transaction.atomic():
            state = _locked_state(site_id, now)
            if state is None:
                continue
            decision = _decide(site_id, now)
            wanted = _wanted(island, site_id, batteries, state, decision)
            _state_update(state, decision, now)
        for device in batteries:
            if device.pk in wanted:
                requested += _request(device, wanted[device.pk], island)
    return requested


def _read(now: datetime) -> _Island:
    batteries: dict[int, list[Device]] = {}
    controlled = Device.objects.filter(
        kind=DeviceKind.BATTERY, stage=DeviceStage.IN_SERVICE, control_enabled=True
    )
    for device in controlled.select_related("site").order_by("site_id", "pk"):
        batteries.setdefault(device.site_id, []).append(device)
    ids = [device.pk for devices in batteries.values() for device in devices]
    active = Setpoint.objects.filter(
        device_id__in=ids, status__in=SETPOINT_ACTIVE, expires_at__gt=now
    )
    return _Island(
        now=now,
        latest={row.device_id: row for row in devices_latest(now=now, kind=DeviceKind.BATTERY)},
        batteries=batteries,
        active={setpoint.device_id: setpoint for setpoint in active},
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
    batteries: Iterable[Device],
    state: ControlState,
    decision: Decision,
) -> dict[int, Wanted]:
    states = {
        device.pk: battery
        for device in batteries
        # A battery that nobody may write to takes no share of the others' power.
        if not (device.hands_off or device.site.hands_off)
        and (row := island.latest.get(device.pk))
        and (battery := battery_state(device, row))
    }
    if decision.plan_id is not None:
        return _by_plan(island.now, decision, decision.plan_id, states)
    if state.fallback_at is not None and island.now - state.fallback_at < RULE_EVERY:
        return {}
    state.fallback_at = island.now
    return _by_rule(island, site_id, decision, states)


def _by_plan(
    now: datetime, decision: Decision, plan_id: int, states: Mapping[int, BatteryState]
) -> dict[int, Wanted]:
    slot = floor_slot(now)
    expires_at = slot + QUARTER_HOUR + OVERLAP
    wanted: dict[int, Wanted] = {}
    planned = PlanSlot.objects.filter(plan_id=plan_id, start=slot)
    for device_id, power_kw in planned.values_list("device_id", "power_kw"):
        battery = states.get(device_id)
        if battery is None:
            continue
        allowed_kw = power_within_window(battery, power_kw)
        reason = (
            f"plan {plan_id}"
            if decision.mode == ControlMode.PLAN
            else (f"plan {plan_id} held: {decision.reason_code}")
        )
        if allowed_kw != power_kw:
            reason += f", state of charge {battery.soc_percent:.1f} %"
        wanted[device_id] = Wanted(
            round(allowed_kw, 3), SetpointSource.PLAN, reason, expires_at, slot + QUARTER_HOUR
        )
    return wanted


def _by_rule(
    island: _Island, site_id: int, decision: Decision, states: Mapping[int, BatteryState]
) -> dict[int, Wanted]:
    pv_kw = -sum(
        row.power_kw or 0.0
        for row in devices_latest(now=island.now, kind=DeviceKind.PV)
        if row.site_id == site_id
    )
    # Stations are counted at the operator's first site until each names its own.
    first_site_id = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    charging_kw = charging_power_kw() if site_id == first_site_id else 0.0
    powers = rule_setpoints(batteries=list(states.values()), surplus_kw=pv_kw - charging_kw)
    return {
        device_id: Wanted(
            power_kw,
            SetpointSource.FALLBACK,
            f"own rule: {decision.reason_code}",
            island.now + RULE_LASTS,
            island.now + RULE_RENEW_WITHIN,
        )
        for device_id, power_kw in powers.items()
    }


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
