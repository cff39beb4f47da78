"""Block P: what only a vendor's stations say."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import ALL, handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.services.data_transfers import VendorMessage, data_transfer_receive


@handles("DataTransfer", *ALL)
async def data_transfer(link: StationLink, frame: Frame) -> dict[str, Any]:
    """P02; the same words in 1.6 (§4.3), where the data is text."""
    message = VendorMessage(
        station_pk=link.station_pk,
        vendor_id=frame.payload["vendorId"],
        message_id=frame.payload.get("messageId", ""),
        content=frame.payload.get("data"),
    )
    told = await link.store(data_transfer_receive, message)
    answer: dict[str, Any] = {"status": told.status}
    if told.content is not None:
        answer["data"] = told.content
    return answer
