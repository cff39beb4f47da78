"""The back office of billing; each module registers its own models."""

from apps.billing.admin import accounts, cdrs, invoices, settlements, tariffs, taxes

__all__ = ["accounts", "cdrs", "invoices", "settlements", "tariffs", "taxes"]
