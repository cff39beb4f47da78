"""What a hub passes on to many."""

import base64
import logging
from typing import Any
from urllib.parse import quote

from apps.ocpi.choices import PartnerState
from apps.ocpi.clients.ocpi import call_partner, endpoint
from apps.ocpi.models import Partner
from apps.ocpi.selectors.hub import partners_listening
from apps.ocpi.server.calls import Call, PartyRef
from apps.tenants.tasking import operator_task
from cariflex.common.errors import DomainError, ExternalError

logger = logging.getLogger(__name__)


def broadcast_enqueue(call: Call) -> None:
    """Pass a pushed message on to every other partner that listens, each by a task of its own."""
    for partner in partners_listening(call.module, call.role, besides=call.partner):
        if partner.version == call.version:
            broadcast_send.enqueue(
                partner.pk,
                {
                    "method": call.method,
                    "module": call.module,
                    "role": str(call.role),
                    "segments": list(call.segments),
                    "body": base64.b64encode(call.body).decode(),
                    "sender": [call.sender.country_code, call.sender.party_id]
                    if call.sender
                    else None,
                    "correlation_id": call.correlation_id,
                },
            )


@operator_task(name="ocpi.broadcast_send", queue="deliver")
def broadcast_send(partner_pk: int, message: dict[str, Any]) -> None:
    """Send one copy; what fails is not kept, receivers pull (2.2.1 transport §4.1.5)."""
    partner = Partner.objects.filter(pk=partner_pk, state=PartnerState.REGISTERED).first()
    if partner is None:
        return
    try:
        url = endpoint(partner, message["module"], message["role"])
        path = "".join(f"/{quote(segment, safe='')}" for segment in message["segments"])
        call_partner(
            partner,
            message["method"],
            url + path,
            module=message["module"],
            body=base64.b64decode(message["body"]) or None,
            sender=PartyRef(*message["sender"]) if message["sender"] else None,
            correlation_id=message["correlation_id"],
        )
    except (DomainError, ExternalError) as err:
        logger.info("ocpi.broadcast_failed partner=%s error=%s", partner.code, err)
