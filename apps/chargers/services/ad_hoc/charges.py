"""One stay without a contract: opened, paid, started, stopped, settled."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.chargers.choices import AdHocEnd, AdHocState, CommandStatus, PaymentState, TokenType
from apps.chargers.models import AdHocCharge, AdHocSettings, Command, Evse, IdToken, Session
from apps.chargers.ports import PaymentAsked, PriceTold
from apps.chargers.selectors.ad_hoc import (
    ad_hoc_session,
    charges_of_session,
    evse_offer,
    key_hash,
    price_note,
    price_told,
)
from apps.chargers.services import command_answers
from apps.chargers.services.ad_hoc.payments import CAPTURE, VOID, payment_queue, provider_of
from apps.chargers.services.commands import REMOTE_START
from apps.chargers.services.intents import start, stop
from apps.chargers.services.tokens import token_register
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.money import Money
from cariflex.common.time import utc_now

REMOTE_START_16 = "RemoteStartTransaction"
# Pages of payment that may stand open for one EVSE: a crowd of scripts cannot fill the table.
MOST_UNPAID = 5
PAY_WITHIN = timedelta(minutes=15)
# The token outlives any stay; it goes when the stay is settled.
TOKEN_LIFE = timedelta(days=7)
REASON = "Ad hoc payment"


@dataclass(frozen=True, slots=True)
class Opened:
    """A stay that waits for its payment: the key of its page, and where to pay."""

    charge: AdHocCharge
    key: str
    page_url: str


def ad_hoc_open(
    *, station_id: str, evse_id: int, language: str, return_url: Callable[[str], str], now: datetime
) -> Opened:
    """Open a payment for an EVSE that is free; `return_url(key)` is the person's page.

    DomainError: `ad_hoc.off`, `ad_hoc.evse_not_free`, `ad_hoc.too_many`, `ad_hoc.evse_unknown`.
    ExternalError when the provider does not answer; the stay is then released.
    """
    offer = evse_offer(station_id=station_id, evse_id=evse_id, now=now)
    if offer is None:
        raise DomainError("ad_hoc.evse_unknown", "There is no such EVSE.")
    settings = AdHocSettings.objects.first()
    if not offer.can_pay or offer.price is None or settings is None:
        raise DomainError("ad_hoc.off", "Nobody can pay here.")
    if offer.state != "free":
        raise DomainError("ad_hoc.evse_not_free", f"The EVSE is {offer.state}.")
    provider = provider_of(settings.provider)
    key = secrets.token_urlsafe(24)
    with transaction.atomic():
        Evse.objects.select_for_update().get(pk=offer.evse_pk)
        unpaid = AdHocCharge.objects.filter(
            evse_id=offer.evse_pk, state=AdHocState.PAYING, created_at__gt=now - PAY_WITHIN
        ).count()
        if unpaid >= MOST_UNPAID:
            raise DomainError("ad_hoc.too_many", "Too many payments are open for this EVSE.")
        charge = AdHocCharge.objects.create(
            key_hash=key_hash(key),
            evse_id=offer.evse_pk,
            # 20 characters at most (1.6), and nothing that a card can have.
            id_token=f"AH{secrets.token_hex(8).upper()}",
            currency=offer.price.currency,
            price_per_kwh_excl_vat=offer.price.per_kwh_excl_vat,
            vat_percent=offer.price.vat_percent,
            price_terms={**price_note(offer.price)},
            authorised_amount=settings.authorised_amount,
            provider=settings.provider,
            language=language[:8],
            created_at=now,
        )
    asked = PaymentAsked(
        reference=charge.key_hash[:32],
        amount=Money(charge.authorised_amount, charge.currency),
        return_url=return_url(key),
        language=language,
        description=f"{station_id}/{evse_id}",
    )
    try:
        opened = provider.open(asked)
    except ExternalError:
        release(charge_id=charge.pk, reason=AdHocEnd.PROVIDER, now=now)
        raise
    charge.provider_reference = opened.provider_reference
    charge.save(update_fields=["provider_reference"])
    return Opened(charge, key, opened.page_url)


def ad_hoc_confirm(*, charge_id: int, now: datetime) -> AdHocCharge:
    """Ask the provider whether the person paid; start the station then. Safe at any time.

    ExternalError when the provider does not answer.
    """
    charge = AdHocCharge.objects.get(pk=charge_id)
    if charge.state != AdHocState.PAYING or not charge.provider_reference:
        return charge
    state = provider_of(charge.provider).state(charge.provider_reference)
    if state == PaymentState.AUTHORISED:
        return _start(charge_id, now=now)
    if state in (PaymentState.REFUSED, PaymentState.VOIDED):
        return release(charge_id=charge_id, reason=AdHocEnd.REFUSED, now=now)
    if charge.created_at <= now - PAY_WITHIN:
        return release(charge_id=charge_id, reason=AdHocEnd.EXPIRED, now=now)
    return charge


@transaction.atomic
def _start(charge_id: int, *, now: datetime) -> AdHocCharge:
    evse_pk = AdHocCharge.objects.values_list("evse_id", flat=True).get(pk=charge_id)
    # The EVSE's row first: of two people who pay at once, one charges.
    evse = Evse.objects.select_for_update(of=("self",)).select_related("station").get(pk=evse_pk)
    charge = AdHocCharge.objects.select_for_update().get(pk=charge_id)
    if charge.state != AdHocState.PAYING:
        return charge
    charge.authorised_at = now
    charge.save(update_fields=["authorised_at"])
    offer = evse_offer(station_id=evse.station.station_id, evse_id=evse.evse_id, now=now)
    if offer is None or offer.state != "free":
        is_busy = offer is not None and offer.state == "busy"
        reason = AdHocEnd.BUSY if is_busy else AdHocEnd.STATION
        return release(charge_id=charge_id, reason=reason, now=now)
    token_register(
        id_token=charge.id_token,
        token_type=TokenType.CENTRAL,
        expires_at=now + TOKEN_LIFE,
        note=REASON,
        is_in_local_lists=False,
    )
    command = start(
        station_id=evse.station.station_id,
        id_token=charge.id_token,
        evse_id=evse.evse_id,
        reason=REASON,
    )
    charge.command, charge.state = command, AdHocState.STARTING
    charge.save(update_fields=["command", "state"])
    if command.status == CommandStatus.FAILED:
        return release(charge_id=charge_id, reason=AdHocEnd.STATION, now=now)
    return charge


def ad_hoc_stop(*, charge_id: int, now: datetime, reason: str = REASON) -> Command | None:
    """Ask the station to end the stay; before it began, nothing is taken and no command is sent."""
    with transaction.atomic():
        charge = AdHocCharge.objects.select_for_update(of=("self",)).get(pk=charge_id)
        session = ad_hoc_session(charge)
        if session is None:
            if charge.is_open:
                release(charge_id=charge_id, reason=AdHocEnd.CANCELLED, now=now)
            return None
        if session.ended_at is not None:
            return None
        charge.stop_asked_at = now
        charge.save(update_fields=["stop_asked_at"])
        return stop(session_id=session.pk, reason=reason)


@transaction.atomic
def release(*, charge_id: int, reason: AdHocEnd, now: datetime) -> AdHocCharge:
    """End a stay with nothing taken: the authorised amount is released."""
    charge = AdHocCharge.objects.select_for_update().get(pk=charge_id)
    if not charge.is_open:
        return charge
    charge.state, charge.end_reason, charge.settled_at = AdHocState.RELEASED, reason, now
    charge.captured_amount = Decimal(0)
    charge.save(update_fields=["state", "end_reason", "settled_at", "captured_amount"])
    _token_forget(charge)
    if charge.provider_reference:
        payment_queue(charge, VOID)
    return charge


def ad_hoc_charge_of(session: Session) -> tuple[int, PriceTold] | None:
    """The stay that brought a session about and the price told for it; None for a contract's."""
    charge = charges_of_session(session).first()
    return None if charge is None else (charge.pk, price_told(charge))


