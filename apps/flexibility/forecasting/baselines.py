"""The naive forecasts every other one has to beat: as yesterday, as the same weekday.

Slots are moved by whole days of UTC: the islands have no summer time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean, stdev
from typing import Final

from apps.flexibility.forecasting.points import NOTHING, SLOT_COUNT, History, Point
from cariflex.common.units import QUARTER_HOUR

PERSISTENCE_DAYS: Final = (1, 2, 3, 7)
"""Yesterday, else the day before that and so on."""
WEEKDAY_DAYS: Final = (7, 14, 21, 28)
"""The same weekday of the last four weeks."""
Z90: Final = 1.2816
"""One in ten values of a normal distribution lies more than this many deviations above its mean."""


def persistence(*, history: History, start: datetime, slot_count: int = SLOT_COUNT) -> list[Point]:
    """Each slot as the same time on the last day that has it, of 1, 2, 3 and 7 days before.

    The band is the spread of those of these days that have the slot, two at least. A slot that no
    such day has is left unknown. `history` holds only what is known when the forecast is made.
    """
    points: list[Point] = []
    for number in range(slot_count):
        found = _earlier(history, start + number * QUARTER_HOUR, PERSISTENCE_DAYS)
        points.append(_banded(found[0], found) if found else NOTHING)
    return points


def weekday(*, history: History, start: datetime, slot_count: int = SLOT_COUNT) -> list[Point]:
    """Each slot as the mean of the same slot on the last up to four same weekdays.

    The band is their spread, from two of them on. A slot without one is left unknown.
    """
    points: list[Point] = []
    for number in range(slot_count):
        found = _earlier(history, start + number * QUARTER_HOUR, WEEKDAY_DAYS)
        points.append(_banded(fmean(found), found) if found else NOTHING)
    return points


def _earlier(history: History, slot: datetime, days: Sequence[int]) -> list[float]:
    values = (history.get(slot - timedelta(days=count)) for count in days)
    return [value for value in values if value is not None]


def _banded(p50: float, found: Sequence[float]) -> Point:
    if len(found) < 2:
        return Point(p50)
    reach = Z90 * stdev(found)
    return Point(p50, p50 - reach, p50 + reach)
