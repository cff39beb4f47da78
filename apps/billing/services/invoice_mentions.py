"""Sentences that the law wants on a paper, in the account's language; frozen when it is issued."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.billing.choices import AccountKind, InvoiceKind
from apps.billing.minor_units import to_minor_units
from apps.billing.models import Invoice, Issuer
from apps.billing.paper_words import mention
from apps.billing.party_checks import FRANCE


def mentions_of(invoice: Invoice, issuer: Issuer) -> list[str]:
    """The mentions of a paper: its taxes', the kind of operation, terms of payment, tax in euros.

    Terms of late payment are French law between professionals (C. com. art. L441-10); an issuer's
    own terms replace them. A credit note has no terms of payment.
    """
    language = invoice.language
    said = [tax["legal_mention"] for tax in invoice.taxes if tax.get("legal_mention")]
    is_french = issuer.country_code in FRANCE
    if is_french:
        said.append(mention("services", language))
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        credited = invoice.credits
        if credited is not None and credited.issued_on is not None:
            said.append(
                mention(
                    "credit_note", language,
                    reference=str(credited.reference), day=credited.issued_on.isoformat(),
                )
            )  # fmt: skip
    elif issuer.late_payment_terms:
        said.append(issuer.late_payment_terms)
    elif is_french and invoice.account.kind != AccountKind.PERSON:
        said += [
            mention(name, language) for name in ("no_discount", "late_payment", "recovery_costs")
        ]
    said += _tax_in_euros(invoice, invoice.seller)
    return list(dict.fromkeys(said))


def _tax_in_euros(invoice: Invoice, seller: Mapping[str, Any]) -> list[str]:
    rate = seller.get("exchange_rate")
    if not rate or not invoice.tax:
        return []
    amount = to_minor_units(invoice.tax * Decimal(rate["euros"]), "EUR")
    return [
        mention(
            "tax_in_euros", invoice.language, amount=str(amount), currency=invoice.currency,
            rate=rate["euros"], day=rate["on"],
        )
    ]  # fmt: skip
