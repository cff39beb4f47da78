"""Credit notes: by hand in whole or in part, and of CDRs that were credited."""

from decimal import Decimal

import pytest

from apps.billing.models import BillingAccount, Invoice
from apps.billing.selectors.billable import credit_left, credited_gross
from apps.billing.selectors.closing import month_steps
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from cariflex.common.errors import DomainError
from tests.billing.invoices.rows import APRIL, MARCH, NOW, cdr_make, credit_make
from tests.billing.invoices.test_issuing import issued_of


def two_rates(account: BillingAccount) -> Invoice:
    """80 at 8.5 % and 20 at 2.1 %: 100 + 6.80 + 0.42 = 107.22."""
    return issued_of(account, "100", taxes=[("8.5", "80"), ("2.1", "20")])


def credit(invoice: Invoice, **asked: object) -> Invoice:
    return invoice_credit(
        invoice_id=invoice.pk,
        reason="Wrong price",
        by=None,
        now=NOW,
        **asked,  # type: ignore[arg-type]
    )


def test_a_whole_credit_takes_everything_back(account: BillingAccount) -> None:
    invoice = two_rates(account)

    note = credit(invoice)

    assert (note.reference, note.kind, note.sign) == ("CN-2026-000001", "credit_note", -1)
    assert (note.net, note.tax, note.gross) == (100, Decimal("7.22"), Decimal("107.22"))
    assert (note.credits, note.month, note.reason) == (invoice, MARCH, "Wrong price")
    assert any("INV-2026-000001" in mention for mention in note.seller["mentions"])
    assert credited_gross(invoice) == invoice.gross
    with pytest.raises(DomainError, match="Nothing is left"):
        credit(invoice)


def test_lines_are_credited_in_part_and_the_rest_ends_at_nought(account: BillingAccount) -> None:
    invoice = two_rates(account)
    line = invoice.lines.get(tax_percent="8.5")

    first = credit(invoice, lines={line.pk: Decimal("33.33")})
    rest = credit(invoice)

    # 8.5 % of 33.33 = 2.83305; what is left: 46.67 with 6.80 - 2.83, and the other rate.
    assert (first.net, first.tax) == (Decimal("33.33"), Decimal("2.83"))
    assert (rest.net, rest.tax) == (Decimal("66.67"), Decimal("4.39"))
    assert all(left.basis == left.amount == 0 for left in credit_left(invoice).values())


@pytest.mark.parametrize("amount", ["0.01", "1.00", "53.61", "99.99", "107.21", "107.22"])
def test_an_amount_is_credited_to_the_cent(account: BillingAccount, amount: str) -> None:
    invoice = two_rates(account)

    note = credit(invoice, amount=Decimal(amount))
    assert note.gross == Decimal(amount)

    for tax in note.taxes:
        basis, percent = Decimal(tax["basis"]), Decimal(tax["percent"])
        assert abs(Decimal(tax["amount"]) - basis * percent / 100) < Decimal("0.015")
    if note.gross < invoice.gross:
        assert credit(invoice).gross == invoice.gross - note.gross


REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"amount": Decimal("107.23")}, "billing.credit_too_high"),
    ({"amount": Decimal("0")}, "billing.credit_invalid"),
    ({"amount": Decimal("1.005")}, "billing.credit_invalid"),
    ({"lines": {0: Decimal(1)}}, "billing.line_unknown"),
    ({"lines": {}}, "billing.credit_invalid"),
    ({"lines": {}, "amount": Decimal(1)}, "billing.credit_invalid"),
)


def test_what_cannot_be_credited_is_refused(account: BillingAccount) -> None:
    invoice = two_rates(account)

    for asked, code in REFUSED:
        with pytest.raises(DomainError) as refused:
            credit(invoice, **asked)
        assert refused.value.code == code

    assert Invoice.objects.count() == 1


def test_a_line_is_not_credited_beyond_its_net(account: BillingAccount) -> None:
    invoice = two_rates(account)
    line = invoice.lines.get(tax_percent="2.1")
    credit(invoice, lines={line.pk: Decimal(15)})

    for net in (Decimal("20.01"), Decimal("5.01")):
        with pytest.raises(DomainError):
            credit(invoice, lines={line.pk: net})


def test_a_draft_is_not_credited(account: BillingAccount) -> None:
    cdr_make(account, "10")
    (draft,) = invoice_draft_make(month=MARCH)

    with pytest.raises(DomainError, match="Only an issued invoice"):
        credit(draft)


def test_the_credit_of_a_cdr_makes_a_credit_note(account: BillingAccount) -> None:
    wrong = cdr_make(account, "30.0049", energy_kwh="60")
    invoice = issued_of(account, "70")
    credit_make(wrong, month=APRIL)
    cdr_make(account, "25", month=APRIL)

    corrected, note = invoice_draft_make(month=APRIL)

    assert (corrected.kind, corrected.net) == ("invoice", 25)
    assert (note.kind, note.credits, note.month) == ("credit_note", invoice, APRIL)
    assert (note.net, note.tax) == (Decimal("30.00"), Decimal("2.55"))
    (line,) = note.lines.all()
    assert (line.quantity, line.unit, line.sessions_count) == (60, "KWH", 1)

    again = invoice_draft_make(month=APRIL)
    assert [one.pk for one in again] == [corrected.pk, note.pk]
    assert invoice_issue(invoice_id=note.pk, by=None, now=NOW).reference == "CN-2026-000001"
    assert [one.pk for one in invoice_draft_make(month=APRIL)] == [corrected.pk]


def test_the_credit_of_a_cdr_of_two_rates_takes_back_each(account: BillingAccount) -> None:
    wrong = cdr_make(account, "30", taxes=[("8.5", "20"), ("2.1", "10")])
    issued_of(account, "70")
    credit_make(wrong)

    (note,) = invoice_draft_make(month=MARCH)

    assert [(tax["percent"], tax["basis"], tax["amount"]) for tax in note.taxes] == [
        ("2.1", "10.00", "0.21"), ("8.5", "20.00", "1.70"),
    ]  # fmt: skip


def test_the_credit_of_a_cdr_that_was_never_invoiced_makes_nothing(
    account: BillingAccount,
) -> None:
    credit_make(cdr_make(account, "30"))

    assert invoice_draft_make(month=MARCH) == []


def test_credits_of_cdrs_never_take_back_more_than_is_left(account: BillingAccount) -> None:
    wrong = cdr_make(account, "30")
    invoice = issued_of(account, "70")
    credit(invoice, amount=Decimal("97.65"))
    credit_make(wrong, month=APRIL)

    (note,) = invoice_draft_make(month=APRIL)

    # 108.50 - 97.65 = 10.85 with tax is left: 10 net.
    assert (note.net, note.tax) == (10, Decimal("0.85"))


def test_nothing_waits_for_a_note_once_all_is_credited(account: BillingAccount) -> None:
    wrong = cdr_make(account, "30")
    credit(issued_of(account, "70"))
    credit_make(wrong, month=APRIL)

    assert invoice_draft_make(month=APRIL) == []
    steps = {step.code: step.count for step in month_steps(APRIL, "America/Guadeloupe")}
    assert steps["credits_to_note"] == 0


def test_a_draft_of_credits_is_not_run_over_by_hand(account: BillingAccount) -> None:
    wrong = cdr_make(account, "30")
    invoice = issued_of(account, "70")
    credit_make(wrong)
    (note,) = invoice_draft_make(month=MARCH)

    with pytest.raises(DomainError, match="waits"):
        credit(invoice)

    invoice_issue(invoice_id=note.pk, by=None, now=NOW)
    assert credit(invoice).net == 70
