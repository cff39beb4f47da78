"""A stand-in for Météo-France: the token's portal and the surface packages of AROME Antilles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

API_KEY = "meteo-api-key-0123"
APPLICATION_ID = "bWV0ZW86YXBwbGljYXRpb24="
OUTAGE = Answer(503, b"Service Unavailable")
QUOTA = Answer.of({"code": "900804", "message": "Message throttled out"}, 429, Retry_After="90")
GARBAGE = Answer(200, b"<html>Maintenance</html>", {"Content-Type": "text/html"})
_PATH = re.compile(r"/models/AROME-OM-ANTIL/grids/0\.025/packages/SP1/productOMAN")


def placeholder(run: datetime, step_hours: int) -> bytes:
    """For tests that read no GRIB."""
    return f"GRIB {run:%Y%m%d%H} {step_hours}".encode()


@dataclass
class MeteoFranceFake:
    """The service's state: runs that are out with their last hour, tokens sold, what was asked."""

    server: FakeServer
    runs: dict[datetime, int] = field(
        default_factory=lambda: {datetime(2026, 3, 20, 0, tzinfo=UTC): 48}
    )
    file: Callable[[datetime, int], bytes] = placeholder
    tokens: list[str] = field(default_factory=list)
    valid_tokens: set[str] = field(default_factory=set)
    expires_in: object = 3_600
    forced: Answer | None = None
    forced_token: Answer | None = None
    asked: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def token_url(self) -> str:
        return f"{self.server.url}/token"

    def answer(self, request: Request) -> Answer:
        if request.path == "/token":
            return self.sell(request)
        if self.forced is not None:
            return self.forced
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.headers.get("apikey") != API_KEY and bearer not in self.valid_tokens:
            return Answer.of({"code": "900901", "message": "Invalid Credentials"}, 401)
        if not _PATH.fullmatch(request.path) or request.query.get("format") != "grib2":
            return Answer.of({"message": "No matching resource"}, 404)
        run = datetime.fromisoformat(request.query["referencetime"].replace("Z", "+00:00"))
        step_hours = int(request.query["time"].removesuffix("H"))
        self.asked.append((run, step_hours))
        if step_hours > self.runs.get(run, -1):
            return Answer.of({"message": "La donnée est indisponible"}, 404)
        return Answer(200, self.file(run, step_hours), {"Content-Type": "application/wmo-grib"})

    def sell(self, request: Request) -> Answer:
        if self.forced_token is not None:
            return self.forced_token
        if request.headers.get("authorization") != f"Basic {APPLICATION_ID}":
            return Answer.of({"error": "invalid_client"}, 401)
        if request.method != "POST" or request.body != b"grant_type=client_credentials":
            return Answer.of({"error": "unsupported_grant_type"}, 400)
        token = f"meteo-token-{len(self.tokens)}"
        self.tokens.append(token)
        self.valid_tokens.add(token)
        return Answer.of({"access_token": token, "expires_in": self.expires_in})


@contextmanager
def meteo_france_fake() -> Iterator[MeteoFranceFake]:
    """The service on a loopback port."""
    holder: list[MeteoFranceFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(MeteoFranceFake(server))
        yield holder[0]
