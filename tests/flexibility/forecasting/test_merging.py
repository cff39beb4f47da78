"""Who is asked first, and who fills the gaps."""

from datetime import UTC, datetime, timedelta

from apps.flexibility.forecasting.merging import merged, ranked
from apps.flexibility.forecasting.points import NOTHING, Made, Point
from cariflex.common.units import QUARTER_HOUR

NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)
ORDER = ("model", "weekday", "naive")


def made(*values: float | None, hours_ago: float = 0) -> Made:
    at = NOW - timedelta(hours=hours_ago)
    return Made(at, at, [Point(value) for value in values])


def test_chosen_one_comes_first_and_the_rest_in_their_order() -> None:
    known = {name: made(1.0) for name in ("weekday", "naive", "model")}

    assert ranked(known, chosen="naive", order=ORDER, now=NOW) == ["naive", "model", "weekday"]
    assert ranked(known, chosen=None, order=ORDER, now=NOW) == list(ORDER)


def test_chosen_one_that_made_nothing_is_passed_over() -> None:
    assert ranked({"naive": made(1.0)}, chosen="model", order=ORDER, now=NOW) == ["naive"]


def test_forecast_of_more_than_twelve_hours_is_the_last_resort() -> None:
    known = {"model": made(1.0, hours_ago=12.25), "naive": made(2.0, hours_ago=12)}

    assert ranked(known, chosen="model", order=ORDER, now=NOW) == ["naive", "model"]


def test_gaps_are_filled_by_the_next_and_what_nobody_has_is_unknown() -> None:
    points = merged([made(1.0, None), made(5.0, 6.0, 7.0)], start=NOW, slot_count=4)

    assert points == [Point(1.0), Point(6.0), Point(7.0), NOTHING]


def test_slots_before_a_forecast_are_not_its_last_ones() -> None:
    points = merged([made(1.0, 2.0)], start=NOW - QUARTER_HOUR, slot_count=2)

    assert points == [NOTHING, Point(1.0)]
