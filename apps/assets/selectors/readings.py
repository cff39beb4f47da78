"""Reads of single readings, as they are stored. Values in the sensor's unit and the house sign."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.assets.choices import Quality
from apps.assets.models import Reading, SensorLatest

MOST_READINGS = 10_000
"""The longest page of readings."""


@dataclass(frozen=True, slots=True)
class ReadingPoint:
    """One reading; a value that is no number is None.

    `quality` is `good`, `stale`, `bad` or `substituted`.
    """

    sensor_id: int
    at: datetime
    value: float | None
    quality: str


def latest(sensor_ids: Sequence[int]) -> list[ReadingPoint]:
    """The newest reading of each sensor that has one, by sensor. One query."""
    rows = (
        SensorLatest.objects.filter(sensor_id__in=sensor_ids)
        .order_by("sensor_id")
        .values_list("sensor_id", "at", "value", "quality")
    )
    return [_point(*row) for row in rows]


def readings_page(
    sensor_id: int,
    start: datetime,
    end: datetime,
    after: datetime | None = None,
    limit: int = 1000,
) -> list[ReadingPoint]:
    """The readings of a sensor in [start, end), by time, at most `limit` (and MOST_READINGS).

    The next page begins after the instant of the last reading of this one. One query, as quick on
    the last page as on the first.
    """
    if limit < 1:
        raise ValueError("limit must be positive")
    readings = Reading.objects.filter(sensor_id=sensor_id, at__gte=start, at__lt=end)
    if after is not None:
        readings = readings.filter(at__gt=after)
    rows = readings.order_by("at").values_list("sensor_id", "at", "value", "quality")
    return [_point(*row) for row in rows[: min(limit, MOST_READINGS)]]


def _point(sensor_id: int, at: datetime, value: float, quality: int) -> ReadingPoint:
    return ReadingPoint(
        sensor_id, at, value if math.isfinite(value) else None, Quality(quality).word
    )
