"""The linear programme: hand-made cases, and never worse than the own rule."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.flexibility.brain.optimum import CarVisit, Horizon, Optimum, optimum, pooled
from apps.flexibility.brain.rules import RuleCar, RuleMoment, own_rule
from apps.flexibility.brain.storage import Storage, storage_step

HOUR_S = 3600.0
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def battery(
    key: str = "b", soc_kwh: float = 0.0, capacity_kwh: float = 100.0, efficiency: float = 1.0
) -> Storage:
    return Storage(
        key, capacity_kwh, soc_kwh, 0.0, capacity_kwh, 10.0, 10.0, efficiency, efficiency
    )


def horizon(
    prices: Sequence[float],
    *,
    load_kw: Sequence[float] | None = None,
    pv_kw: Sequence[float] | None = None,
    import_limit_kw: float = math.inf,
    export_limit_kw: float = math.inf,
    margin: float = 10.0,
    slot_s: float = HOUR_S,
) -> Horizon:
    count = len(prices)
    return Horizon(
        slot_s,
        prices,
        [price - margin for price in prices],
        load_kw or [0.0] * count,
        pv_kw or [0.0] * count,
        [import_limit_kw] * count,
        [export_limit_kw] * count,
    )


def test_cheap_energy_is_kept_for_the_dear_hour() -> None:
    # Draws 10 kWh at 100 (1.00 EUR), feeds the load of 5 at 300 and sells 5 at 290 (1.45 EUR).
    best = optimum(horizon=horizon([100, 300], load_kw=[0, 5]), batteries=[battery()])

    assert best.status == "optimal"
    assert best.cost_eur == pytest.approx(1.00 - 1.45)
    assert best.battery_kw["b"] == pytest.approx((10.0, -10.0))
    assert best.grid_kw == pytest.approx((10.0, -5.0))


def test_losses_decide_whether_storing_pays() -> None:
    # 0.8 x 0.8 = 0.64 comes back: buying at 200 for a load at 300 would cost 312.5 a MWh.
    best = optimum(horizon=horizon([200, 300], load_kw=[0, 5]), batteries=[battery(efficiency=0.8)])

    assert best.cost_eur == pytest.approx(1.50)
    assert best.battery_kw["b"] == pytest.approx((0.0, 0.0))


def test_a_car_is_charged_in_the_cheapest_hours_it_is_there() -> None:
    # There in hours 1 to 3 (300, 200, 250), 22 kW, 30 kWh to come: 22 at 200 and 8 at 250.
    car = Storage("c", 75.0, 30.0, 0.0, 75.0, 22.0, 0.0, 1.0, 1.0)
    best = optimum(
        horizon=horizon([50, 300, 200, 250]),
        batteries=[],
        visits=[CarVisit(car, 1, 4, 60.0)],
    )

    assert best.visit_kw["c"] == pytest.approx((0.0, 22.0, 8.0))
    assert best.cost_eur == pytest.approx(4.4 + 2.0)
    assert best.shortfall_kwh == {}


def test_a_car_feeds_the_dear_hour_when_it_may() -> None:
    # Sells 10 at 390 and takes them back at 100, within the floor of 30 kWh it stops at 20 sold.
    car = Storage("c", 75.0, 40.0, 30.0, 75.0, 22.0, 22.0, 1.0, 1.0)
    best = optimum(horizon=horizon([400, 100]), batteries=[], visits=[CarVisit(car, 0, 2, 40.0)])

    assert best.visit_kw["c"] == pytest.approx((-10.0, 10.0))
    assert best.cost_eur == pytest.approx(-3.9 + 1.0)


def test_a_target_out_of_reach_leaves_the_smallest_shortfall() -> None:
    car = Storage("c", 75.0, 10.0, 0.0, 75.0, 22.0, 22.0, 1.0, 1.0)
    best = optimum(horizon=horizon([400, 100]), batteries=[], visits=[CarVisit(car, 0, 2, 60.0)])

    assert best.visit_kw["c"] == pytest.approx((22.0, 22.0))
    assert best.shortfall_kwh == pytest.approx({"c": 6.0})
    assert best.cost_eur == pytest.approx(8.8 + 2.2)


def test_the_import_limit_binds() -> None:
    best = optimum(
        horizon=horizon([100, 300], load_kw=[4, 5], import_limit_kw=6), batteries=[battery()]
    )

    # 2 kWh fit in below 6 kW in the first hour.
    assert best.grid_kw == pytest.approx((6.0, 3.0))


def test_what_nobody_may_take_is_curtailed() -> None:
    best = optimum(horizon=horizon([100], pv_kw=[-30], export_limit_kw=12), batteries=[])

    assert best.curtailed_kw == pytest.approx((18.0,))
    assert best.cost_eur == pytest.approx(-12 * 90 / 1000)


def test_the_end_may_ask_for_energy_or_value_it() -> None:
    full = battery(soc_kwh=10.0)

    free = optimum(horizon=horizon([100]), batteries=[full])
    kept = optimum(horizon=horizon([100]), batteries=[full], end_kwh={"b": 10.0})
    valued = optimum(horizon=horizon([100]), batteries=[full], end_value_eur_per_kwh=0.2)

    assert free.cost_eur == pytest.approx(-0.9)
    assert kept.battery_kw["b"] == pytest.approx((0.0,))
    # A kWh counts 0.20 then and costs 0.10 now: it fills up.
    assert valued.battery_kw["b"] == pytest.approx((10.0,))
    assert valued.cost_eur == pytest.approx(1.0)


def test_what_cannot_be_is_said() -> None:
    best = optimum(horizon=horizon([100], load_kw=[20], import_limit_kw=10), batteries=[])

    assert best.status == "infeasible"
    assert math.isnan(best.cost_eur)


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one value per slot"):
        optimum(horizon=replace(horizon([100, 200]), import_limit_kw=[1.0]), batteries=[])


@settings(max_examples=30, deadline=None)
@given(
    prices=st.lists(st.integers(20, 500), min_size=2, max_size=8),
    loads=st.lists(st.integers(-40, 40), min_size=8, max_size=8),
    soc=st.floats(5, 95),
)
def test_equal_batteries_are_as_good_as_their_pool(
    prices: list[int], loads: list[int], soc: float
) -> None:
    three = [battery(key, soc, efficiency=0.96) for key in "abc"]
    at = horizon(
        prices,
        load_kw=[max(0, load) for load in loads[: len(prices)]],
        pv_kw=[min(0, load) for load in loads[: len(prices)]],
    )

    each = optimum(horizon=at, batteries=three)
    pool = optimum(horizon=at, batteries=[pooled(three)])

    assert each.cost_eur == pytest.approx(pool.cost_eur, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.integers(20, 500), min_size=2, max_size=10),
    loads=st.lists(st.integers(-40, 25), min_size=10, max_size=10),
    soc=st.floats(0, 100),
    car_soc=st.floats(0, 75),
    stay=st.integers(1, 10),
)
def test_it_is_never_dearer_than_the_own_rule(
    prices: list[int], loads: list[int], soc: float, car_soc: float, stay: int
) -> None:
    count = len(prices)
    at = horizon(
        prices,
        load_kw=[max(0, load) for load in loads[:count]],
        pv_kw=[min(0, load) for load in loads[:count]],
        import_limit_kw=40.0,
        export_limit_kw=25.0,
        slot_s=900.0,
    )
    store = battery(soc_kwh=soc, efficiency=0.9)
    car = Storage("c", 75.0, car_soc, 0.0, 75.0, 22.0, 22.0, 0.92, 0.92)
    departure = min(stay, count)

    cost, end, left = _ruled(at, store, RuleCar(car, 60.0, NOW + departure * _SLOT))
    best = optimum(
        horizon=at,
        batteries=[store],
        visits=[CarVisit(car, 0, departure, left)],
        end_kwh={"b": end},
    )

    assert best.status == "optimal"
    assert best.shortfall_kwh == {}
    assert best.cost_eur <= cost + 1e-6
    _holds(at, best, store)


_SLOT = timedelta(minutes=15)


def _ruled(at: Horizon, store: Storage, car: RuleCar) -> tuple[float, float, float]:
    """The own rule's cost and the energies it ends with, battery and car (at departure)."""
    cost = 0.0
    assert car.departure_at is not None
    for slot in range(at.count):
        now = NOW + slot * _SLOT
        moment = RuleMoment(now, 900.0, at.pv_kw[slot], at.load_kw[slot], 40.0, 25.0)
        cars = [car] if now < car.departure_at else []
        powers = own_rule(
            moment=moment, batteries=[store], cars=cars, pv_curtailable_kw=-at.pv_kw[slot]
        )
        stepped = storage_step(store, powers.batteries["b"], 900.0)
        store, net = stepped.storage, at.load_kw[slot] + stepped.power_kw
        pv = -at.pv_kw[slot]
        net -= pv if powers.pv_limit_kw is None else min(pv, powers.pv_limit_kw)
        if cars:
            charged = storage_step(car.storage, powers.cars["c"], 900.0)
            car, net = replace(car, storage=charged.storage), net + charged.power_kw
        price = at.consumption_eur_per_mwh if net > 0 else at.production_eur_per_mwh
        cost += net * 0.25 / 1000 * price[slot]
    return cost, store.soc_kwh - 1e-9, min(60.0, car.storage.soc_kwh - 1e-9)


def _holds(at: Horizon, best: Optimum, store: Storage) -> None:
    """Our own model of a battery can follow the powers, within the site's limits."""
    for slot, power in enumerate(best.battery_kw["b"]):
        stepped = storage_step(store, power, at.slot_s)
        assert stepped.power_kw == pytest.approx(power, abs=1e-5)
        store = stepped.storage
        assert -25.0 - 1e-6 <= best.grid_kw[slot] <= 40.0 + 1e-6
