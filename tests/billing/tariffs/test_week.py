"""The week of a tariff and the price of a typical session."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.rating import Dimension, RatingProblem, tariff_parse
from apps.billing.tariff_week import (
    SLOTS_PER_DAY,
    Point,
    SessionAsked,
    preview_of,
    week_of,
)
from tests.billing.tariffs.conftest import content, element

MONDAY = date(2026, 3, 9)
WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


def week(*elements: dict[str, Any], dimension: str = "ENERGY", **point: Any) -> Any:
    tariff, _notes = tariff_parse(content(*elements), "2.2.1")
    return week_of(tariff, dimension=Dimension(dimension), monday=MONDAY, point=Point(**point))


def spans(day: Any) -> list[tuple[str, str, str]]:
    return [(one.start_text, one.end_text, str(one.price)) for one in day]


def test_days_and_times_over_midnight() -> None:
    made = week(
        element("0.40", start_time="08:00", end_time="20:00", day_of_week=WORKDAYS),
        element("0.20", start_time="22:00", end_time="06:00"),
        element("0.30"),
    )

    assert spans(made.days[0]) == [
        ("00:00", "06:00", "0.20"), ("06:00", "08:00", "0.30"), ("08:00", "20:00", "0.40"),
        ("20:00", "22:00", "0.30"), ("22:00", "24:00", "0.20"),
    ]  # fmt: skip
    assert spans(made.days[6]) == [
        ("00:00", "06:00", "0.20"), ("06:00", "22:00", "0.30"), ("22:00", "24:00", "0.20"),
    ]  # fmt: skip
    assert [one.level for one in made.days[0]] == [1, 4, 6, 4, 1]
    assert made.prices == (Decimal("0.20"), Decimal("0.30"), Decimal("0.40"))
    assert all(sum(one.count for one in day) == SLOTS_PER_DAY for day in made.days)


def test_what_nothing_prices_is_free_and_odd_minutes_are_told() -> None:
    made = week(element("2", kind="PARKING_TIME", start_time="08:10", end_time="09:00"),
                dimension="PARKING_TIME")  # fmt: skip

    assert [(one.start_text, one.price, one.level, one.is_mixed) for one in made.days[3]] == [
        ("00:00", None, 0, False), ("08:00", None, 0, True), ("08:30", Decimal(2), 1, False),
        ("09:00", None, 0, False),
    ]  # fmt: skip
    assert week(element("2", kind="PARKING_TIME")).prices == ()


@pytest.mark.parametrize(
    ("point", "price"),
    [
        ({}, "0.20"),
        ({"energy_kwh": Decimal(10)}, "0.30"),
        ({"power_kw": Decimal(50)}, "0.50"),
        ({"elapsed_s": 3600}, "0.60"),
    ],
)
def test_the_week_at_a_point_of_a_session(point: dict[str, Any], price: str) -> None:
    made = week(
        element("0.60", min_duration=3600),
        element("0.50", min_power=43),
        element("0.20", max_kwh=10),
        element("0.30"),
        **point,
    )

    assert {str(one.price) for day in made.days for one in day} == {price}


def test_a_typical_session_over_a_change_of_price() -> None:
    tariff, _notes = tariff_parse(
        content(
            element("0.40", start_time="08:00", end_time="20:00"),
            element("0.20"),
            element("3", kind="PARKING_TIME"),
            element("1", kind="FLAT"),
        ),
        "2.2.1",
    )
    # 07:00 to 09:00 in Guadeloupe at 11 kW, then half an hour parked.
    asked = SessionAsked(
        datetime(2026, 3, 9, 11, 0, tzinfo=UTC), Decimal(22), Decimal(11), 30, "America/Guadeloupe"
    )

    made = preview_of(tariff, asked)

    assert (made.charged_until, made.ends_at) == (
        datetime(2026, 3, 9, 13, 0, tzinfo=UTC), datetime(2026, 3, 9, 13, 30, tzinfo=UTC),
    )  # fmt: skip
    assert {(one.element, one.billed_volume): one.excl_vat for one in made.rating.lines} == {
        (1, Decimal(11)): Decimal("2.20"),
        (0, Decimal(11)): Decimal("4.40"),
        (2, Decimal("0.5")): Decimal("1.5"),
        (3, Decimal(1)): Decimal(1),
    }
    assert made.rating.total_cost.incl_vat == Decimal("9.8735")  # 9.10 x 1.085


@pytest.mark.parametrize(
    ("year", "kwh", "kw"), [(9999, "20", "11"), (1, "20", "11"), (2026, "1000", "0.000001")]
)
def test_a_session_that_cannot_be_is_refused_with_words(year: int, kwh: str, kw: str) -> None:
    tariff, _notes = tariff_parse(content(element("0.3")), "2.2.1")
    arrival = datetime(year, 3, 9, 11, 0, tzinfo=UTC)

    with pytest.raises(RatingProblem, match="No car charges"):
        preview_of(
            tariff, SessionAsked(arrival, Decimal(kwh), Decimal(kw), 0, "America/Guadeloupe")
        )
