"""What billing keeps in an operator's schema."""

from apps.billing.models.accounts import AccountToken, BillingAccount, Issuer
from apps.billing.models.books import BookEntry, BookSettings, BookTaxAccounts
from apps.billing.models.cdrs import Cdr
from apps.billing.models.disputes import Dispute, DisputeEvent
from apps.billing.models.exports import ExportJob, ExportView
from apps.billing.models.inbox import BillingException, SessionCorrection
from apps.billing.models.invoices import (
    Invoice,
    InvoiceCdr,
    InvoiceDocument,
    InvoiceLine,
    InvoiceSeries,
)
from apps.billing.models.payments import BankLine, BankStatement, Payment, PaymentAllocation
from apps.billing.models.reconciliation import ReconciliationFinding, ReconciliationRun
from apps.billing.models.reminders import Reminder, ReminderLevel, ReminderText
from apps.billing.models.sepa import SepaBatch, SepaItem
from apps.billing.models.settlements import MonthClosing, PartnerCdr, Settlement
from apps.billing.models.tariffs import (
    DynamicFormula,
    DynamicPrice,
    Tariff,
    TariffAssignment,
    TariffVersion,
)
from apps.billing.models.taxes import ExchangeRate, TaxRate

__all__ = [
    "AccountToken",
    "BankLine",
    "BankStatement",
    "BillingAccount",
    "BookEntry",
    "BookSettings",
    "BookTaxAccounts",
    "BillingException",
    "Cdr",
    "DynamicFormula",
    "DynamicPrice",
    "Dispute",
    "DisputeEvent",
    "ExchangeRate",
    "ExportJob",
    "ExportView",
    "Invoice",
    "InvoiceCdr",
    "InvoiceDocument",
    "InvoiceLine",
    "InvoiceSeries",
    "Issuer",
    "MonthClosing",
    "PartnerCdr",
    "Payment",
    "PaymentAllocation",
    "ReconciliationFinding",
    "ReconciliationRun",
    "Reminder",
    "ReminderLevel",
    "ReminderText",
    "SessionCorrection",
    "SepaBatch",
    "SepaItem",
    "Settlement",
    "Tariff",
    "TariffAssignment",
    "TariffVersion",
    "TaxRate",
]
