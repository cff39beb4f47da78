"""What every simulated feed is: paths, answers, and the ways in which it fails on order.

A mode is set by `POST /control {"feed": "solcast", "mode": "429"}`:

ok (or null)  answers
429           too many requests just now, as that service says it
503           out of service
garbage       200 with an HTML page
no_data       nothing published
quota         the calls of the day are used up, as that service says it
stale         answers as it would have answered two days ago
off_grid      EDF SEI alone: stamps six minutes past the quarter hour, as the live sets have them
"""

import abc
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from aiohttp import web

OK = "ok"
MODES = (OK, "429", "503", "garbage", "no_data", "quota", "stale")
STALE_BY = timedelta(days=2)
_HTML = "<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"


class BadQueryError(Exception):
    """The query is refused; the message says why."""


@dataclass(frozen=True)
class Asked:
    """One request: query, headers (names in lower case), what stands in the path, and the hour.

    `declared` are the alert days that were ordered.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    place: Mapping[str, str]
    now: datetime
    mode: str = OK
    declared: frozenset[date] = frozenset()


class SimulatedFeed(abc.ABC):
    """One service on its paths (aiohttp patterns)."""

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    own_modes: ClassVar[tuple[str, ...]] = ()

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that can be ordered."""
        return MODES + self.own_modes

    def serve(self, asked: Asked) -> web.Response:
        """The reply in the mode in force."""
        if asked.mode == "503":
            return web.Response(status=503, text="Service Unavailable")
        if asked.mode == "garbage":
            return web.Response(text=_HTML, content_type="text/html")
        refusal = self.refusal(asked)
        if refusal is not None:
            return refusal
        if asked.mode == "429":
            return self.busy(asked)
        if asked.mode == "quota":
            return self.quota_used_up(asked)
        if asked.mode == "stale":
            asked = replace(asked, now=asked.now - STALE_BY)
        return self.answer(asked)

    def refusal(self, asked: Asked) -> web.Response | None:
        """The reply to a caller without credentials; None lets it in."""
        return None

    @abc.abstractmethod
    def answer(self, asked: Asked) -> web.Response:
        """What is published, or what is wrong with the query; `no_data` is a mode of its own."""

    @abc.abstractmethod
    def busy(self, asked: Asked) -> web.Response:
        """429 for a moment."""

    @abc.abstractmethod
    def quota_used_up(self, asked: Asked) -> web.Response:
        """429 for the rest of the day."""


def json_reply(value: Any, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer; `retry_after` becomes the header Retry-After."""
    return web.Response(
        body=json.dumps(value, ensure_ascii=False).encode(),
        status=status,
        content_type="application/json",
        headers={name.replace("_", "-").title(): text for name, text in headers.items()},
    )
