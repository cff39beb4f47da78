"""Reads of what was measured over a time. Power in kW, consumption and charging positive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from apps.assets.choices import Quality

# What a mean may be made of. A bad value (NaN, out of range) and a stale one say nothing.
_TRUSTED = (Quality.GOOD, Quality.SUBSTITUTED)

_SLOT_MEANS = """
SELECT r.sensor_id, date_bin(make_interval(secs => %(slot_s)s), r.at, %(start)s) AS slot,
       avg(r.value), count(*), min(d.poll_period_s)
FROM assets_reading r
JOIN assets_sensor s ON s.id = r.sensor_id
JOIN assets_device d ON d.id = s.device_id
WHERE r.sensor_id = ANY(%(sensor_ids)s) AND r.at >= %(start)s AND r.at < %(end)s
  AND r.quality = ANY(%(trusted)s)
GROUP BY r.sensor_id, slot ORDER BY r.sensor_id, slot
"""

# The inner mean is per sensor and slot: a device that is polled more often weighs no more.
_POWER_BY_KIND = """
SELECT d.kind, means.slot, sum(means.mean)
FROM (
    SELECT r.sensor_id, avg(r.value) AS mean,
           date_bin(make_interval(secs => %(slot_s)s), r.at, %(start)s) AS slot
    FROM assets_reading r
    WHERE r.sensor_id IN (SELECT id FROM assets_sensor WHERE quantity = 'power_kw' AND channel = '')
      AND r.at >= %(start)s AND r.at < %(end)s AND r.quality = ANY(%(trusted)s)
    GROUP BY r.sensor_id, slot
) means
JOIN assets_sensor s ON s.id = means.sensor_id
JOIN assets_device d ON d.id = s.device_id
GROUP BY d.kind, means.slot ORDER BY d.kind, means.slot
"""


@dataclass(frozen=True, slots=True)
class SlotMean:
    """The mean of one sensor over [start, start + resolution).

    `coverage` is the share of the slot that was measured, 0 to 1.
    """

    sensor_id: int
    start: datetime
    mean: float
    count: int
    coverage: float


@dataclass(frozen=True, slots=True)
class KindSlot:
    """All devices of a kind over one slot: the sum of their means in kW."""

    kind: str
    start: datetime
    mean_power_kw: float


def slot_means(
    *, sensor_ids: Sequence[int], start: datetime, end: datetime, resolution: timedelta
) -> list[SlotMean]:
    """The means of trusted readings in [start, end), in slots counted from `start`. One query.

    A slot without readings is not in the list.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SLOT_MEANS, {**_slot_parameters(start, end, resolution), "sensor_ids": [*sensor_ids]}
        )
        rows = cursor.fetchall()
    slot_s = resolution.total_seconds()
    return [
        SlotMean(
            sensor_id=sensor_id,
            start=slot,
            mean=mean,
            count=count,
            coverage=min(1.0, count * period_s / slot_s),
        )
        for sensor_id, slot, mean, count, period_s in rows
    ]


def power_by_kind(*, start: datetime, end: datetime, resolution: timedelta) -> list[KindSlot]:
    """The power of all PV plants and of all batteries in slots counted from `start`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_POWER_BY_KIND, _slot_parameters(start, end, resolution))
        return [KindSlot(kind=k, start=slot, mean_power_kw=p) for k, slot, p in cursor.fetchall()]


def _slot_parameters(
    start: datetime, end: datetime, resolution: timedelta
) -> dict[str, datetime | float | list[int]]:
    if resolution <= timedelta(0):
        raise ValueError("resolution must be positive")
    return {
        "start": start,
        "end": end,
        "slot_s": resolution.total_seconds(),
        "trusted": [quality.value for quality in _TRUSTED],
    }
