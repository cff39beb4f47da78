"""Series and their values, feeds and what came from them."""

from apps.markets.models.feeds import FeedAccess, FeedCall, FeedRequest, ImportedDocument
from apps.markets.models.island import (
    EmissionFactor,
    GeneratingUnit,
    IslandPriceSlot,
    IslandPricing,
    PeakWindow,
    ScarcityAlert,
    TouCalendar,
)
from apps.markets.models.plants import PvArray, PvPlant
from apps.markets.models.series import FallbackStep, Series, SeriesValue

__all__ = [
    "EmissionFactor",
    "FallbackStep",
    "FeedAccess",
    "FeedCall",
    "FeedRequest",
    "GeneratingUnit",
    "ImportedDocument",
    "IslandPriceSlot",
    "IslandPricing",
    "PeakWindow",
    "PvArray",
    "PvPlant",
    "ScarcityAlert",
    "Series",
    "SeriesValue",
    "TouCalendar",
]
