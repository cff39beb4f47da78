"""A stand-in for the Energy-Charts API: day-ahead prices of some bidding zones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

QUARTER = timedelta(minutes=15)
LICENCE = "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from Bundesnetzagentur | SMARD.de"
OUTAGE = Answer(503, b"Service Unavailable")
QUOTA = Answer(429, b"Too Many Requests", {"Retry-After": "120"})
GARBAGE = Answer(200, b"<html>We will be back soon</html>", {"Content-Type": "text/html"})
NO_CONTENT = Answer.of({"detail": "no content available"}, 404)


def price_at(start: datetime) -> float:
    """50 EUR/MWh, 90 from 17 to 20 h UTC, negative at noon."""
    if start.hour == 12:
        return -5.25
    return 90.0 if 17 <= start.hour < 20 else 50.0


@dataclass
class EnergyChartsFake:
    """The API's state: until when prices are out, what was asked, a forced answer."""

    server: FakeServer
    published_until: datetime = datetime(2026, 3, 21, 23, 0, tzinfo=UTC)
    zones: tuple[str, ...] = ("FR", "DE-LU")
    forced: Answer | None = None
    raised_by: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        self.asked.append(request.query)
        if request.path != "/price" or request.query.get("bzn") not in self.zones:
            return Answer.of({"detail": "Bad Request"}, 400)
        start = datetime.fromtimestamp(int(request.query["start"]), UTC)
        last = datetime.fromtimestamp(int(request.query["end"]), UTC)
        return self.prices(start, min(last, self.published_until - QUARTER))

    def prices(self, start: datetime, last: datetime) -> Answer:
        """Every slot that begins in [start, last]: both bounds count."""
        count = (last - start) // QUARTER + 1 if last >= start else 0
        if count == 0:
            return NO_CONTENT
        starts = [start + n * QUARTER for n in range(count)]
        document: dict[str, Any] = {
            "license_info": LICENCE,
            "unix_seconds": [int(at.timestamp()) for at in starts],
            "price": [price_at(at) + self.raised_by for at in starts],
            "unit": "EUR / MWh",
            "deprecated": False,
        }
        return Answer.of(document)


@contextmanager
def energy_charts_fake() -> Iterator[EnergyChartsFake]:
    """The API on a loopback port."""
    holder: list[EnergyChartsFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(EnergyChartsFake(server))
        yield holder[0]
