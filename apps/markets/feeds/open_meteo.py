"""Open-Meteo forecast API: reads radiation, temperature and wind (JSON of `/v1/forecast`).

Pure: bytes in, dataclasses out. A radiation value is the mean of the interval BEFORE its time
stamp (15 minutes or one hour), so its slot is `[stamp - resolution, stamp)`. Temperature and wind
are instants: a slot takes the mean of both its ends, the first one the value of its end. Sources:
open-meteo.com/en/docs, "preceding 15 minutes mean" and "preceding hour mean"; confirmed by the
maintainer in open-meteo/open-meteo issues 959 and 1334.
"""

from __future__ import annotations

import re
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

SYSTEM: Final = "open_meteo"
RESOLUTIONS: Final = {"minutely_15": QUARTER_HOUR, "hourly": timedelta(hours=1)}
RADIATION: Final = ("shortwave_radiation", "direct_normal_irradiance", "diffuse_radiation")
INSTANTS: Final = ("temperature_2m", "wind_speed_10m")
UNITS: Final = {
    "time": "iso8601",
    **dict.fromkeys(RADIATION, "W/m²"),
    "temperature_2m": "°C",
    "wind_speed_10m": "m/s",
}
LIMITS: Final = {
    **dict.fromkeys(RADIATION, (0.0, MAX_IRRADIANCE_W_PER_M2)),
    "temperature_2m": (MIN_TEMPERATURE_C, MAX_TEMPERATURE_C),
    "wind_speed_10m": (0.0, MAX_WIND_M_PER_S),
}
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_reader: Final = JsonReader(SYSTEM)


@dataclass(frozen=True, slots=True)
class OpenMeteoForecast:
    """A forecast with the centre of the grid cell that it was made for."""

    latitude: float
    longitude: float
    elevation_m: float
    weather: WeatherForecast


def open_meteo_read(content: bytes, *, block: str = "minutely_15") -> OpenMeteoForecast:
    """Read the `minutely_15` or `hourly` block of a reply in UTC, m/s and degrees Celsius.

    A slot whose three radiation values are all null is past the model's horizon or a gap of the
    model: it is left out (and named in `missing` when slots follow). Raises DocumentError: another
    unit or time zone, stamps that are not one ascending grid, lists of unequal length, a lone
    null, a value beyond what nature gives.
    """
    root = _reader.document(content)
    if root.get("error"):
        _reader.fail("reason", f"request refused: {str(root.get('reason'))[:200]!r}")
    if block not in RESOLUTIONS:
        _reader.fail("block", f"{block!r} is not one of {', '.join(RESOLUTIONS)}")
    offset = _reader.number(
        root.get("utc_offset_seconds"), "utc_offset_seconds", low=-86_400, high=86_400
    )
    if offset:
        _reader.fail("utc_offset_seconds", f"is {offset:g}, expected 0 (UTC)")
    _check_units(root, block)
    return OpenMeteoForecast(
        latitude=_reader.number(root.get("latitude"), "latitude", low=-90, high=90),
        longitude=_reader.number(root.get("longitude"), "longitude", low=-180, high=180),
        elevation_m=_reader.number(root.get("elevation"), "elevation", low=-500, high=9_000),
        weather=_weather(_reader.member(root, block), block),
    )


def _check_units(root: dict[str, Any], block: str) -> None:
    name = f"{block}_units"
    units = _reader.member(root, name)
    for variable, unit in UNITS.items():
        stated = units.get(variable)
        if stated != unit:
            _reader.fail(f"{name}.{variable}", f"is {str(stated)[:20]!r}, expected {unit!r}")


def _weather(values: dict[str, Any], block: str) -> WeatherForecast:
    resolution = RESOLUTIONS[block]
    stamps = _stamps(values, block)
    columns: dict[str, list[Any]] = {}
    for name in RADIATION + INSTANTS:
        columns[name] = _reader.rows(values, name, place=f"{block}.{name}")
        if len(columns[name]) != len(stamps):
            _reader.fail(
                f"{block}.{name}", f"has {len(columns[name])} values for {len(stamps)} times"
            )
    known = [n for n in range(len(stamps)) if any(columns[v][n] is not None for v in RADIATION)]
    if not known:
        _reader.fail(f"{block}.{RADIATION[0]}", "has no value at all")
    inside = range(known[0], known[-1] + 1)
    return WeatherForecast(
        resolution=resolution,
        slots=tuple(_slot(columns, n, stamps[n], block) for n in known),
        missing=tuple(stamps[n] - resolution for n in sorted(set(inside) - set(known))),
    )


def _slot(columns: dict[str, list[Any]], n: int, end: datetime, block: str) -> WeatherSlot:
    def value(name: str, at: int) -> float:
        low, high = LIMITS[name]
        return _reader.number(columns[name][at], f"{block}.{name}[{at}]", low=low, high=high)

    def mean(name: str) -> float:
        here = value(name, n)
        if n == 0 or columns[name][n - 1] is None:
            return here
        return (value(name, n - 1) + here) / 2

    ghi, dni, dhi = (value(name, n) for name in RADIATION)
    return WeatherSlot(
        start=end - RESOLUTIONS[block],
        end=end,
        p50=Irradiance(ghi, dni, dhi),
        temperature_c=mean("temperature_2m"),
        wind_m_per_s=mean("wind_speed_10m"),
    )


def _stamps(values: dict[str, Any], block: str) -> list[datetime]:
    resolution = RESOLUTIONS[block]
    stamps: list[datetime] = []
    for n, text in enumerate(_reader.rows(values, "time", place=f"{block}.time")):
        element = f"{block}.time[{n}]"
        if not isinstance(text, str) or not _STAMP.fullmatch(text):
            _reader.fail(element, f"{str(text)[:40]!r} is not a time (yyyy-mm-ddThh:mm)")
        try:
            stamp = datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            _reader.fail(element, f"{text!r} is not an existing time")
        if stamp.timestamp() % resolution.total_seconds():
            _reader.fail(element, f"{text} is not on the grid of {resolution}")
        if stamps and stamp == stamps[-1]:
            _reader.fail(element, f"{text} is given twice")
        if stamps and stamp != stamps[-1] + resolution:
            _reader.fail(element, f"{text} does not follow {stamps[-1]:%Y-%m-%dT%H:%M}")
        stamps.append(stamp)
    return stamps
