"""Blocks L and N: events, logs and firmware; kept in the message log."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame


@handles("NotifyEvent")
@handles("LogStatusNotification")
@handles("FirmwareStatusNotification")
async def noted(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """N07, N01, L01."""
    await link.seen()
    return {}
