"""A stand-in for the Solcast API: radiation and rooftop forecasts, with the quota of a day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

TOKEN = "solcast-token-0123"  # noqa: S105
SITE = "ab12-cd34-ef56-7890"
PERIODS = {"PT15M": timedelta(minutes=15), "PT30M": timedelta(minutes=30)}
OUTAGE = Answer(503, b"Service Unavailable")
GARBAGE = Answer(200, b"<html>We will be back soon</html>", {"Content-Type": "text/html"})
RADIATION = {
    "ghi": (300.0, 600.0, 800.0),
    "dni": (50.0, 700.0, 850.0),
    "dhi": (260.0, 120.0, 110.0),
}


@dataclass
class SolcastFake:
    """The API's state: the hour there, calls left today, an answer forced upon everything."""

    server: FakeServer
    now: datetime = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
    calls_left: int = 10
    tells_quota: bool = True
    retry_after_s: int | None = 3_600
    forced: Answer | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer.of({"response_status": {"error_code": "Unauthorized"}}, 401)
        if self.calls_left == 0:
            return Answer(429, b"", self._refusal_headers())
        self.calls_left -= 1
        self.asked.append(request.path)
        headers = {"X-Rate-Limit-Remaining": str(self.calls_left)} if self.tells_quota else {}
        hours = int(request.query["hours"])
        if request.path == "/data/forecast/radiation_and_weather":
            wanted = request.query["output_parameters"].split(",")
            rows = self.radiation_rows(hours, request.query.get("period", "PT30M"), wanted)
            return Answer.of({"forecasts": rows}, **headers)
        if request.path == f"/rooftop_sites/{SITE}/forecasts":
            return Answer.of({"forecasts": self.rooftop_rows(hours)}, **headers)
        return Answer.of({"response_status": {"error_code": "NotFound"}}, 404)

    def radiation_rows(self, hours: int, period: str, wanted: list[str]) -> list[dict[str, Any]]:
        rows = self._frames(hours, period)
        for row in rows:
            sunny = 10 <= _start(row, period).hour < 22
            for name, (low, middle, high) in RADIATION.items():
                words = ((f"{name}10", low), (name, middle), (f"{name}90", high))
                row.update({word: value if sunny else 0.0 for word, value in words})
            row.update({"air_temp": 27, "wind_speed_10m": 5.5})
            for name in set(row) - set(wanted) - {"period_end", "period"}:
                del row[name]
        return rows

    def rooftop_rows(self, hours: int) -> list[dict[str, Any]]:
        rows = self._frames(hours, "PT30M")
        for row in rows:
            sunny = 10 <= _start(row, "PT30M").hour < 22
            row["pv_estimate"] = 3.2 if sunny else 0
            row["pv_estimate10"] = 1.1 if sunny else 0
            row["pv_estimate90"] = 4.0 if sunny else 0
        return rows

    def _frames(self, hours: int, period: str) -> list[dict[str, Any]]:
        step = PERIODS[period]
        return [
            {
                "period_end": f"{self.now + (n + 1) * step:%Y-%m-%dT%H:%M:%S}.0000000Z",
                "period": period,
            }
            for n in range(timedelta(hours=hours) // step)
        ]

    def _refusal_headers(self) -> dict[str, str]:
        if self.retry_after_s is None:
            return {}
        return {"Retry-After": str(self.retry_after_s)}


def _start(row: dict[str, Any], period: str) -> datetime:
    return datetime.fromisoformat(row["period_end"][:19]).replace(tzinfo=UTC) - PERIODS[period]


@contextmanager
def solcast_fake() -> Iterator[SolcastFake]:
    """The API on a loopback port."""
    holder: list[SolcastFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(SolcastFake(server))
        yield holder[0]
