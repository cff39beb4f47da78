"""Block E: charging sessions, one event after the other."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.chargers.csms.native.handlers.authorization import id_token_info
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.events import TransactionEvent
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services import session_event_apply, token_authorize
from cariflex.common.time import utc_now


@handles("TransactionEvent")
async def transaction_event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """E01 to E15."""
    event = mapping.transaction_event(frame.payload)
    decision = await link.store(_apply, link, frame, event, utc_now())
    return {} if decision is None else {"idTokenInfo": id_token_info(decision)}


def _apply(
    link: StationLink, frame: Frame, event: TransactionEvent, now: datetime
) -> TokenDecision | None:
    with transaction.atomic():
        session_event_apply(
            station_pk=link.station_pk, event=event, payload_text=frame.payload_text, now=now
        )
        if not event.id_token_type:
            return None
        question = TokenQuestion(event.id_token, event.id_token_type, link.station_id, now)
        return token_authorize(question)
