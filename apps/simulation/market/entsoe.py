"""The Transparency Platform: GET /api?securityToken=&documentType=...&periodStart=&periodEnd=

A44  in_Domain = out_Domain           day-ahead prices, from 12:55 Europe/Paris the day before
A75  in_Domain, processType A16       generation per type of Guadeloupe, an hour after each slot
A65  outBiddingZone_Domain, A16, A01  its load, and what was foretold at 10:00 the day before
A69  in_Domain, A01, A18, A40         forecast of its sun and wind, from 18:00 the day before

Any token is accepted, and any bidding zone that looks like an EIC code gets the same answers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from aiohttp import web

from apps.simulation.market.documents import acknowledgement, publication
from apps.simulation.market.feed import Asked, BadQueryError, SimulatedFeed
from apps.simulation.market.grid import GridSlot, grid_between
from apps.simulation.market.power_documents import (
    forecast_columns,
    generation_columns,
    known_until,
    load_columns,
    power_document,
)
from apps.simulation.market.prices import day_start, delivery_day, is_published, latest_day

LONGEST_PERIOD = timedelta(days=366)
REALISED_DELAY = timedelta(hours=1)
LOAD_FORECAST_TIME = time(10, 0)
SUN_WIND_FORECAST_TIME = time(18, 0)
ISLAND = "guadeloupe"
_REALISED = "A16"
_EIC = re.compile(r"[0-9]{2}[A-Z0-9-]{14}")
_XML = "application/xml"
_WORDS = {
    "A44": "Day-ahead Prices [12.1.D]",
    "A75": "AGGREGATED_GENERATION_PER_TYPE_R3 [16.1.B&C]",
    "A65": "TOTAL_LOAD_R3 [6.1.A]",
    "A69": "DAY_AHEAD_GENERATION_FORECAST_WIND_AND_SOLAR_R3 [14.1.D]",
}
_PROCESSES = {
    "A44": (None,),
    "A75": (_REALISED,),
    "A65": (_REALISED, "A01"),
    "A69": ("A01", "A18", "A40"),
}


@dataclass(frozen=True)
class DocumentRequest:
    """A valid request for a document of a bidding zone over [start, end)."""

    document_type: str
    process: str | None
    domain: str
    start: datetime
    end: datetime

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "DocumentRequest":
        """The request in a query string; BadQueryError says what is wrong with it."""
        document_type = query.get("documentType", "")
        if document_type not in _WORDS:
            known = ", ".join(_WORDS)
            raise BadQueryError(f"Unknown or missing documentType; this platform has {known}")
        process = query.get("processType") or None
        if process not in _PROCESSES[document_type]:
            raise BadQueryError(f"processType is not one of {document_type}'s")
        name = "outBiddingZone_Domain" if document_type == "A65" else "in_Domain"
        domain = query.get(name, "")
        if not _EIC.fullmatch(domain):
            raise BadQueryError(f"{name} must be an EIC code")
        if document_type == "A44" and query.get("out_Domain") != domain:
            raise BadQueryError("out_Domain must be the same as in_Domain for A44")
        start, end = (_instant(query, name) for name in ("periodStart", "periodEnd"))
        if not start < end:
            raise BadQueryError("periodStart must be before periodEnd")
        if end - start > LONGEST_PERIOD:
            raise BadQueryError("The period must not be longer than 1 year")
        return cls(document_type, process, domain, start, end)

    def days(self) -> list[date]:
        """The delivery days that the period touches."""
        days, day = [], delivery_day(self.start)
        while day_start(day) < self.end:
            days.append(day)
            day += timedelta(days=1)
        return days


class EntsoeFeed(SimulatedFeed):
    """The platform; "no matching data" comes with 200 and an acknowledgement."""

    name: ClassVar[str] = "entsoe"
    paths: ClassVar[tuple[str, ...]] = ("/api",)

    def refusal(self, asked: Asked) -> web.Response | None:
        if asked.query.get("securityToken"):
            return None
        return web.Response(status=401, text="Unauthorized. Missing security token.")

    def answer(self, asked: Asked) -> web.Response:
        try:
            wanted = DocumentRequest.read(asked.query)
        except BadQueryError as err:
            refusal = acknowledgement(str(err), now=asked.now)
            return web.Response(status=400, body=refusal, content_type=_XML)
        document = None if asked.mode == "no_data" else self._document(wanted, asked)
        return web.Response(body=document or _nothing(wanted, asked.now), content_type=_XML)

    def busy(self, asked: Asked) -> web.Response:
        return web.Response(status=429, text="Max allowed requests per minute from each IP")

    def quota_used_up(self, asked: Asked) -> web.Response:
        return self.busy(asked)

    def _document(self, wanted: DocumentRequest, asked: Asked) -> bytes | None:
        if wanted.process is None:
            known = [day for day in wanted.days() if is_published(day, now=asked.now)]
            return publication(known, domain=wanted.domain, now=asked.now) if known else None
        slots = self._slots(wanted, asked)
        if not slots:
            return None
        if wanted.document_type == "A75":
            columns = generation_columns(slots)
        elif wanted.document_type == "A65":
            columns = load_columns(slots, is_forecast=wanted.process != _REALISED)
        else:
            columns = forecast_columns(slots)
        return power_document(
            columns,
            document_type=wanted.document_type,
            process=wanted.process,
            domain=wanted.domain,
            start=slots[0].start,
            now=asked.now,
        )

    def _slots(self, wanted: DocumentRequest, asked: Asked) -> list[GridSlot]:
        if wanted.process == _REALISED:
            until = known_until(asked.now, delay=REALISED_DELAY)
        else:
            is_load = wanted.document_type == "A65"
            at = LOAD_FORECAST_TIME if is_load else SUN_WIND_FORECAST_TIME
            until = day_start(latest_day(asked.now, at=at) + timedelta(days=1))
        end = min(wanted.end, until)
        return list(grid_between(ISLAND, wanted.start, end, declared=asked.declared))


def _instant(query: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.strptime(query.get(name, ""), "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError as err:
        raise BadQueryError(f"{name} must be yyyyMMddHHmm") from err


def _nothing(wanted: DocumentRequest, now: datetime) -> bytes:
    interval = "/".join(
        f"{at.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
        for at in (wanted.start, wanted.end)
    )
    return acknowledgement(
        f"No matching data found for Data item {_WORDS[wanted.document_type]} "
        f"({wanted.domain}, {wanted.domain}) and interval {interval}.",
        now=now,
    )
