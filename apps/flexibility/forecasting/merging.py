"""One expectation out of the forecasts of several methods: the chosen one, gaps from the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from apps.flexibility.forecasting.points import NOTHING, Made, Point
from cariflex.common.units import QUARTER_HOUR

STALE_AFTER: Final = timedelta(hours=12)
"""An older forecast is the last resort: two six-hourly ones were missed since."""


def ranked(
    made: Mapping[str, Made], *, chosen: str | None, order: Sequence[str], now: datetime
) -> list[str]:
    """The methods in the order in which they are asked: the chosen one, then `order`, fresh first.

    `made` holds each method's newest forecast.
    """
    wanted = [chosen] if chosen is not None else []
    wanted += [method for method in order if method != chosen]
    known = [method for method in wanted if method in made]
    # Sorting is stable: among the fresh, and among the stale, the order stays.
    return sorted(known, key=lambda method: now - made[method].made_at > STALE_AFTER)


def merged(made: Sequence[Made], *, start: datetime, slot_count: int) -> list[Point]:
    """For each slot from `start` the first of the forecasts that expects something there."""
    points: list[Point] = []
    for number in range(slot_count):
        slot = start + number * QUARTER_HOUR
        found = (point_at(one, slot) for one in made)
        points.append(next((point for point in found if point.p50 is not None), NOTHING))
    return points


def point_at(made: Made, slot: datetime) -> Point:
    """What a forecast expects of a slot, nothing outside of it."""
    number = (slot - made.start) // QUARTER_HOUR
    return made.points[number] if 0 <= number < len(made.points) else NOTHING
