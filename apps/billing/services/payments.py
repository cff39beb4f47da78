"""Payments: recorded once, whoever tells of them and how often; set aside; given back; returned."""

import logging
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from apps.billing.choices import AllocationWay, PaymentDirection, PaymentMethod
from apps.billing.models import BillingAccount, Invoice, Payment, PaymentAllocation
from apps.billing.services.payments_allocate import (
    allocation_release,
    money_give_back,
    payment_allocate,
    payment_locked,
    payments_lock,
)
from apps.billing.statements.model import LARGEST, iban_clean, text_clean
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


@transaction.atomic
def payment_register(
    *,
    method: str,
    amount: Decimal,
    currency: str,
    paid_on: date,
    direction: str = PaymentDirection.IN,
    account_id: int | None = None,
    party_name: str = "",
    party_iban: str = "",
    reference: str = "",
    end_to_end_id: str = "",
    external_id: str | None = None,
    note: str = "",
    by_id: int | None = None,
) -> Payment:
    """The payment, nothing of it allocated. `amount` is positive, with two decimals at most.

    The same `external_id` is the same payment: told again, it is returned as it is. DomainError
    `payment.*` for values that cannot be, and when that id stands for a different payment.
    """
    if method == PaymentMethod.REFUND:
        direction = PaymentDirection.OUT
    amount = amount_checked(amount)
    _checked(method, direction, currency, paid_on)
    if account_id is not None and not BillingAccount.objects.filter(pk=account_id).exists():
        raise DomainError("payment.account", "There is no such account.", field="account")
    payment = Payment(
        method=method,
        direction=direction,
        amount=amount,
        currency=currency,
        paid_on=paid_on,
        account_id=account_id,
        party_name=text_clean(party_name)[:200],
        party_iban=iban_clean(party_iban),
        reference=text_clean(reference)[:500],
        end_to_end_id=end_to_end_id[:64],
        external_id=external_id or None,
        note=note[:300],
        created_by_id=by_id,
    )
    if not external_id:
        payment.save()
        return payment
    if len(external_id) > 100:
        raise DomainError("payment.external_id", "At most 100 signs.", field="external_id")
    # Two at once: the second waits for the first at the unique id, then reads its row.
    Payment.objects.bulk_create([payment], ignore_conflicts=True)
    kept = Payment.objects.get(external_id=external_id)
    same = ("method", "direction", "amount", "currency", "paid_on")
    if any(getattr(kept, name) != getattr(payment, name) for name in same):
        raise DomainError(
            "payment.external_id_taken",
            f"Another payment has the id {external_id!r}.",
            field="external_id",
        )
    return kept


def payment_assign(*, payment_id: int, account_id: int | None) -> Payment:
    """Say whose payment it is; refused while it pays papers of another account."""
    with transaction.atomic():
        payment = payment_locked(payment_id)
        if account_id is not None and not BillingAccount.objects.filter(pk=account_id).exists():
            raise DomainError("payment.account", "There is no such account.", field="account")
        if payment.allocated and payment.account_id != account_id:
            raise DomainError(
                "payment.in_use", "Release what it pays before the account changes.",
                field="account",
            )  # fmt: skip
        payment.account_id = account_id
        payment.save(update_fields=["account"])
    return payment


@transaction.atomic
def payment_set_aside(*, payment_id: int, reason: str) -> Payment:
    """Not a payment of a customer or partner: it is proposed and counted no more."""
    payment = payment_locked(payment_id)
    if payment.allocated:
        raise DomainError("payment.in_use", "Release what it pays first.")
    if not reason.strip():
        raise DomainError("payment.reason", "Say why it is not ours.", field="reason")
    payment.is_set_aside, payment.set_aside_reason = True, text_clean(reason)[:200]
    payment.save(update_fields=["is_set_aside", "set_aside_reason"])
    return payment


@transaction.atomic
def payment_take_back(*, payment_id: int) -> Payment:
    """Count a payment again that was set aside."""
    payment = payment_locked(payment_id)
    payment.is_set_aside, payment.set_aside_reason = False, ""
    payment.save(update_fields=["is_set_aside", "set_aside_reason"])
    return payment


@transaction.atomic
def payment_unmatch(*, payment_id: int, reason: str = "", by_id: int | None = None) -> int:
    """Release everything that the payment pays, or that it gives back; how many allocations."""
    payment = payment_locked(payment_id)
    released = 0
    for allocation in _of(payment):
        allocation_release(allocation_id=allocation.pk, reason=reason, by_id=by_id)
        released += 1
    return released


