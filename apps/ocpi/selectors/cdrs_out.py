"""CDRs of sessions of partners' customers as OCPI CDRs (2.2.1 §10.3)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from apps.billing.models import Cdr
from apps.billing.selectors.cdr_ocpi import cdr_ocpi
from apps.ocpi import wire
from apps.ocpi.choices import ObjectKind, OcpiVersion, PartnerState
from apps.ocpi.models import Party, Published, RoamingSession
from cariflex.common.exact_json import exact_dumps


def cdr_with_session(cdr_id: Any) -> tuple[Cdr, RoamingSession] | None:
    """A CDR and what a partner's customer brought to its session; None when that is nobody."""
    cdr = Cdr.objects.select_related("account", "credit_reference").filter(pk=cdr_id).first()
    if cdr is None:
        return None
    roaming = (
        RoamingSession.objects.select_related("partner").filter(session_id=cdr.session_id).first()
    )
    return None if roaming is None else (cdr, roaming)


def cdrs_unpublished(*, issued_since: datetime, most: int) -> list[Any]:
    """Keys of CDRs of partners' customers that were not published, oldest first."""
    cdrs = Cdr.objects.filter(
        issued_at__gte=issued_since,
        session__roaming__partner__state__in=(PartnerState.REGISTERED, PartnerState.SUSPENDED),
    )
    candidates = list(
        cdrs.order_by("issued_at", "pk").values_list("pk", "reference", "session__roaming__partner")
    )
    published = _published({partner for _pk, _reference, partner in candidates}, issued_since)
    return [
        pk for pk, reference, partner in candidates if (partner, reference.upper()) not in published
    ][:most]


def cdr_content(cdr: Cdr, roaming: RoamingSession, party: Party) -> dict[str, Any]:
    """The CDR in the shape of 2.3.0, with the token and the reference that the partner gave."""
    content = cdr_ocpi(cdr, party=(party.country_code, party.party_id))
    content |= {"cdr_token": roaming.token, "auth_method": roaming.auth_method}
    if roaming.authorization_reference:
        content["authorization_reference"] = roaming.authorization_reference
    struct = wire.decode(OcpiVersion.V2_2_1, "Cdr", exact_dumps(content))
    return wire.inside_dict(wire.to_inside(OcpiVersion.V2_2_1, struct))


def _published(partners: Collection[int], since: datetime) -> set[tuple[int | None, str]]:
    rows = Published.objects.filter(
        kind=ObjectKind.CDRS, audience_id__in=partners, created_at__gte=since
    ).values_list("audience_id", "object_id")
    return {(audience, object_id.upper()) for audience, object_id in rows}
