"""Messages on displays (block O) and customer information (N09), between the wire and us.

`QRCODE`, and the states Suspended and Discharging, are of 2.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.values import count, instant, integer, storable
from cariflex.common.time import format_rfc3339

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DisplayedMessage:
    """A message as a display shows it (MessageInfoType)."""

    message_id: int
    content: str
    priority: str = "NormalCycle"
    format: str = "UTF8"
    language: str = ""
    state: str = ""
    start_at: datetime | None = None
    end_at: datetime | None = None
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class DisplayReport:
    """A part of the messages that a station has."""

    request_id: int
    messages: tuple[DisplayedMessage, ...]
    is_last: bool


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """A part of what a station knows of a customer."""

    request_id: int
    number: int
    text: str
    is_last: bool
    generated_at: datetime


def message_info(message: DisplayedMessage) -> dict[str, Any]:
    """MessageInfoType of a SetDisplayMessageRequest."""
    content = {"format": message.format, "content": message.content}
    if message.language:
        content["language"] = message.language
    info: dict[str, Any] = {
        "id": message.message_id,
        "priority": message.priority,
        "message": content,
    }
    if message.state:
        info["state"] = message.state
    if message.start_at is not None:
        info["startDateTime"] = format_rfc3339(message.start_at)
    if message.end_at is not None:
        info["endDateTime"] = format_rfc3339(message.end_at)
    if message.transaction_id:
        info["transactionId"] = message.transaction_id
    return info


def displayed_message(info: Payload) -> DisplayedMessage:
    """A MessageInfoType; PayloadRefused for times and numbers that cannot be used."""
    content = info["message"]
    return DisplayedMessage(
        message_id=count(info["id"], "id"),
        content=storable(content["content"], "message.content"),
        priority=info["priority"],
        format=content["format"],
        language=storable(content.get("language", ""), "message.language"),
        state=info.get("state", ""),
        start_at=instant(info["startDateTime"]) if "startDateTime" in info else None,
        end_at=instant(info["endDateTime"]) if "endDateTime" in info else None,
        transaction_id=storable(info.get("transactionId", ""), "transactionId"),
    )


def display_report(payload: Payload) -> DisplayReport:
    """NotifyDisplayMessagesRequest."""
    return DisplayReport(
        request_id=integer(payload["requestId"]),
        messages=tuple(displayed_message(info) for info in payload.get("messageInfo", ())),
        is_last=not payload.get("tbc", False),
    )


def customer_report(payload: Payload) -> CustomerReport:
    """NotifyCustomerInformationRequest."""
    return CustomerReport(
        request_id=integer(payload["requestId"]),
        number=count(payload["seqNo"], "seqNo"),
        text=storable(payload["data"], "data"),
        is_last=not payload.get("tbc", False),
        generated_at=instant(payload["generatedAt"]),
    )
