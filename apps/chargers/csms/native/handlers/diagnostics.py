"""Blocks L and N, and their forms in 1.6: events, firmware, logs."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import ALL, handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import notices
from apps.chargers.ocpp.values import integer
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.firmware import firmware_status_note
from apps.chargers.services.logs import log_status_note
from apps.chargers.services.notices import station_events_store
from cariflex.common.time import utc_now

V16 = OcppVersion.V16


@handles("NotifyEvent")
async def event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N07."""
    events = notices.station_events(frame.payload)
    await link.store(station_events_store, station_pk=link.station_pk, events=events)
    return {}


@handles("FirmwareStatusNotification", *ALL, while_pending=True)
@handles("SignedFirmwareStatusNotification", V16, while_pending=True)
async def firmware_status(link: StationLink, frame: Frame) -> dict[str, Any]:
    """L01, L02; 1.6 §4.5 (without a number) and its signed form."""
    await link.store(
        firmware_status_note,
        station_pk=link.station_pk,
        status=frame.payload["status"],
        request_id=_request_id(frame),
        now=utc_now(),
    )
    return {}


@handles("LogStatusNotification", *ALL, while_pending=True)
@handles("DiagnosticsStatusNotification", V16, while_pending=True)
async def log_status(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N01; 1.6 §4.4 (without a number)."""
    await link.store(
        log_status_note,
        station_pk=link.station_pk,
        status=frame.payload["status"],
        request_id=_request_id(frame),
        now=utc_now(),
    )
    return {}


def _request_id(frame: Frame) -> int | None:
    return integer(frame.payload["requestId"]) if "requestId" in frame.payload else None
