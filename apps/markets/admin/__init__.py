"""Admin pages of the markets app."""

from apps.markets.admin import feeds, island, plants, series

__all__ = ["feeds", "island", "plants", "series"]
