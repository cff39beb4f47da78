"""A station written straight from the JSON schemas: it checks all that the CSMS sends.

Every frame of ours is judged by the reference validator and by the rules of OCPP-J (Part 4 §4):
shape of the frame, message id, payload by its schema, date-times with at most three decimals.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from apps.chargers.ocpp import validation
from apps.chargers.ocpp.versions import OcppVersion
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.events import dumps
from tests.chargers.server import BOOT, A, B, Csms, Station

V21, V201, V16 = OcppVersion.V21, OcppVersion.V201, OcppVersion.V16
BOOT_16 = {"chargePointVendor": "ACME", "chargePointModel": "Wall 22"}
_PASSWORDS = {A: PASSWORD_A, B: PASSWORD_B}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)")
_LOOKS_LIKE_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


@cache
def _validator(version: OcppVersion, action: str, is_request: bool) -> Draft7Validator:
    return Draft7Validator(validation.schema(version, action, is_request=is_request))


def judge(version: OcppVersion, action: str, payload: Any, *, is_request: bool) -> None:
    """AssertionError when the payload breaks its schema or a date-time is too fine."""
    errors = [e.message for e in _validator(version, action, is_request).iter_errors(payload)]
    assert errors == []
    _judge_date_times(payload)


def _judge_date_times(value: Any) -> None:
    if isinstance(value, Mapping):
        for inner in value.values():
            _judge_date_times(inner)
    elif isinstance(value, list):
        for inner in value:
            _judge_date_times(inner)
    elif isinstance(value, str) and _LOOKS_LIKE_DATE_TIME.match(value):
        assert _DATE_TIME.fullmatch(value), value


class Checking:
    """A connected station that finds the CSMS's faults."""

    def __init__(self, csms: Csms, version: OcppVersion = V201, *, operator: str = A) -> None:
        self.version = version
        self.station: Station = csms.connect(
            operator, STATION_ID, _PASSWORDS[operator], subprotocols=[version.subprotocol]
        )
        assert self.station.socket.subprotocol == version.subprotocol
        self._next_id = 0

    def boot(self) -> "Checking":
        payload = BOOT_16 if self.version.is_16 else BOOT
        assert self.tell("BootNotification", payload)["status"] == "Accepted"
        return self

    def send(self, text: str | bytes) -> None:
        self.station.send(text)

    def call(self, action: str, payload: Any, *, message_id: str | None = None) -> list[Any]:
        """The judged answer to a CALL: CALLRESULT or CALLERROR; calls of the CSMS are refused."""
        self._next_id += 1
        message_id = message_id or f"station-{self._next_id}"
        self.send(f"[2,{json.dumps(message_id)},{json.dumps(action)},{dumps(payload)}]")
        frame = self.frame()
        while frame[0] == 2:
            self.send(json.dumps([4, frame[1], "NotSupported", "not now", {}]))
            frame = self.frame()
        assert frame[1] == message_id
        if frame[0] == 3:
            assert len(frame) == 3
            judge(self.version, action, frame[2], is_request=False)
        return frame

    def tell(self, action: str, payload: Any) -> dict[str, Any]:
        """The payload of the CALLRESULT."""
        answer = self.call(action, payload)
        assert answer[0] == 3, answer
        return answer[2]  # type: ignore[no-any-return]

    def refusal(self, action: str, payload: Any) -> str:
        """The error code of the CALLERROR."""
        answer = self.call(action, payload)
        assert answer[0] == 4, answer
        return str(answer[2])

    def frame(self) -> list[Any]:
        """The next frame of the CSMS, judged by the rules of OCPP-J."""
        frame: list[Any] = self.station.receive()
        assert isinstance(frame, list)
        assert isinstance(frame[1], str)
        assert 0 < len(frame[1]) <= 36
        if frame[0] == 4:
            assert len(frame) == 5
            assert isinstance(frame[2], str)
            assert len(frame[3]) <= 255
            assert isinstance(frame[4], dict)
        return frame

    def asked(self, action: str) -> tuple[str, dict[str, Any]]:
        """The next CALL of the CSMS, which is of this action: message id and judged payload."""
        kind, message_id, told, payload = self.frame()
        assert (kind, told) == (2, action)
        judge(self.version, action, payload, is_request=True)
        return message_id, payload

    def answer(self, message_id: str, payload: dict[str, Any]) -> None:
        self.send(json.dumps([3, message_id, payload]))

    def heartbeat(self) -> None:
        """The socket goes on."""
        assert self.tell("Heartbeat", {})["currentTime"].endswith("Z")
