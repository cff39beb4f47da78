"""The bench of value stands on these: equal batteries stay equal, and the guard holds."""

from datetime import timedelta

import pytest

from bench.value_engine import (
    Plugged,
    Powers,
    Seen,
    guarded,
    run,
)
from bench.value_strategies import LpPlanner, NoControl, Options, PlanStrategy, Rules, bound
from bench.value_world import EXPORT_LIMIT_KW, IMPORT_LIMIT_KW, World, world


@pytest.fixture(scope="module")
def month() -> World:
    return world(days=2, seed=3)


class Watched(PlanStrategy):
    """Keeps the widest spread of the batteries' energies that was ever seen."""

    spread_kwh = 0.0

    def powers(self, seen: Seen) -> Powers:
        socs = [one.soc_kwh for one in seen.batteries]
        self.spread_kwh = max(self.spread_kwh, max(socs) - min(socs))
        return super().powers(seen)


def test_equal_batteries_stay_equal_under_plans_and_guard(month: World) -> None:
    strategy = Watched("plans", month, LpPlanner(), Options(), foresight=False)

    account = run(month, strategy)

    assert account.throughput_kwh > 1_000
    assert account.guarded_h > 1
    assert strategy.spread_kwh == pytest.approx(0.0, abs=1e-9)


def test_the_same_seed_is_the_same_month() -> None:
    one, other = world(days=2, seed=3), world(days=2, seed=3)

    assert one.visits == other.visits
    assert one.price == other.price
    assert one.pv_step_kw == other.pv_step_kw
    assert world(days=2, seed=4).price != one.price


def test_prices_are_known_from_13_local_of_the_day_before(month: World) -> None:
    # The series' third day begins at 04:00 UTC; 17:00 UTC is 13:00 local.
    noon = month.start
    tomorrow = month.slot(noon + timedelta(hours=18))

    before = month.known_prices(noon + timedelta(minutes=55), tomorrow, 1)
    after = month.known_prices(noon + timedelta(hours=1), tomorrow, 1)

    assert before == [month.day_ahead[tomorrow - 96]]
    assert after == [month.day_ahead[tomorrow]]


def test_a_forecast_uses_nothing_of_the_future(month: World) -> None:
    now = month.start + timedelta(hours=20)
    here = month.slot(now)
    forecasts = month.pv_forecast(now, here, 96), month.load_forecast(now, here, 96)

    blind = world(days=2, seed=3)
    for series in (blind.pv_kw, blind.load_kw):
        series[here:] = [0.0] * (len(series) - here)

    assert (blind.pv_forecast(now, here, 96), blind.load_forecast(now, here, 96)) == forecasts


def test_the_guard_cuts_batteries_before_cars_and_the_car_with_most_time_first(
    month: World,
) -> None:
    visits = [visit for visit in month.visits if visit.is_feasible][:2]
    now = max(visit.arrives for visit in visits)
    cars = [Plugged(visit, visit.storage()) for visit in visits]
    batteries = month.batteries()
    seen = Seen(now, 0, 0.0, 90.0, batteries, cars)
    wanted = Powers({one.key: 50.0 for one in batteries}, {v.key: 22.0 for v in visits})

    done = guarded(seen, wanted)

    # 90 of load leave 30 of 120: one car whole, the other 8, no battery.
    assert sum(done.batteries.values()) == pytest.approx(0.0)
    assert sorted(done.cars.values()) == pytest.approx([8.0, 22.0])
    assert 90 + sum(done.cars.values()) == pytest.approx(IMPORT_LIMIT_KW)


def test_the_guard_holds_the_export_limit(month: World) -> None:
    batteries = month.batteries()
    seen = Seen(month.start, 0, -200.0, 10.0, batteries, [])

    done = guarded(seen, Powers({one.key: -50.0 for one in batteries}))

    net = 10 - done.pv_limit_kw + sum(done.batteries.values())
    assert net == pytest.approx(-EXPORT_LIMIT_KW)


def test_energy_is_conserved_without_control(month: World) -> None:
    account = run(month, NoControl())

    first, after = month.slot(month.start), month.slot(month.end)
    rest = sum(month.load_kw[first:after]) / 4 + sum(month.pv_kw[first:after]) / 4
    charged = account.import_kwh - account.export_kwh - rest
    wanted = sum(
        min(v.target_kwh, v.soc_kwh + (v.leaves - v.arrives).total_seconds() / 3600 * 20.24)
        - v.soc_kwh
        for v in month.visits
    )
    assert charged * 0.92 <= wanted + 1e-6
    assert charged * 0.92 >= 0.97 * wanted
    assert account.throughput_kwh == 0


def test_nobody_is_cheaper_than_the_bound(month: World) -> None:
    best = bound(month)
    plans = PlanStrategy("plans", month, LpPlanner(), Options(), foresight=True)

    accounts = [run(month, strategy) for strategy in (NoControl(), Rules(), plans)]

    assert best.status == "optimal"
    for account in accounts:
        assert account.missed_feasible == []
        assert account.above_limit_s == 0
    costs = [account.cost_eur for account in accounts]
    assert costs[0] > costs[1] > costs[2] > best.cost_eur - 500 * 0.22
