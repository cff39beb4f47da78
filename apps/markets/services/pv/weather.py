"""The weather documents that a forecast is reckoned from, read again as they were received.

The stored series of a cell have the global radiation alone; the documents have beam and diffuse.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Final

from apps.markets.choices import DocumentStatus, Feed
from apps.markets.feeds.arome_extract import extract_read
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.solcast import radiation_forecast_read, rooftop_forecast_read
from apps.markets.feeds.weather import WeatherForecast
from apps.markets.models import ImportedDocument
from apps.markets.pv.fallback import MAX_AGE, Quality
from apps.markets.pv.grouping import Cell
from apps.markets.selectors.pv import rooftop_request, weather_request
from apps.markets.services.pv.asked import FetchedPower, FetchedWeather, Known
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

_USABLE: Final = (DocumentStatus.IMPORTED, DocumentStatus.PARTLY)
_READERS: Final[Mapping[Feed, Callable[[bytes], WeatherForecast]]] = {
    Feed.SOLCAST: radiation_forecast_read,
    Feed.OPEN_METEO: lambda content: open_meteo_read(content).weather,
    Feed.METEO_FRANCE: lambda content: extract_read(content).weather,
}


def weather_known(
    *, cells: Collection[Cell], resource_ids: Collection[str], now: datetime
) -> Known:
    """The latest usable forecast of each feed for each cell, and of Solcast for each resource.

    Usable: of an enabled access, understood when it came, fetched within MAX_AGE before `now`.
    One query.
    """
    cell_of = {weather_request(cell): cell for cell in cells}
    resource_of = {rooftop_request(resource_id): resource_id for resource_id in resource_ids}
    weather: dict[Cell, list[FetchedWeather]] = defaultdict(list)
    power: dict[str, FetchedPower] = {}
    for document in _latest([*cell_of, *resource_of], now):
        feed, content = Feed(document.access.feed), bytes(document.raw)
        try:
            if document.request in resource_of:
                power[resource_of[document.request]] = FetchedPower(
                    document.received_at, rooftop_forecast_read(content)
                )
            else:
                weather[cell_of[document.request]].append(
                    FetchedWeather(
                        Quality(feed.value), document.received_at, _READERS[feed](content)
                    )
                )
        except DomainError as err:
            # It was understood when it came: the reader has changed since.
            logger.warning("weather document not usable id=%s error=%s", document.pk, err)
    return Known({cell: tuple(found) for cell, found in weather.items()}, power)


def _latest(requests: list[str], now: datetime) -> list[ImportedDocument]:
    if not requests:
        return []
    return list(
        ImportedDocument.objects.filter(
            access__feed__in=[*_READERS],
            access__enabled=True,
            request__in=requests,
            status__in=_USABLE,
            received_at__gte=now - MAX_AGE,
            received_at__lte=now,
        )
        .select_related("access")
        .order_by("access__feed", "request", "-received_at", "-pk")
        .distinct("access__feed", "request")
    )
