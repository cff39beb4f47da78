"""Pure rules of planning: batteries and cars in slots, what they cost.

Power in kW, charging positive, at the AC terminals; state of charge in percent of the capacity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cariflex.common.units import energy_kwh

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
class CarSlot:
    """One car during one slot, and its state of charge at the slot's end."""

    session_id: int
    start: datetime
    power_kw: float
    soc_percent: float


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


def battery_cost_eur(
    *,
    slots: Sequence[PlannedSlot | CarSlot],
    consumption_eur_per_mwh: Mapping[datetime, Decimal],
    production_eur_per_mwh: Mapping[datetime, Decimal],
    resolution: timedelta,
) -> Decimal:
    """What the energy of batteries or cars costs (+) or earns (-) over a plan at the prices, EUR.

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
