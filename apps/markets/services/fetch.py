"""Deciding which delivery days are wanted and fetching them."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from apps.markets.choices import DeliveryStatus, DocumentStatus
from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.models import DeliveryDay, MarketCredentials, PriceSeries, PriceValue
from apps.markets.services.imports import document_import
from cariflex.common.errors import ExternalError
from cariflex.common.time import Interval
from cariflex.common.units import QUARTER_HOUR

logger = logging.getLogger(__name__)

# SDAC results are final at 12:57 local time on an ordinary day; the platform follows.
PUBLICATION_LOCAL: Final = time(13, 0)
NOT_PUBLISHED_RETRY: Final = timedelta(minutes=5)
REFUSED_RETRY: Final = timedelta(minutes=15)
UNREACHABLE_RETRY: Final = timedelta(minutes=1)
UNREACHABLE_RETRY_MAX: Final = timedelta(minutes=15)
# While one task works on a day, no other takes it; a killed task's day is free again after that.
CLAIM: Final = timedelta(minutes=2)


def delivery_days_wanted(*, series: PriceSeries, now: datetime) -> list[date]:
    """The market days whose prices matter now: today, yesterday to estimate from, then tomorrow."""
    local = now.astimezone(series.market_zone)
    today = local.date()
    days = [today, today - timedelta(days=1)]
    if local.time() >= PUBLICATION_LOCAL:
        days.append(today + timedelta(days=1))
    return days


def market_day(*, series: PriceSeries, day: date) -> Interval:
    """A delivery day as UTC instants: 23, 24 or 25 hours."""
    zone = series.market_zone
    return Interval(
        datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC),
        datetime.combine(day + timedelta(days=1), time(0), tzinfo=zone).astimezone(UTC),
    )


def prices_fetch(*, now: datetime, allow_loopback: bool) -> list[DeliveryDay]:
    """Fetch every wanted delivery day that is not complete and due; gives the days tried.

    Idempotent and safe to run twice at once: a day is claimed before it is asked for.
    """
    tried: list[DeliveryDay] = []
    enabled = MarketCredentials.objects.filter(enabled=True).select_related("series")
    for credentials in enabled.order_by("pk"):
        for day in delivery_days_wanted(series=credentials.series, now=now):
            delivery = _claim(credentials.series, day, now)
            if delivery is not None:
                tried.append(_fetch_day(credentials, delivery, now, allow_loopback))
    return tried


def delivery_day_retry(*, delivery_day_id: int, now: datetime) -> DeliveryDay:
    """Ask for a delivery day again at the next run, also when it is complete (a revision)."""
    DeliveryDay.objects.filter(pk=delivery_day_id).update(
        status=DeliveryStatus.MISSING, next_attempt_at=now, last_error=""
    )
    return DeliveryDay.objects.get(pk=delivery_day_id)


def _claim(series: PriceSeries, day: date, now: datetime) -> DeliveryDay | None:
    DeliveryDay.objects.get_or_create(series=series, day=day, defaults={"next_attempt_at": now})
    claimed = (
        DeliveryDay.objects.filter(series=series, day=day, next_attempt_at__lte=now)
        .exclude(status=DeliveryStatus.COMPLETE)
        .update(next_attempt_at=now + CLAIM, last_attempt_at=now)
    )
    return DeliveryDay.objects.get(series=series, day=day) if claimed else None


def _fetch_day(
    credentials: MarketCredentials, delivery: DeliveryDay, now: datetime, allow_loopback: bool
) -> DeliveryDay:
    series = credentials.series
    interval = market_day(series=series, day=delivery.day)
    client = EntsoeClient(
        base_url=credentials.base_url, token=credentials.token, allow_loopback=allow_loopback
    )
    try:
        content = client.day_ahead_prices(area=series.area, start=interval.start, end=interval.end)
    except ExternalError as err:
        return _unreachable(delivery, err, now)
    imported = document_import(series=series, day=delivery.day, content=content, now=now)
    delivery.attempts += 1
    delivery.last_error = imported.error
    if imported.status == DocumentStatus.NOT_PUBLISHED:
        delivery.status = DeliveryStatus.NOT_PUBLISHED
        delivery.next_attempt_at = now + NOT_PUBLISHED_RETRY
    elif imported.status == DocumentStatus.REFUSED:
        delivery.status = DeliveryStatus.REFUSED
        delivery.next_attempt_at = now + REFUSED_RETRY
        logger.warning("price document refused day=%s error=%s", delivery.day, imported.error)
    elif not _is_complete(series, interval):
        delivery.status = DeliveryStatus.NOT_PUBLISHED
        delivery.last_error = "the document does not cover the whole delivery day"
        delivery.next_attempt_at = now + NOT_PUBLISHED_RETRY
    else:
        delivery.status = DeliveryStatus.COMPLETE
        delivery.completed_at = now
        logger.info("prices complete day=%s new=%d", delivery.day, imported.prices_new)
    delivery.save()
    return delivery


def _is_complete(series: PriceSeries, interval: Interval) -> bool:
    stored = (
        PriceValue.objects.filter(series=series, start__gte=interval.start, start__lt=interval.end)
        .values("start")
        .distinct()
        .count()
    )
    return stored >= interval.duration // QUARTER_HOUR


def _unreachable(delivery: DeliveryDay, err: ExternalError, now: datetime) -> DeliveryDay:
    was_unreachable = delivery.status == DeliveryStatus.UNREACHABLE
    delivery.attempts += 1
    delivery.status = DeliveryStatus.UNREACHABLE
    delivery.last_error = err.message[:300]
    if err.retry_after_s is not None:
        pause = timedelta(seconds=err.retry_after_s)
    elif err.retryable:
        pause = min(UNREACHABLE_RETRY * delivery.attempts, UNREACHABLE_RETRY_MAX)
    else:
        pause = UNREACHABLE_RETRY_MAX
    delivery.next_attempt_at = now + pause
    delivery.save()
    if not was_unreachable:
        logger.warning("price source failed day=%s error=%s", delivery.day, err.message)
    return delivery
