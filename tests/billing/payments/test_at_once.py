"""The same thing from two sides at once: it happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

from django.db import connection

from apps.billing.models import BankStatement, Payment, PaymentAllocation, Reminder
from apps.billing.selectors.balances import open_amount
from apps.billing.services.matching import match_accept
from apps.billing.services.payments_allocate import payment_allocate
from apps.billing.services.payments_import import ImportOptions, statement_import
from apps.billing.services.reminders import reminder_levels_load, reminders_make
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from tests.billing.payments.scene import NOW, account_make, camt, entry, invoice_make, payment_make

D = Decimal


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each gave, or the code of its refusal; all begin together."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(timeout=20)
                return act()
        except DomainError as err:
            return err.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_everything_twice_at_once(live_operators: object) -> None:
    """One test for all: each live one empties both schemas afterwards."""
    with operator_context("guadeloupe"):
        account = account_make()
        invoice, other = invoice_make(account), invoice_make(account)
        overdue = invoice_make(account, due_on=NOW.date().replace(month=1))
        reminder_levels_load()
        payment = payment_make()
        key = f"invoice:{invoice.pk}:120.00"
        payment.reference = str(invoice.reference)
        payment.save()

    # The same payment recorded twice.
    made = at_once(*[lambda: payment_make("7.00", external_id="psp-9")] * 3)
    assert len({one.pk for one in made}) == 1  # type: ignore[attr-defined]

    # The same proposal accepted twice, while a third gives the payment to another invoice.
    at_once(
        lambda: match_accept(payment_id=payment.pk, key=key),
        lambda: match_accept(payment_id=payment.pk, key=key),
        lambda: payment_allocate(payment_id=payment.pk, invoice_id=other.pk),
    )
    with operator_context("guadeloupe"):
        payment.refresh_from_db()
        assert payment.allocated == D("120.00")
        assert PaymentAllocation.objects.filter(released_at__isnull=True).count() == 1
        assert open_amount(invoice) + open_amount(other) == D("120.00")

    # Two payments for one invoice: it is not paid twice.
    with operator_context("guadeloupe"):
        left = invoice if open_amount(invoice) else other
        pair = [payment_make(account_id=account.pk) for _n in range(2)]
    results = at_once(
        *[
            lambda pk=one.pk: payment_allocate(payment_id=pk, invoice_id=left.pk)  # type: ignore[misc]
            for one in pair
        ]
    )
    assert results.count("payment.nothing_open") == 1
    with operator_context("guadeloupe"):
        assert open_amount(left) == D(0)

    # The same statement, and one that overlaps with it.
    first = camt(entry("31.00"), entry("32.00", reference="BR-2"))
    second = camt(entry("32.00", reference="BR-2"), entry("33.00", reference="BR-3"))

    def take(content: bytes) -> object:
        return statement_import(content=content, file_name="x", options=ImportOptions(), now=NOW).pk

    at_once(lambda: take(first), lambda: take(first), lambda: take(second))
    with operator_context("guadeloupe"):
        assert BankStatement.objects.count() == 2
        amounts = Payment.objects.filter(external_id__startswith="bank:").values_list("amount")
        assert sorted(amounts) == [(D("31.00"),), (D("32.00"),), (D("33.00"),)]

    # Reminders proposed by two workers.
    at_once(*[lambda: reminders_make(now=NOW)] * 2)
    with operator_context("guadeloupe"):
        assert [one.invoice_id for one in Reminder.objects.all()] == [overdue.pk]
    with operator_context("martinique"):
        assert not Payment.objects.exists()
