"""Whatever is written where a tariff and a session belong: priced, or refused with words."""

import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.billing.rating import RatingProblem, json_read, rating_dump, tariff_check, tariff_parse
from apps.billing.rating.pricing import Pricer
from tests.billing.rating.examples import charging, example, parking, reserved, session

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "00:00",
            "2019-02-04",
            "2019-02-04T09:30:00Z",
            "TIME",
            "ENERGY",
            "RESERVATION",
            "SUNDAY",
            "12",
            "\ud800",
            Decimal("1e-9"),
            Decimal("1e11"),
            10**30,
        ]
    )
)
NAMES = st.sampled_from(
    ["vat", "price", "type", "volume", "elements", "restrictions", "max_kwh", "tariff_id", "é"]
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
TARIFFS = (
    "2.2.1/tariff_4_complex.json",
    "2.2.1/tariff_6_025kwh_start_max_price.json",
    "2.2.1/tariff_18_reservation_with_expire_time.json",
    "2.3.0/tariff_20_simple_north_american_inclusive.json",
    "2.1.1/mod_tariffs__06.json",
)
SESSIONS: tuple[Any, ...] = (
    session(reserved(10), charging(60, "12", MAX_CURRENT=16), parking(20)),
    session(charging(30, "9", MIN_POWER=8, MAX_POWER=40), reservation_expired=False),
    example("2.2.1/cdr_example.json"),
    example("2.1.1/mod_cdrs__01.json"),
)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    keys: Any = content if isinstance(content, dict) else range(len(content))
    for key in list(keys):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from places(content[key])


@st.composite
def spoiled(draw: st.DrawFn, whole: Any) -> Any:
    """The content with some of its values exchanged, removed or renamed."""
    content = deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(content))
        if not found:
            break
        inner, key = draw(st.sampled_from(found))
        change = draw(st.integers(0, 3))
        if change == 0 and isinstance(inner, dict):
            inner[draw(NAMES | st.text(max_size=6))] = inner.pop(key)
        elif change == 1:
            del inner[key]
        else:
            inner[key] = draw(ANYTHING)
    return content


PAIRS = st.tuples(
    st.sampled_from(TARIFFS).flatmap(lambda name: spoiled(example(name))),
    st.sampled_from(SESSIONS).flatmap(spoiled),
    st.sampled_from([None, "America/Guadeloupe", "Nowhere", ""]),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PAIRS)
def test_no_document_ends_in_a_traceback(pair: tuple[Any, Any, str | None]) -> None:
    tariff, charged, time_zone = pair
    rating, problem = None, None
    try:
        rating = Pricer().price(tariff, charged, time_zone).rating
    except RatingProblem as err:
        problem = err

    if rating is None:
        assert problem is not None
        assert problem.code
        assert problem.message
    else:
        assert json.loads(json.dumps(rating_dump(rating)))["total_cost"]
        total = sum(Fraction(line.excl_vat) for line in rating.lines)
        assert total == Fraction(rating.total_cost.excl_vat)


@settings(max_examples=30, deadline=None)
@given(ANYTHING)
def test_nothing_at_all_like_a_tariff(content: Any) -> None:
    with pytest.raises(RatingProblem):
        tariff_check(tariff_parse(content)[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "NaN",
        '{"a": Infinity}',
        '{"price": 1, "price": 2}',
        "[" * 200_000,
        '{"a":' * 200_000,
        "1" * 5000,
        '"\\x"',
        "{'a': 1}",
    ],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(RatingProblem) as caught:
        json_read(text, "tariff")

    assert (caught.value.code, caught.value.field) == ("json.invalid", "tariff")


def test_numbers_are_read_as_they_are_written() -> None:
    content = json_read('{"a": 0.30000000000000004, "b": 1e-9, "c": 12}')

    assert content == {"a": Decimal("0.30000000000000004"), "b": Decimal("1e-9"), "c": 12}
