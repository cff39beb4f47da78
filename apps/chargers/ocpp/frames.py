"""OCPP-J frames: read strictly before anything else sees them (OCPP 2.1 Part 4 §4).

A frame is a JSON array; CALLRESULTERROR and SEND exist since 2.1. The payload keeps its own text,
so that a meter's digits are kept.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from apps.chargers.ocpp.versions import OcppVersion

CALL, CALL_RESULT, CALL_ERROR, CALL_RESULT_ERROR, SEND = 2, 3, 4, 5, 6
ANSWERS = frozenset({CALL_RESULT, CALL_ERROR})
UNREADABLE_ID = "-1"
MAX_FRAME_CHARS = 512_000
# Part 4 §4.1.4: a message id has at most 36 characters; errorDescription at most 255.
MESSAGE_ID_MAX_LENGTH = 36
DESCRIPTION_MAX_LENGTH = 255
_SPACE = re.compile(r"[ \t\n\r]*")


class FrameRefused(Exception):
    """A frame that is no OCPP message. `answerable` is False for a bad answer: never answer it."""

    def __init__(
        self, code: str, message: str, *, message_id: str = UNREADABLE_ID, answerable: bool = True
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.message_id = message_id
        self.answerable = answerable


@dataclass(frozen=True, slots=True)
class Frame:
    """One well-formed OCPP message; `action` is empty but for a CALL and a SEND."""

    message_type: int
    message_id: str
    action: str
    payload: dict[str, Any]
    payload_text: str
    text: str


def parse_frame(text: str, *, version: OcppVersion = OcppVersion.V201) -> Frame:
    """The frame of a text; FrameRefused with the code and message id of the CALLERROR to send."""
    elements = _elements(text)
    if not elements or isinstance(elements[0][0], bool) or not isinstance(elements[0][0], int):
        raise FrameRefused("RpcFrameworkError", "The frame has no message type.")
    message_type = elements[0][0]
    message_id = elements[1][0] if len(elements) > 1 else None
    is_21 = version is OcppVersion.V21
    if message_type in ANSWERS or (is_21 and message_type == CALL_RESULT_ERROR):
        return _answer(message_type, message_id, elements, text)
    if not isinstance(message_id, str) or not 0 < len(message_id) <= MESSAGE_ID_MAX_LENGTH:
        raise FrameRefused("RpcFrameworkError", "The message id cannot be read.")
    if message_type != CALL and not (is_21 and message_type == SEND):
        raise FrameRefused(
            "MessageTypeNotSupported",
            f"Message type {message_type} is not supported.",
            message_id=message_id,
        )
    if len(elements) != 4 or not isinstance(elements[2][0], str):
        raise FrameRefused(
            "RpcFrameworkError",
            f"It must be [{message_type}, id, action, payload].",
            message_id=message_id,
            answerable=message_type == CALL,
        )
    payload, payload_text = elements[3]
    if not isinstance(payload, dict):
        raise FrameRefused(
            "FormatViolation",
            "The payload is not an object.",
            message_id=message_id,
            answerable=message_type == CALL,
        )
    return Frame(message_type, message_id, elements[2][0], payload, payload_text, text)


def call(message_id: str, action: str, payload: Mapping[str, Any]) -> str:
    """The CALL frame."""
    return _dumps([CALL, message_id, action, payload])


def call_result(message_id: str, payload: Mapping[str, Any]) -> str:
    """The CALLRESULT frame."""
    return _dumps([CALL_RESULT, message_id, payload])


def call_error(message_id: str, code: str, description: str) -> str:
    """The CALLERROR frame."""
    return _dumps([CALL_ERROR, message_id, code, description[:DESCRIPTION_MAX_LENGTH], {}])


def call_result_error(message_id: str, code: str, description: str) -> str:
    """The CALLRESULTERROR frame of 2.1: an answer could not be used."""
    elements = [CALL_RESULT_ERROR, message_id, code, description[:DESCRIPTION_MAX_LENGTH], {}]
    return _dumps(elements)


def _dumps(frame: list[Any]) -> str:
    # A limit of 16.1 A must leave as 16.1, whatever exactness it was stored with.
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False, default=float)


def _answer(
    message_type: int, message_id: Any, elements: list[tuple[Any, str]], text: str
) -> Frame:
    if not isinstance(message_id, str):
        raise FrameRefused("RpcFrameworkError", "An answer without id.", answerable=False)
    wanted = 3 if message_type == CALL_RESULT else 5
    if message_type != CALL_RESULT and len(elements) == 4:
        wanted = 4  # errorDetails left out: seen in the field, harmless
    payload, payload_text = elements[-1]
    if len(elements) != wanted or (message_type == CALL_RESULT and not isinstance(payload, dict)):
        raise FrameRefused(
            "FormatViolation", "A malformed answer.", message_id=message_id, answerable=False
        )
    if not isinstance(payload, dict):
        payload, payload_text = {}, "{}"
    return Frame(message_type, message_id, "", payload, payload_text, text)


def _elements(text: str) -> list[tuple[Any, str]]:
    """The elements of the outer array, each with its own text."""
    if len(text) > MAX_FRAME_CHARS:
        raise FrameRefused("RpcFrameworkError", "The frame is too long.")
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
    try:
        at = _skip(text, 0)
        if text[at] != "[":
            json.loads(text)
            raise FrameRefused("RpcFrameworkError", "The frame is not a JSON array.")
        at = _skip(text, at + 1)
        elements: list[tuple[Any, str]] = []
        while text[at] != "]" or elements:
            value, end = decoder.raw_decode(text, at)
            elements.append((value, text[at:end]))
            at = _skip(text, end)
            if text[at] == "]":
                break
            if text[at] != ",":
                raise ValueError(f"unexpected character at {at}")
            at = _skip(text, at + 1)
        if _skip(text, at + 1) != len(text):
            raise ValueError("text after the array")
    # RecursionError: an array nested a hundred thousand times; IndexError: a cut frame.
    except (ValueError, IndexError, RecursionError) as err:
        raise FrameRefused("RpcFrameworkError", "The frame is not valid JSON.") from err
    return elements


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
