"""What pays what: exactly, once, in one currency, and back again."""

from decimal import Decimal

import pytest

from apps.billing.choices import PaymentMethod
from apps.billing.models import Invoice, Payment, PaymentAllocation, Settlement
from apps.billing.selectors.balances import (
    ageing_totals,
    open_amount,
    open_papers,
    settlement_open,
    with_open_amounts,
)
from apps.billing.services.payments import (
    payment_assign,
    payment_refund,
    payment_register,
    payment_return,
    payment_set_aside,
    payment_take_back,
    payment_unmatch,
)
from apps.billing.services.payments_allocate import (
    allocation_release,
    papers_set_off,
    payment_allocate,
)
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.payments.scene import TODAY, account_make, invoice_make, payment_make

pytestmark = pytest.mark.usefixtures("operator_a")
D = Decimal


def test_a_payment_pays_an_invoice_and_the_rest_stays_the_accounts() -> None:
    invoice, payment = invoice_make(account_make()), payment_make("150.00")

    payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)

    payment.refresh_from_db()
    assert open_amount(invoice) == D("0.00")
    assert (payment.allocated, payment.rest) == (D("120.00"), D("30.00"))
    assert payment.account == invoice.account
    [total] = ageing_totals(on=TODAY)
    assert (total.owed, total.payments, total.balance) == (D(0), D("-30.00"), D("-30.00"))


def test_too_little_leaves_the_invoice_open() -> None:
    invoice, payment = invoice_make(account_make()), payment_make("50.00")

    payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)

    assert open_amount(invoice) == D("70.00")


@pytest.mark.parametrize(
    ("amount", "code"),
    [("100.01", "payment.too_much"), ("0", "payment.amount"), ("0.001", "payment.amount")],
)
def test_no_more_than_there_is_and_no_part_of_a_cent(amount: str, code: str) -> None:
    invoice, payment = invoice_make(account_make()), payment_make("100.00")

    with pytest.raises(DomainError) as refused:
        payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk, amount=D(amount))

    assert refused.value.code == code
    assert not PaymentAllocation.objects.exists()


def test_another_currency_and_another_account_are_refused() -> None:
    account = account_make()
    dollars = invoice_make(account, currency="USD")
    other = invoice_make(account_make("other", name="Other"))
    payment = payment_make(account_id=account.pk)

    for invoice, code in ((dollars, "payment.currency"), (other, "payment.other_account")):
        with pytest.raises(DomainError) as refused:
            payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)
        assert refused.value.code == code
    payment_allocate(payment_id=payment.pk, invoice_id=other.pk, is_for_other_account=True)
    assert open_amount(other) == D(0)


def test_drafts_are_not_paid() -> None:
    invoice = Invoice.objects.create(
        account=account_make(), month=TODAY.replace(day=1), currency="EUR", language="fr"
    )

    with pytest.raises(DomainError) as refused:
        payment_allocate(payment_id=payment_make().pk, invoice_id=invoice.pk)

    assert refused.value.code == "payment.target_unknown"


def test_a_credit_note_lowers_its_invoice_and_what_is_too_much_goes_back() -> None:
    account = account_make()
    invoice, payment = invoice_make(account), payment_make()
    payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)
    invoice_make(account, "36.00", kind="credit_note", credits_id=invoice.pk)
    assert open_amount(invoice) == D("-36.00")

    refund = payment_refund(invoice_id=invoice.pk, amount=D("36.00"), paid_on=TODAY)

    assert open_amount(invoice) == D("0.00")
    assert (refund.method, refund.direction, refund.rest) == (PaymentMethod.REFUND, "out", D(0))
    with pytest.raises(DomainError) as refused:
        payment_refund(invoice_id=invoice.pk, amount=D("0.01"), paid_on=TODAY)
    assert refused.value.code == "payment.nothing_open"
    assert Payment.objects.count() == 2


def test_a_credit_is_set_off_against_another_invoice() -> None:
    account = account_make()
    free = invoice_make(account, "50.00", kind="credit_note")
    invoice = invoice_make(account)

    allocation = papers_set_off(from_invoice_id=free.pk, invoice_id=invoice.pk)

    assert allocation.amount == D("50.00")
    assert (open_amount(free), open_amount(invoice)) == (D(0), D("70.00"))
    allocation_release(allocation_id=allocation.pk)
    assert (open_amount(free), open_amount(invoice)) == (D("-50.00"), D("120.00"))


