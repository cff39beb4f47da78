"""Block O: the messages that a station has; N09: what it knows of a customer."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import displays
from apps.chargers.services.customer_information import customer_report_store
from apps.chargers.services.display_messages import display_report_store
from cariflex.common.time import utc_now


@handles("NotifyDisplayMessages", while_pending=True)
async def display_messages(link: StationLink, frame: Frame) -> dict[str, Any]:
    """O03, O04."""
    report = displays.display_report(frame.payload)
    await link.store(display_report_store, station_pk=link.station_pk, report=report, now=utc_now())
    return {}


@handles("NotifyCustomerInformation", while_pending=True)
async def customer_information(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N09; a part that nobody waits for is answered all the same and not kept."""
    report = displays.customer_report(frame.payload)
    await link.store(
        customer_report_store, station_pk=link.station_pk, report=report, now=utc_now()
    )
    return {}
