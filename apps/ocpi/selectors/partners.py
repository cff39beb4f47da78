"""Reads of partners and of the parties on both sides."""

from collections.abc import Sequence
from typing import TypeVar

from apps.ocpi.choices import InterfaceRole, PartyRole
from apps.ocpi.models import OcpiSettings, Partner, PartnerEndpoint, PartnerRole, Party
from apps.ocpi.selectors.callers import OwnParty
from apps.tenants.context import current_operator
from apps.tenants.selectors import operator_address
from cariflex.common.errors import DomainError

P = TypeVar("P", Party, OwnParty)
_AS_EMSP = frozenset({("locations", "GET"), ("tariffs", "GET"), ("sessions", "GET"),
                      ("cdrs", "GET"), ("tokens", "PUT"), ("tokens", "PATCH"),
                      ("commands", "POST"), ("chargingprofiles", "PUT"),
                      ("chargingprofiles", "GET"), ("chargingprofiles", "DELETE")})  # fmt: skip
"""What a mobility provider asks of others; everything else is asked by a charge point operator."""


def ocpi_settings() -> OcpiSettings:
    """The operator's choices; the defaults when nothing was ever saved."""
    return OcpiSettings.objects.first() or OcpiSettings(pk=1)


def own_root_url() -> str:
    """Where partners reach us, for what no request tells: `https://host/ocpi`.

    DomainError when the operator has neither an address nor a domain.
    """
    address = ocpi_settings().public_url or operator_address(current_operator())
    if not address:
        raise DomainError("ocpi.address_missing", "the operator has no address", field="public_url")
    return f"{address.rstrip('/')}/ocpi"


def is_party_of(partner: Partner, country_code: str, party_id: str) -> bool:
    """Whether a party is known to be the partner's own or behind the hub that it is."""
    return partner.roles.filter(
        country_code__iexact=country_code, party_id__iexact=party_id
    ).exists()


def own_parties() -> list[Party]:
    """The active parties of the operator, oldest first."""
    return list(Party.objects.filter(is_active=True).order_by("pk"))


def own_party(*roles: str) -> Party | None:
    """The first active party of the operator with one of the roles, in the order of the roles."""
    return _first(own_parties(), *roles)


def asking_party(module: str, method: str) -> Party | None:
    """In whose name we ask for something of a module, when the caller does not say."""
    if (module, method) in _AS_EMSP:
        return own_party(PartyRole.EMSP, PartyRole.CPO)
    return own_party(PartyRole.CPO, PartyRole.EMSP)


def answering_party(
    module: str, role: InterfaceRole, parties: Sequence[OwnParty]
) -> OwnParty | None:
    """In whose name a request without receiver is answered: the owner's side of its objects.

    `parties`: those of the operator, oldest first.
    """
    owner_is_emsp = module in {"tokens"}
    is_owner = role == InterfaceRole.SENDER
    if module in {"commands", "chargingprofiles"}:
        # Their receiver is the charge point operator (2.2.1 §13, §14).
        is_owner = role == InterfaceRole.RECEIVER
    if is_owner == owner_is_emsp:
        return _first(parties, PartyRole.EMSP, PartyRole.CPO)
    return _first(parties, PartyRole.CPO, PartyRole.EMSP)


def _first(parties: Sequence[P], *roles: str) -> P | None:
    for role in roles:
        for party in parties:
            if party.role == role:
                return party
    return parties[0] if parties else None


def only_party(partner: Partner) -> PartnerRole | None:
    """The partner's own party when all its roles have the same; None is open routing."""
    rows = list(partner.roles.filter(hub_status=""))
    parties = {(row.country_code.upper(), row.party_id.upper()) for row in rows}
    return rows[0] if len(parties) == 1 else None


def endpoint_url(partner: Partner, module: str, role: str) -> str:
    """Where a partner serves a module; DomainError when it does not."""
    row = PartnerEndpoint.objects.filter(partner=partner, identifier=module, role=role).first()
    if row is None:
        raise DomainError(
            "ocpi.endpoint_missing", f"{partner.name} does not serve {module} as {role}",
            field="module",
        )  # fmt: skip
    return row.url
