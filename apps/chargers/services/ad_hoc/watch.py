"""What nobody told us of stays without a contract: looked for every few seconds."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from apps.chargers.choices import AdHocEnd, AdHocState
from apps.chargers.models import AdHocCharge
from apps.chargers.ports import pricing
from apps.chargers.selectors.ad_hoc import ad_hoc_session, price_told
from apps.chargers.services.ad_hoc.charges import (
    PAY_WITHIN,
    ad_hoc_confirm,
    ad_hoc_stop,
    release,
)
from cariflex.common.errors import DomainError, ExternalError

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
# A person comes back from the provider's page by then, or never.
ASK_AFTER = timedelta(seconds=30)
# ConnectionTimeOut of most stations is one or two minutes.
PLUG_WITHIN = timedelta(minutes=10)
LATE_LOOK = timedelta(hours=1)
STOP_AGAIN = timedelta(minutes=1)
# What a station may still give between our order and its relay.
STOP_AHEAD = timedelta(seconds=30)


def ad_hoc_watch(*, now: datetime) -> int:
    """Look after each open stay; how many there were. Safe to run twice at once."""
    charges = list(
        AdHocCharge.objects.select_related("evse__station", "session")
        .filter(state__in=AdHocState.open_states())
        .order_by("pk")[:MOST_AT_ONCE]
    )
    for charge in charges:
        _looked_after(_STEPS[AdHocState(charge.state)], charge, now)
    for charge in _late(now):
        _looked_after(_late_stopped, charge, now)
    return len(charges)


def _looked_after(
    step: Callable[[AdHocCharge, datetime], None], charge: AdHocCharge, now: datetime
) -> None:
    try:
        step(charge, now)
    except (DomainError, ExternalError) as err:
        logger.warning("ad hoc charge left charge=%s state=%s %s", charge.pk, charge.state, err)


def _paying(charge: AdHocCharge, now: datetime) -> None:
    if not charge.provider_reference and charge.created_at <= now - PAY_WITHIN:
        release(charge_id=charge.pk, reason=AdHocEnd.PROVIDER, now=now)
    elif charge.created_at <= now - ASK_AFTER:
        ad_hoc_confirm(charge_id=charge.pk, now=now)


def _starting(charge: AdHocCharge, now: datetime) -> None:
    session = ad_hoc_session(charge)
    if session is None:
        if (charge.authorised_at or charge.created_at) <= now - PLUG_WITHIN:
            release(charge_id=charge.pk, reason=AdHocEnd.NO_CAR, now=now)
        return
    with transaction.atomic():
        locked = AdHocCharge.objects.select_for_update().get(pk=charge.pk)
        if locked.state == AdHocState.STARTING:
            locked.state, locked.session = AdHocState.CHARGING, session
            locked.save(update_fields=["state", "session"])


def _charging(charge: AdHocCharge, now: datetime) -> None:
    """Stop in time: no more than was authorised can be taken."""
    session, prices = charge.session, pricing()
    if session is None or session.ended_at is not None or prices is None:
        return
    if charge.stop_asked_at is not None and charge.stop_asked_at > now - STOP_AGAIN:
        return
    price = price_told(charge)
    cost = prices.cost_at(price, session.pk).amount
    ahead_kwh = max(0.0, session.power_kw) * STOP_AHEAD.total_seconds() / 3600
    ahead = ahead_kwh * float(price.per_kwh_incl_vat)
    ahead += STOP_AHEAD.total_seconds() / 60 * float(price.per_minute_incl_vat)
    # Only when to stop is reckoned so: what is taken comes from the CDR.
    if float(cost) + ahead >= float(charge.authorised_amount):
        ad_hoc_stop(charge_id=charge.pk, now=now, reason="Authorised amount used up")


def _late(now: datetime) -> list[AdHocCharge]:
    """Stays that ended before their session was known, and whose station may yet begin."""
    return list(
        AdHocCharge.objects.select_related("evse__station", "session")
        .filter(
            state=AdHocState.RELEASED,
            settled_at__gt=now - LATE_LOOK,
            command__isnull=False,
            session__isnull=True,
        )
        .order_by("pk")[:MOST_AT_ONCE]
    )


def _late_stopped(charge: AdHocCharge, now: datetime) -> None:
    session = ad_hoc_session(charge)
    if session is None:
        return
    AdHocCharge.objects.filter(pk=charge.pk, session__isnull=True).update(session=session)
    if session.ended_at is None:
        ad_hoc_stop(charge_id=charge.pk, now=now, reason="Started after its payment was released")


_STEPS = {
    AdHocState.PAYING: _paying,
    AdHocState.STARTING: _starting,
    AdHocState.CHARGING: _charging,
}
