"""Reads of series, prices and feeds."""

from apps.markets.selectors.prices import (
    PricePoint,
    PriceStatus,
    price_series,
    price_status,
    prices,
    published_prices,
)
from apps.markets.selectors.series import KnownValue, best_known, known_or_filled, leading_series

__all__ = [
    "KnownValue",
    "PricePoint",
    "PriceStatus",
    "best_known",
    "known_or_filled",
    "leading_series",
    "price_series",
    "price_status",
    "prices",
    "published_prices",
]
