"""The closed loop: a strategy gives powers, the devices do what they can, the meter counts.

Steps of 5 minutes; money by the net energy of a quarter hour, as a meter settles it. The guard of
the connection stands between strategy and devices, as the product's dispatch does: batteries give
way first, then the cars with the most time. Pure.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from apps.flexibility.brain.storage import Storage, storage_step
from bench.value_world import (
    EXPORT_LIMIT_KW,
    FEED_IN_MARGIN_EUR_PER_MWH,
    IMPORT_LIMIT_KW,
    STEP,
    STEPS_A_SLOT,
    Visit,
    World,
)

STEP_S = STEP.total_seconds()
STEP_H = STEP_S / 3600
DAY = timedelta(days=1)
LIMIT_TOLERANCE_KW = 0.01
MISSED_PERCENT = 1.0
"""A car that leaves with less than this below its target is counted as ready."""
STOCK_EUR_PER_KWH = 0.22
"""What a kWh more or less in the batteries at the end counts, for all alike."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """A car at a station now."""

    visit: Visit
    storage: Storage


@dataclass(frozen=True, slots=True)
class Seen:
    """What is measured at a step; PV is what could be given now (<= 0)."""

    now: datetime
    step: int
    pv_kw: float
    load_kw: float
    batteries: list[Storage]
    cars: list[Plugged]


@dataclass(slots=True)
class Powers:
    """What a strategy wants, kW by key; PV not more than `pv_limit_kw` (>= 0)."""

    batteries: dict[str, float] = field(default_factory=dict)
    cars: dict[str, float] = field(default_factory=dict)
    pv_limit_kw: float = math.inf


class Strategy(Protocol):
    """Somebody who decides."""

    name: str

    def powers(self, seen: Seen) -> Powers:
        """The powers until the next step."""
        ...


@dataclass(slots=True)
class Account:
    """What a month came to."""

    name: str
    energy_eur: float = 0.0
    stock_eur: float = 0.0
    co2_kg: float = 0.0
    import_kwh: float = 0.0
    export_kwh: float = 0.0
    peak_kw: float = 0.0
    above_limit_s: float = 0.0
    guarded_h: float = 0.0
    throughput_kwh: float = 0.0
    usable_kwh: float = 1.0
    curtailed_kwh: float = 0.0
    visits: int = 0
    missed_feasible: list[str] = field(default_factory=list)
    missed_infeasible: int = 0
    slot_net_kwh: float = 0.0

    @property
    def cost_eur(self) -> float:
        """Energy, less what is left in the batteries more than at the start."""
        return self.energy_eur - self.stock_eur

    @property
    def cycles(self) -> float:
        """Full cycles of the batteries' usable energy."""
        return self.throughput_kwh / self.usable_kwh


