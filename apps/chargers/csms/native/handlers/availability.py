"""Block G: what connectors say of themselves."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import connector_status_set


@handles("StatusNotification")
async def status(link: StationLink, frame: Frame) -> dict[str, Any]:
    """G01."""
    report = mapping.connector_report(frame.payload)
    await link.store(connector_status_set, station_pk=link.station_pk, report=report)
    return {}
