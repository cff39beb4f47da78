"""OCPP 2.1 Part 4 §4.3, table "Valid error codes", and that of OCPP-J 1.6 §4.2.3, row by row."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.chargers.models import MeterValue, Session, StationMessage
from apps.chargers.services import stations as station_services
from tests.chargers.conformance.client import V16, V21, V201, Checking
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.server import A, Csms, at

Kept = Callable[..., StationMessage]
# Frames that carry no message which could be read: the answer's id is "-1".
UNREADABLE = [
    "hello",
    "",
    "[",
    '{"a":1}',
    "[]",
    "3",
    "null",
    '[2,"7","Heartbeat",{}',
    '[2,"7","Heartbeat",{}]x',
    '[2,"7","Heartbeat",{},]',
    '["2","7","Heartbeat",{}]',
    "[true]",
    "[2]",
    '[2,7,"Heartbeat",{}]',
    '[2,"","Heartbeat",{}]',
    f'[2,"{"x" * 37}","Heartbeat",{{}}]',
    '[2,"7","MeterValues",{"v":NaN}]',
    '[2,"7","MeterValues",{"v":Infinity}]',
    '[2,"7","MeterValues",{"v":-Infinity}]',
    "[" * 100_000,
    f'[2,"7","MeterValues",{{"v":{"9" * 5_000}}}]',
]


@pytest.mark.parametrize("sent", UNREADABLE, ids=lambda sent: sent[:30])
def test_what_cannot_be_read_is_answered_with_id_minus_1(
    station: Checking, kept: Kept, sent: str
) -> None:
    station.send(sent)

    assert station.frame()[:3] == [4, "-1", "RpcFrameworkError"]
    station.heartbeat()
    frame = kept(direction="in", message_id="-1")
    assert frame.payload == sent[:16_000]
    assert frame.error.startswith("RpcFrameworkError")


@pytest.mark.parametrize("version", [V21, V201, V16], ids=str)
def test_words_for_an_unreadable_frame_and_an_unknown_type(csms: Csms, version: Any) -> None:
    station = Checking(csms, version).boot()
    framework, unsupported = (
        ("FormationViolation", "NotSupported")
        if version is V16
        else ("RpcFrameworkError", "MessageTypeNotSupported")
    )

    station.send("hello")
    assert station.frame()[1:3] == ["-1", framework]
    station.send('[9,"7",{}]')
    assert station.frame()[1:3] == ["7", unsupported]
    station.send('[2,"8","Heartbeat"]')
    assert station.frame()[1:3] == ["8", framework]
    station.heartbeat()


def _change(payload: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**payload, **changed}


STATUS = {
    "timestamp": "2026-03-10T12:00:00Z", "connectorStatus": "Available", "evseId": 1,
    "connectorId": 1,
}  # fmt: skip
EVENT = {
    "eventType": "Started", "timestamp": "2026-03-10T12:00:00Z", "triggerReason": "CablePluggedIn",
    "seqNo": 0, "transactionInfo": {"transactionId": "tx-1"},
}  # fmt: skip
TABLE_2 = [
    # A field that the schema does not know; a payload that is no object.
    ("FormatViolation", "Heartbeat", {"x": 1}),
    ("FormatViolation", "StatusNotification", _change(STATUS, timestamp="soon")),
    ("FormatViolation", "StatusNotification", _change(STATUS, timestamp="2026-02-30T12:00:00Z")),
    ("FormatViolation", "StatusNotification", _change(STATUS, timestamp="2026-03-10")),
    ("FormatViolation", "StatusNotification", _change(STATUS, timestamp="2026-03-10T25:00:00Z")),
    # A required field is missing, or a list is too short.
    ("OccurrenceConstraintViolation", "BootNotification", {"reason": "PowerUp"}),
    ("OccurrenceConstraintViolation", "MeterValues", {"evseId": 1, "meterValue": []}),
    # A value of another type.
    ("TypeConstraintViolation", "StatusNotification", _change(STATUS, evseId="1")),
    ("TypeConstraintViolation", "StatusNotification", _change(STATUS, evseId=1.5)),
    ("TypeConstraintViolation", "StatusNotification", _change(STATUS, timestamp=None)),
    # A value of the right type that may not be.
    ("PropertyConstraintViolation", "StatusNotification", _change(STATUS, connectorStatus="Odd")),
    ("PropertyConstraintViolation", "TransactionEvent", _change(EVENT, seqNo=-1)),
    ("PropertyConstraintViolation", "TransactionEvent", _change(EVENT, seqNo=2**70)),
    ("PropertyConstraintViolation", "TransactionEvent",
     _change(EVENT, transactionInfo={"transactionId": "x" * 37})),
    ("PropertyConstraintViolation", "TransactionEvent",
     _change(EVENT, timestamp="2123-01-01T00:00:00Z")),
    ("PropertyConstraintViolation", "TransactionEvent",
     _change(EVENT, evse={"id": 70_000, "connectorId": 1})),
    # Not known at all; known, but nothing a CSMS serves.
    ("NotImplemented", "Dance", {}),
    ("NotImplemented", "", {}),
    ("NotSupported", "Reset", {"type": "Immediate"}),
    ("NotSupported", "RequestStartTransaction", {}),
    ("NotSupported", "SetVariables", {}),
]  # fmt: skip
TABLE_16 = [
    ("FormationViolation", "Heartbeat", {"x": 1}),
    ("ProtocolError", "BootNotification", {"chargePointVendor": "ACME"}),
    ("TypeConstraintViolation", "Authorize", {"idTag": 5}),
    ("PropertyConstraintViolation", "Authorize", {"idTag": "x" * 21}),
    ("NotImplemented", "TransactionEvent", {}),
    ("NotSupported", "RemoteStartTransaction", {"idTag": "1"}),
    ("NotSupported", "Reset", {"type": "Hard"}),
]


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_each_row_of_the_table_of_2(csms: Csms, kept: Kept, version: Any) -> None:
    station = Checking(csms, version).boot()

    for code, action, payload in TABLE_2:
        assert station.refusal(action, payload) == code, (action, payload)
        station.heartbeat()

    assert kept(action="SetVariables", direction="in").error.startswith("NotSupported")
    assert kept(action="TransactionEvent", direction="in").error.startswith("Property")
    assert at(A, Session.objects.count) == at(A, MeterValue.objects.count) == 0


def test_each_row_of_the_table_of_16(csms: Csms, kept: Kept) -> None:
    station = Checking(csms, V16).boot()

    for code, action, payload in TABLE_16:
        assert station.refusal(action, payload) == code, (action, payload)
        station.heartbeat()

    assert kept(action="Authorize", direction="in").error.startswith("PropertyConstraint")


def test_a_payload_that_is_no_object_is_a_format_violation(any_station: Checking) -> None:
    for payload in ("[]", '"x"', "5", "null"):
        any_station.send(f'[2,"7","Heartbeat",{payload}]')
        code = any_station.version.error_code("FormatViolation")
        assert any_station.frame()[1:3] == ["7", code]
    any_station.heartbeat()


def test_security_error_for_a_station_that_is_not_accepted(csms: Csms, kept: Kept) -> None:
    at(A, lambda: _register(status="Rejected"))
    station = Checking(csms, V201)

    assert station.refusal("StatusNotification", STATUS) == "SecurityError"
    assert kept(action="StatusNotification", direction="in").error.startswith("SecurityError")


def test_internal_error_when_we_fail(
    station: Checking, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(station_services, "_connector_update", fail)

    assert station.refusal("StatusNotification", STATUS) == "InternalError"
    station.heartbeat()
    error = kept(action="StatusNotification", direction="in").error
    assert error == "InternalError: out of order"


def test_nothing_of_us_is_told_in_an_internal_error(
    station: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(station_services, "_connector_update", fail)

    answer = station.call("StatusNotification", STATUS)

    assert answer[3] == "The message could not be processed."
    assert "hunter2" not in json.dumps(answer)


def test_a_repeated_message_id_is_served_as_the_call_it_is(any_station: Checking) -> None:
    for _ in range(2):
        assert any_station.call("Heartbeat", {}, message_id="same")[0] == 3


@pytest.mark.parametrize("message_id", ["x" * 36, "a", "é☃", '"', "\\", "-1"])
def test_any_message_id_of_1_to_36_characters_comes_back(
    any_station: Checking, message_id: str
) -> None:
    assert any_station.call("Heartbeat", {}, message_id=message_id)[1] == message_id


def _register(*, status: str) -> None:
    station = station_services.station_register(
        station_id=STATION_ID, password=PASSWORD_A, rated_power_kw=22.0
    )
    station.registration_status = status
    station.save(update_fields=["registration_status"])
