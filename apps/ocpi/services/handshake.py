"""Reading what a partner serves: its versions, and the endpoints of one (2.2.1 §6).

Needed on either side of a registration. What comes is hostile: bounded in size and number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from apps.ocpi.choices import InterfaceRole, OcpiVersion, PartyRole
from apps.ocpi.clients.ocpi import PartnerAnswer, call_partner
from apps.ocpi.models import Partner
from cariflex.common.errors import DomainError, ExternalError

MOST_BYTES = 200_000
MOST_VERSIONS = 50
MOST_ENDPOINTS = 200
MOST_URL = 255
CREDENTIALS = "credentials"
_OF_CPO = frozenset({"locations", "sessions", "cdrs", "tariffs"})


class _Version(msgspec.Struct):
    version: str
    url: str


class _Endpoint(msgspec.Struct):
    identifier: str
    url: str
    role: str | None = None


class _Details(msgspec.Struct):
    endpoints: list[_Endpoint]


@dataclass(frozen=True)
class Reach:
    """How a partner is spoken to while it is not registered, or newly."""

    partner: Partner
    token: str
    unencoded: bool
    version: str = ""
    """Whose rules of headers hold; none before one is agreed."""


@dataclass(frozen=True)
class ToldEndpoint:
    """Where a partner serves a module."""

    identifier: str
    role: str
    url: str


# Made here, before there are threads: see `wire.codec.decoder_make`.
_VERSIONS = msgspec.json.Decoder(list[_Version])
_DETAILS = msgspec.json.Decoder(_Details)


class HandshakeFailed(DomainError):
    """The partner's pages are no ground to register on; `status_code` is OCPI's 3001 to 3003."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(f"ocpi.handshake_{status_code}", message)
        self.status_code = status_code


def versions_read(reach: Reach, versions_url: str) -> dict[str, str]:
    """The address of the details of each version; HandshakeFailed 3001 when they are unusable."""
    answer = _get(reach, versions_url)
    try:
        rows = _VERSIONS.decode(answer.raw or b"null")
    except (msgspec.MsgspecError, RecursionError) as err:
        raise HandshakeFailed(3001, f"versions: {err}"[:200]) from err
    return {row.version: row.url for row in rows[:MOST_VERSIONS] if _is_url(row.url)}


def version_agree(known: dict[str, str], asked: str = "") -> str:
    """The highest version that both sides know, or the one asked for; HandshakeFailed 3002."""
    ours = [asked] if asked else sorted(OcpiVersion.values, reverse=True)
    for version in ours:
        if version in known:
            return version
    raise HandshakeFailed(3002, f"no version in common: {', '.join(sorted(known)) or 'none'}"[:200])


def endpoints_read(reach: Reach, details_url: str, version: str) -> list[ToldEndpoint]:
    """The endpoints of a version; HandshakeFailed 3003 without credentials, 3001 when unusable."""
    answer = _get(reach, details_url)
    try:
        details = _DETAILS.decode(answer.raw or b"null")
    except (msgspec.MsgspecError, RecursionError) as err:
        raise HandshakeFailed(3001, f"version {version}: {err}"[:200]) from err
    found: dict[tuple[str, str], ToldEndpoint] = {}
    for row in details.endpoints[:MOST_ENDPOINTS]:
        if not _is_url(row.url) or len(row.identifier) > 36:
            continue
        module = row.identifier.lower()
        for role in _roles(module, row.role, version, reach.partner.role):
            found.setdefault((module, role), ToldEndpoint(module, role, row.url))
    if not any(module == CREDENTIALS for module, _role in found):
        raise HandshakeFailed(3003, "the endpoint of credentials is missing")
    return list(found.values())


def credentials_url(endpoints: Sequence[ToldEndpoint]) -> str:
    """Where credentials are exchanged."""
    return next(one.url for one in endpoints if one.identifier == CREDENTIALS)


def _get(reach: Reach, url: str) -> PartnerAnswer:
    try:
        answer = call_partner(
            reach.partner,
            "GET",
            url,
            module="versions",
            token=reach.token,
            unencoded=reach.unencoded,
            version=reach.version,
            most_bytes=MOST_BYTES,
        )
        return answer.expect_success(reach.partner)
    except ExternalError as err:
        raise HandshakeFailed(3001, err.message) from err


def _is_url(url: str) -> bool:
    return url.startswith(("http://", "https://")) and len(url) <= MOST_URL


def _roles(module: str, told: str | None, version: str, partner_role: str) -> list[str]:
    """The interface roles of an endpoint; 2.1.1 does not tell them: they follow from who it is."""
    if module == CREDENTIALS:
        return [InterfaceRole.SENDER]
    if version != "2.1.1":
        role = (told or "").upper()
        return [role] if role in InterfaceRole.values else []
    if module not in _OF_CPO | {"tokens", "commands"}:
        return []
    if module == "commands":
        return [InterfaceRole.RECEIVER]
    owner = PartyRole.EMSP if module == "tokens" else PartyRole.CPO
    is_sender = (partner_role == PartyRole.CPO) == (owner == PartyRole.CPO)
    return [InterfaceRole.SENDER if is_sender else InterfaceRole.RECEIVER]
