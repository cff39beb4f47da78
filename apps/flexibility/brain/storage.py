"""What a battery or a car's battery does with a power: pure, exact in energy.

Power in kW at the AC terminals, charging positive; energy in kWh inside the battery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cariflex.common.errors import DomainError
from cariflex.common.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery: `charge_kw` and `discharge_kw` >= 0, efficiencies are shares (0 to 1].

    `soc_kwh` may lie outside of [soc_min_kwh, soc_max_kwh]: then it may only come back. Raises
    DomainError `storage_invalid` for figures that no battery has.
    """

    key: str
    capacity_kwh: float
    soc_kwh: float
    soc_min_kwh: float
    soc_max_kwh: float
    charge_kw: float
    discharge_kw: float
    charging_efficiency: float
    discharging_efficiency: float

    def __post_init__(self) -> None:
        for name, holds in (
            ("capacity_kwh", 0 < self.capacity_kwh < math.inf),
            ("soc_kwh", 0 <= self.soc_kwh <= self.capacity_kwh),
            ("soc_min_kwh", 0 <= self.soc_min_kwh <= self.soc_max_kwh),
            ("soc_max_kwh", self.soc_max_kwh <= self.capacity_kwh),
            ("charge_kw", 0 <= self.charge_kw < math.inf),
            ("discharge_kw", 0 <= self.discharge_kw < math.inf),
            ("charging_efficiency", 0 < self.charging_efficiency <= 1),
            ("discharging_efficiency", 0 < self.discharging_efficiency <= 1),
        ):
            if not holds:
                raise DomainError(
                    "storage_invalid",
                    f"{self.key}: {getattr(self, name)} is not possible",
                    field=name,
                )

    def charging_kwh(self, soc_kwh: float) -> float:
        """What must be drawn (AC, >= 0) to come from the present energy up to another."""
        return max(0.0, soc_kwh - self.soc_kwh) / self.charging_efficiency


@dataclass(frozen=True, slots=True)
class Stepped:
    """The battery after a step, and the mean power (kW) that it really took or gave."""

    storage: Storage
    power_kw: float


def power_bounds_kw(storage: Storage, duration_s: float) -> tuple[float, float]:
    """The lowest (<= 0) and highest (>= 0) constant power over a duration (> 0 s)."""
    hours = _hours(duration_s)
    room = max(0.0, storage.soc_max_kwh - storage.soc_kwh)
    stock = max(0.0, storage.soc_kwh - storage.soc_min_kwh)
    highest = min(storage.charge_kw, room / storage.charging_efficiency / hours)
    lowest = -min(storage.discharge_kw, stock * storage.discharging_efficiency / hours)
    return lowest, highest


def storage_step(storage: Storage, power_kw: float, duration_s: float) -> Stepped:
    """Charge (+) or discharge (-) for a duration, no more than the battery can do."""
    lowest, highest = power_bounds_kw(storage, duration_s)
    power = min(max(power_kw, lowest), highest)
    energy = power * _hours(duration_s)
    soc = storage.soc_kwh
    # The outer bound takes away a rounding error of the last digit.
    if power > 0:
        soc = min(soc + energy * storage.charging_efficiency, storage.soc_max_kwh)
    elif power < 0:
        soc = max(soc + energy / storage.discharging_efficiency, storage.soc_min_kwh)
    return Stepped(replace(storage, soc_kwh=soc), power)


def _hours(duration_s: float) -> float:
    if not duration_s > 0:
        raise ValueError(f"duration_s must be positive, got {duration_s}")
    return duration_s / SECONDS_PER_HOUR
