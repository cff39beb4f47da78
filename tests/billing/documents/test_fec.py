"""The books: every paper and payment once, balanced, numbered without a break."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from apps.billing.documents.booking import Chart, Sale, SalesAccounts, TaxedSum, sale_entry
from apps.billing.documents.fec import fec_name
from apps.billing.models import BookEntry, ExchangeRate, Payment, Settlement
from apps.billing.selectors.books import book_chart, book_settings
from apps.billing.services.books import (
    book_settings_save,
    book_tax_accounts_save,
    books_post,
    fec_file,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.documents.fec_checker import problems, read
from tests.billing.documents.rows import ISSUED, MARCH, account_make, invoice_make, issuer_make

D = Decimal
YEAR = {"start": date(2026, 1, 1), "end": date(2027, 1, 1)}
LATER = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def chart() -> Chart:
    return book_chart(book_settings())


def sale(**fields: object) -> Sale:
    known = Sale(
        source="invoice:1", reference="INV-1", issued_on=date(2026, 4, 2), is_credit_note=False,
        party_code="taxis", party_name="Taxis", currency="EUR", euros=D(1),
        sums=(TaxedSum("S", D("8.5"), D("100.00"), D("8.50")),),
    )  # fmt: skip
    return replace(known, **fields)  # type: ignore[arg-type]


def shown(entry: object) -> list[tuple[str, Decimal, Decimal]]:
    return [(p.account.number, p.debit, p.credit) for p in entry.postings]  # type: ignore[attr-defined]


def test_an_invoice_debits_the_customer_and_credits_sales_and_tax(operator_a: Operator) -> None:
    entry = sale_entry(sale(), chart())

    assert shown(entry) == [
        ("411000", D("108.50"), D("0.00")),
        ("706000", D("0.00"), D("100.00")),
        ("445710", D("0.00"), D("8.50")),
    ]


def test_a_credit_note_is_the_other_way_round(operator_a: Operator) -> None:
    entry = sale_entry(sale(is_credit_note=True), chart())

    assert shown(entry)[0] == ("411000", D("0.00"), D("108.50"))
    assert entry.is_balanced


def test_another_currency_balances_in_euros_and_keeps_its_own_amounts(
    operator_a: Operator,
) -> None:
    # 100.01 x 0.333 = 33.30333 and 8.50 x 0.333 = 2.8305: 33.30 + 2.83 = 36.13,
    # where 108.51 x 0.333 would be 36.13383 too; 33.33 cents less would not balance.
    sums = (TaxedSum("S", D("8.5"), D("100.01"), D("8.50")),)

    entry = sale_entry(sale(currency="XCD", euros=D("0.333"), sums=sums), chart())

    assert shown(entry) == [
        ("411000", D("36.13"), D("0.00")),
        ("706000", D("0.00"), D("33.30")),
        ("445710", D("0.00"), D("2.83")),
    ]
    assert [posting.currency_amount for posting in entry.postings] == [
        D("108.51"), D("100.01"), D("8.50"),
    ]  # fmt: skip


def test_a_tax_rate_may_have_accounts_of_its_own(operator_a: Operator) -> None:
    book_tax_accounts_save(category="S", percent=D("8.5"), sales="706850", tax_collected="445785")

    by_tax = chart().by_tax

    assert by_tax == {("S", D("8.5")): SalesAccounts("706850", "445785")}
    assert [number for number, *_rest in shown(sale_entry(sale(), chart()))] == [
        "411000", "706850", "445785",
    ]  # fmt: skip


def test_the_file_holds_all_that_happened_and_the_checker_is_content(
    operator_a: Operator,
) -> None:
    issuer_make()
    ExchangeRate.objects.create(currency="XCD", on=date(2026, 4, 1), euros=D("0.342"))
    account, abroad = account_make(), account_make("coop", currency="XCD")
    first = invoice_make(account, "100.00")
    invoice_make(abroad, "50.00")
    invoice_make(account, "10.00", credits=first)
    Payment.objects.create(
        method="transfer", account=account, paid_on=date(2026, 4, 9), currency="EUR",
        amount=D("97.65"), end_to_end_id="INV-2026-000001",
    )  # fmt: skip
    Payment.objects.create(
        method="card", paid_on=date(2026, 4, 10), currency="EUR", amount=D("5.00"),
        party_name="Quelqu'un\tsans nom",
    )  # fmt: skip
    Settlement.objects.create(
        account=account_make("voltaria", kind="emsp", party_country_code="DE", party_id="VLT"),
        month=MARCH, direction="payable", state="confirmed", currency="EUR", net=D("24.60"),
        tax=D("2.09"), hub_fee=D("0.50"), total=D("27.19"), confirmed_at=ISSUED,
    )  # fmt: skip

    file = fec_file(**YEAR, now=ISSUED)

    assert file.name == "732829320FEC20261231.txt"
    assert problems(file.content) == []
    rows = read(file.content)
    assert len({(row["JournalCode"], row["EcritureNum"]) for row in rows}) == 6
    abroad_row = next(row for row in rows if row["CompAuxNum"] == "coop")
    # 50.00 x 0.342 = 17.10 and 4.25 x 0.342 = 1.4535: 17.10 + 1.45.
    assert (abroad_row["Debit"], abroad_row["Montantdevise"], abroad_row["Idevise"]) == (
        "18,55", "54,25", "XCD",
    )  # fmt: skip
    assert [row["CompteNum"] for row in rows if row["JournalCode"] == "BQ"] == [
        "512000", "411000", "511500", "471000",
    ]  # fmt: skip


def test_nothing_is_booked_twice_and_numbers_go_on(operator_a: Operator) -> None:
    issuer_make()
    account = account_make()
    invoice_make(account, "100.00")
    assert books_post(now=ISSUED) == 1
    before = fec_file(**YEAR, now=ISSUED).content

    invoice_make(account, "20.00", now=LATER)
    after = fec_file(**YEAR, now=LATER).content

    assert books_post(now=LATER) == 0
    assert after.startswith(before)
    assert [row.number for row in BookEntry.objects.order_by("number")] == [1, 2]
    assert problems(after) == []


def test_a_payer_found_later_moves_the_payment_from_suspense(operator_a: Operator) -> None:
    issuer_make()
    account = account_make()
    payment = Payment.objects.create(
        method="transfer", paid_on=date(2026, 4, 9), currency="EUR", amount=D("5.00")
    )
    books_post(now=ISSUED)
    payment.account = account
    payment.save()

    assert books_post(now=LATER) == 1
    assert books_post(now=LATER) == 0

    moved = BookEntry.objects.get(journal="OD")
    assert [(line["account"], line["debit"], line["credit"]) for line in moved.lines] == [
        ("471000", "5.00", "0.00"),
        ("411000", "0.00", "5.00"),
    ]
    assert moved.on == date(2026, 5, 4)


def test_a_statement_that_was_opened_again_is_taken_back(operator_a: Operator) -> None:
    issuer_make()
    settlement = Settlement.objects.create(
        account=account_make("voltaria"), month=MARCH, direction="payable", state="confirmed",
        currency="EUR", net=D("10.00"), total=D("10.00"), confirmed_at=ISSUED,
    )  # fmt: skip
    books_post(now=ISSUED)
    Settlement.objects.filter(pk=settlement.pk).update(state="draft", confirmed_at=None)

    assert books_post(now=LATER) == 1
    assert books_post(now=LATER) == 0

    assert problems(fec_file(**YEAR, now=LATER).content) == []
    lines = [line for row in BookEntry.objects.all() for line in row.lines]
    suppliers = [line for line in lines if line["account"] == "401000"]
    assert [(line["debit"], line["credit"]) for line in suppliers] == [
        ("0.00", "10.00"), ("10.00", "0.00"),
    ]  # fmt: skip


def test_years_begin_where_the_operator_says(operator_a: Operator) -> None:
    issuer_make()
    book_settings_save(by=None, year_begins_in=4)
    account = account_make()
    march = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    invoice_make(account, "100.00", now=march, month=date(2026, 2, 1))
    invoice_make(account, "100.00", now=ISSUED)

    books_post(now=ISSUED)

    assert list(BookEntry.objects.order_by("on").values_list("year", "number")) == [
        (date(2025, 4, 1), 1), (date(2026, 4, 1), 1),
    ]  # fmt: skip
    with pytest.raises(DomainError, match="moved"):
        book_settings_save(by=None, year_begins_in=1)


def test_a_booked_entry_is_never_changed(operator_a: Operator) -> None:
    issuer_make()
    invoice_make(account_make(), "100.00")
    books_post(now=ISSUED)

    with pytest.raises(DatabaseError, match="is booked"), transaction.atomic():
        BookEntry.objects.update(label="x")
    with pytest.raises(DatabaseError, match="is booked"), transaction.atomic():
        BookEntry.objects.all().delete()


def test_without_a_rate_nothing_is_booked(operator_a: Operator) -> None:
    issuer_make()
    account = account_make()
    invoice_make(account, "100.00")
    Payment.objects.create(
        method="cash", account=account, paid_on=date(2026, 4, 9), currency="BBD", amount=D("5.00")
    )

    with pytest.raises(DomainError) as refused:
        books_post(now=ISSUED)

    assert refused.value.code == "billing.exchange_rate_missing"
    assert not BookEntry.objects.exists()


@pytest.mark.parametrize("siren", ["", "12345678", "73282932A"])
def test_the_file_needs_a_siren(siren: str) -> None:
    with pytest.raises(DomainError) as refused:
        fec_name(siren, date(2026, 12, 31))
    assert refused.value.code == "documents.siren_missing"


def test_a_period_must_not_be_empty(operator_a: Operator) -> None:
    with pytest.raises(DomainError, match="after the start"):
        fec_file(start=date(2026, 4, 1), end=date(2026, 4, 1))


def test_the_books_of_one_operator_hold_nothing_of_the_other(
    operator_a: Operator, operator_b: Operator
) -> None:
    issuer_make()
    invoice_make(account_make(), "100.00")
    with operator_context(operator_b.schema_name):
        issuer_make(siren="552100554", siret="", vat_number="")
        theirs = fec_file(**YEAR, now=ISSUED)

    assert read(theirs.content) == []
    assert theirs.name == "552100554FEC20261231.txt"
    assert books_post(now=ISSUED) == 1
