"""OCPP-J framing (Part 4 §4): what is refused, with which code and which message id."""

from decimal import Decimal

import pytest

from apps.chargers.ocpp.frames import MAX_FRAME_CHARS, FrameRefused, call_error, parse_frame
from apps.chargers.ocpp.versions import OcppVersion


def test_a_call_keeps_the_digits_and_the_text_of_its_payload() -> None:
    frame = parse_frame(' [2, "19", "MeterValues" , {"value": 1234.50, "n":[1]} ]\n')

    assert (frame.message_type, frame.message_id, frame.action) == (2, "19", "MeterValues")
    assert frame.payload == {"value": Decimal("1234.50"), "n": [1]}
    assert str(frame.payload["value"]) == "1234.50"
    assert frame.payload_text == '{"value": 1234.50, "n":[1]}'


@pytest.mark.parametrize(
    ("text", "code", "message_id"),
    [
        ("", "RpcFrameworkError", "-1"),
        ("hello", "RpcFrameworkError", "-1"),
        ('{"a": 1}', "RpcFrameworkError", "-1"),
        ("[]", "RpcFrameworkError", "-1"),
        ("[2", "RpcFrameworkError", "-1"),
        ('[2,"1","Heartbeat",{}]x', "RpcFrameworkError", "-1"),
        ('[2,"1","Heartbeat",{},]', "RpcFrameworkError", "-1"),
        ('["2","1","Heartbeat",{}]', "RpcFrameworkError", "-1"),
        ('[true,"1","Heartbeat",{}]', "RpcFrameworkError", "-1"),
        ('[2,7,"Heartbeat",{}]', "RpcFrameworkError", "-1"),
        ('[2,"","Heartbeat",{}]', "RpcFrameworkError", "-1"),
        ('[2,"' + "x" * 37 + '","Heartbeat",{}]', "RpcFrameworkError", "-1"),
        ('[2,"1","MeterValues",{"v":NaN}]', "RpcFrameworkError", "-1"),
        ('[2,"1","MeterValues",{"v":Infinity}]', "RpcFrameworkError", "-1"),
        ('[2,"1","MeterValues",{"v":' + "9" * 5000 + "}]", "RpcFrameworkError", "-1"),
        ("[" * 100_000, "RpcFrameworkError", "-1"),
        (" " * (MAX_FRAME_CHARS + 1), "RpcFrameworkError", "-1"),
        ('[9,"1","Heartbeat",{}]', "MessageTypeNotSupported", "1"),
        ('[2,"1","Heartbeat"]', "RpcFrameworkError", "1"),
        ('[2,"1",5,{}]', "RpcFrameworkError", "1"),
        ('[2,"1","Heartbeat",[]]', "FormatViolation", "1"),
        ('[2,"1","Heartbeat",null]', "FormatViolation", "1"),
    ],
)
def test_what_is_no_call_is_refused(text: str, code: str, message_id: str) -> None:
    with pytest.raises(FrameRefused) as refused:
        parse_frame(text)

    assert (refused.value.code, refused.value.message_id) == (code, message_id)
    assert refused.value.answerable


@pytest.mark.parametrize("text", ['[3,"1"]', "[3,1,{}]", '[3,"1",[]]', '[4,"1","X"]', "[4]"])
def test_a_malformed_answer_is_never_answered(text: str) -> None:
    with pytest.raises(FrameRefused) as refused:
        parse_frame(text)

    assert not refused.value.answerable


def test_send_and_answer_errors_are_frames_of_2_1_only() -> None:
    send = '[6,"s1","NotifyPeriodicEventStream",{"id":1}]'
    answer_error = '[5,"m1","FormatViolation","",{}]'

    frame = parse_frame(send, version=OcppVersion.V21)
    assert (frame.message_type, frame.action) == (6, "NotifyPeriodicEventStream")
    assert parse_frame(answer_error, version=OcppVersion.V21).message_id == "m1"
    for text in (send, answer_error):
        with pytest.raises(FrameRefused) as refused:
            parse_frame(text, version=OcppVersion.V201)
        assert refused.value.code == "MessageTypeNotSupported"


def test_a_malformed_send_is_never_answered() -> None:
    with pytest.raises(FrameRefused) as refused:
        parse_frame('[6,"s1","NotifyPeriodicEventStream"]', version=OcppVersion.V21)

    assert not refused.value.answerable


def test_an_error_without_details_is_read() -> None:
    assert parse_frame('[4,"1","GenericError","no"]').payload == {}


def test_a_call_error_has_a_short_description() -> None:
    assert call_error("-1", "RpcFrameworkError", "x" * 300) == (
        '[4,"-1","RpcFrameworkError","' + "x" * 255 + '",{}]'
    )
