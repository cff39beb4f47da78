"""The chart of one sensor: what was measured, what was bad, and where nothing is known.

A gap stays a gap: a stretch without readings is None in every series and stands in `gaps`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import orjson
from django.utils import timezone

from apps.assets.choices import Quantity
from apps.assets.selectors import (
    MOST_READINGS,
    STALE_POLLS,
    STORING_DELAY_S,
    ReadingPoint,
    SeriesPoint,
    readings_page,
    series,
)
from apps.console.viewmodels.device import is_flipped, sensor_label
from cariflex.common.units import floor_slot

MINUTE = timedelta(minutes=1)
# Roll-ups follow the readings by some seconds: the last slots are not a gap yet.
ROLLUP_DELAY = timedelta(minutes=2)
SHORTEST_RAW_PERIOD_S = 1.0
"""An hour of faster readings is more points than pixels: it is shown by the minute."""
TRUSTED = ("good", "substituted")
API_RESOLUTIONS = {
    None: "raw",
    MINUTE: "1m",
    timedelta(minutes=15): "15m",
    timedelta(hours=1): "1h",
}


@dataclass(frozen=True, slots=True)
class Range:
    """How far back, in slots of which length (None: single readings), and the table's steps."""

    key: str
    length: timedelta
    resolution: timedelta | None
    table_step: timedelta


RANGES = {
    chosen.key: chosen
    for chosen in (
        Range("hour", timedelta(hours=1), None, timedelta(minutes=5)),
        Range("day", timedelta(days=1), MINUTE, timedelta(hours=1)),
        Range("week", timedelta(days=7), timedelta(minutes=15), timedelta(hours=6)),
        Range("month", timedelta(days=31), timedelta(hours=1), timedelta(days=1)),
    )
}
FIRST_RANGE = "hour"


@dataclass(frozen=True, slots=True)
class ChartedSensor:
    """What a chart needs to know of its sensor."""

    sensor_id: int
    quantity: str
    channel: str
    kind: str
    period_s: float
    device_code: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of the table; without readings everything is None."""

    start: datetime
    mean: float | None
    minimum: float | None
    maximum: float | None
    bad_count: int
    is_gap: bool


@dataclass(frozen=True, slots=True)
class SensorChart:
    """Series over one axis (UTC epoch seconds), in the sensor's unit.

    `mean` is the value itself for single readings, and the energy of the slot for a counter. A PV
    plant's power is shown as production, so it is positive here. `gaps` are stretches without
    readings, `bad_times_s` when values came that cannot be trusted.
    """

    sensor_id: int
    range: str
    label: str
    unit: str
    quantity: str
    resolution_s: int
    start: datetime
    end: datetime
    now: datetime
    is_energy: bool
    is_cut: bool
    times_s: tuple[float, ...]
    mean: tuple[float | None, ...]
    minimum: tuple[float | None, ...]
    maximum: tuple[float | None, ...]
    gaps: tuple[tuple[float, float], ...]
    bad_times_s: tuple[float, ...]
    bad_count: int
    rows: tuple[TableRow, ...]
    api_query: str
    """What asks the API for the same values as a file."""


@dataclass(frozen=True, slots=True)
class _Point:
    """One reading or one slot; no mean when nothing in it can be trusted."""

    at: datetime
    mean: float | None
    minimum: float | None
    maximum: float | None
    weight: float
    bad_count: int


def sensor_chart(sensor: ChartedSensor, *, chosen: Range, now: datetime) -> SensorChart:
    """The chart of a sensor. One query."""
    is_energy = Quantity(sensor.quantity).is_counter
    resolution = chosen.resolution
    if resolution is None and (is_energy or sensor.period_s < SHORTEST_RAW_PERIOD_S):
        resolution = MINUTE
    start, end = _window(chosen, resolution, now)
    is_cut = False
    if resolution is None:
        readings = readings_page(sensor.sensor_id, start, end, limit=MOST_READINGS)
        points, is_cut = _raw(readings), len(readings) == MOST_READINGS
    else:
        points = _rolled(series([sensor.sensor_id], start, end, resolution), is_energy=is_energy)
    if is_flipped(sensor.quantity, kind=sensor.kind):
        points = [_flipped(point) for point in points]
    tolerance = _tolerance(sensor, resolution)
    known_until = now if resolution is None else max(start, now - ROLLUP_DELAY)
    if is_cut:
        known_until = points[-1].at
    gaps = _gaps(points, start, known_until, tolerance, resolution or timedelta(0))
    axis = _with_breaks(points, gaps)
    return SensorChart(
        sensor_id=sensor.sensor_id,
        range=chosen.key,
        label=sensor_label(sensor.quantity, sensor.channel, kind=sensor.kind),
        unit=Quantity(sensor.quantity).unit,
        quantity=sensor.quantity,
        resolution_s=int(resolution.total_seconds()) if resolution else 0,
        start=start,
        end=end,
        now=now,
        is_energy=is_energy,
        is_cut=is_cut,
        times_s=tuple(round(at.timestamp(), 3) for at, _point in axis),
        mean=tuple(_rounded(point.mean) if point else None for _at, point in axis),
        minimum=tuple(_rounded(point.minimum) if point else None for _at, point in axis),
        maximum=tuple(_rounded(point.maximum) if point else None for _at, point in axis),
        gaps=tuple((first.timestamp(), last.timestamp()) for first, last in gaps),
        bad_times_s=tuple(point.at.timestamp() for point in points if point.bad_count),
        bad_count=sum(point.bad_count for point in points),
        rows=table_rows(points, start, end, chosen.table_step, is_energy=is_energy, now=now),
        api_query=_api_query(sensor, start, end, resolution),
    )


def chart_text(chart: SensorChart) -> str:
    """The chart as JSON."""
    return orjson.dumps(chart, option=orjson.OPT_UTC_Z).decode()


def _api_query(
    sensor: ChartedSensor, start: datetime, end: datetime, resolution: timedelta | None
) -> str:
    return urlencode(
        {
            "sensor": sensor.sensor_id,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "resolution": API_RESOLUTIONS[resolution],
            "format": "csv",
        }
    )


def _window(
    chosen: Range, resolution: timedelta | None, now: datetime
) -> tuple[datetime, datetime]:
    """The last hour, day, week or month; whole slots, the one in progress included."""
    if resolution is None:
        return now - chosen.length, now
    end = floor_slot(now, resolution) + resolution
    return end - chosen.length, end


def _raw(readings: Sequence[ReadingPoint]) -> list[_Point]:
    return [
        _Point(r.at, r.value, None, None, 1.0, 0)
        if r.quality in TRUSTED and r.value is not None
        else _Point(r.at, None, None, None, 0.0, 1)
        for r in readings
    ]


def _rolled(slots: Sequence[SeriesPoint], *, is_energy: bool) -> list[_Point]:
    """A counter's slot is its energy: the level of a counter says nothing."""
    if is_energy:
        return [_Point(s.start, s.energy_kwh, None, None, 1.0, s.bad_count) for s in slots]
    return [
        _Point(s.start, s.mean, s.minimum, s.maximum, s.coverage or 1e-9, s.bad_count)
        for s in slots
    ]


