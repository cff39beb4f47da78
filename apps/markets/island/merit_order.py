"""What the last unit costs that runs: the merit order of an island."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.markets.island.errors import IslandError
from cariflex.common.units import QUARTER_HOUR

PART: Final = "merit_order"
NOTHING: Final = Decimal(0)
MAX_COST_EUR_PER_MWH: Final = Decimal(99_999)


@dataclass(frozen=True, slots=True)
class Available:
    """`[start, end)` in which a unit can run; None: no bound on that side."""

    start: datetime | None
    end: datetime | None

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether the whole of [start, end) lies in it."""
        return (self.start is None or self.start <= start) and (self.end is None or end <= self.end)


@dataclass(frozen=True, slots=True)
class GeneratingUnit:
    """A unit that can be called on; without `available` it always can.

    Raises IslandError for a capacity that is not above zero, a cost that is no number and an
    availability that ends before it starts or has no time zone.
    """

    name: str
    capacity_mw: Decimal
    marginal_cost_eur_per_mwh: Decimal
    available: tuple[Available, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise IslandError(PART, "name", "must not be empty")
        if not self.capacity_mw.is_finite() or self.capacity_mw <= 0:
            raise IslandError(PART, f"{self.name}.capacity_mw", "must be more than 0")
        cost = self.marginal_cost_eur_per_mwh
        if not cost.is_finite() or abs(cost) > MAX_COST_EUR_PER_MWH:
            raise IslandError(
                PART, f"{self.name}.marginal_cost_eur_per_mwh", f"{cost} is no cost of a MWh"
            )
        for window in self.available:
            bounds = [bound for bound in (window.start, window.end) if bound is not None]
            if any(bound.tzinfo is None for bound in bounds):
                raise IslandError(PART, f"{self.name}.available", "has no time zone")
            if len(bounds) == 2 and bounds[1] <= bounds[0]:
                raise IslandError(PART, f"{self.name}.available", "does not end after its start")

    def can_run(self, start: datetime, end: datetime) -> bool:
        """Whether it can run over the whole of [start, end)."""
        return not self.available or any(window.covers(start, end) for window in self.available)


@dataclass(frozen=True, slots=True)
class LoadSlot:
    """Mean load of a slot and what of it must-run renewables carry, MW (both 0 or more)."""

    start: datetime
    load_mw: Decimal
    must_run_mw: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class MarginalSlot:
    """The cost of the dearest unit that runs; `unit` None when must-run carries the load.

    `missing_mw` above zero is a shortage: the units that can run do not carry the load, and the
    cost is that of the dearest of them.
    """

    start: datetime
    marginal_cost_eur_per_mwh: Decimal
    unit: str | None
    missing_mw: Decimal

    @property
    def is_short(self) -> bool:
        """Whether load is left that no unit carries."""
        return self.missing_mw > 0


def merit_order(
    units: Sequence[GeneratingUnit],
    loads: Sequence[LoadSlot],
    *,
    resolution: timedelta = QUARTER_HOUR,
) -> tuple[MarginalSlot, ...]:
    """The marginal cost of each slot, in the order given; the cheapest units run first.

    With no unit able to run, a short slot has the cost of the dearest unit of all. Raises
    IslandError without units, for two units of one name and for a load that is no number of 0 or
    more.
    """
    if not units:
        raise IslandError(PART, "units", "has no unit")
    names = [unit.name for unit in units]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise IslandError(PART, "units", f"{twice!r} is given twice")
    order = sorted(units, key=lambda unit: (unit.marginal_cost_eur_per_mwh, unit.name))
    return tuple(_marginal(order, load, load.start + resolution) for load in loads)


def _marginal(order: Sequence[GeneratingUnit], load: LoadSlot, end: datetime) -> MarginalSlot:
    for name, power in (("load_mw", load.load_mw), ("must_run_mw", load.must_run_mw)):
        if not power.is_finite() or power < 0:
            raise IslandError(
                PART, name, f"{power} at {load.start.isoformat()} is not a number of 0 or more"
            )
    left_mw = load.load_mw - load.must_run_mw
    if left_mw <= 0:
        return MarginalSlot(load.start, NOTHING, None, NOTHING)
    able = [unit for unit in order if unit.can_run(load.start, end)]
    for unit in able:
        left_mw -= unit.capacity_mw
        if left_mw <= 0:
            return MarginalSlot(load.start, unit.marginal_cost_eur_per_mwh, unit.name, NOTHING)
    dearest = (able or order)[-1]
    return MarginalSlot(load.start, dearest.marginal_cost_eur_per_mwh, dearest.name, left_mw)