def test_what_we_owe_a_partner_is_paid_or_set_off() -> None:
    partner = account_make("emsp", kind="emsp", name="Roam SA")
    settlement = Settlement.objects.create(
        account=partner, month=TODAY.replace(day=1), direction="payable", currency="EUR",
        state="confirmed", net=D("100.00"), tax=D("0"), total=D("100.00"),
    )  # fmt: skip
    invoice = invoice_make(partner, "60.00")
    assert settlement_open(settlement) == D("-100.00")

    papers_set_off(from_settlement_id=settlement.pk, invoice_id=invoice.pk)
    out = payment_make("40.00", direction="out")
    payment_allocate(payment_id=out.pk, settlement_id=settlement.pk)

    assert (open_amount(invoice), settlement_open(settlement)) == (D(0), D(0))
    with pytest.raises(DomainError) as refused:
        payment_allocate(payment_id=payment_make().pk, settlement_id=settlement.pk)
    assert refused.value.code == "payment.nothing_open"


def test_a_debit_that_bounces_opens_the_invoice_again() -> None:
    invoice = invoice_make(account_make())
    debit = payment_make(method="direct_debit")
    payment_allocate(payment_id=debit.pk, invoice_id=invoice.pk)
    bounced = payment_make(direction="out")

    payment_return(payment_id=debit.pk, out_payment_id=bounced.pk)

    debit.refresh_from_db()
    bounced.refresh_from_db()
    assert open_amount(invoice) == D("120.00")
    assert (debit.rest, bounced.rest, bounced.account) == (D(0), D(0), invoice.account)
    assert PaymentAllocation.objects.filter(release_reason="returned").count() == 1


def test_unmatching_keeps_the_history() -> None:
    invoice, payment = invoice_make(account_make()), payment_make()
    allocation = payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)

    assert payment_unmatch(payment_id=payment.pk, reason="wrong invoice") == 1
    assert payment_unmatch(payment_id=payment.pk) == 0

    allocation.refresh_from_db()
    payment.refresh_from_db()
    assert allocation.release_reason == "wrong invoice"
    assert (open_amount(invoice), payment.allocated) == (D("120.00"), D(0))


def test_the_same_external_id_is_the_same_payment() -> None:
    first = payment_make(external_id="psp-1", method="card")

    assert payment_make(external_id="psp-1", method="card") == first
    with pytest.raises(DomainError) as refused:
        payment_make("99.00", external_id="psp-1", method="card")
    assert refused.value.code == "payment.external_id_taken"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount": D("-1")}, "payment.amount"),
        ({"amount": D("NaN")}, "payment.amount"),
        ({"amount": D("1e20")}, "payment.amount"),
        ({"amount": D("1.005")}, "payment.amount"),
        ({"currency": "eur"}, "payment.currency"),
        ({"method": "barter"}, "payment.method"),
        ({"paid_on": TODAY.replace(year=1900)}, "payment.paid_on"),
        ({"account_id": 4711}, "payment.account"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_words(values: dict[str, object], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        payment_register(
            **{"method": "cash", "amount": D(1), "currency": "EUR", "paid_on": TODAY, **values}  # type: ignore[arg-type]
        )

    assert refused.value.code == code


def test_what_is_not_ours_is_set_aside_and_taken_back() -> None:
    payment = payment_make()
    payment_set_aside(payment_id=payment.pk, reason="rent")
    assert ageing_totals(on=TODAY) == []
    with pytest.raises(DomainError):
        payment_allocate(payment_id=payment.pk, invoice_id=invoice_make(account_make()).pk)

    payment_take_back(payment_id=payment.pk)
    payment_assign(payment_id=payment.pk, account_id=account_make().pk)

    [total] = ageing_totals(on=TODAY)
    assert total.payments == D("-120.00")


def test_both_ways_to_read_open_amounts_agree(operator_a: Operator) -> None:
    account = account_make()
    invoices = [invoice_make(account, f"{100 + n}.00") for n in range(6)]
    free = invoice_make(account, "30.00", kind="credit_note")
    invoice_make(account, "12.00", kind="credit_note", credits_id=invoices[1].pk)
    payment = payment_make("350.00")
    for invoice in invoices[:3]:
        payment_allocate(payment_id=payment.pk, invoice_id=invoice.pk)
    papers_set_off(from_invoice_id=free.pk, invoice_id=invoices[4].pk, amount=D("10.00"))

    by_row = {
        row.pk: row.open_amount  # type: ignore[attr-defined]
        for row in with_open_amounts(Invoice.objects.all())
        if row.open_amount  # type: ignore[attr-defined]
    }

    assert by_row == open_papers()
    assert by_row[free.pk] == D("-20.00")
    assert sum(by_row.values()) == D("615") - 30 - 12 - (D("350") - payment_rest(payment))


def payment_rest(payment: Payment) -> Decimal:
    payment.refresh_from_db()
    return payment.rest
