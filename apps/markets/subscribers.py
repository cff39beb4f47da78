"""What happens here when series or rules change: work is enqueued, nothing else."""

from __future__ import annotations

from typing import Final

from apps.markets.choices import Feed, SeriesKind
from apps.markets.events import FactorsChanged, IslandRulesChanged, SeriesChanged
from apps.markets.tasks import co2_factors, co2_series, island_price_soon
from cariflex.common import events

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
    """A mix gives intensities; each input gives a price."""
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
    events.subscribe(IslandRulesChanged, on_rules_changed)
    events.subscribe(FactorsChanged, on_factors_changed)
