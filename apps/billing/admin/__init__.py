"""The back office of billing; each module registers its own models."""

from apps.billing.admin import (
    accounts,
    books,
    cdrs,
    disputes,
    exports,
    inbox,
    invoices,
    payments,
    settlements,
    tariffs,
    taxes,
)

__all__ = [
    "accounts",
    "books",
    "cdrs",
    "disputes",
    "exports",
    "inbox",
    "invoices",
    "payments",
    "settlements",
    "tariffs",
    "taxes",
]
