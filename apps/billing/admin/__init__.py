"""The back office of billing; each module registers its own models."""

from apps.billing.admin import cdrs, tariffs

__all__ = ["cdrs", "tariffs"]
