"""What goes to payment providers: through the outbox, once, in order for each stay."""

from datetime import timedelta
from decimal import Decimal
from typing import TypedDict, cast

from django.db import transaction

from apps.chargers.choices import AdHocState
from apps.chargers.models import AdHocCharge, AdHocSettings
from apps.chargers.ports import PaymentProvider, payment_provider, payment_provider_names
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_add
from cariflex.common.errors import DomainError
from cariflex.common.money import Money
from cariflex.common.time import utc_now

DESTINATION = "payments"
# An authorisation holds for about seven days: what could not be taken by then never can.
POLICY = DeliveryPolicy(lease=timedelta(seconds=90), give_up_after=timedelta(days=6))
CAPTURE, VOID, REFUND = "capture", "void", "refund"


class Due(TypedDict):
    """The payload of a message to a provider; the amount as text."""

    charge_id: int
    amount: str


def provider_of(name: str) -> PaymentProvider:
    """The provider of that name; DomainError when it is not installed."""
    provider = payment_provider(name)
    if provider is None:
        raise DomainError("ad_hoc.provider_unknown", f"There is no payment provider {name!r}.")
    return provider


def payment_queue(charge: AdHocCharge, kind: str, amount: Decimal = Decimal(0)) -> None:
    """Tell the provider later, whatever happens; in the caller's transaction."""
    due: Due = {"charge_id": charge.pk, "amount": str(amount)}
    done = charge.refunded_amount if kind == REFUND else ""
    outbox_add(
        destination=DESTINATION,
        kind=kind,
        payload=cast("dict[str, object]", due),
        order_key=f"ad-hoc-{charge.pk}",
        # Each step of a stay is taken once: a refund is named by what was given back before it.
        dedupe_key=f"{kind}-{charge.pk}-{done}",
    )


def payment_deliver(message: OutboxMessage) -> None:
    """One message to a provider; the stay then says how its money stands."""
    charge = AdHocCharge.objects.get(pk=message.payload["charge_id"])
    provider = provider_of(charge.provider)
    amount = Money(Decimal(message.payload["amount"]), charge.currency)
    key = f"{message.kind}-{charge.pk}-{message.pk}"
    if message.kind == CAPTURE:
        provider.capture(charge.provider_reference, amount, key=key)
        AdHocCharge.objects.filter(pk=charge.pk, state=AdHocState.SETTLING).update(
            state=AdHocState.PAID, captured_amount=amount.amount, settled_at=utc_now()
        )
    elif message.kind == REFUND:
        provider.refund(charge.provider_reference, amount, key=key)
        AdHocCharge.objects.filter(pk=charge.pk, state=AdHocState.PAID).update(
            state=AdHocState.REFUNDED
        )
    else:
        provider.void(charge.provider_reference, key=key)


@transaction.atomic
def ad_hoc_refund(*, charge_id: int) -> AdHocCharge:
    """Give back all that was taken, once the provider did; DomainError when there is nothing."""
    charge = AdHocCharge.objects.select_for_update().get(pk=charge_id)
    if charge.state != AdHocState.PAID or not charge.captured_amount or charge.refunded_amount:
        raise DomainError("ad_hoc.nothing_to_refund", "Nothing was taken, or it was given back.")
    payment_queue(charge, REFUND, charge.captured_amount)
    charge.refunded_amount = charge.captured_amount
    charge.save(update_fields=["refunded_amount"])
    return charge


def ad_hoc_settings_save(
    *, provider: str, authorised_amount: Decimal, help_contact: str = ""
) -> AdHocSettings:
    """How people without a contract pay at this operator; DomainError for what cannot be."""
    if provider and provider not in payment_provider_names():
        raise DomainError(
            "ad_hoc.provider_unknown",
            f"There is no payment provider {provider!r}.",
            field="provider",
        )
    if authorised_amount <= 0:
        raise DomainError(
            "ad_hoc.amount_invalid", "The amount is above 0.", field="authorised_amount"
        )
    settings, _created = AdHocSettings.objects.update_or_create(
        singleton=True,
        defaults={
            "provider": provider,
            "authorised_amount": authorised_amount,
            "help_contact": help_contact[:100],
        },
    )
    return settings
