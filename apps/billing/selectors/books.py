"""The books: settings, what is not booked yet, and the lines of the FEC."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from apps.billing.choices import (
    InvoiceState,
    PaymentDirection,
    SettlementDirection,
    SettlementState,
)
from apps.billing.documents.booking import (
    Chart,
    MoneyMoved,
    Purchase,
    Sale,
    SalesAccounts,
    TaxedSum,
)
from apps.billing.documents.fec import Account, Entry, FecLine, Posting, fec_line
from apps.billing.models import (
    BookEntry,
    BookSettings,
    BookTaxAccounts,
    Invoice,
    Payment,
    Settlement,
)

Row = TypeVar("Row", Invoice, Payment)
SETTINGS_ROW = 1
INVOICE, PAYMENT, SUSPENSE, SETTLEMENT, BACK = (
    "invoice:",
    "payment:",
    "suspense:",
    "settlement:",
    "back:",
)
"""How the source of an entry begins."""
_CHART = (
    "customers", "suppliers", "sales", "tax_collected", "tax_deductible", "purchases", "hub_fees",
    "bank", "cards", "cash", "suspense", "sales_journal", "purchases_journal", "bank_journal",
    "general_journal",
)  # fmt: skip


def book_settings() -> BookSettings:
    """The operator's accounts and journals; the usual ones until somebody has chosen others."""
    return BookSettings.objects.filter(pk=SETTINGS_ROW).first() or BookSettings(pk=SETTINGS_ROW)


def book_chart(settings: BookSettings) -> Chart:
    """The same for the rules of booking, with the accounts of single tax rates."""
    by_tax = {
        (row.category, row.percent.normalize()): SalesAccounts(row.sales, row.tax_collected)
        for row in BookTaxAccounts.objects.all()
    }
    return Chart(**{name: getattr(settings, name) for name in _CHART}, by_tax=by_tax)


def year_begin(settings: BookSettings, on: date) -> date:
    """First day of the accounting year of a day."""
    begin = date(on.year, settings.year_begins_in, 1)
    return begin if begin <= on else begin.replace(year=on.year - 1)


def invoices_to_book() -> QuerySet[Invoice]:
    """Issued papers that are not in the books, but for those of 0.00."""
    issued = Invoice.objects.filter(state=InvoiceState.ISSUED).exclude(net=0, tax=0)
    return _unbooked(issued, INVOICE).select_related("account", "credits").order_by("pk")


def payments_to_book() -> QuerySet[Payment]:
    """Payments that are not in the books, and those there whose payer was not known then."""
    wanted = Payment.objects.filter(is_set_aside=False)
    suspense = Exists(BookEntry.objects.filter(source=_source(SUSPENSE)))
    unbooked = _unbooked(wanted, PAYMENT).annotate(in_suspense=suspense)
    return (
        unbooked.exclude(account__isnull=True, in_suspense=True)
        .select_related("account")
        .order_by("pk")
    )


def settlements_to_book() -> list[tuple[str, Settlement]]:
    """Confirmed statements of what we owe, each confirmation a source of its own."""
    confirmed = Settlement.objects.select_related("account").filter(
        state=SettlementState.CONFIRMED, direction=SettlementDirection.PAYABLE
    )
    found = [(_settlement_source(row), row) for row in confirmed.exclude(total=0).order_by("pk")]
    sources = [source for source, _row in found]
    booked = set(BookEntry.objects.filter(source__in=sources).values_list("source", flat=True))
    return [(source, row) for source, row in found if source not in booked]


def entries_to_take_back() -> list[BookEntry]:
    """Booked statements that were opened again since, unless they were taken back already."""
    booked = BookEntry.objects.filter(source__startswith=SETTLEMENT).order_by("pk")
    back = Exists(BookEntry.objects.filter(source=Concat(Value(BACK), OuterRef("source"))))
    confirmed = {
        _settlement_source(row)
        for row in Settlement.objects.filter(state=SettlementState.CONFIRMED)
    }
    return [entry for entry in booked.exclude(back) if entry.source not in confirmed]


