"""Messages of stations as CitrineOS passes them on, live and from its table, in one form.

Shapes of v1.8.3. Live: the body of a message on the headers exchange, {origin, eventGroup, action,
state, context {stationId, correlationId, tenantId, timestamp}, protocol, payload}; state 1 is a
request, 2 an answer. The table OCPPMessages: the whole frame as JSON in `message`. Both carry the
same message id and the same instant.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from apps.chargers.choices import MessageDirection
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.frames import CALL, CALL_RESULT, Frame
from apps.chargers.ocpp.values import instant, loads
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import LoggedFrame

STATION, CSMS = "cs", "csms"
REQUEST, ANSWER = 1, 2
_VERSIONS = {version.subprotocol: version for version in OcppVersion}
_ID_MAX_LENGTH = 64


class MessageUnusable(Exception):
    """What came from CitrineOS is no message in a form that is known."""


@dataclass(frozen=True, slots=True)
class BridgedMessage:
    """One request of a station, or one answer of CitrineOS to it (`is_answer`)."""

    station_id: str
    tenant_id: int
    correlation_id: str
    at: datetime
    version: OcppVersion
    action: str
    payload: dict[str, Any]
    payload_text: str
    is_answer: bool = False

    @property
    def key(self) -> tuple[str, str, datetime, bool]:
        """What is the same for a message however it came."""
        return self.station_id, self.correlation_id, self.at, self.is_answer

    @property
    def frame(self) -> Frame:
        """The message as it stood on the station's socket."""
        name = json.dumps(self.correlation_id)
        text = f'[{CALL},{name},"{self.action}",{self.payload_text}]'
        kind = CALL_RESULT if self.is_answer else CALL
        return Frame(kind, self.correlation_id, self.action, self.payload, self.payload_text, text)

    def logged(self, station_pk: int, error: str = "") -> LoggedFrame:
        """The message as the message log keeps it."""
        frame = self.frame
        direction = MessageDirection.OUT if self.is_answer else MessageDirection.IN
        text = frame.text
        if self.is_answer:
            text = f"[{CALL_RESULT},{json.dumps(self.correlation_id)},{self.payload_text}]"
        return LoggedFrame(
            station_pk, direction, frame.message_type, frame.message_id[:36], self.action, text,
            error, self.at,
        )  # fmt: skip


def with_payload(message: BridgedMessage, payload: dict[str, Any]) -> BridgedMessage:
    """The message with another payload."""
    return replace(message, payload=payload, payload_text=_written(payload))


def live_message(body: bytes | str) -> BridgedMessage:
    """The message in a body of the exchange; MessageUnusable when there is none."""
    told = _object(_parsed(body))
    context = _object(told.get("context"))
    return _message(
        station_id=context.get("stationId"),
        tenant_id=context.get("tenantId"),
        correlation_id=context.get("correlationId"),
        at=context.get("timestamp"),
        protocol=told.get("protocol"),
        action=told.get("action"),
        payload=told.get("payload"),
        is_answer=_state(told.get("state")) == ANSWER,
    )


def stored_message(row: Mapping[str, Any]) -> BridgedMessage:
    """The message in a row of OCPPMessages; MessageUnusable when there is none."""
    frame = row.get("message")
    if isinstance(frame, str):
        frame = _parsed(frame)
    if not isinstance(frame, list) or len(frame) < 3 or frame[0] not in (CALL, CALL_RESULT):
        raise MessageUnusable("the stored frame is no call and no answer")
    is_answer = frame[0] == CALL_RESULT
    if not is_answer and len(frame) != 4:
        raise MessageUnusable("the stored call has no payload")
    return _message(
        station_id=row.get("stationId"),
        tenant_id=row.get("tenantId"),
        correlation_id=frame[1],
        at=row.get("timestamp"),
        protocol=row.get("protocol"),
        action=row.get("action") if is_answer else frame[2],
        payload=frame[-1],
        is_answer=is_answer,
    )


def _message(
    *,
    station_id: Any,
    tenant_id: Any,
    correlation_id: Any,
    at: Any,
    protocol: Any,
    action: Any,
    payload: Any,
    is_answer: bool,
) -> BridgedMessage:
    texts = {"stationId": station_id, "correlationId": correlation_id, "action": action}
    for name, text in texts.items():
        if not isinstance(text, str) or not text or not text.isprintable():
            raise MessageUnusable(f"{name} is missing")
    version = _VERSIONS.get(protocol)
    if version is None:
        raise MessageUnusable(f"the protocol is {str(protocol)[:20]!r}")
    try:
        received_at = instant(at) if isinstance(at, str) else None
        tenant = int(tenant_id)
    except (PayloadRefused, ValueError, TypeError) as err:
        raise MessageUnusable("the context is not usable") from err
    if received_at is None:
        raise MessageUnusable("the timestamp is missing")
    return BridgedMessage(
        station_id=station_id,
        tenant_id=tenant,
        correlation_id=correlation_id[:_ID_MAX_LENGTH],
        at=received_at,
        version=version,
        action=action[:50],
        payload=_object(payload),
        payload_text=_written(payload),
        is_answer=is_answer,
    )


def _state(value: Any) -> int:
    """1 or 2; both stand as number in the body and as text in the headers."""
    try:
        return int(value)
    except (TypeError, ValueError) as err:
        raise MessageUnusable("the state is missing") from err


def _parsed(body: bytes | str) -> Any:
    try:
        return loads(body.decode() if isinstance(body, bytes) else body)
    except (ValueError, RecursionError) as err:
        raise MessageUnusable("the body is not JSON") from err


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageUnusable("an object is missing")
    return value


def _written(value: Any) -> str:
    """JSON with each number as it was read: a meter's digits survive as far as CitrineOS kept them.

    The standard library would write a Decimal as float.
    """
    if isinstance(value, dict):
        inner = ",".join(f"{json.dumps(name)}:{_written(one)}" for name, one in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(_written(one) for one in value)}]"
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
