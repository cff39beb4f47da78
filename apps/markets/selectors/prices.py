"""Reads of the operator's price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from apps.markets.choices import QUALITY_RANK, DeliveryStatus, Quality, SeriesKind
from apps.markets.models import FeedRequest, Series, SeriesValue
from apps.markets.selectors.series import (
    KnownValue,
    best_known,
    known_or_filled,
    leading_series,
)
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, ceil_slot, floor_slot, slots

STALE_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PricePoint:
    """The price of `[start, start + resolution)`; the quality says if it is published."""

    start: datetime
    price_eur_per_mwh: Decimal
    quality: Quality
    source: str


@dataclass(frozen=True, slots=True)
class PriceStatus:
    """How fresh the operator's price series is."""

    area: str
    source: str
    published_until: datetime | None
    last_attempt_at: datetime | None
    last_error: str
    is_stale: bool


def price_series() -> Series | None:
    """The price that plans and tariffs follow: the leading one, else the first, else None."""
    return leading_series(SeriesKind.PRICE)


def prices(
    *, start: datetime, end: datetime, resolution: timedelta = QUARTER_HOUR
) -> list[PricePoint]:
    """Prices of the slots of [start, end), EUR/MWh, ordered by start.

    Published prices where there are any, else what the series' fallback chain gives, flagged. A
    slot that nothing fills is left out. `resolution` is a multiple of 15 minutes; a longer slot
    carries the mean and the worst quality of its quarters.
    """
    if resolution < QUARTER_HOUR or resolution % QUARTER_HOUR:
        raise DomainError("prices.resolution", "must be a multiple of 15 minutes")
    series = price_series()
    if series is None or end <= start:
        return []
    first, last = floor_slot(start, resolution), ceil_slot(end, resolution)
    known = {value.start: value for value in known_or_filled(series=series, start=first, end=last)}
    points: list[PricePoint] = []
    for slot in slots(first, last, resolution):
        quarters = [
            known.get(floor_slot(quarter, series.resolution))
            for quarter in slots(slot, slot + resolution, QUARTER_HOUR)
        ]
        whole = [quarter for quarter in quarters if quarter is not None]
        if len(whole) == len(quarters):
            points.append(_mean(slot, whole, series.source))
    return points


def price_status(*, now: datetime) -> PriceStatus | None:
    """How far and how well the operator's prices are known; None when no source is set up."""
    series = price_series()
    if series is None:
        return None
    latest = SeriesValue.objects.filter(series=series).aggregate(start=Max("start"))["start"]
    published_until = latest + series.resolution if latest else None
    attempts = FeedRequest.objects.filter(
        access__feed=series.source, access__area=series.area, last_attempt_at__isnull=False
    )
    last = attempts.order_by("-last_attempt_at").first()
    failing = (
        attempts.filter(status__in=[DeliveryStatus.REFUSED, DeliveryStatus.UNREACHABLE])
        .order_by("-day")
        .first()
    )
    return PriceStatus(
        area=series.area,
        source=series.source,
        published_until=published_until,
        last_attempt_at=last.last_attempt_at if last else None,
        last_error=failing.last_error if failing else "",
        is_stale=published_until is None or published_until < now + STALE_AFTER,
    )


def published_prices(*, series: Series, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """The best known price (EUR/MWh) of each slot that starts in [start, end)."""
    return {known.start: known.value for known in best_known(series=series, start=start, end=end)}


def _mean(start: datetime, quarters: list[KnownValue], source: str) -> PricePoint:
    if len(quarters) == 1:
        return PricePoint(start, quarters[0].value, quarters[0].quality, source)
    total = sum((quarter.value for quarter in quarters), Decimal(0))
    return PricePoint(start, total / len(quarters), worst(q.quality for q in quarters), source)


def worst(qualities: Iterable[Quality]) -> Quality:
    """The least sure of some qualities; at least one."""
    return max(qualities, key=lambda quality: QUALITY_RANK[quality])
