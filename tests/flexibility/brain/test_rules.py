"""The own rule: self-consumption, cars by departure, the connection."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.flexibility.brain.rules import RuleCar, RuleMoment, RulePowers, own_rule
from apps.flexibility.brain.storage import Storage, storage_step

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
SLOT_S = 900.0


def battery(key: str = "b", soc_kwh: float = 50.0, kw: float = 50.0) -> Storage:
    return Storage(key, 100.0, soc_kwh, 5.0, 98.0, kw, kw, 0.96, 0.96)


def car(
    key: str = "c",
    *,
    soc_kwh: float = 40.0,
    target_kwh: float = 60.0,
    hours: float | None = 9.0,
    soc_min_kwh: float = 30.0,
) -> RuleCar:
    storage = Storage(key, 75.0, soc_kwh, soc_min_kwh, 75.0, 22.0, 22.0, 1.0, 1.0)
    departure = None if hours is None else NOW + timedelta(hours=hours)
    return RuleCar(storage, target_kwh, departure)


def moment(
    *,
    pv_kw: float = 0.0,
    load_kw: float = 0.0,
    import_limit_kw: float | None = None,
    export_limit_kw: float | None = None,
    duration_s: float = SLOT_S,
) -> RuleMoment:
    return RuleMoment(NOW, duration_s, pv_kw, load_kw, import_limit_kw, export_limit_kw)


def rule(
    at: RuleMoment,
    batteries: list[Storage] | None = None,
    cars: list[RuleCar] | None = None,
    pv_curtailable_kw: float = 0.0,
) -> RulePowers:
    return own_rule(
        moment=at,
        batteries=batteries or [],
        cars=cars or [],
        pv_curtailable_kw=pv_curtailable_kw,
    )


def test_a_surplus_is_shared_by_what_each_battery_can_take() -> None:
    # 50 PV - 20 load = 30 kW over 50 + 25 kW: 20 and 10.
    powers = rule(moment(pv_kw=-50, load_kw=20), [battery("a"), battery("b", kw=25)])

    assert powers.batteries == pytest.approx({"a": 20.0, "b": 10.0})
    assert powers.pv_limit_kw is None


def test_a_shortage_is_fed_and_no_more_than_it() -> None:
    powers = rule(moment(pv_kw=-5, load_kw=20), [battery()])

    assert powers.batteries == {"b": -15.0}


def test_a_battery_at_its_floor_feeds_nothing() -> None:
    assert rule(moment(load_kw=20), [battery(soc_kwh=5.0)]).batteries == {"b": 0.0}


def test_a_car_with_time_waits() -> None:
    # 20 kWh at 22 kW take 55 minutes of the 9 hours.
    assert rule(moment(), cars=[car()]).cars == {"c": 0.0}


def test_a_car_charges_when_it_cannot_wait_any_longer() -> None:
    # Leaves in 75 min, ready 15 min before: 60 min for 20 kWh; after this slot 45 x 22 = 16.5 kWh.
    # 3.5 kWh must come now: 14 kW.
    assert rule(moment(), cars=[car(hours=1.25)]).cars == pytest.approx({"c": 14.0})


def test_a_car_without_departure_charges_at_once_up_to_its_target() -> None:
    assert rule(moment(), cars=[car(hours=None)]).cars == {"c": 22.0}
    assert rule(moment(), cars=[car(hours=None, soc_kwh=58.0)]).cars == pytest.approx({"c": 8.0})


def test_a_surplus_goes_to_the_car_before_the_battery() -> None:
    powers = rule(moment(pv_kw=-30), [battery()], [car()])

    assert powers.cars == {"c": 22.0}
    assert powers.batteries == pytest.approx({"b": 8.0})


def test_above_the_limit_the_car_with_the_most_time_is_cut() -> None:
    powers = rule(
        moment(load_kw=10, import_limit_kw=40),
        cars=[car("late", hours=1.2), car("soon", hours=0.5)],
    )

    assert powers.cars == pytest.approx({"soon": 22.0, "late": 8.0})


def test_batteries_help_below_the_limit() -> None:
    powers = rule(moment(load_kw=10, import_limit_kw=20), [battery()], [car("a", hours=0.5)])

    assert powers.cars == {"a": 22.0}
    assert powers.batteries == {"b": -32.0}


def test_many_cars_behind_a_narrow_connection_begin_sooner() -> None:
    # 4 x 20 kWh through 40 kW take 2 h: with 2.5 h and 15 min of safety only one slot can wait.
    cars = [car(key, hours=2.25) for key in "abcd"]

    powers = rule(moment(import_limit_kw=40), cars=cars)

    assert sum(powers.cars.values()) == pytest.approx(40.0)
    assert rule(moment(), cars=cars).cars == dict.fromkeys("abcd", 0.0)


def test_what_nobody_can_take_is_curtailed_down_to_the_export_limit() -> None:
    # 60 kW of PV, 10 into the battery, 20 to the grid: 30 may be produced.
    powers = rule(moment(pv_kw=-60, export_limit_kw=20), [battery(kw=10)], pv_curtailable_kw=60)

    assert powers.pv_limit_kw == pytest.approx(30.0)


def test_only_what_is_curtailable_is_curtailed() -> None:
    powers = rule(moment(pv_kw=-60, export_limit_kw=20), pv_curtailable_kw=25)

    assert powers.pv_limit_kw == 0.0


storages = st.builds(battery, st.just("b"), st.floats(0, 100), st.floats(0, 80))


@st.composite
def many_cars(draw: st.DrawFn) -> list[RuleCar]:
    return [
        car(
            f"c{number}",
            soc_kwh=draw(st.floats(0, 75)),
            target_kwh=draw(st.floats(0, 75)),
            hours=draw(st.none() | st.floats(-1, 60)),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


@given(
    pv_kw=st.floats(-200, 0),
    load_kw=st.floats(0, 150),
    import_limit_kw=st.none() | st.floats(0, 150),
    export_limit_kw=st.none() | st.floats(0, 150),
    store=storages,
    cars=many_cars(),
)
def test_limits_and_bounds_hold_and_no_battery_trades_with_the_grid(
    pv_kw: float,
    load_kw: float,
    import_limit_kw: float | None,
    export_limit_kw: float | None,
    store: Storage,
    cars: list[RuleCar],
) -> None:
    at = moment(
        pv_kw=pv_kw,
        load_kw=load_kw,
        import_limit_kw=import_limit_kw,
        export_limit_kw=export_limit_kw,
    )

    powers = rule(at, [store], cars, pv_curtailable_kw=-pv_kw)

    battery_kw = powers.batteries["b"]
    produced = -pv_kw if powers.pv_limit_kw is None else min(-pv_kw, powers.pv_limit_kw)
    net = load_kw - produced + sum(powers.cars.values()) + battery_kw
    assert storage_step(store, battery_kw, SLOT_S).power_kw == pytest.approx(battery_kw)
    for one in cars:
        drawn = powers.cars[one.storage.key]
        assert 0 <= drawn <= 22.0
        assert storage_step(one.storage, drawn, SLOT_S).power_kw == pytest.approx(drawn)
    if battery_kw > 0:
        assert net <= 1e-6
    if battery_kw < 0:
        assert net >= -1e-6
    if import_limit_kw is not None:
        # What the load alone draws above the limit, with the battery giving all it can.
        assert net <= max(import_limit_kw, load_kw + pv_kw + battery_kw) + 1e-6
        if net > import_limit_kw + 1e-6:
            assert sum(powers.cars.values()) == 0
            assert battery_kw == storage_step(store, -1000, SLOT_S).power_kw
    if export_limit_kw is not None:
        assert -net <= export_limit_kw + 1e-6


@settings(max_examples=60)
@example(needs=[2.0, 29.0, 50.0], slots=10, limit_kw=40.0, load_kw=4.0)
@given(
    needs=st.lists(st.floats(0, 60), min_size=1, max_size=6),
    slots=st.integers(2, 30),
    limit_kw=st.floats(20, 120),
    load_kw=st.floats(0, 15),
)
def test_cars_are_ready_when_it_is_possible(
    needs: list[float], slots: int, limit_kw: float, load_kw: float
) -> None:
    # One departure for all: possible when each alone and all together fit in, less the safety.
    hours = slots / 4
    longest, together = (hours - 0.25) * 22.0, (hours - 0.25) * (limit_kw - load_kw)
    needs = [min(need, longest) for need in needs]
    needs = [need * min(1.0, together / max(sum(needs), 1e-9)) for need in needs]
    cars = [
        car(f"c{number}", soc_kwh=10.0, target_kwh=10.0 + need, hours=hours, soc_min_kwh=0.0)
        for number, need in enumerate(needs)
    ]
    for number in range(slots):
        at = RuleMoment(
            NOW + timedelta(seconds=SLOT_S * number), SLOT_S, 0.0, load_kw, limit_kw, None
        )
        powers = rule(at, cars=cars)
        assert sum(powers.cars.values()) + load_kw <= limit_kw + 1e-6
        cars = [
            RuleCar(
                storage_step(one.storage, powers.cars[one.storage.key], SLOT_S).storage,
                one.target_kwh,
                one.departure_at,
            )
            for one in cars
        ]

    assert [one.storage.soc_kwh for one in cars] == pytest.approx(
        [one.target_kwh for one in cars], abs=1e-6
    )