def run(
    world: World, strategy: Strategy, *, on_day: Callable[[int, Account], None] | None = None
) -> Account:
    """The month under a strategy; `on_day` hears how far it came after each whole day."""
    account = Account(strategy.name)
    batteries = world.batteries()
    account.usable_kwh = sum(one.soc_max_kwh - one.soc_min_kwh for one in batteries)
    cars: dict[str, Plugged] = {}
    coming = list(reversed(world.visits))
    begin = (world.start - world.first) // STEP
    for step in range(begin, (world.end - world.first) // STEP):
        now = world.first + step * STEP
        for key in [key for key, car in cars.items() if car.visit.leaves <= now]:
            _departure(account, cars.pop(key))
        while coming and coming[-1].arrives <= now:
            visit = coming.pop()
            cars[visit.key] = Plugged(visit, visit.storage())
        pv, load = world.pv_step_kw[step], world.load_step_kw[step]
        seen = Seen(now, step, pv, load, batteries, list(cars.values()))
        batteries = _step(account, seen, strategy.powers(seen), cars)
        _meter(account, world, seen)
        if on_day is not None and (now + STEP - world.start) % DAY == timedelta(0):
            account.stock_eur = _stock_eur(world, batteries)
            on_day((now + STEP - world.start) // DAY, account)
    for car in cars.values():
        _departure(account, car)
    account.stock_eur = _stock_eur(world, batteries)
    return account


def _stock_eur(world: World, batteries: list[Storage]) -> float:
    """What the batteries hold more than at the start."""
    began = sum(one.soc_kwh for one in world.batteries())
    return (sum(one.soc_kwh for one in batteries) - began) * STOCK_EUR_PER_KWH


def guarded(seen: Seen, wanted: Powers) -> Powers:
    """The wanted powers as far as devices and the connection allow."""
    batteries = {
        one.key: storage_step(one, wanted.batteries.get(one.key, 0.0), STEP_S).power_kw
        for one in seen.batteries
    }
    cars = {
        one.visit.key: storage_step(
            one.storage, wanted.cars.get(one.visit.key, 0.0), STEP_S
        ).power_kw
        for one in seen.cars
    }
    pv = min(-seen.pv_kw, wanted.pv_limit_kw)
    net = seen.load_kw - pv + sum(batteries.values()) + sum(cars.values())
    over = net - IMPORT_LIMIT_KW
    if over > 0:
        over -= _cut(batteries, over, sign=1)
        for one in sorted(seen.cars, key=lambda car: -_slack_h(seen.now, car)):
            power = cars[one.visit.key]
            if over > 0 and power > 0:
                cars[one.visit.key] = power - min(power, over)
                over -= min(power, over)
    under = -net - EXPORT_LIMIT_KW
    if under > 0:
        under -= _cut(batteries, under, sign=-1)
        under -= _cut(cars, under, sign=-1)
        pv -= min(pv, max(0.0, under))
    return Powers(batteries, cars, pv)


def _cut(powers: dict[str, float], excess_kw: float, *, sign: int) -> float:
    """Takes an excess from the powers of one sign, each by the same share; gives how much."""
    most = sum(power * sign for power in powers.values() if power * sign > 0)
    if most <= 0 or excess_kw <= 0:
        return 0.0
    share = min(1.0, excess_kw / most)
    for key, power in powers.items():
        if power * sign > 0:
            powers[key] = power * (1 - share)
    return share * most


def _slack_h(now: datetime, car: Plugged) -> float:
    """Time to the told departure beyond what charging at full power takes."""
    hours = (car.visit.told - now).total_seconds() / 3600
    return hours - car.storage.charging_kwh(car.visit.target_kwh) / car.storage.charge_kw


def _step(account: Account, seen: Seen, wanted: Powers, cars: dict[str, Plugged]) -> list[Storage]:
    """Carry the powers out; gives the batteries after it."""
    done = guarded(seen, wanted)
    account.guarded_h += STEP_H * _is_cut(wanted, done, seen)
    net = seen.load_kw - done.pv_limit_kw
    account.curtailed_kwh += (-seen.pv_kw - done.pv_limit_kw) * STEP_H
    batteries = []
    for one in seen.batteries:
        stepped = storage_step(one, done.batteries[one.key], STEP_S)
        batteries.append(stepped.storage)
        net += stepped.power_kw
        account.throughput_kwh += max(0.0, -stepped.power_kw) * STEP_H / one.discharging_efficiency
    for car in seen.cars:
        stepped = storage_step(car.storage, done.cars[car.visit.key], STEP_S)
        cars[car.visit.key] = Plugged(car.visit, stepped.storage)
        net += stepped.power_kw
    account.peak_kw = max(account.peak_kw, net)
    if net > IMPORT_LIMIT_KW + LIMIT_TOLERANCE_KW or -net > EXPORT_LIMIT_KW + LIMIT_TOLERANCE_KW:
        account.above_limit_s += STEP_S
    account.slot_net_kwh += net * STEP_H
    return batteries


def _is_cut(wanted: Powers, done: Powers, seen: Seen) -> bool:
    """Whether the connection (not a device's own bound) took something away."""
    able = sum(
        storage_step(one, wanted.batteries.get(one.key, 0.0), STEP_S).power_kw
        for one in seen.batteries
    )
    able += sum(
        storage_step(one.storage, wanted.cars.get(one.visit.key, 0.0), STEP_S).power_kw
        for one in seen.cars
    )
    return abs(able - _total(done.batteries) - _total(done.cars)) > LIMIT_TOLERANCE_KW


def _total(powers: Mapping[str, float]) -> float:
    return sum(powers.values())


def _meter(account: Account, world: World, seen: Seen) -> None:
    """At the end of a quarter hour its net energy is paid."""
    if (seen.step + 1) % STEPS_A_SLOT:
        return
    slot, net = seen.step // STEPS_A_SLOT, account.slot_net_kwh
    account.slot_net_kwh = 0.0
    price = world.price[slot] - (FEED_IN_MARGIN_EUR_PER_MWH if net < 0 else 0.0)
    account.energy_eur += net * price / 1000
    account.co2_kg += net * world.co2[slot] / 1000
    account.import_kwh += max(0.0, net)
    account.export_kwh += max(0.0, -net)


def _departure(account: Account, car: Plugged) -> None:
    account.visits += 1
    missing = car.visit.target_kwh - car.storage.soc_kwh
    if missing <= MISSED_PERCENT / 100 * car.storage.capacity_kwh:
        return
    if car.visit.is_feasible:
        account.missed_feasible.append(f"{car.visit.key} -{missing:.1f} kWh")
    else:
        account.missed_infeasible += 1
