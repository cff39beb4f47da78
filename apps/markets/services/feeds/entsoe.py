"""ENTSO-E: day-ahead prices, generation per type, load, wind and solar of a bidding zone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.feeds.entsoe import (
    NotYetPublishedError,
    PowerDocument,
    PowerSeries,
    Process,
    generation_document_read,
    load_document_read,
    price_document_read,
    quarter_hours,
    wind_solar_document_read,
)
from apps.markets.feeds.entsoe.fuels import fuel_of
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.adapter import Batch, Fetched, NothingPublished, Reading, Wanted
from apps.markets.services.feeds.days import access_zone, covers, days_ahead, days_past, market_day
from apps.markets.services.series import GivenValue, SeriesKey
from cariflex.common.errors import DomainError

REQUESTS: Final = ("prices", "generation", "load", "load_forecast", "wind_solar")
# Load forecasts are due by 10:00 and wind and solar by 18:00 of the day before (Regulation
# 543/2013, articles 6 and 14).
LOAD_FORECAST_LOCAL: Final = time(10, 0)
WIND_SOLAR_LOCAL: Final = time(18, 0)
MEASURED_AGAIN: Final = timedelta(minutes=15)
_STEP: Final = Decimal("0.001")
# EIC code: two digits or letters of the issuing office, a type letter, 12 signs, a check sign.
_EIC: Final = re.compile(r"[0-9A-Z]{2}[A-Z][0-9A-Z-]{12}[0-9A-Z]")


def requests_of(access: FeedAccess) -> list[str]:
    """What this access asks for; prices alone when the settings do not say."""
    return list(access.settings.get("requests") or ["prices"])


class EntsoeAdapter:
    """Settings: `requests` (some of REQUESTS), `time_zone` of the delivery day."""

    feed = Feed.ENTSOE

    def check(self, access: FeedAccess) -> None:
        """The area is an EIC code, there is a token, the requests are known."""
        if not _EIC.fullmatch(access.area):
            raise DomainError("market.area", "is not an EIC code of 16 signs", field="area")
        if not access.token:
            raise DomainError("market.token", "must not be empty", field="token")
        unknown = sorted(set(requests_of(access)) - set(REQUESTS))
        if unknown:
            raise DomainError(
                "market.requests", f"{unknown[0]} is not one of {', '.join(REQUESTS)}",
                field="requests",
            )  # fmt: skip
        access_zone(access)

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """Prices and forecasts of today, yesterday and tomorrow, measurements of the first two."""
        zone = access_zone(access)
        days = {
            "prices": days_ahead(zone, now=now),
            "generation": days_past(zone, now=now),
            "load": days_past(zone, now=now),
            "load_forecast": days_ahead(zone, now=now, published_at=LOAD_FORECAST_LOCAL),
            "wind_solar": days_ahead(zone, now=now, published_at=WIND_SOLAR_LOCAL),
        }
        return [Wanted(name, day) for name in requests_of(access) for day in days[name]]

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """One document for the whole delivery day."""
        client = EntsoeClient(
            base_url=access.base_url, token=access.token, allow_loopback=allow_loopback
        )
        span = market_day(zone=access_zone(access), day=wanted.day)
        area, start, end = access.area, span.start, span.end
        match wanted.request:
            case "prices":
                content = client.day_ahead_prices(area=area, start=start, end=end)
            case "generation":
                content = client.generation_per_type(area=area, start=start, end=end)
            case "load":
                content = client.load(Process.REALISED, area=area, start=start, end=end)
            case "load_forecast":
                content = client.load(Process.DAY_AHEAD, area=area, start=start, end=end)
            case _:
                content = client.wind_solar_forecast(area=area, start=start, end=end)
        return (Fetched(content),)

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """The document's series on the grid of quarter hours."""
        try:
            if wanted.request == "prices":
                reading = _prices(access, fetched.content)
            else:
                reading = _power(access, wanted.request, fetched.content)
        except NotYetPublishedError as err:
            raise NothingPublished(err.reason) from err
        span = market_day(zone=access_zone(access), day=wanted.day)
        if covers(reading.batches, span):
            return reading
        is_measured = wanted.request in {"generation", "load"}
        return Reading(
            batches=reading.batches,
            published_at=reading.published_at,
            document_id=reading.document_id,
            revision=reading.revision,
            is_complete=False,
            again_after=MEASURED_AGAIN if is_measured else None,
            note="" if is_measured else "the document does not cover the whole delivery day",
        )


def _prices(access: FeedAccess, content: bytes) -> Reading:
    document = price_document_read(content, area=access.area)
    values = tuple(GivenValue(start, price) for start, price in quarter_hours(document.prices))
    return Reading(
        batches=(Batch(_key(access, SeriesKind.PRICE), values),),
        published_at=document.created_at,
        document_id=document.document_id,
        revision=document.revision,
    )


def _power(access: FeedAccess, request: str, content: bytes) -> Reading:
    if request == "generation":
        document = generation_document_read(content, area=access.area)
        batches = [
            *_by_fuel(access, SeriesKind.GENERATION, document.generation),
            *_by_fuel(access, SeriesKind.CONSUMPTION, document.consumption),
        ]
    elif request == "wind_solar":
        document = wind_solar_document_read(content, area=access.area)
        batches = _by_fuel(access, SeriesKind.WIND_SOLAR, document.series, document)
    else:
        document = load_document_read(content, area=access.area)
        variant = "" if request == "load" else "day_ahead"
        batches = _summed(access, SeriesKind.LOAD, {variant: document.series}, document)
    return Reading(
        batches=tuple(batches),
        published_at=document.created_at,
        document_id=document.document_id,
        revision=document.revision,
    )


def _by_fuel(
    access: FeedAccess,
    kind: SeriesKind,
    series: Iterable[PowerSeries],
    document: PowerDocument | None = None,
) -> list[Batch]:
    groups: dict[str, list[PowerSeries]] = defaultdict(list)
    for one in series:
        groups[fuel_of(one.psr_type or "")].append(one)
    return _summed(access, kind, {str(fuel): tuple(of) for fuel, of in groups.items()}, document)


def _summed(
    access: FeedAccess,
    kind: SeriesKind,
    groups: dict[str, tuple[PowerSeries, ...]],
    document: PowerDocument | None,
) -> list[Batch]:
    """One series a variant: types of one fuel are added up. A station's own use counts as 0.

    A slot that only some of the types have is still told: the rest gave nothing.
    """
    quality = Quality(document.quality.value) if document else Quality.ACTUAL
    batches = []
    for variant, parts in groups.items():
        totals: dict[datetime, float] = defaultdict(float)
        for part in parts:
            for start, power_mw in part.quarter_hours():
                totals[start] += max(power_mw, 0.0)
        values = tuple(
            GivenValue(start, Decimal(str(totals[start])).quantize(_STEP), quality)
            for start in sorted(totals)
        )
        batches.append(Batch(_key(access, kind, variant), values))
    return batches


def _key(access: FeedAccess, kind: SeriesKind, variant: str = "") -> SeriesKey:
    return SeriesKey(
        kind=kind,
        area=access.area,
        source=Feed.ENTSOE,
        variant=variant,
        market_time_zone=access_zone(access).key,
    )
