"""Whom a message is for: us, or another partner when we are the hub (2.2.1 transport §4.3)."""

from apps.ocpi.models import Party
from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError


def routed(call: Call) -> Answer | None:
    """The answer of somebody else when the message is not for us, None when it is."""
    if call.receiver is None or _is_own(call.receiver.country_code, call.receiver.party_id):
        return None
    raise OcpiError(PARAMETERS, f"OCPI-to-party-id: {call.receiver} is not a party here")


def _is_own(country_code: str, party_id: str) -> bool:
    return Party.objects.filter(
        is_active=True, country_code__iexact=country_code, party_id__iexact=party_id
    ).exists()