@transaction.atomic
def ad_hoc_settle(
    *, charge_id: int, session: Session, amount: Money, cdr_reference: str
) -> AdHocCharge:
    """Take what a finished session costs, and never more than was authorised; once.

    Called in the transaction that issues the CDR. A stay that was released before its session was
    known only gets the session and the CDR's name: its payment can no more be taken.
    """
    charge = AdHocCharge.objects.select_for_update().get(pk=charge_id)
    if amount.currency != charge.currency:
        raise DomainError("ad_hoc.currency", f"{amount.currency} is not {charge.currency}.")
    charge.session, charge.cdr_reference = session, cdr_reference
    if not charge.is_open:
        charge.save(update_fields=["session", "cdr_reference"])
        return charge
    due = min(amount.amount, charge.authorised_amount)
    charge.save(update_fields=["session", "cdr_reference"])
    if due <= 0:
        return release(charge_id=charge_id, reason=AdHocEnd.NO_ENERGY, now=utc_now())
    charge.state = AdHocState.SETTLING
    charge.save(update_fields=["state"])
    _token_forget(charge)
    payment_queue(charge, CAPTURE, due)
    return charge


def _token_forget(charge: AdHocCharge) -> None:
    IdToken.objects.filter(id_token=charge.id_token, note=REASON).delete()


def _start_answered(command: Command, answer: dict[str, Any]) -> None:
    if answer.get("status") != "Accepted":
        _start_failed(command)


def _start_failed(command: Command) -> None:
    charge_id = AdHocCharge.objects.filter(command=command).values_list("pk", flat=True).first()
    if charge_id is not None:
        release(charge_id=charge_id, reason=AdHocEnd.STATION, now=utc_now())


for action in (REMOTE_START, REMOTE_START_16):
    command_answers.register(action, _start_answered, failed=_start_failed)
