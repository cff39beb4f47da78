"""ENTSO-E Transparency Platform: readers of its answers.

Pure: bytes in, dataclasses out. The readers resolve no entity, load no DTD and open no network.
An answer is one XML document or a ZIP archive of several.
"""

from apps.markets.feeds.entsoe.archive import MAX_MEMBERS, NO_MATCHING_DATA
from apps.markets.feeds.entsoe.curve import (
    CURVE_FIXED_BLOCKS,
    CURVE_VARIABLE_BLOCKS,
    MAX_PERIOD,
    RESOLUTIONS,
)
from apps.markets.feeds.entsoe.errors import DocumentError, NotYetPublishedError
from apps.markets.feeds.entsoe.power import (
    Direction,
    PowerDocument,
    PowerSeries,
    Process,
    Quality,
)
from apps.markets.feeds.entsoe.power_documents import (
    GENERATION_PER_TYPE,
    LOAD,
    MAX_POWER_DOCUMENT_BYTES,
    WIND_SOLAR_FORECAST,
    generation_document_read,
    load_document_read,
    wind_solar_document_read,
)
from apps.markets.feeds.entsoe.power_points import MAX_POWER_MW
from apps.markets.feeds.entsoe.prices import (
    DAY_AHEAD_CONTRACT,
    PriceDocument,
    price_document_read,
    quarter_hours,
)

__all__ = [
    "CURVE_FIXED_BLOCKS",
    "CURVE_VARIABLE_BLOCKS",
    "DAY_AHEAD_CONTRACT",
    "GENERATION_PER_TYPE",
    "LOAD",
    "MAX_MEMBERS",
    "MAX_PERIOD",
    "MAX_POWER_DOCUMENT_BYTES",
    "MAX_POWER_MW",
    "NO_MATCHING_DATA",
    "RESOLUTIONS",
    "WIND_SOLAR_FORECAST",
    "Direction",
    "DocumentError",
    "NotYetPublishedError",
    "PowerDocument",
    "PowerSeries",
    "PriceDocument",
    "Process",
    "Quality",
    "generation_document_read",
    "load_document_read",
    "price_document_read",
    "quarter_hours",
    "wind_solar_document_read",
]
