"""The credentials object: ours written, theirs read (2.2.1 §7.3.1, 2.1.1 §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Party
from apps.ocpi.services.parties import parties_ensure
from apps.ocpi.wire import decode, encode
from cariflex.common.errors import DomainError

_LOGO_TYPES = frozenset({"gif", "jpeg", "jpg", "png", "svg"})


@dataclass(frozen=True)
class ToldParty:
    """A party in somebody's credentials; `is_hub_client`: it stands behind the hub that tells."""

    role: str
    country_code: str
    party_id: str
    business_details: Mapping[str, Any]
    is_hub_client: bool = False


@dataclass(frozen=True)
class ToldCredentials:
    """What a partner tells of itself."""

    token: str = field(repr=False)
    versions_url: str
    parties: tuple[ToldParty, ...]


def credentials_read(*, version: str, raw: bytes, role: str) -> ToldCredentials:
    """The credentials of a partner; `role` is what it is to us, as 2.1.1 does not say.

    Raises WireError.
    """
    told = decode(version, "Credentials", raw)
    if version == "2.1.1":
        only = ToldParty(
            role, told.country_code.upper(), told.party_id.upper(), _details(told.business_details)
        )
        return ToldCredentials(told.token, told.url, (only,))
    hub = getattr(told, "hub_party_id", None)
    parties = [
        ToldParty(
            one.role,
            one.country_code.upper(),
            one.party_id.upper(),
            _details(one.business_details),
            is_hub_client=hub is not None and one.role != PartyRole.HUB,
        )
        for one in told.roles
    ]
    if hub is not None and not any(one.role == PartyRole.HUB for one in parties):
        parties.append(ToldParty(PartyRole.HUB, hub[:2].upper(), hub[2:].upper(), {}))
    return ToldCredentials(told.token, told.url, tuple(parties))


def credentials_write(*, version: str, token: str, root_url: str, partner_role: str) -> bytes:
    """Our credentials as JSON. A hub tells of itself alone; 2.1.1 has room for one party.

    In 2.3.0 a hub is `hub_party_id` beside the parties that it stands for (2.3.0 §7.3.1).
    """
    parties = parties_ensure()
    body: dict[str, Any] = {"token": token, "url": f"{root_url}/versions"}
    if version == "2.1.1":
        party = _counterpart(parties, partner_role)
        names = {"party_id": party.party_id, "country_code": party.country_code}
        return encode({**body, **names, "business_details": _written(party)})
    hubs = [party for party in parties if party.role == PartyRole.HUB]
    if hubs and version == "2.2.1":
        parties = hubs
    elif hubs:
        body["hub_party_id"] = hubs[0].country_code + hubs[0].party_id
        parties = [party for party in parties if party.role != PartyRole.HUB]
    body["roles"] = [
        {
            "role": party.role,
            "business_details": _written(party),
            "party_id": party.party_id,
            "country_code": party.country_code,
        }
        for party in parties
    ]
    return encode(body)


def _counterpart(parties: list[Party], partner_role: str) -> Party:
    wanted = PartyRole.EMSP if partner_role == PartyRole.CPO else PartyRole.CPO
    found = [party for party in parties if party.role == wanted] or parties
    if not found:
        raise DomainError("ocpi.party_missing", "the operator has no active party")
    return found[0]


def _details(details: Any) -> dict[str, Any]:
    """The business details as they are kept; the logo by its address alone."""
    kept = {"name": details.name}
    if getattr(details, "website", None):
        kept["website"] = details.website
    logo = getattr(details, "logo", None)
    if logo is not None:
        kept["logo_url"] = logo.url
    return kept


def _written(party: Party) -> dict[str, Any]:
    details: dict[str, Any] = {"name": party.name}
    if party.website:
        details["website"] = party.website
    suffix = party.logo_url.rpartition(".")[2].lower()
    if party.logo_url and suffix in _LOGO_TYPES:
        details["logo"] = {"url": party.logo_url, "category": "OPERATOR", "type": suffix[:4]}
    return details
