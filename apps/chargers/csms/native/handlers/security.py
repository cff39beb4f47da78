"""Block A: what a station reports about its security; kept in the message log."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame


@handles("SecurityEventNotification")
async def security_event(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """A04."""
    await link.seen()
    return {}
