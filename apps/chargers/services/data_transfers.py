"""Block P: what only a vendor's stations say, handed to whoever knows the vendor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cariflex.common.errors import DomainError

ACCEPTED, REJECTED = "Accepted", "Rejected"
UNKNOWN_VENDOR, UNKNOWN_MESSAGE = "UnknownVendorId", "UnknownMessageId"


@dataclass(frozen=True, slots=True)
class VendorMessage:
    """A DataTransferRequest of a station."""

    station_pk: int
    vendor_id: str
    message_id: str
    content: Any


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """A DataTransferResponse: DataTransferStatusEnumType, and data that the vendor defines."""

    status: str
    content: Any = None


Receive = Callable[[VendorMessage], VendorAnswer]
_vendors: dict[str, dict[str, Receive]] = {}


def register_vendor(vendor_id: str, messages: dict[str, Receive]) -> None:
    """Serve messages of a vendor, by messageId; "" is the one without.

    Done when a module is imported. What is registered later of the same name wins.
    """
    _vendors.setdefault(vendor_id, {}).update(messages)


def data_transfer_receive(message: VendorMessage) -> VendorAnswer:
    """The answer to a station's DataTransfer (P02); nothing of an unknown vendor is touched."""
    messages = _vendors.get(message.vendor_id)
    if messages is None:
        return VendorAnswer(UNKNOWN_VENDOR)
    receive = messages.get(message.message_id)
    if receive is None:
        return VendorAnswer(UNKNOWN_MESSAGE)
    try:
        return receive(message)
    except DomainError:
        return VendorAnswer(REJECTED)
