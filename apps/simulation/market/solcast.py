"""Solcast: forecasts with P10, P50 and P90, ten calls a day for each token.

GET /data/forecast/radiation_and_weather?latitude=&longitude=&hours=&period=PT15M
    &output_parameters=ghi,ghi10,ghi90,dni,...,air_temp,wind_speed_10m
GET /rooftop_sites/<resource>/forecasts?hours=     a roof of the islands: `guadeloupe-pv-01`

Any Bearer token is accepted. Rows end at `period_end`; the first ends after now. The eleventh call
of a UTC day is 429 with X-Rate-Limit-Remaining 0 and X-Rate-Limit-Reset (seconds since 1970).
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from aiohttp import web

from apps.simulation.island import IslandDevice, load_island, operators
from apps.simulation.market.feed import Asked, BadQueryError, SimulatedFeed, json_reply
from apps.simulation.market.sky import (
    RESOLUTION,
    Radiation,
    SkySlot,
    pv_share,
    sky_between,
    temperature_c,
    wind_m_per_s,
)

CALLS_PER_DAY = 10
MOST_HOURS = 336
_PERIODS = {"PT15M": 1, "PT30M": 2, "PT60M": 4}
_ROOFTOP_PERIOD = "PT30M"
_PERCENTILES = ("10", "", "90")
_RADIATION = tuple(name + percent for name in Radiation._fields for percent in _PERCENTILES)
_INSTANTS = ("air_temp", "wind_speed_10m")


class SolcastFeed(SimulatedFeed):
    """Counts the calls of the day; they are forgotten when the process ends."""

    name: ClassVar[str] = "solcast"
    paths: ClassVar[tuple[str, ...]] = (
        "/data/forecast/radiation_and_weather",
        "/rooftop_sites/{resource}/forecasts",
    )

    def __init__(self) -> None:
        self._calls: Counter[tuple[date, str]] = Counter()
        self._lock = threading.Lock()

    def refusal(self, asked: Asked) -> web.Response | None:
        word, _, token = asked.headers.get("authorization", "").partition(" ")
        if word == "Bearer" and token.strip():
            return None
        return _error("Unauthorized", "no valid API key", 401)

    def answer(self, asked: Asked) -> web.Response:
        caller = (asked.now.astimezone(UTC).date(), asked.headers["authorization"])
        with self._lock:
            left = CALLS_PER_DAY - 1 - self._calls[caller]
            self._calls[caller] += left >= 0
        if left < 0:
            return self.quota_used_up(asked)
        headers = _quota_headers(asked.now, left)
        try:
            rows = self._rows(asked)
        except BadQueryError as err:
            return _error("ValidationException", str(err), 400)
        except LookupError:
            return _error("NotFound", "The specified site cannot be found.", 404)
        rows = [] if asked.mode == "no_data" else rows
        return json_reply({"forecasts": rows}, **headers)

    def busy(self, asked: Asked) -> web.Response:
        return _error("TooManyRequests", "The service is busy.", 429)

    def quota_used_up(self, asked: Asked) -> web.Response:
        return _error(
            "TooManyRequests",
            "You have exceeded your free daily limit.",
            429,
            **_quota_headers(asked.now, 0),
        )

    def _rows(self, asked: Asked) -> list[dict[str, Any]]:
        hours = asked.query.get("hours", "48")
        if not hours.isdigit() or not 1 <= int(hours) <= MOST_HOURS:
            raise BadQueryError(f"hours must be 1 to {MOST_HOURS}")
        if "resource" in asked.place:
            return list(_rooftop_rows(_roof(asked.place["resource"]), int(hours), asked.now))
        return list(_radiation_rows(asked.query, int(hours), asked.now))


def _radiation_rows(
    query: Mapping[str, str], hours: int, now: datetime
) -> Iterator[dict[str, Any]]:
    wanted = [name for name in query.get("output_parameters", "").split(",") if name]
    unknown = next((name for name in wanted if name not in (*_RADIATION, *_INSTANTS)), None)
    if unknown is not None or not wanted:
        raise BadQueryError(f"output_parameters: {unknown} is unknown")
    period = query.get("period", _ROOFTOP_PERIOD)
    if period not in _PERIODS:
        raise BadQueryError(f"period must be one of {', '.join(_PERIODS)}")
    place = _place(query)
    for start, end, slots in _frames(now, hours, period, **place):
        radiations = [(slot.p10, slot.p50, slot.p90) for slot in slots]
        values = {
            name + percent: _mean(getattr(three[number], name) for three in radiations)
            for name in Radiation._fields
            for number, percent in enumerate(_PERCENTILES)
        }
        values["air_temp"] = temperature_c(start + (end - start) / 2)
        values["wind_speed_10m"] = wind_m_per_s(start + (end - start) / 2)
        yield {name: round(values[name], 2) for name in wanted} | _stamp(end, period)


def _rooftop_rows(roof: IslandDevice, hours: int, now: datetime) -> Iterator[dict[str, Any]]:
    place = {"latitude": roof.latitude, "longitude": roof.longitude}
    for _, end, slots in _frames(now, hours, _ROOFTOP_PERIOD, **place):
        row: dict[str, Any] = {
            f"pv_estimate{percent}": round(
                roof.rated_power_kw * _mean(pv_share(slot.foretold[number]) for slot in slots), 4
            )
            for number, percent in enumerate(_PERCENTILES)
        }
        yield row | _stamp(end, _ROOFTOP_PERIOD)


def _frames(
    now: datetime, hours: int, period: str, *, latitude: float, longitude: float
) -> Iterator[tuple[datetime, datetime, list[SkySlot]]]:
    """(start, end, quarter hours) of each period from the one that now lies in."""
    size = _PERIODS[period]
    step_s = int(size * RESOLUTION.total_seconds())
    first = datetime.fromtimestamp(int(now.timestamp()) // step_s * step_s, UTC)
    end = first + timedelta(hours=hours)
    slots = sky_between(first, end, latitude=latitude, longitude=longitude)
    for number in range(0, len(slots), size):
        start = slots[number].start
        yield start, start + size * RESOLUTION, slots[number : number + size]


def _stamp(end: datetime, period: str) -> dict[str, str]:
    return {"period_end": f"{end:%Y-%m-%dT%H:%M:%S}.0000000Z", "period": period}


def _roof(resource: str) -> IslandDevice:
    for operator in operators():
        for device in load_island(operator).devices:
            if device.kind == "pv" and resource == f"{operator}-{device.code}":
                return device
    raise LookupError(resource)


def _place(query: Mapping[str, str]) -> dict[str, float]:
    try:
        latitude, longitude = float(query["latitude"]), float(query["longitude"])
    except (KeyError, ValueError) as err:
        raise BadQueryError("latitude and longitude must be degrees") from err
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise BadQueryError("latitude or longitude is out of range")
    return {"latitude": round(latitude, 4), "longitude": round(longitude, 4)}


def _quota_headers(now: datetime, left: int) -> dict[str, str]:
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(0), UTC)
    return {
        "x_rate_limit_limit": str(CALLS_PER_DAY),
        "x_rate_limit_remaining": str(left),
        "x_rate_limit_reset": str(int(midnight.timestamp())),
    }


def _error(code: str, message: str, status: int, **headers: str) -> web.Response:
    body = {"response_status": {"error_code": code, "message": message, "errors": []}}
    return json_reply(body, status, **headers)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
