"""Issued invoices of an operator of Guadeloupe, without the CDRs behind them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.billing.choices import AccountKind, InvoiceKind
from apps.billing.models import BillingAccount, Invoice, InvoiceLine, Issuer
from apps.billing.services.accounts import account_add, issuer_save
from apps.billing.services.invoices import invoice_issue
from tests.billing.documents.samples import COMPANY, SELLER

D = Decimal
MARCH = date(2026, 3, 1)
ISSUED = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
PARTY = (
    "name", "street", "postal_code", "city", "country_code", "territory", "siren", "siret",
    "vat_number", "email", "phone", "iban", "bic",
)  # fmt: skip


def party(source: Any) -> dict[str, str]:
    return {name: getattr(source, name) for name in PARTY}


def issuer_make(**fields: Any) -> Issuer:
    own = {
        name: getattr(SELLER, name)
        for name in ("legal_form", "share_capital", "registry", "sepa_creditor_id", "footer")
    }
    return issuer_save(**{**party(SELLER), **own, **fields})


def account_make(code: str = "taxis", **fields: Any) -> BillingAccount:
    return account_add(code=code, **{**party(COMPANY), "kind": AccountKind.COMPANY, **fields})


def invoice_make(
    account: BillingAccount,
    net: str = "100.00",
    *,
    percent: str = "8.5",
    category: str = "S",
    credits: Invoice | None = None,
    now: datetime = ISSUED,
    month: date = MARCH,
    **fields: Any,
) -> Invoice:
    """An issued paper of one line of energy; tax rounded half-up."""
    basis = D(net)
    tax = (basis * D(percent) / 100).quantize(D("0.01"), rounding="ROUND_HALF_UP")
    mention = "" if category == "S" else "TVA non applicable, article 294 du CGI"
    kept = {
        "name": "TVA", "category": category, "percent": percent, "basis": net,
        "amount": str(tax), "legal_mention": mention, "exemption_code": "",
    }  # fmt: skip
    invoice = Invoice.objects.create(
        account=account, month=month, kind=InvoiceKind.CREDIT_NOTE if credits else "invoice",
        currency=fields.pop("currency", account.currency), language=account.language,
        taxes=[kept], net=basis, tax=tax, gross=basis + tax, credits=credits,
        reason="Erreur" if credits else "", **fields,
    )  # fmt: skip
    InvoiceLine.objects.create(
        invoice=invoice, position=1, description="Recharge de véhicules électriques – Marina",
        quantity=D("312.456789"), unit="KWH", net=basis, tax_name="TVA", tax_category=category,
        tax_percent=D(percent), legal_mention=mention, sessions_count=17,
    )  # fmt: skip
    return invoice_issue(invoice_id=invoice.pk, by=None, now=now)
