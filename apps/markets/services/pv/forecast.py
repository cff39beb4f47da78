"""The production forecast of every plant, stored as series."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Final

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.pv import fallback
from apps.markets.pv.fallback import ForecastSlot
from apps.markets.pv.production import ProductionSlot
from apps.markets.selectors.pv import (
    P10,
    P50,
    P90,
    TOTAL_AREA,
    PlantRow,
    pv_measured,
    pv_plants,
)
from apps.markets.services.pv.asked import PERSISTENCE_DAYS, AskedPlant, Known, Span
from apps.markets.services.pv.plants import pv_plants_ensure
from apps.markets.services.pv.weather import weather_known
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from cariflex.common.units import floor_slot

logger = logging.getLogger(__name__)

HORIZON: Final = timedelta(hours=48)
_DAY: Final = timedelta(days=1)
_PICKS: Final[dict[str, Callable[[ProductionSlot], float | None]]] = {
    P10: lambda slot: slot.p10_kw,
    P50: lambda slot: slot.p50_kw,
    P90: lambda slot: slot.p90_kw,
}


@dataclass(frozen=True, slots=True)
class PvForecast:
    """What a run did: plants forecast, codes of those that could not be, values that are new."""

    plants: int
    left_out: tuple[str, ...]
    values_new: int


def pv_forecast_compute(*, now: datetime, horizon: timedelta = HORIZON) -> PvForecast:
    """Forecast every enabled plant from the quarter hour of `now` on, and store what is new.

    Each plant has the series `pv_production` P10, P50 and P90 (kW, production >= 0) with its
    device's code as area, the sum of all plants the area TOTAL_AREA. The origin of a slot is its
    weather's feed, or clear_sky, whose quality is `fallback`. The total has P10 and P90 only where
    every plant has them; they are sums and so conservative: the plants' errors would all have to
    go the same way at once. PV devices without a plant are given the usual one first.

    Idempotent: a slot that says the same is not stored again. Two runs at once, or one that is
    killed, leave each series as one whole run did; the next run brings the rest. Seven queries and
    six for each series stored.
    """
    pv_plants_ensure()
    rows = pv_plants(enabled_only=True)
    usable = [row for row in rows if row.model is not None]
    for row in rows:
        if row.model is None:
            logger.warning("PV plant left out plant=%s error=%s", row.code, row.fault)
    if not usable:
        return PvForecast(0, tuple(row.code for row in rows), 0)
    span = _span(now, horizon)
    # Not at the top: pvlib costs 1 s and 100 MB, which only a process that forecasts pays.
    model = import_module("apps.markets.services.pv.curves")
    found: dict[str, tuple[ForecastSlot, ...]] = model.curves(
        _asked(usable, span), _known(usable, now), span
    )
    values_new = sum(_store(code, curve, now) for code, curve in sorted(found.items()))
    if found:
        values_new += _store(TOTAL_AREA, model.totals(found), now)
    left_out = tuple(row.code for row in rows if row.code not in found)
    return PvForecast(len(found), left_out, values_new)


def _span(now: datetime, horizon: timedelta) -> Span:
    start, today = floor_slot(now), floor_slot(now, _DAY)
    return Span(
        now=now,
        start=start,
        end=start + horizon,
        past_start=today - PERSISTENCE_DAYS,
        past_end=today,
    )


def _asked(rows: Sequence[PlantRow], span: Span) -> list[AskedPlant]:
    measured = pv_measured(rows=rows, start=span.past_start, end=span.past_end)
    return [
        AskedPlant(row.code, row.model, row.solcast_resource_id, measured[row.code])
        for row in rows
        if row.model is not None
    ]


def _known(rows: Iterable[PlantRow], now: datetime) -> Known:
    listed = list(rows)
    return weather_known(
        cells={row.cell for row in listed if row.cell is not None},
        resource_ids={row.solcast_resource_id for row in listed if row.solcast_resource_id},
        now=now,
    )


def _store(area: str, curve: Sequence[ForecastSlot], now: datetime) -> int:
    return sum(_store_variant(area, variant, pick, curve, now) for variant, pick in _PICKS.items())


def _store_variant(
    area: str,
    variant: str,
    pick: Callable[[ProductionSlot], float | None],
    curve: Sequence[ForecastSlot],
    now: datetime,
) -> int:
    values = [
        GivenValue(
            start=slot.production.start,
            value=Decimal(f"{power_kw:.3f}"),
            quality=_quality(slot),
            origin=slot.quality.value,
        )
        for slot in curve
        if (power_kw := pick(slot.production)) is not None
    ]
    if not values:
        return 0
    key = SeriesKey(kind=SeriesKind.PV_PRODUCTION, area=area, source=Feed.ISLAND, variant=variant)
    return values_store(series=series_ensure(key), values=values, published_at=now)


def _quality(slot: ForecastSlot) -> Quality:
    is_clear_sky = slot.quality == fallback.Quality.CLEAR_SKY
    return Quality.FALLBACK if is_clear_sky else Quality.FORECAST
