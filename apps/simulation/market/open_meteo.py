"""Open-Meteo: GET /v1/forecast?latitude=&longitude=&minutely_15=...&forecast_days=3&timezone=GMT

Quarter hours from 00:00 UTC today; radiation is the mean of the quarter hour BEFORE its stamp.
Of the real service: `minutely_15` alone, times in GMT (UTC), any `apikey`. A 429 has no
Retry-After; its reason says which limit was met.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from aiohttp import web

from apps.simulation.market.feed import Asked, BadQueryError, SimulatedFeed, json_reply
from apps.simulation.market.sky import (
    RESOLUTION,
    SkySlot,
    sky_between,
    temperature_c,
    wind_m_per_s,
)

MOST_DAYS = 16
_KMH = 3.6
_COLUMNS: dict[str, tuple[str, Callable[[SkySlot, datetime], float]]] = {
    "shortwave_radiation": ("W/m²", lambda slot, _: slot.p50.ghi),
    "direct_normal_irradiance": ("W/m²", lambda slot, _: slot.p50.dni),
    "diffuse_radiation": ("W/m²", lambda slot, _: slot.p50.dhi),
    "temperature_2m": ("°C", lambda _, at: temperature_c(at)),
    "wind_speed_10m": ("km/h", lambda _, at: wind_m_per_s(at) * _KMH),
}


class OpenMeteoFeed(SimulatedFeed):
    """The forecast of any place under the sky of the islands."""

    name: ClassVar[str] = "open_meteo"
    paths: ClassVar[tuple[str, ...]] = ("/v1/forecast",)

    def answer(self, asked: Asked) -> web.Response:
        try:
            return json_reply(_document(asked))
        except BadQueryError as err:
            return json_reply({"error": True, "reason": str(err)}, 400)

    def busy(self, asked: Asked) -> web.Response:
        return _limit("Minutely API request limit exceeded. Please try again in one minute.")

    def quota_used_up(self, asked: Asked) -> web.Response:
        return _limit("Daily API request limit exceeded. Please try again tomorrow.")


def _document(asked: Asked) -> dict[str, Any]:
    query = asked.query
    latitude, longitude = _degrees(query, "latitude", 90), _degrees(query, "longitude", 180)
    days = _whole(query.get("forecast_days", "7"), "forecast_days", MOST_DAYS)
    if query.get("timezone", "GMT") not in ("GMT", "UTC"):
        raise BadQueryError("Invalid timezone; this simulation knows GMT and UTC")
    names = [name for name in query.get("minutely_15", "").split(",") if name]
    unknown = next((name for name in names if name not in _COLUMNS), None)
    if unknown is not None or not names:
        raise BadQueryError(
            f"Data corrupted at path ''. Cannot initialize from invalid String value {unknown}."
        )
    midnight = datetime.combine(asked.now.astimezone(UTC).date(), time(0), UTC)
    stamps = [midnight + number * RESOLUTION for number in range(96 * days)]
    slots = sky_between(midnight - RESOLUTION, stamps[-1], latitude=latitude, longitude=longitude)
    is_metric = query.get("wind_speed_unit") == "ms"
    return {
        "latitude": latitude,
        "longitude": longitude,
        "generationtime_ms": 0.3,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 12.0,
        "minutely_15_units": {
            "time": "iso8601",
            **{name: _unit(name, is_metric=is_metric) for name in names},
        },
        "minutely_15": {
            "time": [f"{stamp:%Y-%m-%dT%H:%M}" for stamp in stamps],
            **{name: _column(name, slots, stamps, asked, is_metric=is_metric) for name in names},
        },
    }


def _column(
    name: str, slots: list[SkySlot], stamps: list[datetime], asked: Asked, *, is_metric: bool
) -> list[float | None]:
    if asked.mode == "no_data":
        return [None] * len(stamps)
    value = _COLUMNS[name][1]
    scale = 1 / _KMH if is_metric and name == "wind_speed_10m" else 1.0
    return [round(value(slot, stamp) * scale, 2) for slot, stamp in zip(slots, stamps, strict=True)]


def _unit(name: str, *, is_metric: bool) -> str:
    return "m/s" if is_metric and name == "wind_speed_10m" else _COLUMNS[name][0]


def _degrees(query: Mapping[str, str], name: str, most: float) -> float:
    said = query.get(name, "")
    try:
        degrees = float(said)
    except ValueError:
        degrees = most + 1
    if not -most <= degrees <= most:
        raise BadQueryError(
            f"{name.title()} must be in range of -{most:g} to {most:g}°. Given: {said[:20]}."
        )
    return round(degrees, 4)


def _whole(said: str, name: str, most: int) -> int:
    if not said.isdigit() or not 1 <= int(said) <= most:
        raise BadQueryError(f"{name} is out of range: 1 to {most}")
    return int(said)


def _limit(reason: str) -> web.Response:
    return json_reply({"error": True, "reason": reason}, 429)
