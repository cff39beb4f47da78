"""What pays what: payments to papers, credits set off against papers, and the way back.

Locks are taken in one order everywhere: payments, invoices, settlements, reminders, each by key.
Whoever decides on an open amount holds the lock of its paper.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from apps.billing.choices import AllocationWay, InvoiceState, PaymentDirection
from apps.billing.models import Invoice, Payment, PaymentAllocation, Reminder, Settlement
from apps.billing.selectors.balances import fee_open, open_amount, settlement_open
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up
from cariflex.common.time import utc_now

Paper = Invoice | Settlement | Reminder
Row = TypeVar("Row", Invoice, Settlement, Payment)


@dataclass(frozen=True, slots=True)
class Target:
    """A locked paper with its open amount: positive is owed to us, negative by us."""

    paper: Paper
    open: Decimal
    currency: str
    account_id: int | None


@transaction.atomic
def payment_allocate(
    *,
    payment_id: int,
    invoice_id: int | None = None,
    settlement_id: int | None = None,
    reminder_id: int | None = None,
    amount: Decimal | None = None,
    is_for_other_account: bool = False,
    way: str = AllocationWay.MANUAL,
    note: str = "",
    by_id: int | None = None,
) -> PaymentAllocation:
    """Let a payment pay a paper, or a reminder's fee; without amount as much as possible.

    Money that came in pays what is owed to us, money that went out what we owe: a settlement, or
    an invoice that was credited after it was paid. DomainError `payment.*` for another currency,
    another account (unless it is meant), and for more than is left or open. What is left of the
    payment stays the account's.
    """
    payment = payment_locked(payment_id)
    target = target_locked(
        invoice_id=invoice_id, settlement_id=settlement_id, reminder_id=reminder_id
    )
    if payment.is_set_aside:
        raise DomainError("payment.set_aside", "The payment was set aside as not ours.")
    if target.currency != payment.currency:
        raise DomainError(
            "payment.currency", f"The payment is in {payment.currency}, not {target.currency}."
        )
    if payment.account_id not in (None, target.account_id) and not is_for_other_account:
        raise DomainError("payment.other_account", "The payment is another account's.")
    wanted = payment.direction == PaymentDirection.IN
    most = min(payment.rest, target.open if wanted else -target.open)
    if payment.rest <= 0:
        raise DomainError("payment.nothing_left", "Nothing is left of the payment.")
    if most <= 0:
        raise DomainError("payment.nothing_open", "Nothing is open there that it could pay.")
    amount = _within(amount, most)
    if payment.account_id is None:
        payment.account_id = target.account_id
        payment.save(update_fields=["account"])
    allocation = PaymentAllocation.objects.create(
        payment=payment,
        invoice_id=invoice_id,
        settlement_id=settlement_id,
        reminder_id=reminder_id,
        amount=amount,
        way=way,
        note=note[:300],
        at=utc_now(),
        by_id=by_id,
    )
    _allocated_add([payment], amount)
    return allocation


@transaction.atomic
def papers_set_off(
    *,
    from_invoice_id: int | None = None,
    from_settlement_id: int | None = None,
    invoice_id: int,
    amount: Decimal | None = None,
    note: str = "",
    by_id: int | None = None,
) -> PaymentAllocation:
    """Pay an invoice with what we owe the same account: a credit of theirs, or a settlement.

    DomainError `payment.*` when there is no such credit, or less, or in another currency.
    """
    if (from_invoice_id is None) == (from_settlement_id is None):
        raise DomainError("payment.set_off_from", "Name one paper to set off.")
    invoices = _locked(Invoice, [from_invoice_id, invoice_id])
    if from_invoice_id is not None:
        source = _invoice_target(invoices.get(from_invoice_id))
    else:
        source = _settlement_target(_locked(Settlement, [from_settlement_id]), from_settlement_id)
    target = _invoice_target(invoices.get(invoice_id))
    if source.currency != target.currency:
        raise DomainError("payment.currency", "The two papers are in different currencies.")
    if source.account_id != target.account_id:
        raise DomainError("payment.other_account", "The two papers are of different accounts.")
    most = min(-source.open, target.open)
    if most <= 0:
        raise DomainError("payment.nothing_open", "There is no credit, or nothing to pay with it.")
    return PaymentAllocation.objects.create(
        from_invoice_id=from_invoice_id,
        from_settlement_id=from_settlement_id,
        invoice_id=invoice_id,
        amount=_within(amount, most),
        way=AllocationWay.SET_OFF,
        note=note[:300],
        at=utc_now(),
        by_id=by_id,
    )


@transaction.atomic
def allocation_release(
    *, allocation_id: int, reason: str = "", by_id: int | None = None
) -> PaymentAllocation:
    """Undo an allocation: its paper is open again. One that was released stays as it is."""
    seen = PaymentAllocation.objects.filter(pk=allocation_id).first()
    if seen is None:
        raise DomainError("payment.allocation_unknown", "There is no such allocation.")
    payments = _locked(Payment, [seen.payment_id, seen.given_back_id])
    _locked(Invoice, [seen.from_invoice_id, seen.invoice_id])
    _locked(Settlement, [seen.from_settlement_id, seen.settlement_id])
    allocation = PaymentAllocation.objects.select_for_update().get(pk=allocation_id)
    if allocation.released_at is not None:
        return allocation
    allocation.released_at = utc_now()
    allocation.released_by_id = by_id
    allocation.release_reason = reason[:200]
    allocation.save(update_fields=["released_at", "released_by", "release_reason"])
    _allocated_add(payments.values(), -allocation.amount)
    return allocation


def money_give_back(
    *, payment: Payment, out: Payment, amount: Decimal, way: str, by_id: int | None
) -> PaymentAllocation:
    """Part of a payment in goes back by a payment out; the caller holds the locks of both."""
    most = min(payment.rest, out.rest)
    if most <= 0:
        raise DomainError("payment.nothing_left", "Nothing is left of the payment to give back.")
    if payment.currency != out.currency:
        raise DomainError("payment.currency", "The two payments are in different currencies.")
    amount = _within(amount, most)
    allocation = PaymentAllocation.objects.create(
        payment=payment, given_back=out, amount=amount, way=way, at=utc_now(), by_id=by_id
    )
    _allocated_add([payment, out], amount)
    return allocation


def payments_lock(payment_ids: Iterable[int]) -> None:
    """Lock several payments at once, in the order of their keys."""
    _locked(Payment, payment_ids)


def payment_locked(payment_id: int) -> Payment:
    """The payment with its row lock; DomainError when there is none."""
    payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if payment is None:
        raise DomainError("payment.unknown", "There is no such payment.")
    return payment


def target_locked(
    *,
    invoice_id: int | None = None,
    settlement_id: int | None = None,
    reminder_id: int | None = None,
) -> Target:
    """The one paper that is named, with its lock and its open amount now."""
    if sum(key is not None for key in (invoice_id, settlement_id, reminder_id)) != 1:
        raise DomainError("payment.target", "Name one paper that is paid.")
    if invoice_id is not None:
        return _invoice_target(_locked(Invoice, [invoice_id]).get(invoice_id))
    if settlement_id is not None:
        return _settlement_target(_locked(Settlement, [settlement_id]), settlement_id)
    reminder = (
        Reminder.objects.select_for_update(of=("self",))
        .select_related("invoice")
        .filter(pk=reminder_id or 0)
        .first()
    )
    if reminder is None:
        raise DomainError("payment.target_unknown", "There is no such reminder.")
    return Target(reminder, fee_open(reminder), reminder.currency, reminder.invoice.account_id)


def _invoice_target(invoice: Invoice | None) -> Target:
    if invoice is None or invoice.state != InvoiceState.ISSUED:
        raise DomainError("payment.target_unknown", "There is no such issued invoice.")
    return Target(invoice, open_amount(invoice), invoice.currency, invoice.account_id)


def _settlement_target(settlements: dict[int, Settlement], key: int | None) -> Target:
    settlement = settlements.get(key or 0)
    if settlement is None:
        raise DomainError("payment.target_unknown", "There is no such settlement.")
    return Target(
        settlement, settlement_open(settlement), settlement.currency, settlement.account_id
    )


def _locked(model: type[Row], keys: Iterable[int | None]) -> dict[int, Row]:
    wanted = {key for key in keys if key is not None}
    if not wanted:
        return {}
    rows = model._default_manager.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {row.pk: row for row in rows}


def _within(amount: Decimal | None, most: Decimal) -> Decimal:
    if amount is None:
        return most
    if amount <= 0 or amount != round_half_up(amount):
        raise DomainError(
            "payment.amount", "An amount above zero with two decimals is needed.", field="amount"
        )
    if amount > most:
        raise DomainError("payment.too_much", f"At most {most} can be allocated.", field="amount")
    return round_half_up(amount)


def _allocated_add(payments: Iterable[Payment], amount: Decimal) -> None:
    for payment in payments:
        Payment.objects.filter(pk=payment.pk).update(allocated=F("allocated") + amount)
        payment.allocated += amount
