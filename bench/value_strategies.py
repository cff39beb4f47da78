"""Who decides in the bench of value: nobody, the own rule, a plan; and the bound of them all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from apps.flexibility.brain.optimum import CarVisit, Horizon, Optimum, optimum, pooled
from apps.flexibility.brain.rules import RuleCar, RuleMoment, cars_must_kw, own_rule
from apps.flexibility.brain.storage import Storage
from bench.value_engine import STEP_S, STOCK_EUR_PER_KWH, Plugged, Powers, Seen
from bench.value_world import (
    EXPORT_LIMIT_KW,
    FEED_IN_MARGIN_EUR_PER_MWH,
    IMPORT_LIMIT_KW,
    LOCAL,
    SLOT,
    STEPS_A_SLOT,
    World,
)

SLOT_S = SLOT.total_seconds()


class NoControl:
    """Cars charge at once, batteries stand idle."""

    name = "no control"

    def powers(self, seen: Seen) -> Powers:
        """Full power up to the target."""
        return Powers(cars={car.visit.key: _to_target_kw(car) for car in seen.cars})


class Rules:
    """The own rule at every step."""

    name = "rules"

    def powers(self, seen: Seen) -> Powers:
        """What `own_rule` says."""
        powers = own_rule(
            moment=moment_of(seen),
            batteries=seen.batteries,
            cars=[rule_car(car) for car in seen.cars],
            pv_curtailable_kw=-seen.pv_kw,
        )
        limit = powers.pv_limit_kw
        return Powers(powers.batteries, powers.cars, *([] if limit is None else [limit]))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan is made of: one value per slot from `start`; cars by key."""

    start: datetime
    horizon: Horizon
    pool: Storage
    """The ten batteries, which are equal, as one."""
    visits: tuple[CarVisit, ...]
    end_eur_per_kwh: float


@dataclass(frozen=True, slots=True)
class Planned:
    """Powers per slot from `start`: all batteries together, and each car."""

    start: datetime
    battery_kw: Sequence[float]
    visit_kw: dict[str, tuple[int, Sequence[float]]]
    """Key -> first slot and powers from there."""


class Planner(Protocol):
    """Makes a plan of expectations."""

    def plan(self, expected: Expected) -> Planned | None:
        """None when it cannot."""
        ...


class LpPlanner:
    """A plan by our own linear programme, to try things quickly."""

    def plan(self, expected: Expected) -> Planned | None:
        """The optimum over the horizon."""
        best = optimum(
            horizon=expected.horizon,
            batteries=[expected.pool],
            visits=expected.visits,
            end_value_eur_per_kwh=expected.end_eur_per_kwh,
        )
        if best.status != "optimal":
            return None
        first = {visit.storage.key: visit.arrival for visit in expected.visits}
        return Planned(
            expected.start,
            best.battery_kw["pool"],
            {key: (first[key], powers) for key, powers in best.visit_kw.items()},
        )


@dataclass(frozen=True, slots=True)
class Options:
    """How plans are made and followed."""

    replan_hours: float = 6.0
    horizon_slots: int = 96
    end_eur_per_kwh: float | None = 0.22
    """None: derived from the prices ahead."""
    waiting: timedelta = timedelta(minutes=90)
    """A car is not left without a plan longer than this."""
    together: int = 6
    """As many cars without a plan bring one at the next quarter hour."""


