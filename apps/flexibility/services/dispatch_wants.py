"""Which set-point each battery and PV plant of a site shall have: by plan or by the own rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.assets.choices import DeviceKind, SetpointSource
from apps.assets.models import Device, Setpoint
from apps.assets.selectors import DeviceLatest
from apps.flexibility.basis import PlanBasis, basis_of
from apps.flexibility.brain.rules import RuleMoment, own_rule
from apps.flexibility.brain.storage import Storage
from apps.flexibility.choices import ControlMode
from apps.flexibility.control import Decision
from apps.flexibility.deviation import trimmed
from apps.flexibility.models import Plan, PlanSlot
from apps.flexibility.planning import RULE_STEP_KW, BatteryState, power_within_window
from cariflex.common.units import QUARTER_HOUR, floor_slot

# A set-point outlives its slot by this much, so that a late dispatch leaves no hole.
OVERLAP: Final = timedelta(seconds=120)
RULE_LASTS: Final = timedelta(seconds=120)
RULE_RENEW_WITHIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The set-point a device shall have; of a PV plant: the most it may produce (<= 0)."""

    power_kw: float
    source: SetpointSource
    reason: str
    expires_at: datetime
    renew_before: datetime


@dataclass(frozen=True, slots=True)
class SiteNow:
    """A site as a dispatch finds it."""

    now: datetime
    batteries: tuple[BatteryState, ...]
    """Those that may be written to and whose state of charge is known."""
    plants: tuple[Device, ...]
    """PV plants that may be written to."""
    plant_kw: dict[int, float]
    """What each of them gives now, <= 0."""
    rest_kw: float | None
    """What flows beside the batteries now; None while a part of it is not known."""
    active: dict[int, Setpoint]
    import_limit_kw: float | None
    export_limit_kw: float | None


def by_plan(site: SiteNow, decision: Decision, plan_id: int) -> dict[int, Wanted]:
    """The powers of the plan's slot that holds now, corrected by what the plan could not know."""
    slot = floor_slot(site.now)
    plan = Plan.objects.only("basis").get(pk=plan_id)
    rows = list(
        PlanSlot.objects.filter(plan_id=plan_id, start=slot).values_list(
            "device_id", "session_id", "power_kw"
        )
    )
    planned = {device_id: kw for device_id, _, kw in rows if device_id is not None}
    cars_kw = sum(kw for _, session_id, kw in rows if session_id is not None)
    basis = basis_of(plan.basis)
    told = f"plan {plan_id}"
    if decision.mode != ControlMode.PLAN:
        told += f" held: {decision.reason_code}"
    reason = _Lasting(told, slot + QUARTER_HOUR + OVERLAP, slot + QUARTER_HOUR)
    wanted = _plants(site, planned, reason)
    mine = {b.device_id: planned[b.device_id] for b in site.batteries if b.device_id in planned}
    powers = _trimmed(site, basis, mine, cars_kw, slot)
    for battery in site.batteries:
        if battery.device_id in powers:
            wanted[battery.device_id] = _of_battery(
                battery, planned[battery.device_id], powers[battery.device_id], reason
            )
    return wanted


def by_rule(site: SiteNow, decision: Decision) -> dict[int, Wanted]:
    """The own rule: self-consumption within the limits of the connection.

    What flows is taken as it is now: the cars have their own dispatch.
    """
    rest_kw = site.rest_kw or 0.0
    plants_kw = -sum(site.plant_kw.get(device.pk, 0.0) for device in site.plants)
    powers = own_rule(
        moment=RuleMoment(
            now=site.now,
            duration_s=RULE_LASTS.total_seconds(),
            pv_kw=min(0.0, rest_kw),
            load_kw=max(0.0, rest_kw),
            import_limit_kw=site.import_limit_kw,
            export_limit_kw=site.export_limit_kw,
        ),
        batteries=[storage_of(battery) for battery in site.batteries],
        cars=[],
        pv_curtailable_kw=plants_kw,
    )
    lasting = _Lasting(
        f"own rule: {decision.reason_code}",
        site.now + RULE_LASTS,
        site.now + RULE_RENEW_WITHIN,
        SetpointSource.FALLBACK,
    )
    wanted = {
        battery.device_id: lasting.of(
            power_within_window(battery, _step(powers.batteries[str(battery.device_id)]))
        )
        for battery in site.batteries
    }
    if powers.pv_limit_kw is not None and plants_kw > 0:
        share = powers.pv_limit_kw / plants_kw
        for device in site.plants:
            wanted[device.pk] = lasting.of(site.plant_kw.get(device.pk, 0.0) * share)
    return wanted


