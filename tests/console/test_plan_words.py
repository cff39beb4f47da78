"""The sentences for the facts behind a set-point."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from apps.console.plan_words import fact_words
from apps.flexibility.explaining import Code, Fact, Number

AT = datetime(2026, 3, 11, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Guadeloupe")
LATER = AT + timedelta(hours=10)
CASES: list[tuple[Code, dict[str, Number], str]] = [
    (Code.NO_PLAN, {}, "No plan covers this quarter hour."),
    (Code.CHARGES, {"power_kw": 20.0}, "The plan charges it with 20.0 kW."),
    (Code.DISCHARGES, {"power_kw": 0.5}, "The plan discharges it with 500 W."),
    (Code.RESTS, {}, "The plan neither charges nor discharges it."),
    (Code.PV_FREE, {"expected_kw": 40.0}, "All the sun may be used; 40.0 kW are expected."),
    (Code.PV_CURTAILED, {"limit_kw": 25.0, "expected_kw": 40.0},
     "At most 25.0 kW of the 40.0 kW expected."),
    (Code.FEEDING_COSTS, {"price": -15.0}, "What is fed in would earn −15.00 €/MWh."),
    (Code.HELD, {"reason": "rate_limited"},
     "An older plan is followed: FlexMeasures accepts no more requests for now."),
    (Code.OWN_RULE, {"reason": "no_plan_yet"},
     "The operator's own rule is followed, not a plan: No plan has been made yet."),
    (Code.OWN_RULE, {"reason": ""},
     "The operator's own rule is followed, not a plan: no reason is known."),
    (Code.OPERATOR, {}, "Somebody has set its power by hand; plans wait until that ends."),
    (Code.GRID, {}, "The grid operator sets its power; plans wait until that ends."),
    (Code.PRICE_RANK, {"price": 80.0, "cheaper": 0, "dearer": 0, "count": 96},
     "A MWh costs 80.00 €/MWh, as in every quarter hour of the plan."),
    (Code.PRICE_RANK, {"price": 40.0, "cheaper": 0, "dearer": 95, "count": 96},
     "A MWh costs 40.00 €/MWh: none of the plan's 96 is cheaper."),
    (Code.PRICE_RANK, {"price": 200.0, "cheaper": 95, "dearer": 0, "count": 96},
     "A MWh costs 200.00 €/MWh: none of the plan's 96 is dearer."),
    (Code.PRICE_RANK, {"price": 60.0, "cheaper": 2, "dearer": 93, "count": 96},
     "A MWh costs 60.00 €/MWh: number 3 from the cheapest of 96."),
    (Code.PRICE_RANK, {"price": 60.0, "cheaper": 90, "dearer": 4, "count": 96},
     "A MWh costs 60.00 €/MWh: number 5 from the dearest of 96."),
    (Code.OBJECTIVE, {"price": 40.0, "steering": 440.0},
     "For the objective a MWh drawn counts 440.00 €/MWh instead of 40.00 €/MWh."),
    (Code.KEPT_FOR, {"at": LATER, "price": 200.0},
     "The energy is used at 18:00, when a MWh costs 200.00 €/MWh."),
    (Code.STORED_AT, {"at": AT - timedelta(hours=12), "price": 40.0},
     "It was stored at 10 March 20:00, when a MWh cost 40.00 €/MWh."),
    (Code.SUN_STORED, {"stored_kw": 12.5, "surplus_kw": 25.0},
     "12.5 kW come from the 25.0 kW of sun that nothing else needs."),
    (Code.BOUGHT, {"bought_kw": 7.5}, "7.5 kW are drawn from the grid."),
    (Code.COVERS_NEED, {"covered_kw": 8.0}, "8.0 kW need not be drawn from the grid."),
    (Code.FED_IN, {"fed_in_kw": 2.0, "price": 190.0},
     "2.0 kW are fed in and earn 190.00 €/MWh."),
    (Code.CAR_LEAVES, {"at": LATER, "needs_kwh": 21.0, "target": 80.0},
     "It must leave at 18:00 and needs 21.00 kWh more to reach 80 %."),
    (Code.CAR_AT_ONCE, {"needs_kwh": 21.0, "target": 80.0},
     "It may leave at any moment, so it is charged at once: 21.00 kWh are missing to reach 80 %."),
    (Code.CAR_READY, {"target": 80.0}, "It has the 80 % it wants."),
    (Code.CAR_SHORT, {"shortfall_kwh": 2.5}, "It will leave with 2.50 kWh less than it wants."),
    (Code.WAITS_FOR, {"at": LATER, "price": 200.0, "power_kw": -15.0},
     "It waits until 18:00 to discharge with 15.0 kW at 200.00 €/MWh."),
    (Code.WAITS_FOR, {"at": LATER, "price": 20.0, "power_kw": 15.0},
     "It waits until 18:00 to charge with 15.0 kW at 20.00 €/MWh."),
    (Code.NO_GAIN, {"lowest": 80.0, "highest": 88.0, "efficiency": 90.0},
     "Prices between 80.00 €/MWh and 88.00 €/MWh differ by less than what is lost:"
     " 90 % come back."),
    (Code.SOC_FLOOR, {"soc": 10.4, "floor": 10.0},
     "It ends at 10 % and may not be discharged below 10 %."),
    (Code.SOC_CEILING, {"soc": 90.0, "ceiling": 90.0},
     "It ends at 90 % and may not be charged above 90 %."),
    (Code.RATING, {"rated_kw": 50.0}, "It can do no more than 50.0 kW."),
    (Code.IMPORT_LIMIT, {"limit_kw": 60.0},
     "The site draws all that its connection allows: 60.0 kW."),
    (Code.EXPORT_LIMIT, {"limit_kw": 60.0}, "The site feeds in all that is allowed: 60.0 kW."),
    (Code.IMPORT_REQUEST, {"limit_kw": 60.0}, "The grid asks to draw at most 60.0 kW."),
    (Code.EXPORT_REQUEST, {"limit_kw": 0.0}, "The grid asks to feed in at most 0.0 kW."),
    (Code.RESERVE, {"reserve_kw": 30.0},
     "All batteries together keep 30.0 kW free both ways."),
    (Code.SOC_WINDOW, {"planned_kw": 20.0, "setpoint_kw": 0.0, "soc": 90.1},
     "At 90 % the planned 20.0 kW are not possible; it is asked for 0.0 kW."),
    (Code.CORRECTED, {"planned_kw": 20.0, "setpoint_kw": -3.0},
     "Within the quarter hour the planned 20.0 kW were corrected to −3.0 kW."),
    (Code.DIFFERS, {"setpoint_kw": 20.0, "measured_kw": 17.4},
     "Asked for 20.0 kW, it does 17.4 kW."),
]  # fmt: skip


@pytest.mark.parametrize(("code", "numbers", "words"), CASES)
def test_a_fact_is_one_sentence(code: Code, numbers: dict[str, Number], words: str) -> None:
    with translation.override("en"):
        assert fact_words(Fact(code, numbers), ZONE, AT).replace("\xa0", " ") == words


def test_no_fact_is_left_out() -> None:
    assert {code for code, _numbers, _words in CASES} == set(Code)


@pytest.mark.parametrize("language", ["fr", "es"])
@pytest.mark.parametrize(("code", "numbers"), [(code, numbers) for code, numbers, _words in CASES])
def test_a_translation_names_the_same_numbers(
    language: str, code: Code, numbers: dict[str, Number]
) -> None:
    with translation.override(language):
        assert "%(" not in fact_words(Fact(code, numbers), ZONE, AT)
