"""What the naive forecasts expect, and that they never know more than they are given."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.forecasting.baselines import Z90, persistence, weekday
from apps.flexibility.forecasting.points import (
    NOTHING,
    Point,
    points_read,
    points_stored,
    points_within,
)
from cariflex.common.units import QUARTER_HOUR

START = datetime(2026, 3, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_persistence_takes_yesterday() -> None:
    history = {START - DAY: 4.0}

    assert persistence(history=history, start=START, slot_count=1) == [Point(4.0)]


def test_persistence_takes_the_last_day_that_was_measured() -> None:
    history = {START - 3 * DAY: 3.0, START - 7 * DAY: 7.0}

    (point,) = persistence(history=history, start=START, slot_count=1)

    # 3 and 7: mean 5, deviation sqrt(((3-5)**2 + (7-5)**2) / 1) = 2.8284
    assert point.p50 == 3.0
    assert point.p10 == pytest.approx(3.0 - Z90 * 8**0.5)
    assert point.p90 == pytest.approx(3.0 + Z90 * 8**0.5)


def test_persistence_of_the_second_day_takes_what_is_known_when_it_is_made() -> None:
    # 24 h and a quarter hour ahead: yesterday of that slot is not over yet.
    history = {START - DAY + QUARTER_HOUR: 5.0}

    points = persistence(history=history, start=START, slot_count=98)

    assert points[97] == Point(5.0)


def test_slot_that_no_earlier_day_has_is_unknown() -> None:
    assert persistence(history={}, start=START, slot_count=2) == [NOTHING, NOTHING]
    assert weekday(history={START - DAY: 1.0}, start=START, slot_count=1) == [NOTHING]


def test_weekday_is_the_mean_of_the_last_four_same_weekdays() -> None:
    history = {START - timedelta(days=7 * week): float(week) for week in (1, 2, 3, 4, 5)}

    (point,) = weekday(history=history, start=START, slot_count=1)

    # (1 + 2 + 3 + 4) / 4 = 2.5, the fifth week is too old; deviation sqrt(5 / 3) = 1.29099
    assert point.p50 == 2.5
    assert point.p10 == pytest.approx(2.5 - 1.2816 * 1.2909944)
    assert point.p90 == pytest.approx(2.5 + 1.2816 * 1.2909944)


def test_one_weekday_gives_no_band() -> None:
    history = {START - timedelta(days=14): 6.0}

    assert weekday(history=history, start=START, slot_count=1) == [Point(6.0)]


def test_sun_is_never_expected_to_consume() -> None:
    points = points_within([Point(-3.0, -8.0, 2.0), NOTHING], highest=0.0)

    assert points == [Point(-3.0, -8.0, 0.0), NOTHING]


def test_points_are_kept_with_four_digits_and_read_again() -> None:
    stored = points_stored([Point(1.23456, -0.00001, None), NOTHING])

    assert stored == [[1.2346, 0.0, None], [None, None, None]]
    assert points_read(stored) == [Point(1.2346, 0.0), NOTHING]


slots = st.integers(min_value=-3000, max_value=300).map(lambda n: START + n * QUARTER_HOUR)
histories = st.dictionaries(slots, st.floats(min_value=-500, max_value=500), max_size=60)


@given(histories)
def test_bands_hold_the_middle_and_values_come_from_the_history(
    history: dict[datetime, float],
) -> None:
    for forecast in (persistence, weekday):
        points = forecast(history=history, start=START)
        assert len(points) == 192
        for point in points:
            if point.p50 is None:
                assert point == NOTHING
                continue
            assert min(history.values()) - 1e-9 <= point.p50 <= max(history.values()) + 1e-9
            if point.p10 is not None and point.p90 is not None:
                assert point.p10 <= point.p50 <= point.p90


@given(histories, st.integers(min_value=0, max_value=191))
def test_persistence_of_a_slot_needs_nothing_of_the_slot_itself(
    history: dict[datetime, float], number: int
) -> None:
    slot = START + number * QUARTER_HOUR
    without = {at: value for at, value in history.items() if at != slot}

    expected = persistence(history=without, start=START)[number]

    assert persistence(history=history, start=START)[number] == expected
