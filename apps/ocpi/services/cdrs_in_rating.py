"""A partner's CDR priced by our own engine: by the tariff in it, or the one we know."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.billing.rating import RatingProblem, rate, session_parse, tariff_parse
from apps.billing.services.cdr_making import MONEY_PLACES
from apps.ocpi.models import Partner, PartnerLocation, PartnerTariff
from cariflex.common.money import round_half_up

logger = logging.getLogger(__name__)

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OurPrice:
    """What a CDR comes to before taxes; None where it cannot be told, and why."""

    net: Decimal | None
    problem: str = ""


def cdr_price(partner: Partner, content: Content) -> OurPrice:
    """The price of a CDR in the shape inside. At most three queries."""
    tariff = _tariff(partner, content)
    if tariff is None:
        return OurPrice(None, "It does not say which one tariff applied.")
    try:
        session, _notes = session_parse(content, _time_zone(partner, content))
        rating = rate(tariff_parse(tariff, "2.3.0")[0], session)
    except RatingProblem as problem:
        logger.warning("cdr not priced partner=%s why=%s", partner.code, problem)
        return OurPrice(None, str(problem))
    if rating.currency != content["currency"]:
        return OurPrice(None, f"The tariff is in {rating.currency}.")
    return OurPrice(round_half_up(rating.total_cost.excl_vat, MONEY_PLACES))


def _tariff(partner: Partner, content: Content) -> Content | None:
    """The one tariff of all charging periods, from the CDR or from our copies."""
    named = {str(one.get("tariff_id") or "").upper() for one in content["charging_periods"]}
    inside: list[Content] = content.get("tariffs") or []
    if named <= {""}:
        return inside[0] if len(inside) == 1 else None
    if len(named) > 1:
        return None
    (wanted,) = named
    found: list[Content] = [one for one in inside if one["id"].upper() == wanted]
    if found:
        return found[0]
    copy = PartnerTariff.objects.filter(
        partner=partner,
        country_code__iexact=content["country_code"],
        party_id__iexact=content["party_id"],
        object_id__iexact=wanted,
    ).first()
    return None if copy is None else dict(copy.content)


def _time_zone(partner: Partner, content: Content) -> str | None:
    """That of the location; a CdrLocation has none, and an island is not where its country is."""
    copy = PartnerLocation.objects.filter(
        partner=partner,
        country_code__iexact=content["country_code"],
        party_id__iexact=content["party_id"],
        object_id__iexact=content["cdr_location"]["id"],
    ).first()
    return None if copy is None else copy.content.get("time_zone")
