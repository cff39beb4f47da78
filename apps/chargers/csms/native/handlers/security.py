"""Block A: what a station reports about its security."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import notices
from apps.chargers.services.security_events import security_event_store


@handles("SecurityEventNotification")
async def security_event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """A04."""
    told = notices.security_event(frame.payload)
    await link.store(
        security_event_store,
        station_pk=link.station_pk,
        event_type=told.type,
        at=told.at,
        tech_info=told.tech_info,
    )
    return {}
