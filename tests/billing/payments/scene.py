"""Accounts, issued invoices and payments to work with."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.billing.models import BillingAccount, Invoice, InvoiceLine, InvoiceSeries, Issuer, Payment
from apps.billing.services.payments import payment_register

TODAY = date(2026, 6, 15)
NOW = datetime(2026, 6, 15, 14, 0, tzinfo=UTC)
IBAN_A, IBAN_B = "FR7630006000011234567890189", "FR1420041010050500013M02606"
_numbers = itertools.count(1)


def account_make(code: str = "marina", **values: Any) -> BillingAccount:
    """A company that pays in euros."""
    defaults = {
        "name": "Marina du Gosier SARL", "kind": "company", "email": "compta@marina.example",
        "iban": IBAN_A, "language": "fr", "street": "1 quai de la Marina", "city": "Le Gosier",
        "postal_code": "97190", "country_code": "FR", "territory": "GP", "siren": "732829320",
    }  # fmt: skip
    account, _created = BillingAccount.objects.get_or_create(code=code, defaults=defaults | values)
    return account


def issuer_make() -> Issuer:
    """The operator as a seller."""
    issuer, _created = Issuer.objects.get_or_create(
        pk=1, defaults={"name": "Karib Énergie SAS", "iban": IBAN_B, "territory": "GP"}
    )
    return issuer


def invoice_make(
    account: BillingAccount,
    gross: str = "120.00",
    *,
    reference: str = "",
    due_on: date = date(2026, 6, 30),
    kind: str = "invoice",
    credits_id: int | None = None,
    currency: str = "EUR",
) -> Invoice:
    """An issued invoice (or credit note) of one line at 20 %, as the books have it."""
    series, _created = InvoiceSeries.objects.get_or_create(code="T-2026", defaults={"prefix": "T"})
    number = next(_numbers)
    net = (Decimal(gross) / Decimal("1.2")).quantize(Decimal("0.01"))
    tax = Decimal(gross) - net
    invoice = Invoice.objects.create(
        kind=kind,
        account=account,
        month=date(2026, 5, 1),
        currency=currency,
        language="fr",
        credits_id=credits_id,
        net=net,
        tax=tax,
        gross=gross,
        taxes=[
            {
                "name": "TVA", "category": "S", "percent": "20", "basis": str(net),
                "amount": str(tax), "legal_mention": "", "exemption_code": "",
            }
        ],
    )  # fmt: skip
    InvoiceLine.objects.create(
        invoice=invoice, position=1, description="Recharges", net=net, tax_name="TVA",
        tax_category="S", tax_percent="20",
    )  # fmt: skip
    invoice.state, invoice.series, invoice.number = "issued", series, number
    invoice.reference = reference or f"T-2026-{number:05d}"
    invoice.issued_at, invoice.issued_on, invoice.due_on = NOW, date(2026, 6, 1), due_on
    invoice.save()
    return invoice


def payment_make(amount: str = "120.00", **values: Any) -> Payment:
    """A transfer that came in."""
    defaults: dict[str, Any] = {"method": "transfer", "currency": "EUR", "paid_on": TODAY}
    return payment_register(amount=Decimal(amount), **{**defaults, **values})


def camt(*entries: str, opening: str = "0.00", closing: str = "", iban: str = IBAN_B) -> bytes:
    """A CAMT.053 file of one statement."""
    balances = (
        f'<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{opening}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd></Bal>"
    )
    if closing:
        balances += (
            f'<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{closing}</Amt>'
            "<CdtDbtInd>CRDT</CdtDbtInd></Bal>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"<Stmt><Id>ST-1</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{balances}"
        f"{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(
    amount: str,
    text: str = "",
    *,
    side: str = "CRDT",
    name: str = "MARINA DU GOSIER",
    iban: str = IBAN_A,
    day: str = "2026-06-12",
    reference: str = "BR-1",
    end_to_end: str = "NOTPROVIDED",
    extra: str = "",
) -> str:
    """One booking of a statement."""
    party = "Dbtr" if side == "CRDT" else "Cdtr"
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{extra}<Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>"
        f"<RltdPties><{party}><Nm>{name}</Nm></{party}>"
        f"<{party}Acct><Id><IBAN>{iban}</IBAN></Id></{party}Acct></RltdPties>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )
