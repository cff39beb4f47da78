"""What billing keeps in an operator's schema."""

from apps.billing.models.accounts import AccountToken, BillingAccount, Issuer
from apps.billing.models.cdrs import Cdr
from apps.billing.models.invoices import (
    Invoice,
    InvoiceCdr,
    InvoiceDocument,
    InvoiceLine,
    InvoiceSeries,
)
from apps.billing.models.settlements import MonthClosing, PartnerCdr, Settlement
from apps.billing.models.tariffs import Tariff
from apps.billing.models.taxes import ExchangeRate, TaxRate

__all__ = [
    "AccountToken",
    "BillingAccount",
    "Cdr",
    "ExchangeRate",
    "Invoice",
    "InvoiceCdr",
    "InvoiceDocument",
    "InvoiceLine",
    "InvoiceSeries",
    "Issuer",
    "MonthClosing",
    "PartnerCdr",
    "Settlement",
    "Tariff",
    "TaxRate",
]
