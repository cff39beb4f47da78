"""CDRs that are to be on a paper: live ones on invoices, credits of invoiced ones on credit notes.

A live CDR is none that credits another, and none that is credited.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from apps.billing.choices import InvoiceKind, InvoiceState
from apps.billing.models import Cdr, Invoice
from apps.billing.selectors.closed_months import open_from
from apps.billing.tax_rules import TaxSum, tax_from_json

_ON_A_DRAFT = Q(on_invoice__line__invoice__state=InvoiceState.DRAFT)


def live_cdrs() -> QuerySet[Cdr]:
    """CDRs that count: not credits, and not credited."""
    return Cdr.objects.live()


def to_invoice() -> QuerySet[Cdr]:
    """Live CDRs of accounts that are not on an issued invoice; they may be on a draft."""
    return live_cdrs().filter(Q(on_invoice__isnull=True) | _ON_A_DRAFT, account__isnull=False)


def uninvoiced(*, until: date) -> QuerySet[Cdr]:
    """Those of a month or an open one before that cost something and are on no draft either."""
    return (
        to_invoice()
        .filter(on_invoice__isnull=True, billing_month__gte=open_from(), billing_month__lte=until)
        .exclude(total_excl_vat=0)
    )


def to_credit() -> QuerySet[Cdr]:
    """Credit CDRs whose original is on an issued invoice, and that are on no issued note."""
    return Cdr.objects.filter(
        Q(on_invoice__isnull=True) | _ON_A_DRAFT,
        credit=True,
        account__isnull=False,
        credit_reference__on_invoice__line__invoice__state=InvoiceState.ISSUED,
    )


def credits_to_note(*, until: date) -> list[int]:
    """Invoices of which CDRs were credited in a month or before, and that no note credits yet.

    An invoice that was credited wholly by hand has nothing left to credit.
    """
    waiting = to_credit().filter(
        on_invoice__isnull=True, billing_month__gte=open_from(), billing_month__lte=until
    )
    invoices = set(
        waiting.exclude(total_excl_vat=0)
        .order_by()
        .values_list("credit_reference__on_invoice__line__invoice", flat=True)
    )
    return sorted(
        invoice.pk
        for invoice in Invoice.objects.filter(pk__in=invoices)
        if any(left.basis > 0 for left in credit_left(invoice).values())
    )


def credit_left(invoice: Invoice) -> Mapping[tuple[str, str, Decimal, str], TaxSum]:
    """What may still be credited of an issued invoice, by tax: its own sums less its credit notes.

    Drafts of credit notes take nothing away. One query.
    """
    left = {one.tax.key: one for one in map(tax_from_json, invoice.taxes)}
    notes = invoice.credit_notes.filter(state=InvoiceState.ISSUED)
    for taxes in notes.values_list("taxes", flat=True):
        for gone in map(tax_from_json, taxes):
            held = left.get(gone.tax.key)
            if held is not None:
                left[gone.tax.key] = TaxSum(
                    held.tax, held.basis - gone.basis, held.amount - gone.amount
                )
    return left


def credited_gross(invoice: Invoice) -> Decimal:
    """What the issued credit notes of an invoice come to."""
    total = invoice.credit_notes.filter(
        state=InvoiceState.ISSUED, kind=InvoiceKind.CREDIT_NOTE
    ).aggregate(total=Sum("gross"))["total"]
    return total or Decimal("0.00")
