"""Declaring a shortage and taking it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from apps.markets.events import IslandRulesChanged
from apps.markets.island.scarcity import Alert
from apps.markets.models import ScarcityAlert
from apps.markets.selectors.island import island_pricing
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError

MAX_LENGTH: Final = timedelta(days=7)
MAX_REASON: Final = 200


@transaction.atomic
def alert_declare(
    *,
    start: datetime,
    end: datetime,
    adder_eur_per_mwh: Decimal,
    reason: str,
    now: datetime,
    by: str = "",
    pricing_id: int | None = None,
) -> ScarcityAlert:
    """Declare a shortage in [start, end) for an area (the first enabled one without a key).

    The same again gives the alert there is. Quarter hours that have begun keep their price.
    Raises DomainError for an end that is past, before start or more than 7 days after it, an adder
    below 0, an empty reason and where no island price is declared.
    """
    pricing = island_pricing(pricing_id)
    if pricing is None:
        raise DomainError("island.no_pricing", "no island price is declared", field="pricing_id")
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise DomainError("island.alert", f"must have 1 to {MAX_REASON} signs", field="reason")
    checked = Alert(reason, start, end, adder_eur_per_mwh)
    if checked.end <= now:
        raise DomainError("island.alert", "is past", field="end")
    if checked.end - checked.start > MAX_LENGTH:
        raise DomainError("island.alert", "is more than 7 days after start", field="end")
    # Two clicks at once come one after the other: the second finds the first.
    type(pricing).objects.select_for_update().get(pk=pricing.pk)
    alert, created = ScarcityAlert.objects.get_or_create(
        pricing=pricing,
        start=start,
        end=end,
        adder_eur_per_mwh=adder_eur_per_mwh,
        reason=reason,
        cancelled_at=None,
        defaults={"declared_at": now, "declared_by": by},
    )
    if created:
        events.publish(IslandRulesChanged(schema=current_schema()))
    return alert


@transaction.atomic
def alert_cancel(*, alert_id: int, now: datetime, by: str = "") -> ScarcityAlert:
    """Take an alert back from now on; one that is cancelled stays as it is.

    Raises DomainError for an alert that is over and for one that is not known.
    """
    alert = ScarcityAlert.objects.select_for_update().filter(pk=alert_id).first()
    if alert is None:
        raise DomainError("island.alert_unknown", "is no alert", field="alert_id")
    if alert.cancelled_at is not None:
        return alert
    if alert.end <= now:
        raise DomainError("island.alert_over", "is over", field="end")
    alert.cancelled_at, alert.cancelled_by = now, by
    alert.save(update_fields=["cancelled_at", "cancelled_by"])
    events.publish(IslandRulesChanged(schema=current_schema()))
    return alert
