"""Block N of 2.1: periodic event streams."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp import frames
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v21.streams import StreamTerms, bundle_of
from apps.chargers.ocpp.values import count
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.event_streams import stream_close, stream_open, stream_values_store
from cariflex.common.time import utc_now

V21 = OcppVersion.V21


@handles("OpenPeriodicEventStream", V21)
async def opened(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N11."""
    terms = StreamTerms.of(frame.payload["constantStreamData"])
    if await link.store(stream_open, station_pk=link.station_pk, terms=terms, now=utc_now()):
        return {"status": "Accepted"}
    why = {"reasonCode": "TooManyElements", "additionalInfo": "Too many streams are open."}
    return {"status": "Rejected", "statusInfo": why}


@handles("ClosePeriodicEventStream", V21)
async def closed(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N12; a stream that is not open is closed all the same."""
    await link.store(
        stream_close,
        station_pk=link.station_pk,
        stream_id=count(frame.payload["id"], "id"),
        now=utc_now(),
    )
    return {}


@handles("NotifyPeriodicEventStream", V21)
async def values(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N14: by SEND only, so that there is no answer."""
    if frame.message_type != frames.SEND:
        raise PayloadRefused("ProtocolError", "NotifyPeriodicEventStream comes as a SEND.")
    await link.store(
        stream_values_store, station_pk=link.station_pk, bundle=bundle_of(frame.payload)
    )
    return {}