def sale_of(invoice: Invoice, euros: Decimal) -> Sale:
    """An issued paper as it is booked."""
    if invoice.issued_on is None:
        raise ValueError("a draft is not booked")
    return Sale(
        source=f"{INVOICE}{invoice.pk}",
        reference=str(invoice.reference),
        issued_on=invoice.issued_on,
        is_credit_note=invoice.sign < 0,
        party_code=invoice.account.code,
        party_name=str(invoice.buyer.get("name") or invoice.account.name),
        sums=tuple(
            TaxedSum(
                category=str(tax["category"]),
                percent=Decimal(str(tax["percent"])),
                net=Decimal(str(tax["basis"])),
                tax=Decimal(str(tax["amount"])),
            )
            for tax in invoice.taxes
        ),
        currency=invoice.currency,
        euros=euros,
    )


def money_of(payment: Payment, euros: Decimal) -> MoneyMoved:
    """A payment as it is booked; one whose payer is not known has no party."""
    account = payment.account
    return MoneyMoved(
        source=f"{PAYMENT if account is not None else SUSPENSE}{payment.pk}",
        reference=payment.end_to_end_id or f"PAY-{payment.pk}",
        paid_on=payment.paid_on,
        method=payment.method,
        amount=payment.amount if payment.direction == PaymentDirection.IN else -payment.amount,
        party_code=account.code if account is not None else "",
        party_name=account.name if account is not None else payment.party_name,
        currency=payment.currency,
        euros=euros,
    )


def purchase_of(source: str, settlement: Settlement, *, on: date, euros: Decimal) -> Purchase:
    """A confirmed statement of what we owe as it is booked."""
    account = settlement.account
    return Purchase(
        source=source,
        reference=settlement.partner_invoice_reference
        or f"{account.code}-{settlement.month:%Y-%m}",
        on=on,
        party_code=account.code,
        party_name=account.name,
        net=settlement.net,
        tax=settlement.tax,
        hub_fee=settlement.total - settlement.net - settlement.tax,
        currency=settlement.currency,
        euros=euros,
    )


def fec_lines(*, start: date, end: date) -> Iterator[FecLine]:
    """The lines of entries dated [start, end), by journal and number; what was booked, no more."""
    settings = book_settings()
    labels = {
        settings.sales_journal: "Ventes",
        settings.purchases_journal: "Achats",
        settings.bank_journal: "Banque",
        settings.general_journal: "Opérations diverses",
    }
    booked = BookEntry.objects.filter(on__gte=start, on__lt=end)
    for row in booked.order_by("year", "journal", "number").iterator(chunk_size=1000):
        entry = entry_of(row)
        for posting in entry.postings:
            yield fec_line(
                entry,
                posting,
                number=str(row.number),
                journal_label=labels.get(row.journal, row.journal),
                booked_on=row.booked_at.date(),
            )


def entry_of(row: BookEntry) -> Entry:
    """A booked entry, from its row."""
    return Entry(
        source=row.source,
        journal=row.journal,
        on=row.on,
        piece_reference=row.piece_reference,
        piece_on=row.piece_on,
        label=row.label,
        postings=tuple(
            Posting(
                Account(
                    line["account"], line["account_label"], line["party_code"], line["party_name"]
                ),
                debit=Decimal(line["debit"]),
                credit=Decimal(line["credit"]),
                currency=line.get("currency", ""),
                currency_amount=Decimal(line.get("currency_amount", "0.00")),
            )
            for line in row.lines
        ),
    )


def _source(prefix: str) -> Concat:
    return Concat(Value(prefix), Cast(OuterRef("pk"), CharField()), output_field=CharField())


def _unbooked(rows: QuerySet[Row], prefix: str) -> QuerySet[Row]:
    return rows.exclude(Exists(BookEntry.objects.filter(source=_source(prefix))))


def _settlement_source(settlement: Settlement) -> str:
    at = settlement.confirmed_at
    return (
        f"{SETTLEMENT}{settlement.pk}:{at:%Y%m%d%H%M%S}" if at else f"{SETTLEMENT}{settlement.pk}"
    )
