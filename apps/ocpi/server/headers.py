"""Headers of a message: its ids, and who sends it to whom (2.2.1 transport §4.1.2, §4.1.8)."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from apps.ocpi.selectors.callers import Known
from apps.ocpi.server.calls import PARAMETERS, OcpiError, PartyRef

REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"
FROM = "OCPI-from"
TO = "OCPI-to"
WITHOUT_ROUTING = frozenset({"versions", "credentials", "hubclientinfo"})
"""Configuration modules: their messages SHALL NOT carry routing headers (§4.1.8)."""
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,64}")
_COUNTRY = re.compile(r"[A-Za-z$]{2}")
_PARTY = re.compile(r"[\x21-\x7e]{1,3}")


@dataclass(frozen=True)
class Ids:
    """X-Request-ID and X-Correlation-ID of a message."""

    request_id: str
    correlation_id: str

    def headers(self) -> dict[str, str]:
        """As they go on the wire."""
        return {REQUEST_ID: self.request_id, CORRELATION_ID: self.correlation_id}


def ids_of(headers: Mapping[str, str]) -> Ids:
    """The ids of a message; one that is missing or unfit is made up here."""
    request_id = _fit(headers.get(REQUEST_ID)) or str(uuid.uuid4())
    return Ids(request_id, _fit(headers.get(CORRELATION_ID)) or request_id)


def has_routing(version: str, module: str) -> bool:
    """Whether messages of a module carry routing headers; 2.1.1 has none."""
    return version != "2.1.1" and module not in WITHOUT_ROUTING


def party_of(headers: Mapping[str, str], which: str) -> PartyRef | None:
    """The party of OCPI-from-* or OCPI-to-*, None when absent.

    OcpiError 2001 when it is given by half or is not one.
    """
    country_code, party_id = named(headers, which)
    if not country_code and not party_id:
        return None
    if not _COUNTRY.fullmatch(country_code):
        raise OcpiError(PARAMETERS, f"{which}-country-code: must be two letters")
    if not _PARTY.fullmatch(party_id):
        raise OcpiError(PARAMETERS, f"{which}-party-id: must be up to three characters")
    return PartyRef(country_code, party_id)


def named(headers: Mapping[str, str], which: str) -> tuple[str, str]:
    """Country code and party id of OCPI-from-* or OCPI-to-*, unchecked, empty when absent."""
    return (
        headers.get(f"{which}-country-code", "").strip(),
        headers.get(f"{which}-party-id", "").strip(),
    )


def sender_of(headers: Mapping[str, str], caller: Known) -> PartyRef | None:
    """The party that sends, checked to be the caller's; OcpiError 2001 when it is not.

    A hub that does not tell its clients (no hubclientinfo) is believed whom it names.
    """
    sender = party_of(headers, FROM)
    if sender is None:
        if caller.partner.needs_routing_headers:
            raise OcpiError(PARAMETERS, f"{FROM}-country-code: is missing")
        return None
    is_believed = caller.partner.is_hub and not caller.tells_clients
    if not (caller.is_sender_its_own or is_believed):
        raise OcpiError(PARAMETERS, f"{FROM}-party-id: {sender} is not a party of yours")
    return sender


def routing(sender: PartyRef | None, receiver: PartyRef | None) -> dict[str, str]:
    """The routing headers of a message."""
    headers = {}
    for which, party in ((FROM, sender), (TO, receiver)):
        if party is not None:
            headers[f"{which}-country-code"] = party.country_code
            headers[f"{which}-party-id"] = party.party_id
    return headers


def _fit(value: str | None) -> str:
    value = (value or "").strip()
    return value if _PRINTABLE.fullmatch(value) else ""
