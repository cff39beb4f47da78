"""Block J: values sent outside a transaction."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import meter_report_store


@handles("MeterValues")
async def meter_values(link: StationLink, frame: Frame) -> dict[str, Any]:
    """J01."""
    report = mapping.meter_report(frame.payload)
    await link.store(meter_report_store, station_pk=link.station_pk, report=report)
    return {}
