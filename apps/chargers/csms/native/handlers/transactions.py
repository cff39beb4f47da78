"""Block E: charging sessions, one event after the other."""

from typing import Any

from apps.chargers.csms.native.event_writer import event_writer
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
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
    return {} if decision is None else {"idTokenInfo": id_token_info(decision)}
