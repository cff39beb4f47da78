"""Block E: charging sessions, one event after the other."""

from typing import Any

from apps.chargers.csms.native.event_writer import event_writer
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.events import TransactionEvent
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.sessions import ENDED
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ocpp.v201.id_tokens import id_token_info
from apps.chargers.services import Arrival
from cariflex.common.time import utc_now


@handles("TransactionEvent")
async def transaction_event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """E01 to E15."""
    event = mapping.transaction_event(frame.payload)
    arrival = Arrival(link.station_pk, event, frame.payload_text, utc_now())
    writer = event_writer(link.schema_name)
    decision = await link.patiently(writer.apply, arrival, station_id=link.station_id)
    answer = {} if decision is None else {"idTokenInfo": id_token_info(decision)}
    return answer | await _final_cost(link, event) if event.event_type == ENDED else answer


async def _final_cost(link: StationLink, event: TransactionEvent) -> dict[str, Any]:
    """I03: what it cost, incl. VAT, once all that is billed is known."""
    cost = await link.patiently(
        event_writer(link.schema_name).final_cost,
        station_pk=link.station_pk,
        transaction_id=event.transaction_id,
    )
    if cost is None:
        return {}
    message = {"format": "UTF8", "language": cost.language, "content": cost.text}
    return {"totalCost": float(cost.amount), "updatedPersonalMessage": message}
