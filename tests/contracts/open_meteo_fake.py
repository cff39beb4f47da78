"""A stand-in for the Open-Meteo forecast API: quarter hours of a sky that a test decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

QUARTER = timedelta(minutes=15)
UNITS = {
    "time": "iso8601",
    "shortwave_radiation": "W/m²",
    "direct_normal_irradiance": "W/m²",
    "diffuse_radiation": "W/m²",
    "temperature_2m": "°C",
    "wind_speed_10m": "m/s",
}
QUOTA = Answer.of(
    {"reason": "Daily API request limit exceeded. Please try again tomorrow.", "error": True}, 429
)
OUTAGE = Answer(502, b"<html>Bad Gateway</html>")
GARBAGE = Answer(200, b'{"latitude": 16.25, "minutely_15": {"time": ["2026-')


def daylight(start: datetime) -> tuple[float, float, float]:
    """Global, direct normal and diffuse W/m2 of the slot from `start`: 10 to 22 h UTC, a block."""
    return (600.0, 700.0, 120.0) if 10 <= start.hour < 22 else (0.0, 0.0, 0.0)


@dataclass
class OpenMeteoFake:
    """The API's state: what day it is there, the sky, an answer forced upon everything."""

    server: FakeServer
    today: datetime = datetime(2026, 3, 20, tzinfo=UTC)
    radiation: Callable[[datetime], tuple[float, float, float]] = daylight
    api_key: str | None = None
    forced: Answer | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url + "/v1/forecast"

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        query = request.query
        if self.api_key is not None and query.get("apikey") != self.api_key:
            return Answer.of({"error": True, "reason": "The supplied API key is invalid."}, 400)
        if not -90 <= float(query["latitude"]) <= 90:
            reason = f"Latitude must be in range of -90 to 90°. Given: {query['latitude']}."
            return Answer.of({"error": True, "reason": reason}, 400)
        self.asked.append((query["latitude"], query["longitude"]))
        return Answer.of(self.document(query))

    def document(self, query: dict[str, str]) -> dict[str, Any]:
        """Only the variables asked for; metres per second and UTC only when they are asked for."""
        stamps = [self.today + n * QUARTER for n in range(96 * int(query.get("forecast_days", 7)))]
        sky = [self.radiation(stamp - QUARTER) for stamp in stamps]
        columns: dict[str, list[Any]] = {
            "shortwave_radiation": [values[0] for values in sky],
            "direct_normal_irradiance": [values[1] for values in sky],
            "diffuse_radiation": [values[2] for values in sky],
            "temperature_2m": [27.5] * len(stamps),
            "wind_speed_10m": [6.0] * len(stamps),
        }
        units = dict(UNITS)
        if query.get("wind_speed_unit") != "ms":
            units["wind_speed_10m"] = "km/h"
        wanted = query["minutely_15"].split(",")
        return {
            "latitude": float(query["latitude"]),
            "longitude": float(query["longitude"]),
            "generationtime_ms": 0.4,
            "utc_offset_seconds": 0 if query.get("timezone") == "GMT" else -14_400,
            "timezone": query.get("timezone", "auto"),
            "elevation": 12.0,
            "minutely_15_units": {name: units[name] for name in ["time", *wanted]},
            "minutely_15": {
                "time": [f"{stamp:%Y-%m-%dT%H:%M}" for stamp in stamps],
                **{name: columns[name] for name in wanted},
            },
        }


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@contextmanager
def open_meteo_fake() -> Iterator[OpenMeteoFake]:
    """The API on a loopback port."""
    holder: list[OpenMeteoFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(OpenMeteoFake(server))
        yield holder[0]
