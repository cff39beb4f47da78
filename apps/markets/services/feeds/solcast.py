"""Solcast: the weather of the plants' cells, and the power of sites registered there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.clients.solcast import BASE_URL, SolcastClient
from apps.markets.feeds.solcast import (
    RooftopForecast,
    radiation_forecast_read,
    rooftop_forecast_read,
)
from apps.markets.models import FeedAccess
from apps.markets.selectors.pv import (
    P10,
    P50,
    P90,
    pv_plants,
    rooftop_request,
    weather_request,
)
from apps.markets.services.feeds.adapter import Batch, Fetched, Reading, Wanted
from apps.markets.services.feeds.weather import (
    ASK_AGAIN,
    missing_words,
    request_cell,
    requests_due,
    weather_batches,
)
from apps.markets.services.series import GivenValue, SeriesKey
from cariflex.common.errors import DomainError

# What a home user has.
DEFAULT_QUOTA_PER_DAY: Final = 10
_ROOFTOP: Final = rooftop_request("")


class SolcastAdapter:
    """The area is a name of one's own. A plant with a resource of its own is asked for by it, the
    others share the weather of their cell."""

    feed = Feed.SOLCAST

    def check(self, access: FeedAccess) -> None:
        """There is a token."""
        if not access.token:
            raise DomainError("market.token", "must not be empty", field="token")

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """The cells and sites that are due within the calls of the day."""
        return requests_due(
            access,
            requests=_requests(),
            now=now,
            quota_per_day=(
                DEFAULT_QUOTA_PER_DAY if access.quota_per_day is None else access.quota_per_day
            ),
        )

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """The forecast of a site, or of the centre of a cell."""
        client = SolcastClient(
            base_url=access.base_url or BASE_URL, token=access.token, allow_loopback=allow_loopback
        )
        if wanted.request.startswith(_ROOFTOP):
            resource_id = wanted.request.removeprefix(_ROOFTOP)
            return (Fetched(client.rooftop_forecast(resource_id=resource_id).content),)
        cell = request_cell(wanted.request)
        reply = client.radiation_forecast(latitude=cell.latitude, longitude=cell.longitude)
        return (Fetched(reply.content),)

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """Power of a site, or radiation with its percentiles, temperature and wind."""
        if wanted.request.startswith(_ROOFTOP):
            power = rooftop_forecast_read(fetched.content)
            batches = _power_batches(wanted.request.removeprefix(_ROOFTOP), power)
            missing = power.missing
        else:
            weather = radiation_forecast_read(fetched.content)
            batches = weather_batches(self.feed, request_cell(wanted.request), weather)
            missing = weather.missing
        return Reading(
            batches=batches,
            published_at=now,
            again_after=ASK_AGAIN,
            faults=missing_words(missing),
        )


def _requests() -> list[str]:
    """One for each registered site, and one for each cell with a plant that has none."""
    found: dict[str, None] = {}
    for plant in pv_plants(enabled_only=True):
        if plant.solcast_resource_id:
            found[rooftop_request(plant.solcast_resource_id)] = None
        elif plant.cell is not None:
            found[weather_request(plant.cell)] = None
    return list(found)


def _power_batches(resource_id: str, forecast: RooftopForecast) -> tuple[Batch, ...]:
    """The power of a site as Solcast tells it, kW; `area` is its resource."""
    given: dict[str, list[GivenValue]] = {P50: [], P10: [], P90: []}
    for slot in forecast.slots:
        for variant, power_kw in ((P50, slot.p50_kw), (P10, slot.p10_kw), (P90, slot.p90_kw)):
            if power_kw is not None:
                value = Decimal(f"{power_kw:.3f}")
                given[variant].append(GivenValue(slot.start, value, Quality.FORECAST))
    return tuple(
        Batch(
            SeriesKey(
                kind=SeriesKind.PV_PRODUCTION,
                area=resource_id,
                source=Feed.SOLCAST,
                variant=variant,
                resolution=forecast.resolution,
            ),
            tuple(values),
        )
        for variant, values in given.items()
        if values
    )
