"""A month beside what it would have been, by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.reporting.baselines import (
    WALKS,
    CaseName,
    NoCases,
    comparison,
    foresight_walk,
    rules_walk,
    storage_of,
)
from apps.flexibility.reporting.month import ReportMonth
from tests.flexibility.reporting.months import battery, month, slot

D = Decimal
RULES = {CaseName.RULES: rules_walk}


def arbitrage() -> tuple:
    """Charged at 60 without sun, discharged at 200: what a plan does and the own rule does not."""
    return (
        slot(0, battery_kw=(40.0,), price_eur_per_mwh=D(60), load_kw=8.0),
        slot(1, battery_kw=(-32.0,), price_eur_per_mwh=D(200), load_kw=8.0),
    )


def test_batteries_idle_is_the_rest_alone() -> None:
    told = comparison(month(*arbitrage()), {})

    idle = told.case(CaseName.NO_CONTROL)
    actual = told.case(CaseName.ACTUAL)

    assert idle is not None
    assert actual is not None
    # 2 kWh x 0.06 + 2 kWh x 0.20
    assert idle.cost_eur == D("0.52")
    assert (idle.stored_kwh, idle.import_kwh, idle.export_kwh, idle.peak_kw) == (0.0, 4.0, 0.0, 8.0)
    # 12 kWh x 0.06 - 6 kWh x (0.20 - 0.01); 8 kWh in, 8 kWh out of the cells.
    assert actual.cost_eur == D("0.72") - D("1.14") == D("-0.42")
    assert actual.stored_kwh == pytest.approx(0.0)
    assert told.saving_eur(CaseName.NO_CONTROL) == D("0.94")
    # (4 - 0) kWh x 0.5 kg; actual (12 - 6) kWh x 0.5 kg
    assert (idle.co2_kg, actual.co2_kg) == (2.0, 3.0)


def test_the_own_rule_feeds_the_load_and_never_sells() -> None:
    told = comparison(month(*arbitrage()), RULES)

    rules = told.case(CaseName.RULES)

    assert rules is not None
    # The battery begins with 40 kWh above its floor: it feeds both quarter hours, 2 kWh each.
    assert (rules.cost_eur, rules.import_kwh, rules.export_kwh) == (D("0"), 0.0, 0.0)
    assert rules.stored_kwh == pytest.approx(-4.0)
    # It is 4 kWh emptier; a MWh is worth (60 + 200) / 2.
    assert rules.stored_eur == D("-0.52")
    assert rules.comparable_eur == D("0.52")
    assert told.saving_eur(CaseName.RULES) == D("0.94")


def test_the_own_rule_stores_the_surplus_up_to_the_edge_of_its_window() -> None:
    full = month(
        slot(0, pv_kw=-40.0), slot(1, pv_kw=-40.0),
        batteries=(battery(soc_start_percent=82.0),),
    )  # fmt: skip

    rules = comparison(full, RULES).case(CaseName.RULES)

    # 8 kWh of room take 10 kWh at 80 %: the whole first quarter hour, nothing of the second.
    assert rules is not None
    assert rules.stored_kwh == pytest.approx(8.0)
    assert rules.export_kwh == pytest.approx(10.0)


def test_two_batteries_share_the_surplus() -> None:
    two = month(
        slot(0, pv_kw=-30.0, battery_kw=(0.0, 0.0)),
        batteries=(battery(), battery(code="bat-2", rated_power_kw=25.0)),
    )

    (powers,) = rules_walk(two, two.slots, [storage_of(one) for one in two.batteries])

    assert powers == {"bat-1": pytest.approx(20.0), "bat-2": pytest.approx(10.0)}


def test_what_has_no_price_no_measurement_or_not_every_battery_is_in_no_case() -> None:
    slots = (
        slot(0, load_kw=8.0),
        slot(1, load_kw=8.0, price_eur_per_mwh=None),
        slot(2, load_kw=8.0, pv_kw=None),
        slot(3, load_kw=8.0),
        slot(4, load_kw=8.0, has_all_batteries=False),
    )

    told = comparison(month(*slots), RULES)

    assert told.slot_count == 2
    assert [case.import_kwh for case in told.cases] == [4.0, 4.0, 0.0]


def test_energy_left_in_the_battery_is_worth_what_it_can_still_give() -> None:
    kept = month(slot(0, battery_kw=(40.0,)), batteries=(battery(discharging_efficiency=0.5),))

    actual = comparison(kept, {}).case(CaseName.ACTUAL)

    # 10 kWh x 0.8 stored, half of it comes out again, at 0.10 a kWh.
    assert actual is not None
    assert actual.cost_eur == D("1")
    assert actual.stored_eur == D("0.4")
    assert actual.comparable_eur == D("0.6")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (month(slot(0), batteries=()), NoCases.NO_BATTERY),
        (month(slot(0, price_eur_per_mwh=None)), NoCases.NO_SLOTS),
        (month(slot(0), batteries=(battery(soc_start_percent=None),)), NoCases.SOC_UNKNOWN),
    ],
)
def test_a_month_that_cannot_be_compared_says_why(what: object, reason: NoCases) -> None:
    told = comparison(what, RULES)  # type: ignore[arg-type]

    assert (told.cases, told.reason) == ((), reason)
    assert told.saving_eur(CaseName.RULES) is None
    assert told.possible_percent(CaseName.RULES) is None


def test_without_co2_of_each_quarter_hour_no_case_has_any() -> None:
    told = comparison(month(slot(0), slot(1, co2_g_per_kwh=None)), {})

    assert [case.co2_kg for case in told.cases] == [None, None]


def test_a_battery_that_began_outside_of_its_window_begins_at_its_edge() -> None:
    assert storage_of(battery(soc_start_percent=3.0)).soc_kwh == 10.0
    assert storage_of(battery(soc_start_percent=97.0)).soc_kwh == 90.0


def test_foresight_buys_cheap_and_sells_dear() -> None:
    told = comparison(month(*arbitrage()), WALKS)

    best = told.case(CaseName.FORESIGHT)

    # 130 EUR/MWh is what is left worth: charging at 60 gives 0.8 x 130 = 104 for each MWh drawn,
    # so 50 kW; selling at 190 beats 130, so 50 kW out: (50 + 8) / 4 x 0.06 - (50 - 8) / 4 x 0.19.
    assert best is not None
    assert best.cost_eur == pytest.approx(D("0.87") - D("1.995"))
    # 10 kWh in, 12.5 kWh out.
    assert best.stored_kwh == pytest.approx(-2.5)
    assert best.comparable_eur == pytest.approx(D("-1.125") + D("0.325"))
    # Idle 0.52, foresight -0.80, actual -0.42: 0.94 of 1.32 saved.
    assert told.possible_percent(CaseName.NO_CONTROL) == pytest.approx(100 * 0.94 / 1.32)


def test_foresight_stays_within_the_connection() -> None:
    narrow = month(*arbitrage(), import_limit_kw=20.0, export_limit_kw=10.0)

    best = comparison(narrow, WALKS).case(CaseName.FORESIGHT)

    assert best is not None
    assert (best.import_kwh, best.export_kwh) == pytest.approx((5.0, 2.5))


def test_foresight_may_exceed_the_connection_as_far_as_the_rest_does() -> None:
    beyond = month(slot(0, load_kw=30.0), import_limit_kw=20.0, batteries=(
        battery(soc_start_percent=10.0),
    ))  # fmt: skip

    best = comparison(beyond, WALKS).case(CaseName.FORESIGHT)

    assert best is not None
    assert best.peak_kw == pytest.approx(30.0)


powers = st.floats(0, 120).map(lambda value: round(value, 3))


@st.composite
def months(draw: st.DrawFn) -> ReportMonth:
    count = draw(st.integers(1, 10))
    batteries = tuple(
        battery(
            code=f"bat-{number}",
            capacity_kwh=draw(st.floats(10, 200)),
            rated_power_kw=draw(st.floats(1, 80)),
            charging_efficiency=draw(st.sampled_from([0.8, 0.95, 1.0])),
            soc_start_percent=draw(st.floats(0, 100)),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    slots = tuple(
        slot(
            number,
            pv_kw=-draw(powers),
            battery_kw=(0.0,) * len(batteries),
            load_kw=draw(powers),
            price_eur_per_mwh=draw(st.decimals(-100, 500, places=2)),
        )
        for number in range(count)
    )
    limit = draw(st.one_of(st.none(), st.floats(0, 200)))
    return month(*slots, batteries=batteries, import_limit_kw=limit, export_limit_kw=limit)


@given(months())
def test_foresight_is_never_dearer_than_the_own_rule_or_idle_batteries(
    any_month: ReportMonth,
) -> None:
    told = comparison(any_month, WALKS)

    best = told.case(CaseName.FORESIGHT)

    assert best is not None
    for other in (CaseName.RULES, CaseName.NO_CONTROL):
        case = told.case(other)
        assert case is not None
        assert best.comparable_eur <= case.comparable_eur + D("0.00001")


@given(months())
def test_the_own_rule_keeps_each_battery_in_its_window(any_month: ReportMonth) -> None:
    walked = rules_walk(any_month, any_month.slots, [storage_of(b) for b in any_month.batteries])

    for one in any_month.batteries:
        soc_kwh = storage_of(one).soc_kwh
        for powers_kw in walked:
            soc_kwh += one.stored_kwh(powers_kw[one.code] / 4)
            assert one.capacity_kwh * 0.1 - 1e-6 <= soc_kwh <= one.capacity_kwh * 0.9 + 1e-6


def test_no_way_through_is_no_case() -> None:
    told = comparison(month(*arbitrage()), {CaseName.FORESIGHT: lambda *_: None})

    assert [case.name for case in told.cases] == [CaseName.ACTUAL, CaseName.NO_CONTROL]
    assert told.possible_percent(CaseName.NO_CONTROL) is None


def test_batteries_of_one_kind_are_solved_as_one_and_share() -> None:
    two = month(
        slot(0, battery_kw=(0.0, 0.0), price_eur_per_mwh=D(60)),
        slot(1, battery_kw=(0.0, 0.0), price_eur_per_mwh=D(200)),
        batteries=(battery(), battery(code="bat-2", capacity_kwh=50.0, rated_power_kw=25.0)),
    )

    walked = foresight_walk(two, two.slots, [storage_of(one) for one in two.batteries])

    assert walked is not None
    assert [one["bat-1"] for one in walked] == pytest.approx([50.0, -50.0])
    assert [one["bat-2"] for one in walked] == pytest.approx([25.0, -25.0])
