"""The HTTP side of the simulated Transparency Platform.

GET  /api?securityToken=&documentType=A44&in_Domain=&out_Domain=&periodStart=&periodEnd=
POST /control {"mode": null}        answers again
POST /control {"mode": "429"}       too many requests
POST /control {"mode": "503"}       out of service
POST /control {"mode": "no_data"}   nothing published: acknowledgement 999

Any token is accepted, and any bidding zone that looks like an EIC code gets the same prices.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from aiohttp import web

from apps.simulation.clock import Clock
from apps.simulation.market.documents import acknowledgement, publication
from apps.simulation.market.prices import day_start, delivery_day, is_published

MODES = (None, "429", "503", "no_data")
LONGEST_PERIOD = timedelta(days=366)
_EIC = re.compile(r"[0-9]{2}[A-Z0-9-]{14}")
_XML = "application/xml"


class BadParameterError(Exception):
    """The request is refused with 400; the message goes into the acknowledgement."""


@dataclass(frozen=True)
class PriceRequest:
    """A valid request for day-ahead prices."""

    domain: str
    start: datetime
    end: datetime

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "PriceRequest":
        """The request in a query string; BadParameterError says what is wrong with it."""
        if query.get("documentType") != "A44":
            raise BadParameterError("Unknown or missing documentType; this platform has A44")
        domain = query.get("in_Domain", "")
        if not _EIC.fullmatch(domain):
            raise BadParameterError("in_Domain must be an EIC code")
        if query.get("out_Domain") != domain:
            raise BadParameterError("out_Domain must be the same as in_Domain for A44")
        start, end = (_instant(query, name) for name in ("periodStart", "periodEnd"))
        if not start < end:
            raise BadParameterError("periodStart must be before periodEnd")
        if end - start > LONGEST_PERIOD:
            raise BadParameterError("The period must not be longer than 1 year")
        return cls(domain, start, end)

    def days(self) -> list[date]:
        """The delivery days that the period touches."""
        days, day = [], delivery_day(self.start)
        while day_start(day) < self.end:
            days.append(day)
            day += timedelta(days=1)
        return days


class Platform:
    """The simulated platform; `mode` is how it fails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.mode: str | None = None

    def app(self) -> web.Application:
        """The HTTP application."""
        app = web.Application()
        app.router.add_get("/api", self.answer)
        app.router.add_get("/control", self.show)
        app.router.add_post("/control", self.control)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        """One query of the API."""
        now = self._clock.utc()
        if self.mode == "503":
            return web.Response(status=503, text="Service Unavailable")
        if not request.query.get("securityToken"):
            return web.Response(status=401, text="Unauthorized. Missing security token.")
        if self.mode == "429":
            return web.Response(status=429, text="Max allowed requests per minute from each IP")
        try:
            wanted = PriceRequest.read(request.query)
        except BadParameterError as err:
            refusal = acknowledgement(str(err), now=now)
            return web.Response(status=400, body=refusal, content_type=_XML)
        known = [day for day in wanted.days() if is_published(day, now=now)]
        if not known or self.mode == "no_data":
            return web.Response(body=_nothing(wanted, now), content_type=_XML)
        return web.Response(
            body=publication(known, domain=wanted.domain, now=now), content_type=_XML
        )

    async def show(self, request: web.Request) -> web.Response:
        """The mode in force."""
        return web.json_response({"mode": self.mode})

    async def control(self, request: web.Request) -> web.Response:
        """Change the mode."""
        try:
            mode = (await request.json())["mode"]
        except (ValueError, KeyError, TypeError):
            mode = "unreadable"
        if mode not in MODES:
            error = json.dumps({"error": f"mode must be one of {list(MODES)}"})
            return web.Response(status=400, text=error, content_type="application/json")
        self.mode = mode
        return web.json_response({"mode": self.mode})


def _instant(query: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.strptime(query.get(name, ""), "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError as err:
        raise BadParameterError(f"{name} must be yyyyMMddHHmm") from err


def _nothing(wanted: PriceRequest, now: datetime) -> bytes:
    interval = "/".join(
        f"{at.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
        for at in (wanted.start, wanted.end)
    )
    return acknowledgement(
        "No matching data found for Data item Day-ahead Prices [12.1.D] "
        f"({wanted.domain}, {wanted.domain}) and interval {interval}.",
        now=now,
    )
