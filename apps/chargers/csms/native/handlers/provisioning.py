"""Block B: a station starts, lives, and tells what it is made of."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import ALL, handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import HEARTBEAT_INTERVAL_S, station_booted
from cariflex.common.time import format_rfc3339, utc_now


@handles("BootNotification", before_acceptance=True)
async def boot(link: StationLink, frame: Frame) -> dict[str, Any]:
    """B01 to B04."""
    now = utc_now()
    link.registration_status = await link.store(
        station_booted, station_pk=link.station_pk, boot=mapping.boot(frame.payload), now=now
    )
    return {
        "currentTime": format_rfc3339(now),
        "interval": HEARTBEAT_INTERVAL_S,
        "status": link.registration_status.value,
    }


@handles("Heartbeat", *ALL)
async def heartbeat(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """G02."""
    await link.seen()
    return {"currentTime": format_rfc3339(utc_now())}


@handles("NotifyReport")
async def report(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """B07, B08: part of a report."""
    await link.seen()
    return {}
