"""What a tariff's author is told."""

import pytest

from apps.billing.rating import tariff_check, tariff_parse
from tests.billing.rating.examples import TARIFF_FILES, Json, component, example, tariff


def told(content: Json) -> list[tuple[str, str]]:
    read, _ = tariff_parse(content)
    return [(note.code, note.where) for note in tariff_check(read)]


@pytest.mark.parametrize(
    "restrictions",
    [
        {"min_kwh": 10, "max_kwh": 10},
        {"min_power": 20, "max_power": 16},
        {"min_current": 32, "max_current": 16},
        {"min_duration": 60, "max_duration": 60},
        {"max_kwh": 0},
        {"max_duration": 0},
        {"start_date": "2026-03-02", "end_date": "2026-03-02"},
        {"start_date": "2026-03-02", "end_date": "2026-03-04", "day_of_week": ["SUNDAY"]},
    ],
)
def test_an_element_that_can_never_apply(restrictions: Json) -> None:
    content = tariff([component("ENERGY", "1")], **restrictions)

    assert told(content) == [("element.never_applies", "elements[0].restrictions")]


def test_a_component_behind_one_that_always_applies() -> None:
    content = tariff([component("ENERGY", "1"), component("ENERGY", "2")])
    content["elements"].append(
        {"price_components": [component("ENERGY", "3")], "restrictions": {"max_kwh": 10}}
    )

    assert told(content) == [
        ("component.never_reached", "elements[0].price_components[1]"),
        ("component.never_reached", "elements[1].price_components[0]"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (
            {"start_time": "08:00", "end_time": "18:00"},
            {"start_time": "17:00", "end_time": "22:00"},
            "elements.overlap",
        ),
        (
            {"start_time": "22:00", "end_time": "06:00"},
            {"start_time": "05:00", "end_time": "07:00"},
            "elements.overlap",
        ),
        (
            {"start_time": "22:00", "end_time": "06:00"},
            {"start_time": "06:00", "end_time": "22:00"},
            None,
        ),
        (
            {"start_time": "20:00", "end_time": "06:00"},
            {"start_time": "01:00", "end_time": "05:00"},
            "component.never_reached",
        ),
        ({"max_kwh": 10}, {"min_kwh": 10}, None),
        ({"max_kwh": 10}, {"max_kwh": 20}, None),
        ({"max_kwh": 20}, {"max_kwh": 10}, "component.never_reached"),
        ({"day_of_week": ["MONDAY"]}, {"day_of_week": ["TUESDAY"]}, None),
        ({"end_date": "2026-03-02"}, {"start_date": "2026-03-02"}, None),
        ({"reservation": "RESERVATION"}, {}, None),
    ],
)
def test_two_elements_at_the_same_moment(first: Json, second: Json, code: str | None) -> None:
    content = tariff([component("TIME", "1")])
    content["elements"] = [
        {"price_components": [component("TIME", "1")], "restrictions": first},
        {"price_components": [component("TIME", "2")], "restrictions": second},
    ]

    assert [one for one, _ in told(content)] == ([] if code is None else [code])


def test_negative_prices_and_unknown_money() -> None:
    content = tariff([component("ENERGY", "-0.01")]) | {"currency": "ZZZ"}

    assert told(content) == [
        ("currency.unknown", "currency"),
        ("price.negative", "elements[0].price_components[0].price"),
    ]


def test_a_reservation_has_no_energy() -> None:
    content = tariff([component("ENERGY", "1")], reservation="RESERVATION")

    assert told(content) == [("component.not_reservable", "elements[0].price_components[0]")]


@pytest.mark.parametrize(
    "name",
    TARIFF_FILES,
)
def test_nothing_is_said_against_the_specifications_own_tariffs(name: str) -> None:
    assert told(example(name)) == []
