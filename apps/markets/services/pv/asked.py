"""What the curves of plants are reckoned from, without the model that reckons them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.markets.feeds.solcast import RooftopForecast
from apps.markets.feeds.weather import WeatherForecast
from apps.markets.pv.fallback import Quality
from apps.markets.pv.grouping import Cell
from apps.markets.pv.plant import PvPlant

PERSISTENCE_DAYS: Final = timedelta(days=3)
"""Whole UTC days, which over the Americas and Europe hold whole days of sun. The factor changes
once a day, so that a quarter hour under a clear sky is not published anew all day long."""


@dataclass(frozen=True, slots=True)
class AskedPlant:
    """A plant, its resource at Solcast if it has one, and what it made in the days before.

    `measured_kw`: quarter hours (start, mean kW >= 0).
    """

    code: str
    model: PvPlant
    resource_id: str = ""
    measured_kw: tuple[tuple[datetime, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedWeather:
    """A weather forecast of a cell and when it was fetched."""

    quality: Quality
    fetched_at: datetime
    forecast: WeatherForecast


@dataclass(frozen=True, slots=True)
class FetchedPower:
    """A power forecast of a registered site and when it was fetched."""

    fetched_at: datetime
    forecast: RooftopForecast


@dataclass(frozen=True, slots=True)
class Known:
    """All forecasts at hand: of cells, each source at most once, and of resources."""

    weather: Mapping[Cell, tuple[FetchedWeather, ...]]
    power: Mapping[str, FetchedPower]


@dataclass(frozen=True, slots=True)
class Span:
    """From the quarter hour of `now` to the end of the horizon, and the days to look back at."""

    now: datetime
    start: datetime
    end: datetime
    past_start: datetime
    past_end: datetime
