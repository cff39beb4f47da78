"""A stand-in for a portal of EDF SEI: records of an island, and average costs, as exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

MIX = "mix-temps-reel-guadeloupe"
COSTS = "courbe-de-charge-de-la-production-delectricite-par-filiere"
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
OUTAGE = Answer(503, b"Service Unavailable")
GARBAGE = Answer(200, b"<html>Maintenance</html>", {"Content-Type": "text/html"})
_WHERE = re.compile(
    r"(date|date_heure) >= date'([0-9T:Z-]+)' and \1 < date'([0-9T:Z-]+)'"
    r'(?: and territoire = "([^"]+)")?'
)


def mix_row(at: datetime) -> dict[str, Any]:
    """By day 40 MW of sun and storage that charges 5 MW; at night it gives 8 MW back."""
    sunny = 10 <= at.hour < 22
    return {
        "date": f"{at:%Y-%m-%dT%H:%M:%S}+00:00",
        "charbon": 30.0,
        "bioenergies": 10.0,
        "diesel": 90.0 if sunny else 120.0,
        "hydraulique": 1.5,
        "photovoltaique": 40.0 if sunny else 0.0,
        "eolien": 8.0,
        "turbines_combustion": None,
        "geothermie": 13.0,
        "solde_stockage": -5.0 if sunny else 8.0,
        "total": 187.5 if sunny else 190.5,
        "statut": "Estimé",
    }


def cost_row(at: datetime) -> dict[str, Any]:
    return {
        "territoire": "Guadeloupe",
        "date_heure": f"{at:%Y-%m-%dT%H:%M:%S}+00:00",
        "cout_moyen_de_production_eur_mwh": 320.5 if at.hour >= 23 or at.hour < 2 else 210.25,
        "statut": "Validé",
    }


@dataclass
class EdfSeiFake:
    """The portal's state: until when there are records, a key if one is needed, a quota."""

    server: FakeServer
    known_until: datetime = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    api_key: str | None = None
    calls_left: int = 10_000
    reset_time: str | None = "2026-03-21T00:00:00Z"
    reset_header: int | None = None
    date: str = "Fri, 20 Mar 2026 23:00:00 GMT"
    forced: Answer | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        key = request.headers.get("authorization")
        if self.api_key is not None and key != f"Apikey {self.api_key}":
            return Answer.of({"error": "Invalid API key"}, 401)
        if self.calls_left == 0:
            return self.refusal()
        self.calls_left -= 1
        self.asked.append(request.query)
        path = request.path.removeprefix("/api/explore/v2.1/catalog/datasets/")
        dataset, _, form = path.partition("/")
        rows = {MIX: (mix_row, QUARTER, "date"), COSTS: (cost_row, HOUR, "date_heure")}
        if form != "exports/json" or dataset not in rows:
            return Answer.of({"error_code": "DatasetNotFound", "message": "unknown"}, 404)
        row, step, stamp = rows[dataset]
        asked = _WHERE.fullmatch(request.query["where"])
        if not asked or asked[1] != stamp or request.query["timezone"] != "UTC":
            return Answer.of({"error_code": "ODSQLError", "message": "malformed query"}, 400)
        start, end = (datetime.fromisoformat(asked[n].replace("Z", "+00:00")) for n in (2, 3))
        count = max(0, (min(end, self.known_until) - start) // step)
        return Answer.of([row(start + n * step) for n in range(count)])

    def refusal(self) -> Answer:
        body: dict[str, Any] = {
            "errorcode": 10002,
            "limit_time_unit": "day",
            "call_limit": 10_000,
            "error": "Too many requests on the domain.",
        }
        if self.reset_time is not None:
            body["reset_time"] = self.reset_time
        headers = {"Date": self.date}
        if self.reset_header is not None:
            headers["X-RateLimit-Reset"] = str(self.reset_header)
        return Answer.of(body, 429, **headers)


@contextmanager
def edf_sei_fake() -> Iterator[EdfSeiFake]:
    """The portal on a loopback port."""
    holder: list[EdfSeiFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(EdfSeiFake(server))
        yield holder[0]
