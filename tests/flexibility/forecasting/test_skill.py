"""Errors per horizon, computed by hand beside."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.forecasting.points import NOTHING, Made, Point
from apps.flexibility.forecasting.skill import Skill, bucket_of, skills, slot_errors
from cariflex.common.units import QUARTER_HOUR

MADE_AT = datetime(2026, 3, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def measured(values: dict[int, float]) -> dict[datetime, float]:
    return {MADE_AT + number * QUARTER_HOUR: value for number, value in values.items()}


def test_error_bias_and_band_of_the_first_hour() -> None:
    made = Made(MADE_AT, MADE_AT, [Point(99.0), Point(10.0, 8.0, 12.0), Point(10.0, 8.0, 12.0)])

    found = skills(made=[made], measured=measured({0: 1.0, 1: 11.0, 2: 14.0}))

    # Slot 0 starts when the forecast is made and does not count. Errors -1 and -4:
    # mae 5/2, bias -5/2, rmse sqrt((1 + 16) / 2), one of two within its band.
    assert found == {(0, 1): Skill(2, 2.5, -2.5, 8.5**0.5, 0.5)}


def test_forecast_says_nothing_of_slots_before_it_was_made() -> None:
    late = Made(MADE_AT + HOUR, MADE_AT, [Point(1.0)] * 5)

    assert skills(made=[late], measured=measured(dict.fromkeys(range(5), 1.0))) == {}


def test_slots_without_a_value_or_an_expectation_are_left_out() -> None:
    made = Made(MADE_AT, MADE_AT, [NOTHING, NOTHING, Point(2.0), Point(2.0)])

    found = skills(made=[made], measured=measured({1: 1.0, 2: 1.0}))

    assert found == {(0, 1): Skill(1, 1.0, 1.0, 1.0, None)}


def test_night_of_a_plant_is_left_out_and_a_missed_dawn_is_not() -> None:
    made = Made(MADE_AT, MADE_AT, [Point(0.0)] * 4)
    values = measured({1: 0.0, 2: -4.0, 3: 0.0})

    assert skills(made=[made], measured=values, skip_zeros=True)[0, 1].slot_count == 1
    assert skills(made=[made], measured=values)[0, 1].slot_count == 3


@pytest.mark.parametrize(
    ("horizon", "bucket"),
    [
        (timedelta(0), None),
        (QUARTER_HOUR, (0, 1)),
        (HOUR, (0, 1)),
        (HOUR + QUARTER_HOUR, (1, 6)),
        (24 * HOUR, (6, 24)),
        (48 * HOUR, (24, 48)),
        (48 * HOUR + QUARTER_HOUR, None),
        (-HOUR, None),
    ],
)
def test_bucket_ends_with_its_last_hour(horizon: timedelta, bucket: tuple[int, int] | None) -> None:
    assert bucket_of(horizon) == bucket


def test_slot_that_two_forecasts_had_counts_once_with_their_mean_error() -> None:
    slot = MADE_AT + 12 * HOUR
    first = Made(MADE_AT, slot, [Point(3.0)])
    second = Made(MADE_AT + HOUR, slot, [Point(6.0)])
    too_near = Made(MADE_AT + 8 * HOUR, slot, [Point(100.0)])

    errors = slot_errors(made=[first, second, too_near], measured={slot: 2.0})

    # |3 - 2| = 1 and |6 - 2| = 4, mean 2.5; the third looked four hours ahead only.
    assert errors == {slot: 2.5}


values = st.floats(min_value=-1000, max_value=1000)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=192))
def test_bias_is_never_beyond_the_error_nor_the_error_beyond_rmse(
    pairs: list[tuple[float, float]],
) -> None:
    made = Made(MADE_AT, MADE_AT + QUARTER_HOUR, [Point(expected) for expected, _ in pairs])
    real = measured({number: value for number, (_, value) in enumerate(pairs, 1)})

    found = skills(made=[made], measured=real)

    assert sum(skill.slot_count for skill in found.values()) == min(len(pairs), 192)
    for skill in found.values():
        assert abs(skill.bias) <= skill.mae + 1e-6
        assert skill.mae <= skill.rmse + 1e-6


@given(st.lists(values, min_size=1, max_size=96))
def test_forecast_of_what_came_has_no_error(real: list[float]) -> None:
    made = Made(MADE_AT, MADE_AT + QUARTER_HOUR, [Point(value, value, value) for value in real])

    for skill in skills(made=[made], measured=measured(dict(enumerate(real, 1)))).values():
        assert (skill.mae, skill.bias, skill.rmse, skill.in_band_share) == (0, 0, 0, 1)
