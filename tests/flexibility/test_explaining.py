"""Why a set-point is what it is: each code with its numbers, and what can never be said at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.basis import PlanBasis
from apps.flexibility.choices import ControlMode
from apps.flexibility.explaining import (
    Carried,
    Code,
    Fact,
    Planned,
    SiteView,
    Subject,
    SubjectKind,
    why,
)
from cariflex.common.units import QUARTER_HOUR

START = datetime(2026, 3, 11, 12, tzinfo=UTC)
# Cheap, usual, dear, usual.
PRICES = (40.0, 80.0, 200.0, 80.0)


def at(slot: int) -> datetime:
    return START + slot * QUARTER_HOUR


def basis_of(count: int = 4, **changes: Any) -> PlanBasis:
    """A site that neither draws nor produces, without limits, at the four prices."""
    zeros, none = (0.0,) * count, (None,) * count
    prices = changes.pop("prices", PRICES)
    values = {
        "consumption_eur_per_mwh": prices,
        "production_eur_per_mwh": tuple(price - 10 for price in prices),
        "steering_eur_per_mwh": prices, "co2_g_per_kwh": none, "pv_kw": zeros, "load_kw": zeros,
        "charging_kw": zeros, "import_limit_kw": none, "export_limit_kw": none, **changes,
    }  # fmt: skip
    return PlanBasis(start=START, resolution_s=900, forecast_methods={}, **values)


def slots_of(powers: Sequence[float], socs: Sequence[float | None] = ()) -> dict[datetime, Planned]:
    known = [*socs, *[50.0] * (len(powers) - len(socs))]
    return {at(n): Planned(power, known[n]) for n, power in enumerate(powers)}


def battery(powers: Sequence[float], socs: Sequence[float | None] = (), **changes: Any) -> Subject:
    """50 kW, 100 kWh, 10 to 90 %, 90 % there and back."""
    return replace(
        Subject(SubjectKind.BATTERY, slots_of(powers, socs), 50.0, 50.0, 100.0,
                soc_min_percent=10.0, soc_max_percent=90.0, round_trip_efficiency=0.9),
        **changes,
    )  # fmt: skip


def car(powers: Sequence[float], socs: Sequence[float | None] = (), **changes: Any) -> Subject:
    """11 kW both ways, 60 kWh, 80 % wanted, 45 % as the plan begins."""
    return replace(
        Subject(SubjectKind.CAR, slots_of(powers, socs), 11.0, 11.0, 60.0, soc_start_percent=45.0,
                soc_min_percent=40.0, soc_max_percent=90.0, target_soc_percent=80.0,
                departure_at=at(40)),
        **changes,
    )  # fmt: skip


def site(basis: PlanBasis | None = None, planned_kw: float | None = None, **more: Any) -> SiteView:
    known = {} if planned_kw is None else {at(n): planned_kw for n in range(4)}
    return SiteView(basis or basis_of(), known, **more)


def told(subject: Subject, slot: int, view: SiteView | None = None,
         carried: Carried | None = None) -> dict[Code, dict[str, Any]]:  # fmt: skip
    """The facts by code, their numbers rounded."""
    facts = why(subject=subject, site=view or site(), at=at(slot), carried=carried)
    assert len({fact.code for fact in facts}) == len(facts)
    return {
        fact.code: {k: round(v, 6) if isinstance(v, float) else v for k, v in fact.numbers.items()}
        for fact in facts
    }


def test_energy_charged_in_the_cheapest_slot_is_kept_for_the_dearest() -> None:
    assert told(battery([20, 0, -15, -1]), 0) == {
        Code.CHARGES: {"power_kw": 20},
        Code.PRICE_RANK: {"price": 40.0, "cheaper": 0, "dearer": 3, "count": 4},
        Code.BOUGHT: {"bought_kw": 20},
        Code.KEPT_FOR: {"at": at(2), "price": 200.0},
    }


def test_what_is_fed_in_was_stored_at_its_cheapest() -> None:
    assert told(battery([20, 5, -15, 0]), 2) == {
        Code.DISCHARGES: {"power_kw": 15},
        Code.PRICE_RANK: {"price": 200.0, "cheaper": 3, "dearer": 0, "count": 4},
        Code.FED_IN: {"fed_in_kw": 15, "price": 190.0},
        Code.STORED_AT: {"at": at(0), "price": 40.0},
    }


def test_two_batteries_share_the_sun() -> None:
    # 30 kW of sun, 6 kW of load: 24 kW left. Both charge 40 kW together, this one 10 of them.
    sunny = basis_of(pv_kw=(-30.0,) * 4, load_kw=(6.0,) * 4)

    facts = told(battery([10, 0, 0, 0]), 0, site(sunny, planned_kw=40.0))

    assert facts[Code.SUN_STORED] == {"stored_kw": 6.0, "surplus_kw": 24.0}
    assert facts[Code.BOUGHT] == {"bought_kw": 4.0}


def test_what_the_site_needs_is_covered_before_anything_is_fed_in() -> None:
    needy = basis_of(load_kw=(12.0,) * 4, charging_kw=(4.0,) * 4)

    # 16 kW needed, 20 kW discharged by two batteries, this one 10: 8 of them are used here.
    facts = told(battery([0, 0, -10, 0]), 2, site(needy, planned_kw=-20.0))

    assert facts[Code.COVERS_NEED] == {"covered_kw": 8.0}
    assert facts[Code.FED_IN] == {"fed_in_kw": 2.0, "price": 190.0}


def test_an_idle_battery_waits_for_its_next_slot() -> None:
    facts = told(battery([0, 0, -15, 0]), 0)

    assert facts[Code.RESTS] == {}
    assert facts[Code.WAITS_FOR] == {"at": at(2), "price": 200.0, "power_kw": -15}
    assert Code.NO_GAIN not in facts


def test_a_spread_below_the_losses_gains_nothing() -> None:
    # 0.9 x 88 = 79.2 < 80.
    flat = basis_of(prices=(80.0, 88.0, 80.0, 80.0))

    assert told(battery([0, 0, 0, 0]), 0, site(flat))[Code.NO_GAIN] == {
        "lowest": 80.0, "highest": 88.0, "efficiency": 90.0,
    }  # fmt: skip
    # 0.9 x 89 = 80.1 > 80.
    steep = basis_of(prices=(80.0, 89.0, 80.0, 80.0))
    assert Code.NO_GAIN not in told(battery([0, 0, 0, 0]), 0, site(steep))


@pytest.mark.parametrize(
    ("power_kw", "soc", "code", "numbers"),
    [
        (-15, 10.4, Code.SOC_FLOOR, {"soc": 10.4, "floor": 10.0}),
        (0, 10.0, Code.SOC_FLOOR, {"soc": 10.0, "floor": 10.0}),
        (20, 89.6, Code.SOC_CEILING, {"soc": 89.6, "ceiling": 90.0}),
        (0, 90.0, Code.SOC_CEILING, {"soc": 90.0, "ceiling": 90.0}),
        (50, 60.0, Code.RATING, {"rated_kw": 50.0}),
        (-49.95, 60.0, Code.RATING, {"rated_kw": 50.0}),
    ],
)
def test_what_a_battery_can_not_do(
    power_kw: float, soc: float, code: Code, numbers: dict[str, float]
) -> None:
    facts = told(battery([power_kw] * 4, [soc] * 4), 1)

    limits = {Code.SOC_FLOOR, Code.SOC_CEILING, Code.RATING} & facts.keys()
    assert limits == {code}
    assert facts[code] == numbers


def test_a_battery_that_leaves_its_floor_is_not_held_by_it() -> None:
    assert Code.SOC_FLOOR not in told(battery([5] * 4, [10.2] * 4), 1)


@pytest.mark.parametrize(
    ("planned_kw", "limits", "connection", "code", "limit_kw"),
    [
        (60.0, {"import_limit_kw": (60.0,) * 4}, 60.0, Code.IMPORT_LIMIT, 60.0),
        (60.0, {"import_limit_kw": (60.0,) * 4}, 100.0, Code.IMPORT_REQUEST, 60.0),
        (60.0, {"import_limit_kw": (60.0,) * 4}, None, Code.IMPORT_REQUEST, 60.0),
        (-30.0, {"export_limit_kw": (30.0,) * 4}, 30.0, Code.EXPORT_LIMIT, 30.0),
        (-30.0, {"export_limit_kw": (30.0,) * 4}, 31.0, Code.EXPORT_REQUEST, 30.0),
        (59.0, {"import_limit_kw": (60.0,) * 4}, 60.0, None, 0.0),
        (-29.0, {"export_limit_kw": (30.0,) * 4}, 30.0, None, 0.0),
    ],
)
def test_the_connection_or_the_grid_binds(
    planned_kw: float, limits: dict[str, Any], connection: float, code: Code | None, limit_kw: float
) -> None:
    view = site(basis_of(**limits), planned_kw=planned_kw, connection_import_kw=connection,
                connection_export_kw=connection)  # fmt: skip

    facts = told(battery([planned_kw / 2] * 4), 1, view)

    bound = {c for c in facts if c.endswith(("_limit", "_request"))}
    assert bound == ({code} if code else set())
    assert code is None or facts[code] == {"limit_kw": limit_kw}


def test_a_reserve_is_told_of_batteries_only() -> None:
    view = site(reserve_kw=20.0)

    assert told(battery([0] * 4), 0, view)[Code.RESERVE] == {"reserve_kw": 20.0}
    assert Code.RESERVE not in told(car([0] * 4), 0, view)


def test_the_objective_is_told_where_it_changes_the_price() -> None:
    greener = basis_of(steering_eur_per_mwh=(440.0, 80.0, 200.0, 80.0))

    assert told(battery([0] * 4), 0, site(greener))[Code.OBJECTIVE] == {
        "price": 40.0, "steering": 440.0,
    }  # fmt: skip
    assert Code.OBJECTIVE not in told(battery([0] * 4), 1, site(greener))


def test_a_car_must_leave_with_what_it_needs() -> None:
    # From 45 % to 80 % of 60 kWh: 21 kWh. In the next slot it has 48 %: 19.2 kWh.
    subject = car([8, 0, 0, 0], [48.0, 48.0, 48.0, 48.0])

    assert told(subject, 0)[Code.CAR_LEAVES] == {"at": at(40), "needs_kwh": 21.0, "target": 80.0}
    assert told(subject, 1)[Code.CAR_LEAVES]["needs_kwh"] == 19.2


def test_a_car_without_departure_is_charged_at_once() -> None:
    subject = car([11, 11, 0, 0], departure_at=None, shortfall_kwh=2.5)

    assert told(subject, 0)[Code.CAR_AT_ONCE] == {"needs_kwh": 21.0, "target": 80.0}
    assert told(subject, 0)[Code.CAR_SHORT] == {"shortfall_kwh": 2.5}


def test_a_car_that_has_what_it_wants_is_ready() -> None:
    facts = told(car([0, 0, 0, 0], [80.0] * 4), 1)

    assert facts[Code.CAR_READY] == {"target": 80.0}
    assert Code.CAR_LEAVES not in facts


def test_a_plant_is_free_or_curtailed() -> None:
    costly = basis_of(prices=(-5.0, 80.0, 80.0, 80.0), pv_kw=(-40.0,) * 4,
                      export_limit_kw=(30.0,) * 4)  # fmt: skip
    plant = Subject(SubjectKind.PV, {at(0): Planned(-25.0)}, 0.0, 50.0)

    assert told(plant, 0, site(costly, connection_export_kw=30.0)) == {
        Code.PV_CURTAILED: {"limit_kw": 25.0, "expected_kw": 40.0},
        Code.FEEDING_COSTS: {"price": -15.0},
        Code.EXPORT_LIMIT: {"limit_kw": 30.0},
        Code.PRICE_RANK: {"price": -5.0, "cheaper": 0, "dearer": 3, "count": 4},
    }
    assert told(plant, 1, site(costly)) == {
        Code.PV_FREE: {"expected_kw": 40.0},
        Code.PRICE_RANK: {"price": 80.0, "cheaper": 1, "dearer": 0, "count": 4},
    }


@pytest.mark.parametrize(
    ("carried", "code", "numbers"),
    [
        (Carried(ControlMode.HOLD, "unavailable"), Code.HELD, {"reason": "unavailable"}),
        (Carried(ControlMode.FALLBACK, "no_plan_yet"), Code.OWN_RULE, {"reason": "no_plan_yet"}),
        (Carried(ControlMode.FALLBACK, by_operator=True), Code.OPERATOR, {}),
        (Carried(by_grid=True, by_operator=True), Code.GRID, {}),
        (Carried(setpoint_kw=18.0), Code.CORRECTED, {"planned_kw": 20, "setpoint_kw": 18.0}),
        (Carried(setpoint_kw=0.0, soc_percent=90.1), Code.SOC_WINDOW,
         {"planned_kw": 20, "setpoint_kw": 0.0, "soc": 90.1}),
        # 5 % of 50 kW: 2.5 kW.
        (Carried(setpoint_kw=20.0, measured_kw=17.4), Code.DIFFERS,
         {"setpoint_kw": 20.0, "measured_kw": 17.4}),
    ],
)  # fmt: skip
def test_what_became_of_it(carried: Carried, code: Code, numbers: dict[str, Any]) -> None:
    plain = told(battery([20] * 4), 0)

    facts = told(battery([20] * 4), 0, carried=carried)

    assert facts.keys() - plain.keys() == {code}
    assert facts[code] == numbers


def test_who_follows_its_plan_has_nothing_more_to_say() -> None:
    carried = Carried(setpoint_kw=20.05, measured_kw=17.6, soc_percent=50.0)

    assert told(battery([20] * 4), 0, carried=carried) == told(battery([20] * 4), 0)


@pytest.mark.parametrize("slot", [-1, 4])
def test_outside_of_the_plan_there_is_none(slot: int) -> None:
    assert told(battery([20] * 4), slot) == {Code.NO_PLAN: {}}


def test_without_a_plan_the_own_rule_is_told() -> None:
    carried = Carried(ControlMode.FALLBACK, "prices_missing", setpoint_kw=5.0, measured_kw=-5.0)

    facts = why(subject=battery([]), site=SiteView(None, {}), at=START, carried=carried)

    assert facts == (
        Fact(Code.NO_PLAN),
        Fact(Code.OWN_RULE, {"reason": "prices_missing"}),
        Fact(Code.DIFFERS, {"setpoint_kw": 5.0, "measured_kw": -5.0}),
    )


NEVER_TOGETHER = [
    {Code.NO_PLAN, Code.CHARGES, Code.DISCHARGES, Code.RESTS, Code.PV_FREE, Code.PV_CURTAILED},
    {Code.HELD, Code.OWN_RULE, Code.OPERATOR, Code.GRID},
    {Code.KEPT_FOR, Code.STORED_AT, Code.WAITS_FOR, Code.NO_GAIN},
    {Code.SUN_STORED, Code.COVERS_NEED}, {Code.SUN_STORED, Code.FED_IN},
    {Code.BOUGHT, Code.FED_IN}, {Code.BOUGHT, Code.COVERS_NEED},
    {Code.RESTS, Code.SUN_STORED}, {Code.RESTS, Code.RATING}, {Code.RESTS, Code.FED_IN},
    {Code.CAR_LEAVES, Code.CAR_AT_ONCE, Code.CAR_READY},
    {Code.SOC_FLOOR, Code.SOC_CEILING},
    {Code.IMPORT_LIMIT, Code.EXPORT_LIMIT, Code.IMPORT_REQUEST, Code.EXPORT_REQUEST},
    {Code.SOC_WINDOW, Code.CORRECTED}, {Code.SOC_WINDOW, Code.OWN_RULE},
    {Code.CORRECTED, Code.HELD}, {Code.CORRECTED, Code.OPERATOR},
]  # fmt: skip

powers = st.floats(-60, 60)
shares = st.floats(0, 100)
many = st.lists(powers, min_size=4, max_size=4).map(tuple)
limits = st.lists(st.none() | st.floats(0, 100), min_size=4, max_size=4).map(tuple)


@given(
    kind=st.sampled_from(SubjectKind),
    planned=st.dictionaries(
        st.integers(-1, 4).map(at), st.builds(Planned, powers, st.none() | shares)
    ),
    basis=st.none()
    | st.builds(
        basis_of, prices=st.lists(st.floats(-100, 500), min_size=4, max_size=4).map(tuple),
        steering_eur_per_mwh=many, pv_kw=many, load_kw=many, charging_kw=many,
        import_limit_kw=limits, export_limit_kw=limits,
    ),
    view=st.builds(
        SiteView, st.none(), st.dictionaries(st.integers(0, 3).map(at), powers),
        st.none() | shares, st.none() | shares, shares,
    ),
    socs=st.tuples(shares, shares),
    target=st.none() | shares,
    leaves=st.none() | st.just(START + timedelta(hours=9)),
    slot=st.integers(-1, 4),
    carried=st.none()
    | st.builds(
        Carried, st.sampled_from(ControlMode), st.just("unavailable"), st.booleans(),
        st.booleans(), st.none() | powers, st.none() | powers, st.none() | shares,
    ),
)  # fmt: skip
def test_something_is_always_said_and_nothing_against_it(
    kind: SubjectKind, planned: dict[datetime, Planned], basis: PlanBasis | None, view: SiteView,
    socs: tuple[float, float], target: float | None, leaves: datetime | None, slot: int,
    carried: Carried | None,
) -> None:  # fmt: skip
    subject = Subject(
        kind, planned, 50.0, 40.0, 100.0, 30.0, min(socs), max(socs), 0.9, leaves, target
    )

    facts = why(subject=subject, site=replace(view, basis=basis), at=at(slot), carried=carried)

    codes = [fact.code for fact in facts]
    assert codes
    assert len(set(codes)) == len(codes)
    for group in NEVER_TOGETHER:
        assert len(group & set(codes)) <= 1, (codes, group)
    for fact in facts:
        for name, number in fact.numbers.items():
            assert not name.endswith("_kw") or name in SIGNED or number >= 0, fact


SIGNED = {"power_kw", "planned_kw", "setpoint_kw", "measured_kw"}
