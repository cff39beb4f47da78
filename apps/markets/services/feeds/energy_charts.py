"""Energy-Charts: open day-ahead prices of a bidding zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from apps.markets.choices import Feed, SeriesKind
from apps.markets.clients.energy_charts import BASE_URL, EnergyChartsClient
from apps.markets.feeds.energy_charts import NotYetPublishedError, energy_charts_read
from apps.markets.feeds.entsoe import quarter_hours
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.adapter import Batch, Fetched, NothingPublished, Reading, Wanted
from apps.markets.services.feeds.days import access_zone, covers, days_ahead, market_day
from apps.markets.services.series import GivenValue, SeriesKey
from cariflex.common.errors import DomainError

REQUEST: Final = "prices"
# Such as FR, DE-LU or IT-Centre-North.
_ZONE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


class EnergyChartsAdapter:
    """The area is the bidding zone as Energy-Charts names it. Settings: `time_zone` of the day.

    The answer says no time of publication: that of its arrival stands for it.
    """

    feed = Feed.ENERGY_CHARTS

    def check(self, access: FeedAccess) -> None:
        """The area reads as a bidding zone."""
        if not _ZONE.fullmatch(access.area):
            raise DomainError(
                "market.area", "is no bidding zone (letters, digits, hyphens)", field="area"
            )
        access_zone(access)

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """The prices of today, yesterday and, once they are out, tomorrow."""
        return [Wanted(REQUEST, day) for day in days_ahead(access_zone(access), now=now)]

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """One document for the delivery day."""
        client = EnergyChartsClient(
            base_url=access.base_url or BASE_URL, allow_loopback=allow_loopback
        )
        span = market_day(zone=access_zone(access), day=wanted.day)
        try:
            content = client.day_ahead_prices(zone=access.area, start=span.start, end=span.end)
        except NotYetPublishedError:
            return ()
        return (Fetched(content),)

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """The prices as quarter hours; a slot without one is named."""
        zone = access_zone(access)
        try:
            said = energy_charts_read(fetched.content, market_zone=zone)
        except NotYetPublishedError as err:
            raise NothingPublished(err.message) from err
        key = SeriesKey(
            kind=SeriesKind.PRICE, area=access.area, source=self.feed, market_time_zone=zone.key
        )
        values = tuple(GivenValue(start, price) for start, price in quarter_hours(said.prices))
        batches = (Batch(key, values),)
        is_complete = covers(batches, market_day(zone=zone, day=wanted.day))
        return Reading(
            batches=batches,
            published_at=now,
            is_complete=is_complete,
            note="" if is_complete else "the document does not cover the whole delivery day",
        )
