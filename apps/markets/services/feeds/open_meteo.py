"""Open-Meteo: the weather of the cells that the operator's PV plants stand in."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from apps.markets.choices import Feed
from apps.markets.clients.open_meteo import BASE_URL, OpenMeteoClient
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.models import FeedAccess
from apps.markets.selectors.pv import weather_cells, weather_request
from apps.markets.services.feeds.adapter import Fetched, Reading, Wanted
from apps.markets.services.feeds.weather import (
    ASK_AGAIN,
    missing_words,
    request_cell,
    requests_due,
    weather_batches,
)
from cariflex.common.errors import ExternalError

# The free access has 10,000 calls a day for everything behind one address.
DEFAULT_QUOTA_PER_DAY: Final = 1_000
PAID_URL: Final = "https://customer-api.open-meteo.com/v1/forecast"
DAYS: Final = 3


class OpenMeteoAdapter:
    """The area is a name of one's own. The token is the key of a paid subscription, which a
    commercial operator needs; with it the paid host is asked."""

    feed = Feed.OPEN_METEO

    def check(self, access: FeedAccess) -> None:
        """Nothing is needed: the free access has no key."""

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """The cells that are due, one call each."""
        return requests_due(
            access,
            requests=[weather_request(cell) for cell in weather_cells()],
            now=now,
            quota_per_day=access.quota_per_day or DEFAULT_QUOTA_PER_DAY,
        )

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """The forecast of the centre of a cell."""
        client = OpenMeteoClient(
            base_url=access.base_url or (PAID_URL if access.token else BASE_URL),
            api_key=access.token or None,
            allow_loopback=allow_loopback,
        )
        cell = request_cell(wanted.request)
        try:
            content = client.forecast(latitude=cell.latitude, longitude=cell.longitude, days=DAYS)
        except ExternalError as err:
            # A place is always right: with a key, "bad request" is how they say it is a wrong one.
            if err.status == 400 and access.token:
                err.status = 401
            raise
        return (Fetched(content),)

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """Radiation, temperature and wind by quarter hours."""
        forecast = open_meteo_read(fetched.content).weather
        return Reading(
            batches=weather_batches(self.feed, request_cell(wanted.request), forecast),
            published_at=now,
            again_after=ASK_AGAIN,
            faults=missing_words(forecast.missing),
        )
