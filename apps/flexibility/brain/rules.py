"""The own rule: what a site does when no plan can be followed. Pure.

Self-consumption: a surplus is stored, a shortage is fed down to the batteries' floor; a car gets
what it needs as late as is safe, sooner from a surplus. Power in kW at the AC terminals,
consumption and charging positive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.flexibility.brain.storage import Storage, power_bounds_kw
from cariflex.common.units import QUARTER_HOUR, SECONDS_PER_HOUR

SAFETY: Final = QUARTER_HOUR
"""A car is ready this much before its departure."""
COUNTED_SHARE: Final = 0.9
"""Of what the connection leaves for cars now, so much is counted on later: the load may grow."""
FARTHEST: Final = timedelta(hours=48)
"""A later departure is taken for this one."""
_NOTHING_KWH: Final = 1e-9


@dataclass(frozen=True, slots=True)
class RuleCar:
    """A plugged-in car; without a departure it may leave at any moment."""

    storage: Storage
    target_kwh: float
    departure_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleMoment:
    """The site now, for the next `duration_s`: `pv_kw` <= 0; a limit of None is no limit."""

    now: datetime
    duration_s: float
    pv_kw: float
    load_kw: float
    import_limit_kw: float | None
    export_limit_kw: float | None

    @property
    def rest_kw(self) -> float:
        """Load and PV, without batteries and cars."""
        return self.load_kw + self.pv_kw

    @property
    def hours(self) -> float:
        """How long the powers will hold."""
        return self.duration_s / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class RulePowers:
    """Power by key; `pv_limit_kw` (>= 0): the most that curtailable PV may give, None: all."""

    batteries: dict[str, float]
    cars: dict[str, float]
    pv_limit_kw: float | None


def own_rule(
    *,
    moment: RuleMoment,
    batteries: Sequence[Storage],
    cars: Sequence[RuleCar],
    pv_curtailable_kw: float = 0.0,
) -> RulePowers:
    """The powers of the moment.

    A battery is never charged from the grid and never feeds it. Above the import limit cars are
    cut, those with the most time first; below the export limit PV is curtailed, as far as
    `pv_curtailable_kw` (>= 0, what it gives now) goes.
    """
    lowest = {battery.key: power_bounds_kw(battery, moment.duration_s)[0] for battery in batteries}
    highest = {battery.key: power_bounds_kw(battery, moment.duration_s)[1] for battery in batteries}
    car_powers = _cars(moment, cars, help_kw=-sum(lowest.values()))
    net_kw = moment.rest_kw + sum(car_powers.values())
    powers = _shared(-net_kw, lowest if net_kw > 0 else highest)
    net_kw += sum(powers.values())
    pv_limit_kw = None
    if moment.export_limit_kw is not None and -net_kw > moment.export_limit_kw:
        pv_limit_kw = max(0.0, pv_curtailable_kw + net_kw + moment.export_limit_kw)
    return RulePowers(powers, car_powers, pv_limit_kw)


def cars_must_kw(moment: RuleMoment, cars: Sequence[RuleCar]) -> dict[str, float]:
    """What each car must draw now (kW by key): all it can without a departure, else what would
    not fit in any more before it."""
    left = _left_for_now_kwh(moment, cars)
    return {
        car.storage.key: _able_kw(car, moment)
        if car.departure_at is None
        else min(_able_kw(car, moment), left[car.storage.key] / moment.hours)
        for car in cars
    }


def _cars(moment: RuleMoment, cars: Sequence[RuleCar], *, help_kw: float) -> dict[str, float]:
    """What each car draws (kW): what it must, then surplus; within the import limit."""
    must = cars_must_kw(moment, cars)
    free_kw = math.inf
    if moment.import_limit_kw is not None:
        free_kw = max(0.0, moment.import_limit_kw - moment.rest_kw + help_kw)
    powers: dict[str, float] = {}
    ordered = sorted(cars, key=_urgency)
    for car in ordered:
        powers[car.storage.key] = min(must[car.storage.key], free_kw)
        free_kw -= powers[car.storage.key]
    surplus_kw = -moment.rest_kw - sum(powers.values())
    for car in ordered:
        key = car.storage.key
        more = min(_able_kw(car, moment) - powers[key], surplus_kw)
        if more > 0:
            powers[key] += more
            surplus_kw -= more
    return powers


def _urgency(car: RuleCar) -> tuple[float, str]:
    """By the moment from which only full power is enough, those without a departure last."""
    latest = math.inf
    if car.departure_at is not None and car.storage.charge_kw > 0:
        hours = car.storage.charging_kwh(car.target_kwh) / car.storage.charge_kw
        latest = car.departure_at.timestamp() - hours * SECONDS_PER_HOUR
    return latest, car.storage.key


def _able_kw(car: RuleCar, moment: RuleMoment) -> float:
    """The most it can draw on its way to the target."""
    _lowest, highest = power_bounds_kw(car.storage, moment.duration_s)
    return min(highest, car.storage.charging_kwh(car.target_kwh) / moment.hours)


def _left_for_now_kwh(moment: RuleMoment, cars: Sequence[RuleCar]) -> dict[str, float]:
    """The drawn energy (kWh) that cannot wait, by car.

    Goes back from the last departure to the end of this moment and gives each piece of time to
    the cars that are still there and need it longest, as far as the import limit allows beside
    today's load (neither sun nor batteries are counted on). What is left cannot wait.
    """
    ends = {
        car.storage.key: min(car.departure_at, moment.now + FARTHEST) - SAFETY
        for car in cars
        if car.departure_at is not None
    }
    left = {
        car.storage.key: car.storage.charging_kwh(min(car.target_kwh, car.storage.soc_max_kwh))
        for car in cars
        if car.departure_at is not None
    }
    rates = {car.storage.key: car.storage.charge_kw for car in cars if car.storage.charge_kw > 0}
    free_kw = math.inf
    if moment.import_limit_kw is not None:
        room_kw = moment.import_limit_kw - max(0.0, moment.load_kw)
        free_kw = COUNTED_SHARE * max(0.0, room_kw)
    for start, end in _pieces_back(moment.now + timedelta(seconds=moment.duration_s), ends):
        hours = (end - start).total_seconds() / SECONDS_PER_HOUR
        there = [key for key, leaves in ends.items() if leaves >= end and key in rates]
        free_kwh = free_kw * hours
        for key in sorted(there, key=lambda key: (-left[key] / rates[key], key)):
            taken = min(left[key], rates[key] * hours, free_kwh)
            left[key] -= taken
            free_kwh -= taken
    return {key: value if value > _NOTHING_KWH else 0.0 for key, value in left.items()}


def _pieces_back(begin: datetime, ends: Mapping[str, datetime]) -> list[tuple[datetime, datetime]]:
    """From the last end back to `begin`, in pieces of at most a quarter hour cut at each end."""
    edges = sorted({end for end in ends.values() if end > begin}, reverse=True)
    pieces: list[tuple[datetime, datetime]] = []
    for number, edge in enumerate(edges):
        until = edges[number + 1] if number + 1 < len(edges) else begin
        while edge > until:
            start = max(until, edge - QUARTER_HOUR)
            pieces.append((start, edge))
            edge = start  # noqa: PLW2901 - walks back through the stretch
    return pieces


def _shared(wanted_kw: float, bounds: Mapping[str, float]) -> dict[str, float]:
    """A total (sign as the bounds') over batteries, in proportion to what each can."""
    most = sum(bounds.values())
    if most == 0 or wanted_kw * most <= 0:
        return dict.fromkeys(bounds, 0.0)
    share = min(1.0, wanted_kw / most)
    return {key: share * bound for key, bound in bounds.items()}
