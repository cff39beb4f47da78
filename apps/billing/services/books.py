"""The books: what was issued, paid and settled gets its entry once, numbered without a break."""

import logging
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from apps.accounts.models import User
from apps.billing.documents.booking import (
    Chart,
    money_entry,
    payer_found_entry,
    purchase_entry,
    sale_entry,
)
from apps.billing.documents.fec import Entry, Posting, fec_bytes, fec_name
from apps.billing.documents.files import TEXT, DocumentFile
from apps.billing.models import BookEntry, BookSettings, BookTaxAccounts, Invoice
from apps.billing.months import local_day
from apps.billing.selectors.accounts import books_time_zone, issuer_get
from apps.billing.selectors.books import (
    BACK,
    SETTINGS_ROW,
    book_chart,
    entries_to_take_back,
    entry_of,
    fec_lines,
    invoices_to_book,
    money_of,
    payments_to_book,
    purchase_of,
    sale_of,
    settlements_to_book,
    year_begin,
)
from apps.billing.selectors.taxes import BOOKS_CURRENCY, euros_at
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

BATCH = 1000


@transaction.atomic
def books_post(*, now: datetime | None = None) -> int:
    """Book all that is not in the books yet; how many entries. Safe to call twice at once.

    DomainError `billing.exchange_rate_missing` when a paper's currency has no rate for its day;
    nothing is booked then.
    """
    # Whoever books holds this row: numbers follow each other, and nothing is booked twice.
    settings = _settings_held()
    now = now or utc_now()
    today = local_day(now, books_time_zone())
    entries = _entries(book_chart(settings), _Rates(), today)
    entries.sort(key=lambda entry: (entry.on, entry.source))
    rows = _numbered(entries, settings, now)
    BookEntry.objects.bulk_create(rows, batch_size=BATCH)
    if rows:
        logger.info("books posted entries=%s", len(rows))
    return len(rows)


def fec_file(*, start: date, end: date, now: datetime | None = None) -> DocumentFile:
    """The FEC of entries dated [start, end): books what is missing first.

    DomainError `documents.siren_missing` without the operator's SIREN, `documents.period_empty`
    when the end is not after the start.
    """
    if end <= start:
        raise DomainError("documents.period_empty", "The end must be after the start.", field="end")
    issuer = issuer_get()
    name = fec_name(issuer.siren if issuer is not None else "", _day_before(end))
    books_post(now=now)
    return DocumentFile(name, TEXT, b"".join(fec_bytes(fec_lines(start=start, end=end))))


@transaction.atomic
def book_settings_save(*, by: User | None, **fields: Any) -> BookSettings:
    """Change accounts and journals; holds for what is booked from now on."""
    settings = _settings_held()
    for name, value in fields.items():
        setattr(settings, name, value)
    settings.full_clean()
    if settings.year_begins_in != _stored_month() and BookEntry.objects.exists():
        raise DomainError(
            "documents.year_begun",
            "The accounting year cannot be moved once something is booked.",
            field="year_begins_in",
        )
    settings.save()
    logger.info("book settings saved by=%s", by.pk if by else None)
    return settings


@transaction.atomic
def book_tax_accounts_save(
    *, category: str, percent: Decimal, sales: str, tax_collected: str = ""
) -> BookTaxAccounts:
    """The accounts of one tax rate."""
    row, _created = BookTaxAccounts.objects.select_for_update().get_or_create(
        category=category, percent=percent, defaults={"sales": sales}
    )
    row.sales, row.tax_collected = sales, tax_collected
    row.full_clean()
    row.save()
    return row


class _Rates:
    """Rates of exchange, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, date], Decimal] = {}

    def euros(self, currency: str, on: date) -> Decimal:
        """What one unit is worth on a day."""
        key = (currency, on)
        if key not in self._known:
            self._known[key] = euros_at(currency, on).euros
        return self._known[key]

    def of(self, invoice: Invoice) -> Decimal:
        """The rate that was frozen with a paper, else that of its day."""
        frozen = invoice.seller.get("exchange_rate")
        if frozen and invoice.currency != BOOKS_CURRENCY:
            return Decimal(str(frozen["euros"]))
        return self.euros(invoice.currency, invoice.issued_on or invoice.month)


def _settings_held() -> BookSettings:
    BookSettings.objects.bulk_create([BookSettings(pk=SETTINGS_ROW)], ignore_conflicts=True)
    return BookSettings.objects.select_for_update().get(pk=SETTINGS_ROW)


def _stored_month() -> int:
    return BookSettings.objects.values_list("year_begins_in", flat=True).get(pk=SETTINGS_ROW)


def _entries(chart: Chart, rates: _Rates, today: date) -> list[Entry]:
    entries = [sale_entry(sale_of(row, rates.of(row)), chart) for row in invoices_to_book()]
    for payment in payments_to_book():
        moved = money_of(payment, rates.euros(payment.currency, payment.paid_on))
        if payment.in_suspense:  # type: ignore[attr-defined]
            entries.append(payer_found_entry(moved, chart, on=max(today, payment.paid_on)))
        else:
            entries.append(money_entry(moved, chart))
    for source, row in settlements_to_book():
        on = local_day(row.confirmed_at, books_time_zone()) if row.confirmed_at else today
        euros = rates.euros(row.currency, on)
        entries.append(purchase_entry(purchase_of(source, row, on=on, euros=euros), chart))
    entries += [_taken_back(row, today) for row in entries_to_take_back()]
    return entries


def _taken_back(row: BookEntry, today: date) -> Entry:
    """The same entry with debit and credit exchanged."""
    entry = entry_of(row)
    return Entry(
        source=f"{BACK}{row.source}",
        journal=row.journal,
        on=max(today, row.on),
        piece_reference=row.piece_reference,
        piece_on=row.piece_on,
        label=f"Annulation {row.label}"[:200],
        postings=tuple(
            Posting(each.account, each.credit, each.debit, each.currency, each.currency_amount)
            for each in entry.postings
        ),
    )


def _numbered(entries: Iterable[Entry], settings: BookSettings, now: datetime) -> list[BookEntry]:
    last: dict[tuple[str, date], int] = {
        (row["journal"], row["year"]): row["last"]
        for row in BookEntry.objects.order_by()
        .values("journal", "year")
        .annotate(last=Max("number"))
    }
    rows = []
    for entry in entries:
        if not entry.is_balanced:
            raise DomainError("documents.entry_unbalanced", f"{entry.source} does not balance.")
        key = (entry.journal, year_begin(settings, entry.on))
        last[key] = last.get(key, 0) + 1
        rows.append(
            BookEntry(
                source=entry.source,
                journal=entry.journal,
                year=key[1],
                number=last[key],
                on=entry.on,
                piece_reference=entry.piece_reference[:100],
                piece_on=entry.piece_on,
                label=entry.label[:200],
                lines=[_line(posting) for posting in entry.postings],
                booked_at=now,
            )
        )
    return rows


def _line(posting: Posting) -> dict[str, str]:
    account = posting.account
    line = {
        "account": account.number,
        "account_label": account.label,
        "party_code": account.party_code,
        "party_name": account.party_name,
        "debit": f"{posting.debit:.2f}",
        "credit": f"{posting.credit:.2f}",
    }
    if posting.currency:
        line |= {
            "currency": posting.currency,
            "currency_amount": f"{posting.currency_amount:.2f}",
        }
    return line


def _day_before(end: date) -> date:
    return date.fromordinal(end.toordinal() - 1)


__all__ = ["book_settings_save", "book_tax_accounts_save", "books_post", "fec_file"]
