"""The curves of plants: weather through the model, then the chain of sources. Pure.

Only here the services meet pvlib, whose import costs 1 s and 100 MB: `forecast` loads this module
when it is first needed, so that only processes that forecast pay for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from apps.markets.pv.fallback import (
    MAX_AGE,
    ForecastSlot,
    Quality,
    Source,
    forecast_chain,
    persistence_factor,
)
from apps.markets.pv.grouping import Cell, cell_of
from apps.markets.pv.model import (
    Sky,
    clear_sky_production,
    production,
    sky_over,
    weather_starts,
)
from apps.markets.pv.production import ProductionSlot, quarter_starts, rooftop_quarters
from apps.markets.services.pv.asked import AskedPlant, FetchedWeather, Known, Span
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)


def curves(
    plants: Iterable[AskedPlant], known: Known, span: Span
) -> dict[str, tuple[ForecastSlot, ...]]:
    """Every quarter hour of `[span.start, span.end)` of each plant, by code.

    The sun is reckoned once for each cell and source. A plant that cannot be reckoned is left out
    and told in the log: one bad row must not stop the others.
    """
    skies = _Skies(span)
    found = {}
    for plant in plants:
        try:
            found[plant.code] = _curve(plant, known, span, skies)
        except DomainError as err:
            logger.warning("PV forecast failed plant=%s error=%s", plant.code, err)
    return found


class _Skies:
    """The sun over each cell, for the slots of each weather and for the clear sky."""

    def __init__(self, span: Span) -> None:
        ahead = quarter_starts(span.start, span.end)
        past = quarter_starts(span.past_start, span.past_end)
        self.starts = past + ahead
        self._clear: dict[Cell, Sky] = {}
        self._under: dict[tuple[Cell, Quality], Sky] = {}

    def clear(self, cell: Cell) -> Sky:
        if cell not in self._clear:
            self._clear[cell] = sky_over(cell.latitude, cell.longitude, self.starts)
        return self._clear[cell]

    def under(self, cell: Cell, weather: FetchedWeather) -> Sky:
        key = (cell, weather.quality)
        if key not in self._under:
            starts = weather_starts(weather.forecast)
            self._under[key] = sky_over(cell.latitude, cell.longitude, starts)
        return self._under[key]


def _curve(plant: AskedPlant, known: Known, span: Span, skies: _Skies) -> tuple[ForecastSlot, ...]:
    cell = cell_of(plant.model.latitude, plant.model.longitude)
    clear = clear_sky_production(plant.model, skies.starts, sky=skies.clear(cell))
    ahead = [slot for slot in clear if slot.start >= span.start]
    return forecast_chain(
        start=span.start,
        end=span.end,
        now=span.now,
        sources=_needed(_sources(plant, cell, known, skies), span),
        clear_sky=ahead,
        persistence=persistence_factor(measured_kw=plant.measured_kw, clear_sky=clear),
    )


def _sources(plant: AskedPlant, cell: Cell, known: Known, skies: _Skies) -> Iterator[Source]:
    """The sources of a plant, best first, each reckoned only when it is asked for."""
    power = known.power.get(plant.resource_id) if plant.resource_id else None
    if power is not None:
        yield Source(Quality.SOLCAST, power.fetched_at, rooftop_quarters(power.forecast.slots))
    order = list(Quality)
    for weather in sorted(known.weather.get(cell, ()), key=lambda one: order.index(one.quality)):
        if power is not None and weather.quality == Quality.SOLCAST:
            # The platform knows the registered site better than our model does.
            continue
        yield Source(
            weather.quality,
            weather.fetched_at,
            production(plant.model, weather.forecast, sky=skies.under(cell, weather)),
        )


def _needed(sources: Iterable[Source], span: Span) -> list[Source]:
    """The sources until the fresh ones among them cover the span: the rest would not be used."""
    missing = set(quarter_starts(span.start, span.end))
    found = []
    for source in sources:
        found.append(source)
        if span.now - source.fetched_at <= MAX_AGE:
            missing -= {slot.start for slot in source.slots}
        if not missing:
            break
    return found


def totals(found: Mapping[str, tuple[ForecastSlot, ...]]) -> tuple[ForecastSlot, ...]:
    """The sum of all curves: P10 and P90 where every plant has them, the worst of the origins.

    Summed percentiles are conservative: their range is that of plants whose errors all go the same
    way at once. Plants apart from each other stay within it more often than 80 % of the time.
    """
    by_start: dict[datetime, list[ForecastSlot]] = {}
    for curve in found.values():
        for slot in curve:
            by_start.setdefault(slot.production.start, []).append(slot)
    return tuple(_total(start, slots) for start, slots in sorted(by_start.items()))


def _total(start: datetime, slots: list[ForecastSlot]) -> ForecastSlot:
    order = list(Quality)
    parts = [slot.production for slot in slots]
    p10 = [part.p10_kw for part in parts if part.p10_kw is not None]
    p90 = [part.p90_kw for part in parts if part.p90_kw is not None]
    return ForecastSlot(
        ProductionSlot(
            start,
            sum(part.p50_kw for part in parts),
            sum(p10) if len(p10) == len(parts) else None,
            sum(p90) if len(p90) == len(parts) else None,
        ),
        max((slot.quality for slot in slots), key=order.index),
    )
