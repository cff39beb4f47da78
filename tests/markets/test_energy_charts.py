"""The reader of Energy-Charts replies, against replies of the real shape with invented values."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.markets.feeds.day_ahead import PublishedPrice
from apps.markets.feeds.energy_charts import (
    DocumentError,
    NotYetPublishedError,
    energy_charts_read,
)

# The first instant of 1 October 2025 in Paris, 2025-09-30T22:00Z.
MIDNIGHT = 1_759_269_600
LICENCE = "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from a test"


def reply(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "license_info": LICENCE,
        "unix_seconds": [MIDNIGHT, MIDNIGHT + 900],
        "price": [94.87, -5],
        "unit": "EUR / MWh",
        "deprecated": False,
    }
    return json.dumps({**fields, **changes}).encode()


def test_each_stamp_is_a_slot_with_its_exact_price() -> None:
    read = energy_charts_read(reply())

    start = datetime(2025, 9, 30, 22, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    assert read.prices == (
        PublishedPrice(start, quarter, Decimal("94.87")),
        PublishedPrice(start + quarter, quarter, Decimal(-5)),
    )
    assert (read.licence, read.is_deprecated, read.missing) == (LICENCE, False, ())


def test_hours_turn_into_quarter_hours_at_midnight() -> None:
    stamps = [MIDNIGHT - 7200, MIDNIGHT - 3600, MIDNIGHT, MIDNIGHT + 900]

    read = energy_charts_read(reply(unix_seconds=stamps, price=[1, 2, 3, 4]))

    minutes = [slot.resolution // timedelta(minutes=1) for slot in read.prices]
    assert minutes == [60, 60, 15, 15]


@pytest.mark.parametrize(
    ("midnight", "count"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 92),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 100),
    ],
)
def test_days_of_23_and_25_hours(midnight: datetime, count: int) -> None:
    stamps = [int(midnight.timestamp()) + 900 * n for n in range(count)]

    read = energy_charts_read(reply(unix_seconds=stamps, price=[1.5] * count))

    assert len(read.prices) == count


def test_a_null_price_is_a_missing_slot() -> None:
    stamps = [MIDNIGHT, MIDNIGHT + 900, MIDNIGHT + 1800]

    read = energy_charts_read(reply(unix_seconds=stamps, price=[1, None, 3]))

    assert [slot.price_eur_per_mwh for slot in read.prices] == [1, 3]
    assert read.missing == (datetime(2025, 9, 30, 22, 15, tzinfo=UTC),)


@pytest.mark.parametrize("price", [[], [None, None]])
def test_no_price_at_all_is_not_published_yet(price: list[None]) -> None:
    with pytest.raises(NotYetPublishedError):
        energy_charts_read(
            reply(price=price, unix_seconds=[MIDNIGHT, MIDNIGHT + 900][: len(price)])
        )


@pytest.mark.parametrize(
    ("changes", "element", "rule"),
    [
        ({"unit": "EUR / kWh"}, "unit", "expected 'EUR / MWh'"),
        ({"unit": None}, "unit", "expected 'EUR / MWh'"),
        ({"price": [1]}, "price", "has 1 values for 2 times"),
        ({"price": [1, "2"]}, "price[1]", "is not a number"),
        ({"price": [1, True]}, "price[1]", "is not a number"),
        ({"price": [1, 100_000]}, "price[1]", "is beyond 99999"),
        ({"price": "1"}, "price", "is missing or is not a list"),
        ({"license_info": " "}, "license_info", "is missing or empty"),
        ({"unix_seconds": [MIDNIGHT, MIDNIGHT]}, "unix_seconds[1]", "does not follow"),
        ({"unix_seconds": [MIDNIGHT, MIDNIGHT + 60]}, "unix_seconds[1]", "not on a quarter"),
        ({"unix_seconds": [MIDNIGHT, MIDNIGHT * 1000]}, "unix_seconds[1]", "1970 and 2100"),
        ({"unix_seconds": [MIDNIGHT, "x"]}, "unix_seconds[1]", "not a whole number"),
        ({"unix_seconds": [MIDNIGHT, MIDNIGHT + 7200]}, "unix_seconds[1]", "comes 2:00:00"),
        (
            {"unix_seconds": [MIDNIGHT, MIDNIGHT + 900, MIDNIGHT + 2700], "price": [1, 2, 3]},
            "unix_seconds[2]",
            "comes 0:30:00",
        ),
        ({"unix_seconds": [MIDNIGHT], "price": [1]}, "unix_seconds[0]", "is alone"),
    ],
)
def test_a_broken_rule_is_named(changes: dict[str, Any], element: str, rule: str) -> None:
    with pytest.raises(DocumentError, match=rule) as refused:
        energy_charts_read(reply(**changes))

    assert refused.value.element == element


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b"\xff", b'{"price": NaN}'])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(DocumentError):
        energy_charts_read(content)
