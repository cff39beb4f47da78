"""Credit notes by hand: of a whole invoice, of parts of its lines, or of an amount."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from apps.accounts.models import User
from apps.billing.choices import InvoiceState
from apps.billing.minor_units import minor_units, to_minor_units
from apps.billing.models import Invoice, InvoiceLine
from apps.billing.paper_words import line_words
from apps.billing.selectors.billable import credit_left
from apps.billing.services.draft_lines import line_tax, sums_write
from apps.billing.services.drafts import credit_note_draft, credit_sum
from apps.billing.services.invoices import (
    credit_month,
    draft_issue,
    invoice_lock_issued,
    line_net,
)
from apps.billing.services.month_lock import bookings_hold
from apps.billing.tax_rules import TaxApplied, TaxSum
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

Key = tuple[str, str, Decimal, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One line of a credit note."""

    words: str
    tax: TaxApplied
    net: Decimal


@transaction.atomic
def invoice_credit(
    *,
    invoice_id: int,
    reason: str,
    by: User | None,
    lines: Mapping[int, Decimal] | None = None,
    amount: Decimal | None = None,
    now: datetime | None = None,
) -> Invoice:
    """Issue a credit note on an issued invoice.

    `lines`: line -> net to credit of it. `amount`: a gross amount, spread over the invoice's taxes
    by what is left of each. Neither: all that is left. The note is booked in the invoice's month,
    or in the first open one after it. CDRs stay as they are: to bill a session anew, credit its CDR
    instead.

    DomainError when nothing is left, when more is asked for, or when a draft of a credit note on
    this invoice waits in that month.
    """
    if not reason.strip():
        raise DomainError("billing.reason_missing", "Say why.", field="reason")
    if lines is not None and amount is not None:
        raise DomainError(
            "billing.credit_invalid", "Credit lines or an amount, not both.", field="amount"
        )
    bookings_hold()
    invoice = invoice_lock_issued(invoice_id)
    left = {key: one for key, one in credit_left(invoice).items() if one.basis > 0}
    if not left:
        raise DomainError("billing.credit_nothing_left", "Nothing is left to credit.")
    if lines is not None:
        parts, sums = _of_lines(invoice, lines, left)
    elif amount is not None:
        parts, sums = _of_amount(invoice, amount, left)
    else:
        parts, sums = _of_all(invoice, left)
    note = _note(invoice, reason.strip()[:300], parts, sums)
    return draft_issue(note, by=by, now=now or utc_now())


def _note(invoice: Invoice, reason: str, parts: list[_Part], sums: list[TaxSum]) -> Invoice:
    month = credit_month(invoice)
    if invoice.credit_notes.filter(state=InvoiceState.DRAFT, month=month).exists():
        raise DomainError(
            "billing.credit_draft_waits",
            "A draft of a credit note on this invoice waits: issue or delete it first.",
        )
    note = credit_note_draft(invoice, month=month, reason=reason)
    InvoiceLine.objects.bulk_create(
        [
            InvoiceLine(
                invoice=note,
                position=position,
                description=part.words[:300],
                quantity=Decimal(1),
                net=part.net,
                **line_tax(part.tax),
            )
            for position, part in enumerate(parts, start=1)
        ]
    )
    sums_write(note, sums)
    return note


def _of_all(invoice: Invoice, left: Mapping[Key, TaxSum]) -> tuple[list[_Part], list[TaxSum]]:
    parts = [_Part(_rate_words(invoice, one.tax), one.tax, one.basis) for one in left.values()]
    return parts, list(left.values())


def _of_lines(
    invoice: Invoice, asked: Mapping[int, Decimal], left: Mapping[Key, TaxSum]
) -> tuple[list[_Part], list[TaxSum]]:
    by_id = {line.pk: line for line in invoice.lines.all()}
    bases: dict[Key, Decimal] = {}
    parts = []
    for line_id, net in asked.items():
        line = by_id.get(line_id)
        if line is None:
            raise DomainError(
                "billing.line_unknown", "The invoice has no such line.", field="lines"
            )
        net = line_net(line, net, invoice.currency)
        key = (
            line.tax_name, line.tax_category, line.tax_percent.normalize(), line.exemption_code,
        )  # fmt: skip
        bases[key] = bases.get(key, Decimal("0.00")) + net
        if key not in left or bases[key] > left[key].basis:
            raise _too_much(invoice)
        words = line_words("credit_line", invoice.language, line=line.description)
        parts.append(_Part(words, left[key].tax, net))
    if not parts:
        raise DomainError("billing.credit_invalid", "Name what is credited.", field="lines")
    places = minor_units(invoice.currency)
    return parts, [credit_sum(left[key], basis, places) for key, basis in bases.items()]


def _of_amount(
    invoice: Invoice, amount: Decimal, left: Mapping[Key, TaxSum]
) -> tuple[list[_Part], list[TaxSum]]:
    """The amount by taxes: net from gross, so that net and tax give the amount to the cent."""
    open_gross = sum((one.basis + one.amount for one in left.values()), Decimal(0))
    if amount <= 0 or amount != to_minor_units(amount, invoice.currency):
        raise DomainError(
            "billing.credit_invalid", "An amount above 0, in whole cents.", field="amount"
        )
    if amount > open_gross:
        raise _too_much(invoice)
    if amount == open_gross:
        return _of_all(invoice, left)
    ordered = sorted(left.values(), key=lambda one: one.basis + one.amount)
    rest = amount
    sums = []
    for nth, one in enumerate(ordered):
        gross = one.basis + one.amount
        is_last = nth == len(ordered) - 1
        share = rest if is_last else to_minor_units(amount * gross / open_gross, invoice.currency)
        share = min(share, gross)
        rest -= share
        if share:
            sums.append(_gross_part(one, share, invoice.currency))
    parts = [_Part(_rate_words(invoice, one.tax), one.tax, one.basis) for one in sums]
    return parts, sums


def _gross_part(left: TaxSum, gross: Decimal, currency: str) -> TaxSum:
    """Net and tax of a gross amount, neither beyond what is left."""
    net = to_minor_units(gross / (1 + left.tax.percent / 100), currency)
    net = min(max(net, gross - left.amount), left.basis)
    # The tax may be a cent beside the rate on the net; the check of BR-CO-17 lets it.
    return TaxSum(left.tax, net, gross - net)


def _rate_words(invoice: Invoice, tax: TaxApplied) -> str:
    return line_words(
        "credit_amount",
        invoice.language,
        reference=str(invoice.reference),
        percent=f"{tax.percent.normalize():f}",
    )


def _too_much(invoice: Invoice) -> DomainError:
    return DomainError(
        "billing.credit_too_high", f"More would be credited than is left of {invoice.reference}."
    )
