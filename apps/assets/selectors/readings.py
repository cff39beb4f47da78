"""Reads of single readings, as they are stored. Values in the sensor's unit and the house sign."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from apps.assets.choices import Quality

MOST_READINGS = 10_000
"""The longest page of readings."""
_WORDS = {int(quality): quality.word for quality in Quality}
_PAGE = """
SELECT sensor_id, at, value, quality FROM assets_reading
WHERE sensor_id = %s AND at >= %s AND at < %s AND (%s::timestamptz IS NULL OR at > %s)
ORDER BY at LIMIT %s
"""


class ReadingPoint(NamedTuple):
    """One reading; a value that is no number is None.

    `quality` is `good`, `stale`, `bad` or `substituted`.
    """

    sensor_id: int
    at: datetime
    value: float | None
    quality: str


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
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, [sensor_id, start, end, after, after, min(limit, MOST_READINGS)])
        return _points(cursor.fetchall())


def _points(rows: Iterable[tuple[int, datetime, float, int]]) -> list[ReadingPoint]:
    words, finite = _WORDS, math.isfinite
    return [
        ReadingPoint(sensor_id, at, value if finite(value) else None, words[quality])
        for sensor_id, at, value, quality in rows
    ]
