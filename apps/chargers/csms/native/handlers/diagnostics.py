"""Blocks L and N: events, logs and firmware; those of the last two are kept in the message log."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import notices
from apps.chargers.services.notices import station_events_store


@handles("NotifyEvent")
async def event(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N07."""
    events = notices.station_events(frame.payload)
    await link.store(station_events_store, station_pk=link.station_pk, events=events)
    return {}


@handles("LogStatusNotification")
@handles("FirmwareStatusNotification")
async def noted(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """N01, L01."""
    await link.seen()
    return {}
