"""The back office of billing; each module registers its own models."""

from apps.billing.admin import accounts, cdrs, exports, invoices, settlements, tariffs, taxes

__all__ = ["accounts", "cdrs", "exports", "invoices", "settlements", "tariffs", "taxes"]
