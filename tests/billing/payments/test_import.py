"""Statements become payments once; every line is kept; what pays what is proposed and accepted."""

from dataclasses import replace
from decimal import Decimal

import pytest

from apps.billing.models import BankLine, BankStatement, Payment, PaymentAllocation
from apps.billing.selectors.balances import open_amount
from apps.billing.selectors.matches import matches_of, payments_unmatched
from apps.billing.services.matching import match_accept, matches_accept_sure
from apps.billing.services.payments import payment_unmatch
from apps.billing.services.payments_import import (
    ImportOptions,
    bank_line_take,
    statement_import,
    statement_preview,
)
from cariflex.common.errors import DomainError
from tests.billing.payments.scene import NOW, account_make, camt, entry, invoice_make, payment_make

pytestmark = pytest.mark.usefixtures("operator_a")
D = Decimal
OPTIONS = ImportOptions()


def take(content: bytes, options: ImportOptions = OPTIONS) -> BankStatement:
    return statement_import(content=content, file_name="june.xml", options=options, now=NOW)


def test_money_in_becomes_a_payment_and_money_out_waits() -> None:
    content = camt(
        entry("120.00", "hello"), entry("30.00", "rent", side="DBIT", reference="BR-2"),
        entry("0.00", reference="BR-3"),
    )  # fmt: skip

    statement = take(content)

    assert (statement.taken_count, statement.left_count, statement.bad_count) == (1, 1, 1)
    payment = Payment.objects.get()
    assert (payment.amount, payment.direction, payment.reference) == (D("120.00"), "in", "hello")
    assert [line.number for line in statement.lines.all()] == [1, 2, 3]
    left = statement.lines.get(state="left")
    out = bank_line_take(line_id=left.pk)
    assert bank_line_take(line_id=left.pk) == out
    assert (out.amount, out.direction) == (D("30.00"), "out")
    bad = statement.lines.get(state="bad")
    assert (bad.number, bad.problem_code) == (3, "line.amount")
    with pytest.raises(DomainError):
        bank_line_take(line_id=bad.pk)


def test_the_same_file_and_one_that_overlaps_add_nothing_twice() -> None:
    first = take(camt(entry("1.00"), entry("2.00", reference="BR-2")))
    again = take(camt(entry("1.00"), entry("2.00", reference="BR-2")))
    other = take(camt(entry("2.00", reference="BR-2"), entry("3.00", reference="BR-3")))

    assert first == again
    assert (other.known_count, other.taken_count) == (1, 1)
    assert sorted(Payment.objects.values_list("amount", flat=True)) == [D(1), D(2), D(3)]


def test_a_preview_writes_nothing() -> None:
    preview = statement_preview(content=camt(entry("1.00"), entry("0")), options=OPTIONS)

    assert (preview.states, preview.imported) == ({1: "taken", 2: "bad"}, None)
    assert not BankStatement.objects.exists()
    assert not Payment.objects.exists()


def test_lines_that_another_map_of_columns_reads_are_taken_later() -> None:
    content = b"date;amount;other\n2026-06-12;1,50;x\n06/14/2026;2,50;y\n"
    first = take(content)
    assert (first.taken_count, first.bad_count) == (1, 1)

    again = take(content, replace(OPTIONS, is_month_first=True))

    assert again == first
    assert (again.taken_count, again.bad_count) == (2, 0)
    assert Payment.objects.count() == 2


def test_a_file_that_is_no_statement_writes_nothing() -> None:
    for content in (b"<x/>", b"\n", b"one column\n"):
        with pytest.raises(DomainError) as refused:
            take(content)
        assert refused.value.code.startswith("statement.")
    assert not BankStatement.objects.exists()


def test_a_proposal_is_accepted_in_one_step_and_released_again() -> None:
    invoice = invoice_make(account_make())
    take(camt(entry("120.00", f"FACT {invoice.reference}")))
    payment = Payment.objects.get()
    [proposal, *_others] = matches_of(payment)

    match_accept(payment_id=payment.pk, key=proposal.key)

    assert open_amount(invoice) == D(0)
    allocation = PaymentAllocation.objects.get()
    assert (allocation.way, allocation.note.split(":")[0]) == ("match", "100")
    assert f"reference {invoice.reference}" in allocation.note
    with pytest.raises(DomainError) as refused:
        match_accept(payment_id=payment.pk, key=proposal.key)
    assert refused.value.code == "match.gone"
    payment_unmatch(payment_id=payment.pk)
    assert open_amount(invoice) == D("120.00")


def test_a_proposal_that_was_paid_otherwise_is_gone() -> None:
    invoice = invoice_make(account_make())
    first, second = (payment_make(reference=str(invoice.reference)) for _n in range(2))
    [proposal] = matches_of(second)
    match_accept(payment_id=first.pk, key=matches_of(first)[0].key)

    with pytest.raises(DomainError) as refused:
        match_accept(payment_id=second.pk, key=proposal.key)

    assert refused.value.code == "match.gone"
    assert open_amount(invoice) == D(0)


def test_all_sure_ones_are_accepted_and_no_other() -> None:
    account = account_make()
    invoices = [invoice_make(account, f"{10 + n}.00") for n in range(3)]
    for invoice in invoices:
        payment_make(str(invoice.gross), reference=f"Facture {invoice.reference}")
    payment_make("10.00", reference=f"again {invoices[0].reference}")
    payment_make("999.00")

    assert matches_accept_sure() == 3

    assert [open_amount(invoice) for invoice in invoices] == [D(0)] * 3
    assert payments_unmatched().count() == 2


def test_a_bounced_debit_is_taken_and_matched_to_its_payment() -> None:
    invoice = invoice_make(account_make())
    take(camt(entry("120.00", str(invoice.reference), end_to_end="DD-7")))
    debit = Payment.objects.get()
    match_accept(payment_id=debit.pk, key=matches_of(debit)[0].key)

    take(
        camt(
            entry("120.00", "IMPAYE", side="DBIT", reference="BR-9", end_to_end="DD-7",
                  extra="<RvslInd>true</RvslInd>")
        )
    )  # fmt: skip
    bounced = Payment.objects.get(direction="out")
    [proposal] = matches_of(bounced)
    match_accept(payment_id=bounced.pk, key=proposal.key)

    assert open_amount(invoice) == D("120.00")
    assert not payments_unmatched().exists()
    assert BankLine.objects.get(payment=bounced).is_return