def storage_of(battery: BatteryState) -> Storage:
    """A battery in the words of our own model."""
    capacity = battery.capacity_kwh
    return Storage(
        key=str(battery.device_id),
        capacity_kwh=capacity,
        soc_kwh=min(capacity, max(0.0, capacity * battery.soc_percent / 100)),
        soc_min_kwh=capacity * battery.soc_min_percent / 100,
        soc_max_kwh=capacity * battery.soc_max_percent / 100,
        charge_kw=battery.rated_power_kw,
        discharge_kw=battery.rated_power_kw,
        charging_efficiency=battery.charging_efficiency,
        discharging_efficiency=battery.discharging_efficiency,
    )


def site_rest_kw(
    *, latest: Sequence[DeviceLatest], charging_kw: float, grid_meter_id: int | None
) -> float | None:
    """What flows beside the batteries: all that the grid meter shows but them, else PV and cars.

    Pure. None when the grid meter or all PV is not known.
    """
    batteries_kw = sum(row.power_kw or 0.0 for row in latest if row.kind == DeviceKind.BATTERY)
    if grid_meter_id is not None:
        meter = next((row for row in latest if row.device_id == grid_meter_id), None)
        if meter is None or meter.power_kw is None or meter.quality != "good":
            return None
        return meter.power_kw - batteries_kw
    pv = [row.power_kw for row in latest if row.kind == DeviceKind.PV]
    if pv and all(power_kw is None for power_kw in pv):
        return None
    return sum(power_kw or 0.0 for power_kw in pv) + charging_kw


@dataclass(frozen=True, slots=True)
class _Lasting:
    """What all set-points of one decision share."""

    reason: str
    expires_at: datetime
    renew_before: datetime
    source: SetpointSource = SetpointSource.PLAN

    def of(self, power_kw: float, because: str = "") -> Wanted:
        return Wanted(
            round(power_kw, 3) + 0.0,
            self.source,
            self.reason + because,
            self.expires_at,
            self.renew_before,
        )


def _of_battery(
    battery: BatteryState, planned_kw: float, trimmed_kw: float, lasting: _Lasting
) -> Wanted:
    allowed_kw = power_within_window(battery, trimmed_kw)
    because = ""
    if trimmed_kw != planned_kw:
        because = f", {planned_kw:+.1f} kW planned, sun or load differ"
    if allowed_kw != trimmed_kw:
        because = f", state of charge {battery.soc_percent:.1f} %"
    return lasting.of(allowed_kw, because)


def _trimmed(
    site: SiteNow,
    basis: PlanBasis | None,
    planned: dict[int, float],
    cars_kw: float,
    slot: datetime,
) -> dict[int, float]:
    number = basis.slot(slot) if basis is not None else None
    if basis is None or number is None or site.rest_kw is None:
        return planned
    rest_kw = basis.pv_kw[number] + basis.load_kw[number] + basis.charging_kw[number] + cars_kw
    return trimmed(
        planned_kw=planned,
        planned_rest_kw=rest_kw,
        measured_rest_kw=site.rest_kw,
        batteries=site.batteries,
    )


def _plants(site: SiteNow, planned: dict[int, float], lasting: _Lasting) -> dict[int, Wanted]:
    """A plant without a slot is not curtailed: a limit of an earlier slot is lifted."""
    wanted: dict[int, Wanted] = {}
    for device in site.plants:
        limit_kw = planned.get(device.pk)
        if limit_kw is not None:
            wanted[device.pk] = lasting.of(limit_kw, ", curtailed")
        elif _is_curtailed_by_us(site.active.get(device.pk)):
            wanted[device.pk] = lasting.of(-device.rated_power_kw, ", not curtailed")
    return wanted


def _is_curtailed_by_us(active: Setpoint | None) -> bool:
    return active is not None and active.source in (SetpointSource.PLAN, SetpointSource.FALLBACK)


def _step(power_kw: float) -> float:
    # In steps towards zero, so that the measured power can follow the rule.
    return math.trunc(round(power_kw / RULE_STEP_KW, 9)) * RULE_STEP_KW + 0.0
