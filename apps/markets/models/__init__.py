"""Series and their values, feeds and what came from them."""

from apps.markets.models.feeds import FeedAccess, FeedCall, FeedRequest, ImportedDocument
from apps.markets.models.series import FallbackStep, Series, SeriesValue

__all__ = [
    "FallbackStep",
    "FeedAccess",
    "FeedCall",
    "FeedRequest",
    "ImportedDocument",
    "Series",
    "SeriesValue",
]
