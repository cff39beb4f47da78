"""Reads of what was measured over a time. Power in kW, consumption and charging positive.

A slot without readings is absent: a gap is shown as a gap, never filled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from apps.assets.selectors.slot_sql import (
    HOURS,
    MINUTES,
    QUARTERS,
    RollupTable,
    energy_sql,
    power_by_kind_sql,
    series_sql,
    slot_means_sql,
    table_for,
)
from cariflex.common.units import floor_slot

# What is due before readings were dropped does not count: those roll-ups are final.
_FIRST_DUE = """
SELECT greatest(min(due.start), min(kept.since))
FROM (SELECT coalesce(max(readings_dropped_until), '-infinity') AS since
      FROM assets_retention) kept
JOIN assets_rollupdue due ON due."end" >= kept.since
WHERE due.start < %s AND due."end" >= %s
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


class SeriesPoint(NamedTuple):
    """One sensor over [start, start + resolution), in the sensor's unit.

    Mean, minimum and maximum are of the `count` trusted readings, None when there are none.
    `energy_kwh` is what a counter grew by, or a power's energy over the part that was measured
    (consumption positive); None for other quantities. `coverage` is that part, 0 to 1.
    """

    sensor_id: int
    start: datetime
    mean: float | None
    minimum: float | None
    maximum: float | None
    energy_kwh: float | None
    count: int  # type: ignore[assignment]  # the column's name; nobody searches in a point
    bad_count: int
    coverage: float


@dataclass(frozen=True, slots=True)
class EnergyTotal:
    """The energy of one sensor over [start, end); `coverage` is the measured share, 0 to 1."""

    sensor_id: int
    energy_kwh: float | None
    coverage: float


def slot_means(
    *, sensor_ids: Sequence[int], start: datetime, end: datetime, resolution: timedelta
) -> list[SlotMean]:
    """The means of trusted readings in [start, end), in slots counted from `start`. Two queries.

    From the roll-ups as far as they are up to date, from the readings after that: a reading counts
    from the moment it is stored. A slot without readings is not in the list.
    """
    table = _table(start, resolution)
    parameters = _slot_parameters(table, start, end, resolution)
    with connection.cursor() as cursor:
        cursor.execute(
            slot_means_sql(table, resolution), {**parameters, "sensor_ids": [*sensor_ids]}
        )
        return [SlotMean(*row) for row in cursor.fetchall()]


def power_by_kind(*, start: datetime, end: datetime, resolution: timedelta) -> list[KindSlot]:
    """The power of all devices of each kind in slots counted from `start`. Two queries.

    From roll-ups and readings as in `slot_means`. Each device weighs the same, however often it is
    polled.
    """
    table = _table(start, resolution)
    with connection.cursor() as cursor:
        cursor.execute(
            power_by_kind_sql(table, resolution), _slot_parameters(table, start, end, resolution)
        )
        return [KindSlot(*row) for row in cursor.fetchall()]


def series(
    sensor_ids: Sequence[int], start: datetime, end: datetime, resolution: timedelta
) -> list[SeriesPoint]:
    """The roll-ups of [start, end) in slots counted from `start`, by sensor and time. One query.

    `resolution` is a multiple of a minute and `start` lies on a minute, else ValueError. What was
    stored in the last seconds is not rolled up yet (`rollup_backlog`).
    """
    table = _table(start, resolution)
    if table is None:
        raise ValueError("resolution and start must be whole minutes")
    with connection.cursor() as cursor:
        cursor.execute(
            series_sql(table, resolution),
            {
                "sensor_ids": [*sensor_ids],
                "start": start,
                "end": end,
                "slot_s": resolution.total_seconds(),
            },
        )
        return [*map(SeriesPoint._make, cursor.fetchall())]


def energy_between(sensor_ids: Sequence[int], start: datetime, end: datetime) -> list[EnergyTotal]:
    """The energy of counters and powers over [start, end), by roll-ups. One query.

    Both ends lie on a minute, else ValueError. What flowed during a gap counts where the counter
    was next read. A sensor without readings is not in the list.
    """
    pieces = stretches(start, end)
    if not pieces:
        return []
    parameters: dict[str, datetime | list[int]] = {"sensor_ids": [*sensor_ids]}
    for number, (_source, first, last) in enumerate(pieces):
        parameters |= {f"from_{number}": first, f"to_{number}": last}
    with connection.cursor() as cursor:
        cursor.execute(energy_sql([table for table, _first, _last in pieces]), parameters)
        rows = cursor.fetchall()
    duration_s = (end - start).total_seconds()
    return [
        EnergyTotal(sensor_id, energy_kwh, min(1.0, covered_s / duration_s))
        for sensor_id, energy_kwh, covered_s in rows
    ]


def stretches(start: datetime, end: datetime) -> list[tuple[RollupTable, datetime, datetime]]:
    """[start, end) cut so that each part is read from the coarsest table it fits. Pure."""
    if floor_slot(start, MINUTES.step) != start or floor_slot(end, MINUTES.step) != end:
        raise ValueError("start and end must be whole minutes")
    parts: list[tuple[RollupTable, datetime, datetime]] = []
    for fine, coarse in ((MINUTES, QUARTERS), (QUARTERS, HOURS)):
        first = min(floor_slot(start - MINUTES.step, coarse.step) + coarse.step, end)
        last = max(floor_slot(end, coarse.step), first)
        parts += [(fine, start, first), (fine, last, end)]
        start, end = first, last
    parts.append((HOURS, start, end))
    return [part for part in parts if part[1] < part[2]]


def _table(start: datetime, resolution: timedelta) -> RollupTable | None:
    if resolution <= timedelta(0):
        raise ValueError("resolution must be positive")
    return table_for(start, resolution)


def _slot_parameters(
    table: RollupTable | None, start: datetime, end: datetime, resolution: timedelta
) -> dict[str, datetime | float]:
    cut = start
    if table is not None:
        settled = min(_first_due(start, end) or end, end)
        cut = start + max(timedelta(0), settled - start) // resolution * resolution
    return {"start": start, "cut": cut, "end": end, "slot_s": resolution.total_seconds()}


def _first_due(start: datetime, end: datetime) -> datetime | None:
    """Up to here the roll-ups of [start, end) hold every reading; None: all of them do."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_DUE, [end, start])
        row: tuple[datetime | None] | None = cursor.fetchone()
    return None if row is None else row[0]
