"""Whom a message is for: us, or somebody whom we reach as a hub (2.2.1 transport §4.3).

A message for another partner's party goes on with the same correlation id and a new request id;
its answer comes back as it is, with the addresses of pages turned to ours. One pushed to the hub
itself goes to everybody who listens (broadcast); a GET never does.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from apps.ocpi.choices import InterfaceRole, PartnerState
from apps.ocpi.clients.ocpi import PartnerAnswer, PartnerRefused, call_partner, endpoint
from apps.ocpi.models import Partner
from apps.ocpi.selectors.hub import is_hub, is_own_hub, is_own_party, partner_of_party
from apps.ocpi.server.calls import (
    HUB_CONNECTION,
    HUB_ERROR,
    HUB_TIMEOUT,
    PARAMETERS,
    UNKNOWN_RECEIVER,
    Answer,
    Call,
    OcpiError,
    PartyRef,
)
from apps.ocpi.tasks.hub import broadcast_enqueue
from cariflex.common.errors import DomainError, ExternalError

RELAYED = ("x-total-count", "x-limit")
TURNED = ("link", "location")
_NAMES = {"x-total-count": "X-Total-Count", "x-limit": "X-Limit", "link": "Link",
          "location": "Location"}  # fmt: skip
_TIMEOUTS = ("took too long", "no whole answer (TimeoutError)")


def routed(call: Call) -> Answer | None:
    """The answer of whom the message is for, None when it is for us."""
    party = call.receiver
    if party is None:
        return None
    if is_own_party(party.country_code, party.party_id):
        is_push = call.role == InterfaceRole.RECEIVER and call.method != "GET"
        if is_push and is_own_hub(party.country_code, party.party_id):
            broadcast_enqueue(call)
        return None
    if not is_hub():
        raise OcpiError(PARAMETERS, f"OCPI-to-party-id: {party} is not a party here")
    partner = partner_of_party(party.country_code, party.party_id, besides=call.partner)
    if partner is None:
        raise OcpiError(UNKNOWN_RECEIVER, f"{party} is not known here.")
    return _forwarded(call, partner, party)


def _forwarded(call: Call, partner: Partner, receiver: PartyRef) -> Answer:
    if partner.state != PartnerState.REGISTERED or partner.version != call.version:
        raise OcpiError(HUB_CONNECTION, f"{receiver} is not connected with OCPI {call.version}.")
    try:
        theirs = endpoint(partner, call.module, call.role)
    except DomainError as err:
        raise OcpiError(HUB_CONNECTION, f"{receiver} does not serve {call.module}.") from err
    try:
        answer = call_partner(
            partner,
            call.method,
            theirs + path_of(call) + (f"?{urlencode(call.query)}" if call.query else ""),
            module=call.module,
            body=call.body or None,
            sender=call.sender,
            receiver=receiver,
            correlation_id=call.correlation_id,
        )
    except PartnerRefused as err:
        if not err.answer.status_code:
            raise OcpiError(HUB_ERROR, f"{receiver} answered HTTP {err.answer.http}.") from err
        answer = err.answer
    except ExternalError as err:
        is_slow = err.message in _TIMEOUTS
        code = HUB_TIMEOUT if is_slow else HUB_CONNECTION
        raise OcpiError(code, f"{receiver}: {err.message}") from err
    return Answer(
        data=answer.raw or None,
        status_code=answer.status_code,
        http=answer.http,
        message=answer.message,
        headers=_relayed(answer, theirs, call.base_url),
    )


def path_of(call: Call) -> str:
    """The path below the endpoint, as it came."""
    return "".join(f"/{quote(segment, safe='')}" for segment in call.segments)


def _relayed(answer: PartnerAnswer, theirs: str, ours: str) -> dict[str, str]:
    headers: Mapping[str, str] = answer.headers
    kept = {_NAMES[name]: headers[name] for name in RELAYED if name in headers}
    for name in TURNED:
        if name in headers:
            kept[_NAMES[name]] = headers[name].replace(theirs, ours)
    return kept
