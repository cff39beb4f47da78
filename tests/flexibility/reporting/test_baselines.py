"""A month beside what it would have been, by hand."""

from decimal import Decimal

import pytest

from apps.flexibility.reporting.baselines import (
    CaseName,
    NoCases,
    comparison,
    rules_walk,
    storage_of,
)
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


def test_what_has_no_price_or_was_not_measured_is_in_no_case() -> None:
    slots = (
        slot(0, load_kw=8.0),
        slot(1, load_kw=8.0, price_eur_per_mwh=None),
        slot(2, load_kw=8.0, pv_kw=None),
        slot(3, load_kw=8.0),
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
