"""Pure rules of planning: from a schedule to slots, what a plan must satisfy, the own rule.

Power in kW, charging positive, at the AC terminals; state of charge in percent of the capacity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.flexibility.choices import PlanReason
from cariflex.common.units import energy_kwh

POWER_TOLERANCE_KW: Final = 0.1
SOC_TOLERANCE_PERCENT: Final = 1.0
# Set-points of the own rule come in steps, so that the measured power can follow them.
RULE_STEP_KW: Final = 0.5


@dataclass(frozen=True, slots=True)
class BatteryState:
    """A battery as the planner sees it; efficiencies are shares (0 to 1]."""

    device_id: int
    rated_power_kw: float
    capacity_kwh: float
    soc_percent: float
    soc_min_percent: float
    soc_max_percent: float
    charging_efficiency: float
    discharging_efficiency: float


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One battery during one slot, and its state of charge at the slot's end."""

    device_id: int
    start: datetime
    power_kw: float
    soc_percent: float


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """The outcome of checking a schedule: its slots, or why it is not accepted."""

    slots: tuple[PlannedSlot, ...]
    reason_code: str = ""
    detail: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the batteries may follow it."""
        return not self.reason_code


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """What the site may draw and feed in, and what flows there beside the batteries, per slot."""

    import_limit_kw: float | None
    export_limit_kw: float | None
    inflexible_power_kw: Sequence[float]


def soc_after(
    battery: BatteryState, soc_percent: float, power_kw: float, duration_s: float
) -> float:
    """The state of charge after charging (+) or discharging (-) at a constant power, percent."""
    energy = energy_kwh(power_kw=power_kw, duration_s=duration_s)
    if power_kw >= 0:
        stored = energy * battery.charging_efficiency
    else:
        stored = energy / battery.discharging_efficiency
    return soc_percent + 100.0 * stored / battery.capacity_kwh


def plan_check(
    *,
    batteries: Sequence[BatteryState],
    schedules: Mapping[int, Sequence[float]],
    start: datetime,
    slot_count: int,
    resolution: timedelta,
    limits: SiteLimits,
) -> PlanCheck:
    """Check a schedule (device id -> kW per slot) by our own rules and give it as slots.

    Each battery has one finite power per slot within its rating; the state of charge, computed
    here from the measured one and the efficiencies, stays in its window (a battery outside of it
    may only come back); the site stays within its limits unless the rest alone exceeds them.
    """
    slots: list[PlannedSlot] = []
    for battery in batteries:
        powers = schedules.get(battery.device_id, ())
        if len(powers) != slot_count or not all(math.isfinite(power) for power in powers):
            return _refused(PlanReason.LENGTH, f"{len(powers)} of {slot_count} slots")
        strongest = max((abs(power) for power in powers), default=0.0)
        if strongest > battery.rated_power_kw + POWER_TOLERANCE_KW:
            return _refused(
                PlanReason.POWER_LIMIT, f"{strongest:.1f} kW of {battery.rated_power_kw:.1f} kW"
            )
        walked = _soc_walk(battery, powers, start, resolution)
        if isinstance(walked, PlanCheck):
            return walked
        slots.extend(walked)
    return _site_check(schedules, limits, slot_count) or PlanCheck(tuple(slots))


def battery_cost_eur(
    *,
    slots: Sequence[PlannedSlot],
    consumption_eur_per_mwh: Mapping[datetime, Decimal],
    production_eur_per_mwh: Mapping[datetime, Decimal],
    resolution: timedelta,
) -> Decimal:
    """What the batteries' energy costs (+) or earns (-) over the plan at the given prices, EUR.

    Charging is bought and discharging is sold per slot; losses are in it, the rest of the site
    is not.
    """
    hours = Decimal(str(resolution.total_seconds())) / 3600
    cost = Decimal(0)
    for slot in slots:
        prices = consumption_eur_per_mwh if slot.power_kw >= 0 else production_eur_per_mwh
        cost += Decimal(str(round(slot.power_kw, 6))) * hours / 1000 * prices[slot.start]
    return cost.quantize(Decimal("0.0001"))


def power_within_window(battery: BatteryState, power_kw: float) -> float:
    """The wanted power, or 0 where it would push the state of charge out of its window."""
    if power_kw > 0 and battery.soc_percent >= battery.soc_max_percent:
        return 0.0
    if power_kw < 0 and battery.soc_percent <= battery.soc_min_percent:
        return 0.0
    return power_kw


def rule_setpoints(*, batteries: Sequence[BatteryState], surplus_kw: float) -> dict[int, float]:
    """The own rule: store the surplus (PV minus charging), feed a shortage, device id -> kW.

    The surplus is shared by rated power over the batteries that can take it, in steps of 0.5 kW
    towards zero: it never takes from the grid to charge, never feeds the grid by discharging.
    """
    able = [b for b in batteries if power_within_window(b, surplus_kw)]
    rated_kw = sum(battery.rated_power_kw for battery in able)
    setpoints = {battery.device_id: 0.0 for battery in batteries}
    if not able or not rated_kw:
        return setpoints
    share = max(-1.0, min(1.0, surplus_kw / rated_kw))
    for battery in able:
        steps = math.trunc(round(share * battery.rated_power_kw / RULE_STEP_KW, 9))
        setpoints[battery.device_id] = steps * RULE_STEP_KW
    return setpoints


def _soc_walk(
    battery: BatteryState, powers: Sequence[float], start: datetime, resolution: timedelta
) -> list[PlannedSlot] | PlanCheck:
    soc = battery.soc_percent
    lowest = min(battery.soc_min_percent, soc) - SOC_TOLERANCE_PERCENT
    highest = max(battery.soc_max_percent, soc) + SOC_TOLERANCE_PERCENT
    slots: list[PlannedSlot] = []
    for number, power in enumerate(powers):
        soc = soc_after(battery, soc, power, resolution.total_seconds())
        if not lowest <= soc <= highest:
            return _refused(
                PlanReason.SOC_LIMIT,
                f"{soc:.1f} % outside {battery.soc_min_percent:.0f}"
                f"..{battery.soc_max_percent:.0f} %",
            )
        slots.append(PlannedSlot(battery.device_id, start + number * resolution, power, soc))
    return slots


def _site_check(
    schedules: Mapping[int, Sequence[float]], limits: SiteLimits, slot_count: int
) -> PlanCheck | None:
    tolerance = POWER_TOLERANCE_KW * max(1, len(schedules))
    for number in range(slot_count):
        rest = limits.inflexible_power_kw[number]
        total = rest + sum(powers[number] for powers in schedules.values())
        if limits.import_limit_kw is not None and total > tolerance + max(
            limits.import_limit_kw, rest
        ):
            return _refused(PlanReason.SITE_LIMIT, f"{total:.0f} kW drawn in slot {number + 1}")
        if limits.export_limit_kw is not None and -total > tolerance + max(
            limits.export_limit_kw, -rest
        ):
            return _refused(PlanReason.SITE_LIMIT, f"{-total:.0f} kW fed in slot {number + 1}")
    return None


def _refused(reason: PlanReason, detail: str) -> PlanCheck:
    return PlanCheck((), reason.value, detail)
