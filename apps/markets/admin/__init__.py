"""Admin pages of the markets app."""

from apps.markets.admin import feeds, plants, series

__all__ = ["feeds", "plants", "series"]
