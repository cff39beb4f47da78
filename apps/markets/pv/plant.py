"""What a photovoltaic plant is made of: where it stands, its arrays, its losses, its inverter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from cariflex.common.errors import DomainError

MAX_ARRAYS: Final = 20
MAX_PEAK_KWP: Final = 100_000.0
# PVWatts version 5 (NREL/TP-6A20-62641): 14 % for soiling, wiring, mismatch, shading and the rest.
DEFAULT_LOSS_PERCENT: Final = 14.0
# The same report: -0.35 %/C for a premium module, -0.47 %/C for a standard one of its time.
DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C: Final = -0.35


class PlantError(DomainError):
    """A plant that cannot be: `field` names the value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__("pv.plant", rule, field=field)


@dataclass(frozen=True, slots=True)
class PvArray:
    """Modules of one orientation.

    `tilt_degrees` 0 (flat) to 90 (upright); `azimuth_degrees` clockwise from north, 180 = south.
    """

    tilt_degrees: float
    azimuth_degrees: float
    peak_kwp: float

    def __post_init__(self) -> None:
        _within("tilt_degrees", self.tilt_degrees, 0, 90)
        _within("azimuth_degrees", self.azimuth_degrees, 0, 360)
        _within("peak_kwp", self.peak_kwp, 0, MAX_PEAK_KWP, exclusive_low=True)


@dataclass(frozen=True, slots=True)
class PvPlant:
    """Arrays behind one inverter (or inverters of one total limit, kW AC)."""

    latitude: float
    longitude: float
    altitude_m: float
    arrays: tuple[PvArray, ...]
    inverter_limit_kw: float
    loss_percent: float = DEFAULT_LOSS_PERCENT
    power_coefficient_percent_per_c: float = DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C

    def __post_init__(self) -> None:
        _within("latitude", self.latitude, -90, 90)
        _within("longitude", self.longitude, -180, 180)
        _within("altitude_m", self.altitude_m, -500, 9_000)
        _within("inverter_limit_kw", self.inverter_limit_kw, 0, MAX_PEAK_KWP, exclusive_low=True)
        _within("loss_percent", self.loss_percent, 0, 99)
        _within("power_coefficient_percent_per_c", self.power_coefficient_percent_per_c, -1, 0)
        if not 1 <= len(self.arrays) <= MAX_ARRAYS:
            raise PlantError(
                "arrays", f"has {len(self.arrays)} entries, expected 1 to {MAX_ARRAYS}"
            )

    @property
    def peak_kwp(self) -> float:
        """Peak power of all arrays, kWp."""
        return sum(array.peak_kwp for array in self.arrays)


def _within(
    field: str, value: float, low: float, high: float, *, exclusive_low: bool = False
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PlantError(field, f"{value!r} is not a finite number")
    if not low <= value <= high or (exclusive_low and value == low):
        word = "above" if exclusive_low else "at least"
        raise PlantError(field, f"{value:g} is not {word} {low:g} and at most {high:g}")
