"""Sessions of roaming in both directions, as an operator looks at them."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from apps.billing.models import Cdr
from apps.chargers.choices import SessionState
from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import PartnerLocation, PartnerSession, Published, RoamingSession
from cariflex.common.exact_json import exact_loads

RUNNING = ("ACTIVE", "PENDING", "RESERVATION")
"""SessionStatus of 2.2.1 §9.4.1 that is not the last one."""


@dataclass(frozen=True, slots=True)
class TotalCost:
    """What a session costs, so far or for good; `incl_vat` None when only the other is told."""

    currency: str
    excl_vat: Decimal
    incl_vat: Decimal | None
    is_final: bool


def sessions_in(*, partner: str = "", only_running: bool = False) -> QuerySet[RoamingSession]:
    """Sessions of partners' customers at our stations, newest first, with all that is shown."""
    rows = RoamingSession.objects.select_related("partner", "session__station", "session__evse")
    if partner:
        rows = rows.filter(partner__code=partner)
    if only_running:
        rows = rows.filter(session__state=SessionState.ACTIVE)
    return rows.order_by("-session__started_at", "-session")


def sessions_out(*, partner: str = "", only_running: bool = False) -> QuerySet[PartnerSession]:
    """Sessions of our customers at partners' chargers, newest first, with the partner."""
    rows = PartnerSession.objects.select_related("partner")
    if partner:
        rows = rows.filter(partner__code=partner)
    if only_running:
        rows = rows.filter(status__in=RUNNING)
    return rows.order_by("-started_at", "-pk")


def costs_in(session_ids: Collection[int]) -> dict[int, TotalCost]:
    """By session: the CDR's total once there is one, else what its partner was told. Two queries.

    Sessions that cost nothing yet are left out.
    """
    told = Published.objects.filter(
        kind=ObjectKind.SESSIONS, object_id__in=[str(one) for one in session_ids]
    ).values_list("object_id", "content")
    costs = {
        int(object_id): cost
        for object_id, content in told
        if object_id.isdecimal() and (cost := cost_told(exact_loads(content))) is not None
    }
    cdrs = (
        Cdr.objects.live()
        .filter(session_id__in=session_ids)
        .values_list("session_id", "currency", "total_excl_vat", "total_incl_vat")
    )
    for session_id, currency, excl_vat, incl_vat in cdrs:
        if session_id is not None:
            costs[session_id] = TotalCost(currency, excl_vat, incl_vat, is_final=True)
    return costs


def cost_told(content: dict[str, Any]) -> TotalCost | None:
    """The total of a session of 2.3.0 (Price, §17.6); None when it tells none."""
    price = content.get("total_cost")
    if not isinstance(price, dict) or price.get("before_taxes") is None:
        return None
    before = Decimal(price["before_taxes"])
    taxes = [Decimal(tax["amount"]) for tax in price.get("taxes") or ()]
    return TotalCost(
        currency=str(content.get("currency", "")),
        excl_vat=before,
        incl_vat=before + sum(taxes, Decimal(0)) if "taxes" in price else None,
        is_final=content.get("status") == "COMPLETED",
    )


def places_of(sessions: Collection[PartnerSession]) -> dict[tuple[int, str], tuple[str, str]]:
    """(name, city) of the partners' locations by (partner, location id in capitals). One query."""
    wanted = {str(one.content.get("location_id", "")) for one in sessions}
    rows = PartnerLocation.objects.filter(
        partner_id__in={one.partner_id for one in sessions}, object_id__in=wanted
    ).values_list("partner_id", "object_id", "content__name", "content__city")
    return {
        (partner, object_id.upper()): (name or "", city or "")
        for partner, object_id, name, city in rows
    }