class PlanStrategy:
    """A plan, made anew every few hours and on events, followed with deviation control.

    Between plans a car never gets less than what it must draw now (`cars_must_kw`), a car that
    the plan does not know gets just that; what the connection cannot carry the guard takes away.
    Without any plan the own rule decides.
    """

    def __init__(
        self, name: str, world: World, planner: Planner, options: Options, *, foresight: bool
    ) -> None:
        self.name = name
        self.world = world
        self.planner = planner
        self.options = options
        self.foresight = foresight
        self.plans = 0
        self.failed = 0
        self._plan: Planned | None = None
        self._prices: list[float] = []
        self._rules = Rules()

    def powers(self, seen: Seen) -> Powers:
        """The plan's powers of this slot, or the rule's."""
        if seen.step % STEPS_A_SLOT == 0 and self._is_due(seen):
            self._replan(seen)
        plan, slot = self._plan, 0
        if plan is not None:
            slot = (seen.now - plan.start) // SLOT
        if plan is None or slot >= len(plan.battery_kw):
            return self._rules.powers(seen)
        total = sum(one.charge_kw for one in seen.batteries)
        share = plan.battery_kw[slot] / total
        must = cars_must_kw(moment_of(seen), [rule_car(car) for car in seen.cars])
        cars = {}
        for car in seen.cars:
            planned = _planned_kw(plan, car.visit.key, slot)
            cars[car.visit.key] = max(planned or 0.0, must[car.visit.key])
            if must[car.visit.key] == 0 and planned is not None:
                cars[car.visit.key] = planned
        return Powers({one.key: share * one.charge_kw for one in seen.batteries}, cars)

    def _is_due(self, seen: Seen) -> bool:
        if self._plan is None:
            return True
        hour = (seen.now + LOCAL - timedelta(hours=1)).hour
        on_time = seen.now.minute == 0 and hour % self.options.replan_hours == 0
        if on_time or self.foresight:
            return on_time
        unknown = [car for car in seen.cars if car.visit.key not in self._plan.visit_kw]
        waiting = any(seen.now - car.visit.arrives >= self.options.waiting for car in unknown)
        slot = self.world.slot(seen.now)
        ahead = self.world.known_prices(seen.now, slot, 24)
        passed = (seen.now - self._plan.start) // SLOT
        revised = ahead != self._prices[passed : passed + 24]
        return waiting or len(unknown) >= self.options.together or revised

    def _replan(self, seen: Seen) -> None:
        expected = self._expected(seen)
        self._prices = list(expected.horizon.consumption_eur_per_mwh)
        plan = self.planner.plan(expected)
        self.plans += 1
        if plan is None:
            self.failed += 1
        else:
            self._plan = plan

    def _expected(self, seen: Seen) -> Expected:
        world, count = self.world, self.options.horizon_slots
        first, now = world.slot(seen.now), seen.now
        if self.foresight:
            prices = world.price[first : first + count]
            pv, load = world.pv_kw[first : first + count], world.load_kw[first : first + count]
        else:
            prices = world.known_prices(now, first, count)
            pv = world.pv_forecast(now, first, count)
            load = world.load_forecast(now, first, count)
        end_value = self.options.end_eur_per_kwh
        return Expected(
            now,
            site_horizon(prices, pv, load),
            pooled(seen.batteries),
            self._visits(seen, first, count),
            end_value_of(prices) if end_value is None else end_value,
        )

    def _visits(self, seen: Seen, first: int, count: int) -> tuple[CarVisit, ...]:
        """The cars that are there, and with foresight those to come."""
        found = []
        for car in seen.cars:
            leaves = car.visit.leaves if self.foresight else car.visit.told
            found.append(_car_visit(car.storage, car.visit.target_kwh, 0, leaves - seen.now, count))
        if self.foresight:
            for visit in self.world.visits:
                arrival = -((seen.now - visit.arrives) // SLOT)
                if visit.arrives > seen.now and arrival < count:
                    stay = visit.leaves - seen.now
                    found.append(
                        _car_visit(visit.storage(), visit.target_kwh, arrival, stay, count)
                    )
        return tuple(visit for visit in found if visit is not None)


def site_horizon(
    prices: Sequence[float], pv_kw: Sequence[float], load_kw: Sequence[float]
) -> Horizon:
    """The demo site over some slots."""
    count = len(prices)
    return Horizon(
        SLOT_S,
        list(prices),
        [price - FEED_IN_MARGIN_EUR_PER_MWH for price in prices],
        list(load_kw),
        list(pv_kw),
        [IMPORT_LIMIT_KW] * count,
        [EXPORT_LIMIT_KW] * count,
    )


def end_value_of(prices: Sequence[float]) -> float:
    """What a kWh in a battery is worth at the horizon's end, EUR: the median price ahead."""
    return sorted(prices)[len(prices) // 2] / 1000


def bound(world: World) -> Optimum:
    """The whole month at once with everything known: no strategy can be cheaper.

    Cars are there from the beginning of the slot they arrive in to the end of the one they leave
    in, and slots are settled by their means: a little more than real life allows.
    """
    first, after = world.slot(world.start), world.slot(world.end)
    visits = [
        CarVisit(
            visit.storage(),
            world.slot(visit.arrives) - first,
            min(after, world.slot(visit.leaves - timedelta(seconds=1)) + 1) - first,
            visit.target_kwh,
        )
        for visit in world.visits
    ]
    return optimum(
        horizon=site_horizon(
            world.price[first:after], world.pv_kw[first:after], world.load_kw[first:after]
        ),
        batteries=[pooled(world.batteries())],
        visits=visits,
        end_value_eur_per_kwh=STOCK_EUR_PER_KWH,
    )


def moment_of(seen: Seen) -> RuleMoment:
    """A step as the rules see it."""
    return RuleMoment(seen.now, STEP_S, seen.pv_kw, seen.load_kw, IMPORT_LIMIT_KW, EXPORT_LIMIT_KW)


def rule_car(car: Plugged) -> RuleCar:
    """A car as the rules see it."""
    return RuleCar(car.storage, car.visit.target_kwh, car.visit.told)


def _car_visit(
    storage: Storage, target_kwh: float, arrival: int, stay: timedelta, count: int
) -> CarVisit | None:
    """A visit within a horizon; a target as far as full power brings it there by then.

    Who stays beyond the horizon must be able to make it after that.
    """
    departure = stay // SLOT
    if departure <= arrival:
        return None
    inside = min(departure, count)
    full_kwh = storage.charge_kw * storage.charging_efficiency * SLOT_S / 3600
    reachable = storage.soc_kwh + (inside - arrival) * full_kwh
    wanted = target_kwh - (departure - inside) * full_kwh
    wanted = min(wanted, reachable * 0.999, storage.soc_max_kwh)
    return CarVisit(replace(storage), arrival, inside, max(0.0, wanted))


def _planned_kw(plan: Planned, key: str, slot: int) -> float | None:
    """A car's planned power; None for one that the plan does not know now."""
    known = plan.visit_kw.get(key)
    if known is None:
        return None
    first, powers = known
    return powers[slot - first] if 0 <= slot - first < len(powers) else None


def _to_target_kw(car: Plugged) -> float:
    return min(
        car.storage.charge_kw, car.storage.charging_kwh(car.visit.target_kwh) / (STEP_S / 3600)
    )
