"""The test provider: a page of our own where a person says yes or no; no money moves."""

from decimal import Decimal

from django.db import transaction
from django.urls import reverse

from apps.chargers.choices import PaymentState
from apps.chargers.models import TestPayment
from apps.chargers.ports import PaymentAsked, PaymentOpened
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.money import Money

NAME = "test"
PAGE = "console:ad-hoc-test-payment"
"""The URL name of the provider's page."""


class TestProvider:
    """Implements `ports.PaymentProvider` with rows of the operator's own schema."""

    __test__ = False  # not a class of tests

    is_test = True

    def open(self, asked: PaymentAsked) -> PaymentOpened:
        """The payment of this reference, and our own page for it."""
        payment, _created = TestPayment.objects.get_or_create(
            reference=asked.reference,
            defaults={
                "amount": asked.amount.amount,
                "currency": asked.amount.currency,
                "return_url": asked.return_url,
            },
        )
        return PaymentOpened(payment.reference, reverse(PAGE, args=[payment.reference]))

    def state(self, provider_reference: str) -> PaymentState:
        """As the person chose, or as it ended."""
        state = (
            TestPayment.objects.filter(reference=provider_reference)
            .values_list("state", flat=True)
            .first()
        )
        if state is None:
            raise ExternalError("test payments", "no such payment", retryable=False)
        return PaymentState(state)

    def capture(self, provider_reference: str, amount: Money, *, key: str) -> None:
        """Take an authorised amount, or less; the rest is released."""
        with transaction.atomic():
            payment = self._locked(provider_reference)
            if payment.state == PaymentState.CAPTURED and payment.captured_amount == amount.amount:
                return
            if payment.state != PaymentState.AUTHORISED or amount.amount > payment.amount:
                raise ExternalError("test payments", f"{key} refused", retryable=False)
            payment.state, payment.captured_amount = PaymentState.CAPTURED, amount.amount
            payment.save(update_fields=["state", "captured_amount"])

    def void(self, provider_reference: str, *, key: str) -> None:
        """Release the amount; a payment that nobody made can no more be made."""
        with transaction.atomic():
            payment = self._locked(provider_reference)
            if payment.state in (PaymentState.CAPTURED, PaymentState.REFUNDED):
                raise ExternalError("test payments", f"{key} refused", retryable=False)
            if payment.state != PaymentState.REFUSED:
                payment.state = PaymentState.VOIDED
                payment.save(update_fields=["state"])

    def refund(self, provider_reference: str, amount: Money, *, key: str) -> None:
        """Give back what was taken."""
        with transaction.atomic():
            payment = self._locked(provider_reference)
            if payment.state == PaymentState.REFUNDED and payment.refunded_amount == amount.amount:
                return
            if payment.state != PaymentState.CAPTURED or amount.amount > payment.captured_amount:
                raise ExternalError("test payments", f"{key} refused", retryable=False)
            payment.state, payment.refunded_amount = PaymentState.REFUNDED, amount.amount
            payment.save(update_fields=["state", "refunded_amount"])

    @staticmethod
    def _locked(reference: str) -> TestPayment:
        payment = TestPayment.objects.select_for_update().filter(reference=reference).first()
        if payment is None:
            raise ExternalError("test payments", "no such payment", retryable=False)
        return payment


def payment_rehearse(*, reference: str, is_paid: bool) -> TestPayment:
    """What the person chose on the page; DomainError when there is nothing to choose any more."""
    chosen = PaymentState.AUTHORISED if is_paid else PaymentState.REFUSED
    updated = TestPayment.objects.filter(reference=reference, state=PaymentState.PENDING).update(
        state=chosen, captured_amount=Decimal(0)
    )
    payment = TestPayment.objects.filter(reference=reference).first()
    if payment is None or not (updated or payment.state == chosen):
        raise DomainError("ad_hoc.payment_over", "This payment is over.")
    return payment
