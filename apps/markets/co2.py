"""CO2 intensity of a generation mix in g/kWh, lifecycle and direct.

Intensity = sum(MW of a fuel x its factor) / sum(MW), per slot, over generation alone: consumption
series (pumping, battery charging) are no generation. Factors are dated rows, since each operator
may hold its own with their source; `BUILT_IN_FACTORS` is what an operator starts with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cariflex.common.errors import DomainError

INTENSITY_STEP: Final = Decimal("0.01")


class Fuel(StrEnum):
    """What a kilowatt hour was made from; an operator's factor rows may name others."""

    COAL = "coal"
    OIL = "oil"
    GAS = "gas"
    BIOMASS = "biomass"
    SOLAR = "solar"
    GEOTHERMAL = "geothermal"
    HYDRO = "hydro"
    NUCLEAR = "nuclear"
    WIND = "wind"
    UNKNOWN = "unknown"
    STORAGE = "storage"


class FactorError(DomainError):
    """A factor that is missing, doubled or no factor: `fuel` names whose, `rule` says which."""

    def __init__(self, fuel: str, rule: str) -> None:
        self.fuel = fuel
        self.rule = rule
        super().__init__("co2.factor", rule, field=fuel)


class MixError(DomainError):
    """A mix that breaks a rule: `element` names the fuel or the slot, `rule` says which."""

    def __init__(self, element: str, rule: str) -> None:
        self.element = element
        self.rule = rule
        super().__init__("co2.mix", rule, field=element)


@dataclass(frozen=True, slots=True)
class EmissionFactor:
    """What one kWh of a fuel emits, for slots that start in `[valid_from, valid_to)`.

    `valid_to` None: until further notice. Raises FactorError for a negative or endless number, a
    naive instant or a validity that ends before it begins.
    """

    fuel: str
    lifecycle_g_per_kwh: Decimal
    direct_g_per_kwh: Decimal
    valid_from: datetime
    valid_to: datetime | None
    source: str

    def __post_init__(self) -> None:
        for name in ("lifecycle_g_per_kwh", "direct_g_per_kwh"):
            grams: Decimal = getattr(self, name)
            if not grams.is_finite() or grams < 0:
                raise FactorError(self.fuel, f"{name} {grams} is not a number of 0 or more")
        for bound in (self.valid_from, self.valid_to):
            if bound is not None and bound.tzinfo is None:
                raise FactorError(self.fuel, f"validity {bound} has no time zone")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise FactorError(self.fuel, f"valid_to {self.valid_to} is not after valid_from")

    def holds_at(self, at: datetime) -> bool:
        """True from valid_from on, false from valid_to on."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True)
class FuelPower:
    """Mean power of one series over a slot, MW; `is_consumption` marks what takes power."""

    fuel: str
    power_mw: Decimal
    is_consumption: bool = False


@dataclass(frozen=True, slots=True)
class MixSlot:
    """What ran over `[start, start + resolution)`; a fuel may come in several series."""

    start: datetime
    resolution: timedelta
    powers: tuple[FuelPower, ...]


@dataclass(frozen=True, slots=True)
class Co2Intensity:
    """g/kWh to 0.01: with the whole life cycle of plant and fuel, and of the chimney alone."""

    lifecycle_g_per_kwh: Decimal
    direct_g_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Co2Slot:
    """The intensity of a slot; None when nothing was generated."""

    start: datetime
    resolution: timedelta
    intensity: Co2Intensity | None


def co2_slots(mixes: Iterable[MixSlot], factors: Sequence[EmissionFactor]) -> tuple[Co2Slot, ...]:
    """The intensity of each slot, in the order given; see `co2_intensity`."""
    return tuple(
        Co2Slot(mix.start, mix.resolution, co2_intensity(mix, factors=factors)) for mix in mixes
    )


def co2_intensity(mix: MixSlot, *, factors: Sequence[EmissionFactor]) -> Co2Intensity | None:
    """The intensity of one slot; None when its generation is zero.

    A negative power on a generation series is a station's own use and counts as zero. Storage
    counts when there is a factor for it; without one it is left out, which gives its energy the
    intensity of the rest. Raises FactorError for a fuel that generates and has no factor, or two,
    at the start of the slot, and MixError for a start without time zone or an endless power.
    """
    if mix.start.tzinfo is None:
        raise MixError(str(mix.start), "the start of a slot has no time zone")
    generation_mw = lifecycle = direct = Decimal(0)
    for power in mix.powers:
        if not power.power_mw.is_finite():
            raise MixError(power.fuel, f"power_mw {power.power_mw} is not a number")
        if power.is_consumption or power.power_mw <= 0:
            continue
        factor = _factor(power.fuel, mix.start, factors)
        if factor is None:
            continue
        generation_mw += power.power_mw
        lifecycle += power.power_mw * factor.lifecycle_g_per_kwh
        direct += power.power_mw * factor.direct_g_per_kwh
    if not generation_mw:
        return None
    return Co2Intensity(
        lifecycle_g_per_kwh=(lifecycle / generation_mw).quantize(INTENSITY_STEP),
        direct_g_per_kwh=(direct / generation_mw).quantize(INTENSITY_STEP),
    )


def _factor(fuel: str, at: datetime, factors: Sequence[EmissionFactor]) -> EmissionFactor | None:
    holding = [factor for factor in factors if factor.fuel == fuel and factor.holds_at(at)]
    if len(holding) > 1:
        raise FactorError(fuel, f"{len(holding)} emission factors hold at {at.isoformat()}")
    if not holding and fuel != Fuel.STORAGE:
        raise FactorError(fuel, f"no emission factor holds at {at.isoformat()}")
    return holding[0] if holding else None


_IPCC: Final = "IPCC 2014, as in electricitymaps-contrib config/defaults.yaml"
_UK_POST: Final = "UK POST 2014, as in electricitymaps-contrib config/defaults.yaml"
_ASSUMED: Final = "Assumption of electricitymaps-contrib config/defaults.yaml"
# No feed that we read holds a mix from before 2014, the year of the sources.
_SINCE: Final = datetime(2014, 1, 1, tzinfo=UTC)


def _built_in(fuel: Fuel, lifecycle: int, direct: int, source: str = _IPCC) -> EmissionFactor:
    return EmissionFactor(fuel, Decimal(lifecycle), Decimal(direct), _SINCE, None, source)


# Storage has none: what a battery gives back depends on what it was charged with.
BUILT_IN_FACTORS: Final = (
    _built_in(Fuel.COAL, 820, 760),
    _built_in(Fuel.OIL, 650, 406, _UK_POST),
    _built_in(Fuel.GAS, 490, 370),
    _built_in(Fuel.BIOMASS, 230, 0),
    _built_in(Fuel.SOLAR, 45, 0),
    _built_in(Fuel.GEOTHERMAL, 38, 0),
    _built_in(Fuel.HYDRO, 24, 0),
    _built_in(Fuel.NUCLEAR, 12, 0),
    _built_in(Fuel.WIND, 11, 0),
    _built_in(Fuel.UNKNOWN, 700, 575, _ASSUMED),
)
