"""What is kept of a run of AROME for one cell: its nearest grid point, hour by hour, as JSON.

A run is some 200 MB of GRIB for the whole domain; the extract is what a forecast is made of, a few
kB, with the SHA-256 of every file that it was taken from. Pure: values in, bytes out and back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from apps.markets.feeds.arome import MAX_HOURS, SYSTEM, SurfaceValues
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
from cariflex.common.time import parse_rfc3339

HOUR: Final = timedelta(hours=1)
HOUR_S: Final = 3_600.0
ZERO_CELSIUS_K: Final = 273.15
# Sums are packed: by hour 48 a step of the packing is some hundred J/m2, so two equal sums may
# seem to fall by that much.
PACKING_J_PER_M2: Final = 20_000.0
MAX_SUM_J_PER_M2: Final = MAX_HOURS * HOUR_S * MAX_IRRADIANCE_W_PER_M2
COLUMNS: Final = ("step_hours", "ssrd_j_per_m2", "2t_k", "10u_m_per_s", "10v_m_per_s")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_reader: Final = JsonReader(SYSTEM)


@dataclass(frozen=True, slots=True)
class AromeForecast:
    """A forecast with the run and the grid point that it is of."""

    run: datetime
    latitude: float
    longitude: float
    weather: WeatherForecast


def extract_encode(
    *, model: str, run: datetime, hours: Sequence[SurfaceValues], files: Mapping[int, str]
) -> bytes:
    """The extract of one grid point; `files` are the SHA-256 of the files by their hour."""
    document = {
        "model": model,
        "run": f"{run:%Y-%m-%dT%H:%M:%SZ}",
        "latitude": hours[0].latitude,
        "longitude": hours[0].longitude,
        "columns": COLUMNS,
        "hours": [
            [
                one.step_hours,
                round(one.radiation_j_per_m2, 1),
                round(one.temperature_k, 3),
                round(one.wind_u_m_per_s, 3),
                round(one.wind_v_m_per_s, 3),
            ]
            for one in hours
        ],
        "files": {str(hour): files[hour] for hour in sorted(files)},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def extract_read(content: bytes) -> AromeForecast:
    """The hourly forecast of an extract.

    The radiation of an hour is what its sum grew by; temperature and wind are the means of both
    ends. An hour whose beginning or end is not there is left out (and named in `missing` between
    others). Raises DocumentError: hours out of order, sums that fall, values beyond nature.
    """
    root = _reader.document(content)
    try:
        run = parse_rfc3339(_reader.text(root, "run"))
    except ValueError:
        _reader.fail("run", "is not a UTC instant")
    if list(root.get("columns") or ()) != list(COLUMNS):
        _reader.fail("columns", f"are not {', '.join(COLUMNS)}")
    for hour, digest in _reader.member(root, "files").items():
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            _reader.fail(f"files.{hour[:4]}", "is not a SHA-256")
    hours = _hours(_reader.rows(root, "hours"))
    slots = tuple(
        _slot(run, hours[hour - 1], hours[hour]) for hour in sorted(hours) if hour - 1 in hours
    )
    if not slots:
        _reader.fail("hours", "there are no two in a row")
    starts = {slot.start for slot in slots}
    count = (slots[-1].end - slots[0].start) // HOUR
    grid = [slots[0].start + n * HOUR for n in range(count)]
    return AromeForecast(
        run=run,
        latitude=_reader.number(root.get("latitude"), "latitude", low=-90, high=90),
        longitude=_reader.number(root.get("longitude"), "longitude", low=-180, high=180),
        weather=WeatherForecast(
            resolution=HOUR, slots=slots, missing=tuple(at for at in grid if at not in starts)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Hour:
    step: int
    sum_j_per_m2: float
    temperature_c: float
    wind_m_per_s: float


def _hours(rows: list[Any]) -> dict[int, _Hour]:
    found: dict[int, _Hour] = {}
    last = -1
    for n, row in enumerate(rows):
        place = f"hours[{n}]"
        if not isinstance(row, list) or len(row) != len(COLUMNS):
            _reader.fail(place, f"has not {len(COLUMNS)} values")
        step = int(_reader.number(row[0], f"{place}.step_hours", low=0, high=MAX_HOURS))
        if step <= last or step != row[0]:
            _reader.fail(f"{place}.step_hours", f"{row[0]} does not follow {last}")
        last = step
        found[step] = _hour(step, row, place)
    return found


def _hour(step: int, row: list[Any], place: str) -> _Hour:
    low_k, high_k = (limit + ZERO_CELSIUS_K for limit in (MIN_TEMPERATURE_C, MAX_TEMPERATURE_C))
    total = _reader.number(
        row[1], f"{place}.{COLUMNS[1]}", low=-PACKING_J_PER_M2, high=MAX_SUM_J_PER_M2
    )
    kelvin = _reader.number(row[2], f"{place}.{COLUMNS[2]}", low=low_k, high=high_k)
    east, north = (
        _reader.number(
            row[n], f"{place}.{COLUMNS[n]}", low=-MAX_WIND_M_PER_S, high=MAX_WIND_M_PER_S
        )
        for n in (3, 4)
    )
    return _Hour(step, total, kelvin - ZERO_CELSIUS_K, math.hypot(east, north))


def _slot(run: datetime, first: _Hour, last: _Hour) -> WeatherSlot:
    place = f"hours.{last.step}.{COLUMNS[1]}"
    grown = last.sum_j_per_m2 - first.sum_j_per_m2
    if grown < -PACKING_J_PER_M2:
        _reader.fail(place, f"the sum falls by {-grown:.0f} J/m2")
    ghi = _reader.number(max(grown, 0.0) / HOUR_S, place, low=0, high=MAX_IRRADIANCE_W_PER_M2)
    return WeatherSlot(
        start=run + first.step * HOUR,
        end=run + last.step * HOUR,
        p50=Irradiance(ghi),
        temperature_c=(first.temperature_c + last.temperature_c) / 2,
        wind_m_per_s=min((first.wind_m_per_s + last.wind_m_per_s) / 2, MAX_WIND_M_PER_S),
    )
