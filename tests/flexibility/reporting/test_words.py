"""A report in the words of its reader."""

from decimal import Decimal

import pytest
from django.utils import translation

from apps.flexibility.reporting import words
from apps.flexibility.reporting.baselines import CaseName, NoCases
from apps.flexibility.reporting.month import DeviceGap
from tests.flexibility.reporting.months import month, reported, slot, small_day


@pytest.fixture(autouse=True)
def _english() -> object:
    with translation.override("en"):
        yield


def told(section: str, report: object) -> dict[str, str]:
    found = next(one for one in words.sections(report) if one.key == section)  # type: ignore[arg-type]
    return {line.key: line.value.replace("\u00a0", " ") for line in found.lines}


def test_every_figure_has_its_unit() -> None:
    report = reported(small_day())

    assert told("energy", report)["import_kwh"] == "6.0 kWh"
    assert told("cost", report) == {"cost_eur": "0.65 €", "co2_kg": "1.0 kg"}
    assert told("sun", report) == {
        "self_consumption_percent": "80.0 %", "self_sufficiency_percent": "64.7 %",
        "peak_kw": "12.0 kW",
    }  # fmt: skip
    assert told("batteries", report) == {"cycles bat-1": "0.0"}
    assert told("plan", report)["plan_mae_kw"] == "3.0 kW"
    assert told("plan", report)["mode_hold_percent"] == "16.7 %"


def test_the_peak_has_the_time_of_the_site() -> None:
    sun = next(one for one in words.sections(reported(small_day())) if one.key == "sun")

    # 04:00 UTC is midnight in Guadeloupe.
    assert sun.lines[-1].note == "11 March 2026, 00:00"


def test_numbers_follow_the_language() -> None:
    with translation.override("fr"):
        assert words.money(Decimal("-12.5")) == "\u221212,50\u00a0€"
        assert words.percent(99.97) == "99,9\u00a0%"


def test_cases_tell_what_was_saved_and_share_one_scale() -> None:
    cases = {case.key: case for case in words.case_lines(reported(small_day()))}

    assert set(cases) == {case.value for case in CaseName}
    assert cases["actual"].saving == "–"
    assert cases["no_control"].saving.endswith(("saved", "lost"))
    assert cases["no_control"].is_lost == cases["no_control"].saving.endswith("lost")
    assert cases["foresight"].saving.endswith("more was possible")
    assert not cases["foresight"].is_lost
    for case in cases.values():
        assert 0 <= case.bar_from <= case.bar_from + case.bar_width <= 100.0001
    assert "of what perfect foresight" in words.possible_words(reported(small_day()))


@pytest.mark.parametrize("reason", [one for one in NoCases if one])
def test_a_month_without_cases_says_why(reason: NoCases) -> None:
    assert words.no_cases_words(reason)


def test_gaps_are_sentences() -> None:
    gaps = (DeviceGap("pv-1", "PV 1", 1), DeviceGap("b", "Battery 9", 6, is_silent=True))

    sentences = words.gap_sentences(reported(small_day(gaps=gaps)))

    assert sentences == (
        "1 of 6 quarter hours was not measured by every device and counts nowhere.",
        "PV 1 was not measured in 1 quarter hour.",
        "Battery 9 was not measured at all and is left out.",
        "1 measured quarter hour has no price and is not in the cost.",
        "1 measured quarter hour has no CO2 intensity and is not in the CO2.",
    )
    assert words.gap_sentences(reported(month(slot(0)))) == ()


def test_a_day_that_is_not_known_tells_no_energy() -> None:
    (day,) = words.day_lines(reported(month(slot(0, pv_kw=None))))

    assert (day.cost, day.drawn, day.measured, day.is_whole) == ("–", "–", "0.0\u00a0%", False)


def test_nothing_known_is_no_zero() -> None:
    report = reported(month(slot(0, pv_kw=None)))

    assert set(told("energy", report).values()) == {"–"}
    assert set(told("cost", report).values()) == {"–"}
