"""What the bank can be asked to do: invoices to collect, statements to pay, and its files."""

from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.billing.choices import InvoiceKind, InvoiceState, SettlementDirection, SettlementState
from apps.billing.models import Invoice, SepaBatch, SepaItem, Settlement
from apps.billing.selectors.balances import settlement_open, with_open_amounts
from apps.billing.selectors.taxes import BOOKS_CURRENCY
from cariflex.common.api.pages import Page, page_of


def debit_candidates() -> QuerySet[Invoice]:
    """Open invoices in euros of accounts with a mandate and an IBAN that are in no file."""
    open_ones = with_open_amounts(
        Invoice.objects.filter(
            state=InvoiceState.ISSUED,
            kind=InvoiceKind.INVOICE,
            currency=BOOKS_CURRENCY,
            account__sepa_mandate_signed_on__isnull=False,
        )
        .exclude(account__sepa_mandate_id="")
        .exclude(account__iban="")
    )
    in_file = SepaItem.objects.filter(invoice=OuterRef("pk"), dropped_at__isnull=True)
    return (
        open_ones.filter(Q(open_amount__gt=0))
        .exclude(Exists(in_file))
        .select_related("account")
        .order_by("due_on", "pk")
    )


def credit_candidates() -> list[tuple[Settlement, Decimal]]:
    """Confirmed statements in euros of what we owe partners with an IBAN, and what is open."""
    in_file = SepaItem.objects.filter(settlement=OuterRef("pk"), dropped_at__isnull=True)
    owed = (
        Settlement.objects.filter(
            state=SettlementState.CONFIRMED,
            direction=SettlementDirection.PAYABLE,
            currency=BOOKS_CURRENCY,
        )
        .exclude(account__iban="")
        .exclude(Exists(in_file))
        .select_related("account")
        .order_by("month", "pk")
    )
    pairs = [(row, -settlement_open(row)) for row in owed]
    return [(row, amount) for row, amount in pairs if amount > 0]


def sepa_batches_page(*, after: int | None, limit: int) -> Page[SepaBatch]:
    """Files for the bank, those made last first, without their bytes. One query."""
    batches = SepaBatch.objects.defer("content").order_by("-pk")
    if after is not None:
        batches = batches.filter(pk__lt=after)
    return page_of(list(batches[: limit + 1]), limit, lambda batch: batch.pk)


def sepa_items_page(*, batch_id: int, after: int | None, limit: int) -> Page[SepaItem]:
    """The payments of a file, in its order. One query."""
    items = SepaItem.objects.filter(batch=batch_id).order_by("pk")
    if after is not None:
        items = items.filter(pk__gt=after)
    return page_of(list(items[: limit + 1]), limit, lambda item: item.pk)
