"""Reads of market prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from apps.markets.choices import DeliveryStatus, PriceQuality
from apps.markets.models import DeliveryDay, PriceSeries, PriceValue
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

# Persistence: yesterday's price first, then the same weekday of last week, then any other day.
PERSISTENCE_DAYS = (1, 7, 2, 3, 4, 5, 6, 14)
STALE_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PricePoint:
    """The day-ahead price of `[start, start + resolution)`; the quality says if it is published."""

    start: datetime
    price_eur_per_mwh: Decimal
    quality: PriceQuality
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


def price_series() -> PriceSeries | None:
    """The operator's price series: the one with enabled credentials, else the first, else None."""
    return (
        PriceSeries.objects.filter(credentials__enabled=True).order_by("pk").first()
        or PriceSeries.objects.order_by("pk").first()
    )


def prices(
    *, start: datetime, end: datetime, resolution: timedelta = QUARTER_HOUR
) -> list[PricePoint]:
    """Prices of the slots of [start, end), EUR/MWh, ordered by start.

    Published prices where there are any, else the same time of an earlier day, flagged estimated.
    A slot that no day of the last two weeks can estimate is left out. `resolution` is a multiple
    of 15 minutes; a longer slot carries the mean and is estimated as soon as one quarter is.
    """
    if resolution < QUARTER_HOUR or resolution % QUARTER_HOUR:
        raise DomainError("prices.resolution", "must be a multiple of 15 minutes")
    series = price_series()
    if series is None:
        return []
    first, last = floor_slot(start, resolution), end
    published = _published(series, first - timedelta(days=max(PERSISTENCE_DAYS)), last)
    points: list[PricePoint] = []
    for slot in slots(first, _ceil(last, resolution), resolution):
        quarters = [
            _point(series.source, published, quarter)
            for quarter in slots(slot, slot + resolution, QUARTER_HOUR)
        ]
        known = [quarter for quarter in quarters if quarter is not None]
        if len(known) == len(quarters):
            points.append(_mean(slot, known))
    return points


def price_status(*, now: datetime) -> PriceStatus | None:
    """How far and how well the operator's prices are known; None when no source is set up."""
    series = price_series()
    if series is None:
        return None
    latest = PriceValue.objects.filter(series=series).aggregate(start=Max("start"))["start"]
    published_until = latest + QUARTER_HOUR if latest else None
    attempts = DeliveryDay.objects.filter(series=series, last_attempt_at__isnull=False)
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


def published_prices(
    *, series: PriceSeries, start: datetime, end: datetime
) -> dict[datetime, Decimal]:
    """The latest published price (EUR/MWh) of each quarter hour that starts in [start, end)."""
    return _published(series, start, end)


def _published(series: PriceSeries, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    rows = (
        PriceValue.objects.filter(series=series, start__gte=start, start__lt=end)
        .order_by("start", "-published_at", "-pk")
        .distinct("start")
        .values_list("start", "price_eur_per_mwh")
    )
    return dict(rows)


def _point(source: str, published: dict[datetime, Decimal], start: datetime) -> PricePoint | None:
    if start in published:
        return PricePoint(start, published[start], PriceQuality.ACTUAL, source)
    for days in PERSISTENCE_DAYS:
        earlier = published.get(start - timedelta(days=days))
        if earlier is not None:
            return PricePoint(start, earlier, PriceQuality.ESTIMATED, source)
    return None


def _mean(start: datetime, quarters: list[PricePoint]) -> PricePoint:
    if len(quarters) == 1:
        return quarters[0]
    total = sum((quarter.price_eur_per_mwh for quarter in quarters), Decimal(0))
    return PricePoint(
        start, total / len(quarters), _worst(q.quality for q in quarters), quarters[0].source
    )


def _worst(qualities: Iterable[PriceQuality]) -> PriceQuality:
    return (
        PriceQuality.ESTIMATED if PriceQuality.ESTIMATED in set(qualities) else PriceQuality.ACTUAL
    )


def _ceil(at: datetime, resolution: timedelta) -> datetime:
    floor = floor_slot(at, resolution)
    return floor if floor == at else floor + resolution
