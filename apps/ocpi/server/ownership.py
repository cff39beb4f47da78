"""A partner may write what is its own, and nothing else (2.2.1 transport §4.1.3.2)."""

from apps.ocpi.selectors.partners import is_party_of
from apps.ocpi.server.calls import PARAMETERS, Call, OcpiError, PartyRef


def check(call: Call, country_code: str, party_id: str) -> PartyRef:
    """The party of an address; OcpiError with HTTP 404 when it is none of the caller's.

    Of a hub it must be the party in whose name it speaks, or one that it told of before.
    """
    party = PartyRef(country_code, party_id)
    if call.sender == party:
        return party
    if not is_party_of(call.partner, country_code, party_id):
        raise OcpiError(PARAMETERS, f"{party} is not a party of yours.", 404)
    return party


def check_same(field: str, in_address: str, in_body: str) -> None:
    """OcpiError 2001 when an id of the body is not that of the address; compared without case."""
    if in_address.upper() != in_body.upper():
        raise OcpiError(PARAMETERS, f"{field}: {in_body!r} is not {in_address!r} of the address")
