"""Delivery days of a market: which matter now, where they begin and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.markets.feeds.day_ahead import local_day_start
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.adapter import Batch
from cariflex.common.errors import DomainError
from cariflex.common.time import Interval

PUBLICATION_LOCAL: Final = time(13, 0)
"""SDAC results are final at 12:57 local time on an ordinary day; the platform follows."""
MARKET_TIME_ZONE: Final = "Europe/Paris"
DAY: Final = timedelta(days=1)


def access_zone(access: FeedAccess, *, default: str = MARKET_TIME_ZONE) -> ZoneInfo:
    """The zone whose midnight starts a delivery day. Raises DomainError for an unknown one."""
    name = access.settings.get("time_zone", default)
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise DomainError("market.zone", f"{name} is no time zone", field="time_zone") from err


def days_ahead(
    zone: ZoneInfo, *, now: datetime, published_at: time = PUBLICATION_LOCAL
) -> list[date]:
    """Days whose day-ahead values matter: today, yesterday to estimate from, then tomorrow."""
    local = now.astimezone(zone)
    today = local.date()
    days = [today, today - DAY]
    if local.time() >= published_at:
        days.append(today + DAY)
    return days


def days_past(zone: ZoneInfo, *, now: datetime) -> list[date]:
    """Days whose measured values matter: today as far as it goes, and yesterday to its end."""
    today = now.astimezone(zone).date()
    return [today, today - DAY]


def market_day(*, zone: ZoneInfo, day: date) -> Interval:
    """A delivery day as UTC instants: 23, 24 or 25 hours."""
    start, end = local_day_start(day, zone), local_day_start(day + DAY, zone)
    return Interval(start.astimezone(UTC), end.astimezone(UTC))


def covers(batches: Iterable[Batch], interval: Interval) -> bool:
    """Whether every series of a document has every slot of an interval; false for none."""
    parts = list(batches)
    return bool(parts) and all(_covers(batch, interval) for batch in parts)


def _covers(batch: Batch, interval: Interval) -> bool:
    starts = {value.start for value in batch.values if interval.contains(value.start)}
    return len(starts) >= interval.duration // batch.key.resolution
