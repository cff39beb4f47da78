"""Admin pages of the markets app."""

from apps.markets.admin import feeds, series

__all__ = ["feeds", "series"]