@transaction.atomic
def payment_refund(
    *,
    amount: Decimal,
    paid_on: date,
    payment_id: int | None = None,
    invoice_id: int | None = None,
    reference: str = "",
    external_id: str | None = None,
    by_id: int | None = None,
) -> Payment:
    """Money given back: what is left of a payment, or the credit that stands on a paper.

    DomainError when there is less to give back than that.
    """
    if (payment_id is None) == (invoice_id is None):
        raise DomainError("payment.refund_of", "Name a payment or a paper to refund.")
    if external_id:
        kept = Payment.objects.filter(external_id=external_id).first()
        if kept is not None and kept.allocated:
            return kept
    if payment_id is not None:
        source = payment_locked(payment_id)
        if source.direction != PaymentDirection.IN:
            raise DomainError("payment.direction", "Only money that came in can go back.")
        refund = payment_register(
            method=PaymentMethod.REFUND, amount=amount, currency=source.currency,
            paid_on=paid_on, account_id=source.account_id, party_name=source.party_name,
            party_iban=source.party_iban, reference=reference, external_id=external_id,
            by_id=by_id,
        )  # fmt: skip
        money_give_back(
            payment=source, out=refund, amount=refund.amount, way=AllocationWay.REFUND, by_id=by_id
        )
        return refund
    paper = Invoice.objects.filter(pk=invoice_id or 0).first()
    if paper is None:
        raise DomainError("payment.target_unknown", "There is no such invoice.")
    refund = payment_register(
        method=PaymentMethod.REFUND, amount=amount, currency=paper.currency,
        paid_on=paid_on, account_id=paper.account_id, reference=reference,
        external_id=external_id, by_id=by_id,
    )  # fmt: skip
    payment_allocate(
        payment_id=refund.pk, invoice_id=invoice_id, amount=refund.amount,
        way=AllocationWay.REFUND, by_id=by_id,
    )  # fmt: skip
    refund.refresh_from_db()
    return refund


@transaction.atomic
def payment_return(*, payment_id: int, out_payment_id: int, by_id: int | None = None) -> Payment:
    """The bank took a payment back (a debit that bounced): what it paid is open again.

    `out_payment_id` is the booking by which the money left. Gives the payment that came back.
    """
    payments_lock((payment_id, out_payment_id))
    payment_unmatch(payment_id=payment_id, reason="returned", by_id=by_id)
    payment, out = payment_locked(payment_id), payment_locked(out_payment_id)
    if payment.direction != PaymentDirection.IN or out.direction != PaymentDirection.OUT:
        raise DomainError("payment.direction", "A payment in comes back by a payment out.")
    amount = min(payment.rest, out.rest)
    money_give_back(payment=payment, out=out, amount=amount, way=AllocationWay.RETURN, by_id=by_id)
    if out.account_id is None and payment.account_id is not None:
        out.account_id = payment.account_id
        out.save(update_fields=["account"])
    logger.info("payment returned payment=%s by=%s", payment_id, out_payment_id)
    payment.refresh_from_db()
    return payment


def amount_checked(amount: Decimal) -> Decimal:
    """A positive amount with two decimals; DomainError `payment.amount` otherwise."""
    if not isinstance(amount, Decimal) or not amount.is_finite() or not 0 < amount < LARGEST:
        raise DomainError("payment.amount", "An amount above zero is needed.", field="amount")
    if amount != amount.quantize(Decimal("0.01")):
        raise DomainError("payment.amount", "At most two decimals.", field="amount")
    return amount.quantize(Decimal("0.01"))


def _checked(method: str, direction: str, currency: str, paid_on: date) -> None:
    if method not in PaymentMethod.values:
        raise DomainError("payment.method", "There is no such method.", field="method")
    if direction not in PaymentDirection.values:
        raise DomainError("payment.direction", "In or out.", field="direction")
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise DomainError("payment.currency", "A currency such as EUR.", field="currency")
    if not EARLIEST <= paid_on <= LATEST:
        raise DomainError("payment.paid_on", "That day is not taken.", field="paid_on")


def _of(payment: Payment) -> list[PaymentAllocation]:
    return list(
        PaymentAllocation.objects.filter(
            Q(payment=payment) | Q(given_back=payment), released_at__isnull=True
        ).order_by("pk")
    )
