"""What the small roaming platform of ocpi_partner is made of: faults, requests, replies."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

SENDER, RECEIVER = "SENDER", "RECEIVER"
DROPPED = 0
OBJECTS = ("locations", "sessions", "cdrs", "tariffs")
SERVED = {
    "EMSP": [(m, RECEIVER) for m in OBJECTS]
    + [("tokens", SENDER), ("commands", SENDER), ("chargingprofiles", SENDER)],
    "CPO": [(m, SENDER) for m in OBJECTS]
    + [("tokens", RECEIVER), ("commands", RECEIVER), ("chargingprofiles", RECEIVER)],
}
SERVED["HUB"] = [*SERVED["EMSP"], *SERVED["CPO"], ("hubclientinfo", SENDER)]
FUNCTIONAL = {module for rows in SERVED.values() for module, _role in rows} - {"hubclientinfo"}


@dataclass
class Fault:
    """How the platform misbehaves; of `only` (modules) or of all, `times` times or always."""

    slow_s: float = 0.0
    """Waits before it answers."""
    retry_after_s: float | None = None
    """Answers 429 with this Retry-After."""
    status: int | None = None
    """Answers this HTTP status with a page of HTML."""
    random_500: float = 0.0
    """The share of requests that it answers with 500."""
    truncated: bool = False
    """Cuts the JSON in the middle."""
    one_item_pages: bool = False
    self_link: bool = False
    """The Link to the next page is the page itself."""
    shrinking: bool = False
    """Its list loses the last object at every page that it gives."""
    huge_bytes: int = 0
    """Adds an object of this size in front of a list."""
    foreign_link: str = ""
    """The Link to the next page leads there."""
    no_envelope: bool = False
    status_code: int | None = None
    """Answers HTTP 200 with this status code."""
    drop: bool = False
    """Closes the connection without a word, after the request was taken."""
    only: Sequence[str] = ()
    times: int | None = None
    seed: int = 1
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def strikes(self, module: str) -> bool:
        if (self.only and module not in self.only) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def is_500(self) -> bool:
        return self._random.random() < self.random_500


@dataclass(frozen=True)
class Request:
    """What arrived; header names are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What came back from the other side; header names are lower-case."""

    http: int
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]

    @property
    def data(self) -> Any:
        return self.envelope.get("data")

    @property
    def status_code(self) -> int:
        return int(self.envelope["status_code"])


def http_call(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    limit_s: float = 20,
) -> Reply:
    """One request; names below .localhost are this machine (RFC 6761)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = "127.0.0.1" if host.endswith("localhost") else host
    connection = http.client.HTTPConnection(target, parts.port or 80, timeout=limit_s)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body=body, headers={"Host": parts.netloc, **headers})
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, lower, answer.read())
    finally:
        connection.close()


class Rejected(Exception):
    """It answers with an error."""

    def __init__(self, http: int, status_code: int, message: str = "") -> None:
        super().__init__(message)
        self.http, self.status_code, self.message = http, status_code, message


def is_within(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    at = str(row.get("last_updated", ""))
    begins, ends = query.get("date_from"), query.get("date_to")
    return not (begins and at < begins) and not (ends and at >= ends)


def text_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
