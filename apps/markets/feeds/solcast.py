"""Solcast: reads forecasts of rooftop power and of radiation and weather (JSON).

Pure: bytes in, dataclasses out. A row is the mean over `period` up to `period_end`, so its slot is
`[period_end - period, period_end)`. Sources: docs.solcast.com.au (`period_end`, `period` as ISO
8601 duration; `ghi10`, `pv_estimate10` and their like: the value that 10 % of outcomes stay below).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apps.markets.feeds.weather import (
    MAX_IRRADIANCE_W_PER_M2,
    MAX_TEMPERATURE_C,
    MAX_WIND_M_PER_S,
    MIN_TEMPERATURE_C,
    Irradiance,
    JsonReader,
    WeatherForecast,
    WeatherSlot,
)
from cariflex.common.units import QUARTER_HOUR

SYSTEM: Final = "solcast"
# Only periods that quarter hours fill or divide; 5, 10 and 20 minutes are never asked for.
PERIODS: Final = {
    "PT15M": QUARTER_HOUR,
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(hours=1),
    "PT1H": timedelta(hours=1),
}
# `rooftop_sites/{id}/forecasts` and `data/forecast/rooftop_pv_power` name the same kW differently.
POWER_NAMES: Final = ("pv_estimate", "pv_power_rooftop")
# A rooftop or ground plant of an island; a wrong unit (W for kW) of a large one is beyond it.
MAX_POWER_KW: Final = 100_000.0
# Seven decimals of a second, as the platform writes them; they are all zero.
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:00)(?:\.0+)?(?:Z|\+00:00)")
_reader: Final = JsonReader(SYSTEM)


@dataclass(frozen=True, slots=True)
class RooftopSlot:
    """Mean AC power over `[start, end)` in UTC, kW >= 0, p10 <= p50 <= p90 where given."""

    start: datetime
    end: datetime
    p50_kw: float
    p10_kw: float | None
    p90_kw: float | None


@dataclass(frozen=True, slots=True)
class RooftopForecast:
    """Slots of one period, ordered by start; `missing` are the starts left out between them."""

    resolution: timedelta
    slots: tuple[RooftopSlot, ...]
    missing: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """One entry of `forecasts` with its place in the document."""

    place: str
    values: dict[str, Any]
    start: datetime
    end: datetime

    def number(self, name: str, low: float, high: float) -> float:
        return _reader.number(self.values.get(name), f"{self.place}.{name}", low=low, high=high)


def rooftop_forecast_read(content: bytes) -> RooftopForecast:
    """Read a rooftop forecast: `pv_estimate` (or `pv_power_rooftop`) with its `10` and `90`, in kW.

    Raises DocumentError: rows out of order, twice or overlapping, periods that differ, a null, a
    value below 0 or beyond 100 MW, percentiles out of order or given without each other.
    """
    rows = tuple(_rows(content))
    name = next((word for word in POWER_NAMES if word in rows[0].values), POWER_NAMES[0])
    return RooftopForecast(
        resolution=rows[0].end - rows[0].start,
        slots=tuple(_rooftop_slot(row, name) for row in rows),
        missing=_missing(rows),
    )


def radiation_forecast_read(content: bytes) -> WeatherForecast:
    """Read `ghi`, `dni`, `dhi` (W/m2) with their `10` and `90`, `air_temp` (C), `wind_speed_10m`.

    `dni` and `dhi` may be absent together, in every percentile by itself. Raises DocumentError as
    `rooftop_forecast_read` does; percentiles are compared by `ghi`.
    """
    rows = tuple(_rows(content))
    return WeatherForecast(
        resolution=rows[0].end - rows[0].start,
        slots=tuple(_weather_slot(row) for row in rows),
        missing=_missing(rows),
    )


def _rooftop_slot(row: _Row, name: str) -> RooftopSlot:
    p50 = row.number(name, 0, MAX_POWER_KW)
    p10: float | None = None
    p90: float | None = None
    if _both(row, f"{name}10", f"{name}90"):
        p10 = row.number(f"{name}10", 0, MAX_POWER_KW)
        p90 = row.number(f"{name}90", 0, MAX_POWER_KW)
        _check_order(row, name, p10, p50, p90)
    return RooftopSlot(row.start, row.end, p50, p10, p90)


def _weather_slot(row: _Row) -> WeatherSlot:
    p50 = _irradiance(row, "")
    p10: Irradiance | None = None
    p90: Irradiance | None = None
    if _both(row, "ghi10", "ghi90"):
        p10, p90 = _irradiance(row, "10"), _irradiance(row, "90")
        _check_order(row, "ghi", p10.ghi_w_per_m2, p50.ghi_w_per_m2, p90.ghi_w_per_m2)
    return WeatherSlot(
        start=row.start,
        end=row.end,
        p50=p50,
        temperature_c=row.number("air_temp", MIN_TEMPERATURE_C, MAX_TEMPERATURE_C),
        wind_m_per_s=row.number("wind_speed_10m", 0, MAX_WIND_M_PER_S),
        p10=p10,
        p90=p90,
    )


def _irradiance(row: _Row, percentile: str) -> Irradiance:
    ghi = row.number(f"ghi{percentile}", 0, MAX_IRRADIANCE_W_PER_M2)
    dni_name, dhi_name = f"dni{percentile}", f"dhi{percentile}"
    if not _both(row, dni_name, dhi_name):
        return Irradiance(ghi)
    return Irradiance(
        ghi,
        row.number(dni_name, 0, MAX_IRRADIANCE_W_PER_M2),
        row.number(dhi_name, 0, MAX_IRRADIANCE_W_PER_M2),
    )


def _both(row: _Row, first: str, second: str) -> bool:
    if (first in row.values) != (second in row.values):
        absent = second if first in row.values else first
        _reader.fail(f"{row.place}.{absent}", "is missing beside its counterpart")
    return first in row.values


def _check_order(row: _Row, name: str, p10: float, p50: float, p90: float) -> None:
    if not p10 <= p50:
        _reader.fail(f"{row.place}.{name}10", f"{p10:g} is above {name} {p50:g}")
    if not p50 <= p90:
        _reader.fail(f"{row.place}.{name}90", f"{p90:g} is below {name} {p50:g}")


def _rows(content: bytes) -> Iterator[_Row]:
    root = _reader.document(content)
    if "response_status" in root and "forecasts" not in root:
        _reader.fail("response_status", "request refused")
    before: _Row | None = None
    for n, values in enumerate(_reader.rows(root, "forecasts")):
        place = f"forecasts[{n}]"
        if not isinstance(values, dict):
            _reader.fail(place, "is not an object")
        row = _row(values, place)
        if before is not None:
            _check_follows(before, row)
        before = row
        yield row


def _row(values: dict[str, Any], place: str) -> _Row:
    period_text = _reader.text(values, "period", place=f"{place}.period")
    period = PERIODS.get(period_text)
    if period is None:
        known = ", ".join(PERIODS)
        _reader.fail(f"{place}.period", f"{period_text[:20]!r} is not one of {known}")
    element = f"{place}.period_end"
    text = _reader.text(values, "period_end", place=element)
    match = _INSTANT.fullmatch(text)
    if match is None:
        _reader.fail(element, f"{text[:40]!r} is not a UTC minute (yyyy-mm-ddThh:mm:00Z)")
    try:
        end = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        _reader.fail(element, f"{text[:40]!r} is not an existing instant")
    if end.timestamp() % period.total_seconds():
        _reader.fail(element, f"{text[:40]} is not on the grid of {period_text}")
    return _Row(place, values, end - period, end)


def _check_follows(before: _Row, row: _Row) -> None:
    if row.end - row.start != before.end - before.start:
        _reader.fail(f"{row.place}.period", "differs from that of the row before")
    if row.end == before.end:
        _reader.fail(f"{row.place}.period_end", f"{row.end:%Y-%m-%dT%H:%MZ} is given twice")
    if row.start < before.end:
        _reader.fail(
            f"{row.place}.period_end",
            f"{row.end:%Y-%m-%dT%H:%MZ} comes after {before.end:%Y-%m-%dT%H:%MZ}",
        )


def _missing(rows: tuple[_Row, ...]) -> tuple[datetime, ...]:
    period = rows[0].end - rows[0].start
    count = (rows[-1].end - rows[0].start) // period
    if count == len(rows):
        return ()
    given = {row.start for row in rows}
    # Two rows years apart would make a list without end.
    if count > 2 * len(rows):
        _reader.fail("forecasts", f"has {len(rows)} of {count} slots only")
    grid = (rows[0].start + n * period for n in range(count))
    return tuple(start for start in grid if start not in given)
