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


BREAKS = {
    "timestamp": "the envelope's timestamp has an offset",
    "status_code": "the envelope has no status code",
    "content_type": "answers are text/html",
    "request_id": "X-Request-ID does not come back",
    "correlation_id": "X-Correlation-ID comes back changed",
    "routing": "routing headers do not come back",
    "routing_swap": "routing headers come back as they were sent",
    "routing_versions": "versions come with routing headers",
    "version": "the agreed version is not listed",
    "endpoints": "the details name other addresses",
    "token": "any token is good",
    "method": "any method is answered like GET",
    "object": "an object lacks a required field",
    "dates": "last_updated has an offset",
    "total": "X-Total-Count is no number",
    "x_limit": "X-Limit is missing",
    "limit": "limit is not applied",
    "link": "there is no Link",
    "link_relative": "Link is a path",
    "link_filters": "Link loses the filters",
    "link_circle": "the second page leads back to the first",
    "link_last": "the last page has a Link",
    "date_from": "date_from is not applied",
    "date_to": "date_to is not applied",
    "date_from_excluded": "what was updated at date_from is not given",
    "date_to_included": "what was updated at date_to is given",
    "day": "both dates are rounded to their day",
    "bad_date_500": "a date that is none is answered with HTTP 500",
    "bad_date_ignored": "a date that is none is ignored",
    "unknown": "an unknown location is answered with the first one",
}


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
    answers_left: int | None = None
    """So many answers more, then it drops every connection."""
    breaks: str = ""
    """The one rule that it does not keep, a key of BREAKS."""
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


def is_within(row: Mapping[str, Any], query: Mapping[str, str], breaks: str = "") -> bool:
    at = str(row.get("last_updated", ""))
    begins = "" if breaks == "date_from" else query.get("date_from", "")
    ends = "" if breaks == "date_to" else query.get("date_to", "")
    if breaks == "day":
        at, begins, ends = at[:10], begins[:10], ends[:10] and f"{ends[:10]}~"
    if begins and (at < begins or (at == begins and breaks == "date_from_excluded")):
        return False
    return not (ends and (at > ends or (at == ends and breaks != "date_to_included")))


def is_date(text: str) -> bool:
    """Whether a filter is a DateTime."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "+" not in text


def text_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