def _flipped(point: _Point) -> _Point:
    def opposite(value: float | None) -> float | None:
        return None if value is None else 0.0 - value

    return _Point(
        point.at,
        opposite(point.mean),
        opposite(point.maximum),
        opposite(point.minimum),
        point.weight,
        point.bad_count,
    )


def _tolerance(sensor: ChartedSensor, resolution: timedelta | None) -> timedelta:
    """How long there may be nothing before it is a gap: as long as a value is not late."""
    late_s = STALE_POLLS * sensor.period_s + STORING_DELAY_S
    # A sensor that is read less often than the slots are long leaves slots out by design.
    return (
        timedelta(seconds=late_s)
        if resolution is None
        else timedelta(seconds=max(0.0, late_s - resolution.total_seconds()))
    )


def _gaps(
    points: Sequence[_Point],
    start: datetime,
    end: datetime,
    tolerance: timedelta,
    width: timedelta,
) -> list[tuple[datetime, datetime]]:
    """Stretches of [start, end) that no reading or slot of `width` covers."""
    gaps = []
    covered = start
    for point in points:
        if point.at - covered > tolerance:
            gaps.append((covered, point.at))
        covered = max(covered, point.at + width)
    if end - covered > tolerance:
        gaps.append((covered, end))
    return gaps


def _with_breaks(
    points: Sequence[_Point], gaps: Sequence[tuple[datetime, datetime]]
) -> list[tuple[datetime, _Point | None]]:
    """The points with an empty one in each gap, so that no line is drawn over it."""
    breaks: list[tuple[datetime, _Point | None]] = [
        (first + (last - first) / 2, None) for first, last in gaps
    ]
    axis: list[tuple[datetime, _Point | None]] = [(point.at, point) for point in points]
    return sorted(axis + breaks, key=lambda item: item[0])


def table_rows(
    points: Sequence[_Point],
    start: datetime,
    end: datetime,
    step: timedelta,
    *,
    is_energy: bool,
    now: datetime,
) -> tuple[TableRow, ...]:
    """Means, or sums of energy, of steps in local time; a step without readings says so."""
    by_step: dict[datetime, list[_Point]] = {}
    at = _local_step(start, step)
    while at < min(end, now):
        by_step[at] = []
        # A day of 25 hours still has one midnight.
        at = _local_step(at + step + timedelta(hours=2) if step.days else at + step, step)
    for point in points:
        by_step.setdefault(_local_step(point.at, step), []).append(point)
    return tuple(
        _row(first, of_step, is_energy=is_energy) for first, of_step in sorted(by_step.items())
    )


def _row(start: datetime, points: Sequence[_Point], *, is_energy: bool) -> TableRow:
    known = [point for point in points if point.mean is not None]
    bad_count = sum(point.bad_count for point in points)
    if not known:
        return TableRow(start, None, None, None, bad_count, is_gap=not points)
    if is_energy:
        total = sum(point.mean or 0.0 for point in known)
        return TableRow(start, _rounded(total), None, None, bad_count, is_gap=False)
    weight = sum(point.weight for point in known)
    mean = sum((point.mean or 0.0) * point.weight for point in known) / weight
    lows = [p.mean if p.minimum is None else p.minimum for p in known]
    highs = [p.mean if p.maximum is None else p.maximum for p in known]
    return TableRow(
        start,
        _rounded(mean),
        _rounded(min(low for low in lows if low is not None)),
        _rounded(max(high for high in highs if high is not None)),
        bad_count,
        is_gap=False,
    )


def _local_step(at: datetime, step: timedelta) -> datetime:
    """The start of the step that holds an instant, by the operator's clock on the wall."""
    local = timezone.localtime(at)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= timedelta(days=1):
        return midnight
    into = timedelta(
        hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return midnight + into // step * step


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
