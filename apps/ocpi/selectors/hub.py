"""Reads of the hub that we may be: who is reached through us (2.2.1 §15, transport §4.3)."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.ocpi.choices import HubStatus, PartnerState, PartyRole
from apps.ocpi.models import Partner, PartnerRole, Party
from apps.ocpi.selectors.partners import ocpi_settings

STATUS_OF_STATE = {
    PartnerState.REGISTERED: HubStatus.CONNECTED,
    PartnerState.SUSPENDED: HubStatus.SUSPENDED,
}


@dataclass(frozen=True)
class HubClient:
    """A party that is reached through us."""

    role: str
    country_code: str
    party_id: str
    status: str
    last_updated: datetime


def is_hub() -> bool:
    """Whether the operator routes messages between its partners."""
    return ocpi_settings().is_hub


def is_own_party(country_code: str, party_id: str) -> bool:
    """Whether a party is the operator's."""
    return _own(country_code, party_id).exists()


def is_own_hub(country_code: str, party_id: str) -> bool:
    """Whether a party is what the operator is as a hub, and nothing else that it is."""
    roles = set(_own(country_code, party_id).values_list("role", flat=True))
    return roles == {PartyRole.HUB} and is_hub()


def partner_of_party(country_code: str, party_id: str, *, besides: Partner) -> Partner | None:
    """The partner that stands for a party; one whose own party it is before a hub."""
    row = (
        PartnerRole.objects.filter(country_code__iexact=country_code, party_id__iexact=party_id)
        .exclude(partner=besides)
        .exclude(partner__state__in=(PartnerState.GONE, PartnerState.INVITED))
        .select_related("partner")
        .order_by("hub_status", "pk")
        .first()
    )
    return row.partner if row is not None else None


def partners_listening(module: str, role: str, *, besides: Partner) -> list[Partner]:
    """Registered partners that serve an interface."""
    return list(
        Partner.objects.filter(
            state=PartnerState.REGISTERED, endpoints__identifier=module, endpoints__role=role
        )
        .exclude(pk=besides.pk)
        .order_by("pk")
    )


def hub_clients(*, besides: Partner) -> list[HubClient]:
    """All parties that a partner can reach through us, in the order in which they came."""
    own = [
        HubClient(
            party.role, party.country_code, party.party_id, HubStatus.CONNECTED, besides.created_at
        )
        for party in Party.objects.filter(is_active=True).exclude(role=PartyRole.HUB).order_by("pk")
    ]
    rows = (
        PartnerRole.objects.filter(partner__state__in=STATUS_OF_STATE)
        .exclude(partner=besides)
        .exclude(role=PartyRole.HUB)
        .select_related("partner")
        .order_by("pk")
    )
    return own + [
        HubClient(
            row.role,
            row.country_code,
            row.party_id,
            row.hub_status or STATUS_OF_STATE[PartnerState(row.partner.state)],
            row.last_updated or row.partner.created_at,
        )
        for row in rows
    ]


def _own(country_code: str, party_id: str) -> QuerySet[Party]:
    return Party.objects.filter(
        is_active=True, country_code__iexact=country_code, party_id__iexact=party_id
    )
