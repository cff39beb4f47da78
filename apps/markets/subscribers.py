"""What happens here when series or rules change: work is enqueued, nothing else."""

from typing import Final

from django.core.cache import cache

from apps.markets.choices import Feed, SeriesKind
from apps.markets.events import FactorsChanged, IslandRulesChanged, SeriesChanged
from apps.markets.tasks import co2_factors, co2_series, island_price_soon, pv_forecast
from cariflex.common import events

WEATHER: Final = frozenset({SeriesKind.GHI, SeriesKind.TEMPERATURE, SeriesKind.WIND_SPEED})
WAIT_S: Final = 30
_MARK_S: Final = WAIT_S - 5
_MARK: Final = "markets.pv_forecast.waits"
ISLAND_INPUTS: Final = frozenset(
    {
        SeriesKind.PRODUCTION_COST,
        SeriesKind.GENERATION,
        SeriesKind.LOAD,
        SeriesKind.WIND_SOLAR,
        SeriesKind.CO2_LIFECYCLE,
        SeriesKind.CO2_DIRECT,
        SeriesKind.PV_PRODUCTION,
    }
)
"""What an island price draws on; its own series are not among them."""


def on_series_changed(event: SeriesChanged) -> None:
    """New weather, or a feed's own forecast of a site, makes a new forecast of PV production."""
    is_power = event.kind == SeriesKind.PV_PRODUCTION and event.source != Feed.ISLAND
    if (event.kind in WEATHER or is_power) and cache.add(_MARK, 1, _MARK_S):
        pv_forecast.enqueue_with(options={"countdown": WAIT_S})


def on_input_changed(event: SeriesChanged) -> None:
    """A mix gives intensities; each input of an island price gives a price."""
    if event.kind == SeriesKind.GENERATION and event.source != Feed.ISLAND:
        co2_series.enqueue(
            event.area, event.source, event.first.isoformat(), event.last.isoformat()
        )
    if event.kind in ISLAND_INPUTS:
        island_price_soon()


def on_rules_changed(_event: IslandRulesChanged) -> None:
    """The operator declared something else."""
    island_price_soon()


def on_factors_changed(event: FactorsChanged) -> None:
    """Other factors give other intensities."""
    co2_factors.enqueue(event.first.isoformat())


def subscribe() -> None:
    """Called once the apps are ready."""
    events.subscribe(SeriesChanged, on_series_changed)
    events.subscribe(SeriesChanged, on_input_changed)
    events.subscribe(IslandRulesChanged, on_rules_changed)
    events.subscribe(FactorsChanged, on_factors_changed)
