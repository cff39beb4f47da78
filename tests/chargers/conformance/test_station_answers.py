"""How the answers of a station are taken: CALLRESULT, CALLERROR, and what is neither."""

import json
from collections.abc import Callable

import pytest

from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command, StationMessage
from apps.chargers.services import command_send
from tests.chargers.conformance.client import V16, V201, Checking
from tests.chargers.conftest import STATION_ID
from tests.chargers.server import A, B, Csms, at, eventually

Kept = Callable[..., StationMessage]
CODES_2 = (
    "FormatViolation", "FormationViolation", "GenericError", "InternalError",
    "MessageTypeNotSupported", "NotImplemented", "NotSupported", "OccurrenceConstraintViolation",
    "PropertyConstraintViolation", "ProtocolError", "RpcFrameworkError", "SecurityError",
    "TypeConstraintViolation",
)  # fmt: skip
CODES_16 = (
    "NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError",
    "FormationViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation",
    "TypeConstraintViolation", "GenericError",
)  # fmt: skip


def ask(station: Checking) -> tuple[int, str]:
    """Clear the cache: (command, message id)."""
    command = at(A, lambda: command_send(station_id=STATION_ID, action="ClearCache", payload={}))
    message_id, payload = station.asked("ClearCache")
    assert (message_id, payload) == (str(command.correlation_id), {})
    return command.pk, message_id


def ended(command_id: int) -> Command:
    """The command once it has ended."""

    def read() -> Command | None:
        return Command.objects.filter(pk=command_id, answered_at__isnull=False).first()

    command = eventually(lambda: at(A, read))
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"status": "Accepted"}, CommandStatus.ACCEPTED), ({"status": "Rejected"}, "rejected")],
)
def test_a_call_result_ends_the_order(
    any_station: Checking, answer: dict[str, str], status: str
) -> None:
    command_id, message_id = ask(any_station)

    any_station.answer(message_id, answer)

    command = ended(command_id)
    assert (command.status, command.answer) == (status, answer)
    assert at(B, Command.objects.count) == 0


def test_every_call_error_fails_the_order_with_its_code(station: Checking, kept: Kept) -> None:
    for code in CODES_2:
        command_id, message_id = ask(station)
        station.send(json.dumps([4, message_id, code, "why", {"more": 1}]))
        command = ended(command_id)
        assert (command.status, command.error) == (CommandStatus.FAILED, f"{code}: why")
        assert kept(direction="in", message_type=4, message_id=message_id)
    station.heartbeat()


def test_every_call_error_of_16_fails_the_order_with_its_code(csms: Csms) -> None:
    station = Checking(csms, V16).boot()
    for code in (*CODES_16, "SomethingElse"):
        command_id, message_id = ask(station)
        station.send(json.dumps([4, message_id, code, "", {}]))
        assert (ended(command_id).status, ended(command_id).error) == (CommandStatus.FAILED, code)
    station.heartbeat()


def test_a_call_error_without_details_is_taken(station: Checking) -> None:
    command_id, message_id = ask(station)

    station.send(json.dumps([4, message_id, "NotSupported", "no cache"]))

    assert ended(command_id).error == "NotSupported: no cache"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("[3,{id}]", "FormatViolation: A malformed answer."),
        ("[3,{id},[]]", "FormatViolation: A malformed answer."),
        ("[4,{id}]", "FormatViolation: A malformed answer."),
        ('[3,{id},{{"status":"Perhaps"}}]', "PropertyConstraintViolation: the station's answer"),
        ("[3,{id},{{}}]", "OccurrenceConstraintViolation: the station's answer"),
        ('[3,{id},{{"status":"Accepted","x":1}}]', "FormatViolation: the station's answer"),
    ],
)
def test_an_answer_that_is_none_fails_the_order_at_once(
    station: Checking, kept: Kept, answer: str, error: str
) -> None:
    command_id, message_id = ask(station)

    station.send(answer.format(id=json.dumps(message_id)))

    command = ended(command_id)
    assert command.status == CommandStatus.FAILED
    assert command.error.startswith(error)
    assert command.latency_s is not None
    assert command.latency_s < 20
    station.heartbeat()
    assert kept(direction="in", message_id=message_id)


@pytest.mark.parametrize(
    "answer", ['[3,"x",{}]', '[4,"x","GenericError","",{}]', '[3,"x"]', "[4]", "[3,7,{}]"]
)
def test_an_answer_that_nobody_waits_for_is_kept_and_never_answered(
    any_station: Checking, kept: Kept, answer: str
) -> None:
    any_station.send(answer)

    any_station.heartbeat()
    assert kept(direction="in", payload=answer).error


def test_the_answer_to_another_order_ends_nothing(station: Checking) -> None:
    command_id, message_id = ask(station)

    station.send(json.dumps([3, message_id[:-1] + "x", {"status": "Rejected"}]))
    station.heartbeat()
    assert at(A, lambda: Command.objects.get(pk=command_id).status) == CommandStatus.SENT

    station.answer(message_id, {"status": "Accepted"})
    assert ended(command_id).status == CommandStatus.ACCEPTED


def test_a_second_answer_changes_nothing(station: Checking) -> None:
    command_id, message_id = ask(station)
    station.answer(message_id, {"status": "Accepted"})
    assert ended(command_id).status == CommandStatus.ACCEPTED

    station.answer(message_id, {"status": "Rejected"})
    station.heartbeat()

    assert ended(command_id).status == CommandStatus.ACCEPTED


def test_one_call_of_ours_at_a_time(station: Checking) -> None:
    first, first_id = ask(station)
    second = at(A, lambda: command_send(station_id=STATION_ID, action="ClearCache", payload={}))
    # The station calls while it is asked: it is served, and the second order still waits.
    assert station.call("Heartbeat", {})[0] == 3

    station.answer(first_id, {"status": "Accepted"})
    second_id, _payload = station.asked("ClearCache")
    station.answer(second_id, {"status": "Accepted"})

    assert second_id == str(second.correlation_id)
    assert ended(first).status == ended(second.pk).status == CommandStatus.ACCEPTED


def test_21_hears_of_an_answer_that_cannot_be_used(station_21: Checking, kept: Kept) -> None:
    """2.1 Part 4 §4.2.4: CALLRESULTERROR."""
    command_id, message_id = ask(station_21)

    station_21.answer(message_id, {"status": "Perhaps"})

    kind, told_id, code, _description, details = station_21.frame()
    assert (kind, told_id, code, details) == (5, message_id, "PropertyConstraintViolation", {})
    assert ended(command_id).status == CommandStatus.FAILED
    assert kept(direction="out", message_type=5, message_id=message_id).error
    station_21.heartbeat()


def test_201_has_no_word_for_that(station: Checking) -> None:
    _command_id, message_id = ask(station)

    station.answer(message_id, {"status": "Perhaps"})

    station.heartbeat()


def test_a_call_result_error_of_a_21_station_is_kept_and_not_answered(
    station_21: Checking, kept: Kept
) -> None:
    answer = station_21.call("Heartbeat", {})
    station_21.send(json.dumps([5, answer[1], "FormatViolation", "what?", {}]))

    station_21.heartbeat()
    assert kept(message_type=5, direction="in").error == "The station could not use our answer."


def test_the_frames_of_21_are_not_known_to_201(csms: Csms) -> None:
    station = Checking(csms, V201).boot()

    for frame in ('[5,"7","FormatViolation","",{}]', '[6,"7","NotifyPeriodicEventStream",{}]'):
        station.send(frame)
        assert station.frame()[:3] == [4, "7", "MessageTypeNotSupported"]
    station.heartbeat()


@pytest.mark.parametrize(
    ("frame", "is_right"),
    [
        ('[6,"7","NotifyPeriodicEventStream",{}]', False),
        ('[6,"7","Dance",{}]', False),
        ('[6,"7","Heartbeat",[]]', False),
        ('[6,"7","Heartbeat"]', False),
        (
            '[6,"7","NotifyPeriodicEventStream",{"id":1,"pending":0,'
            '"basetime":"2026-03-10T12:00:00Z","data":[{"t":0.5,"v":"1"}]}]',
            True,
        ),
    ],
)
def test_a_send_is_never_answered_and_kept(
    station_21: Checking, kept: Kept, frame: str, is_right: bool
) -> None:
    """2.1 Part 4 §4.2.5: not even when it is wrong."""
    station_21.send(frame)

    station_21.heartbeat()
    assert (kept(direction="in", message_id="7").error == "") is is_right
    assert (
        at(A, lambda: StationMessage.objects.filter(direction="out", message_id="7").count()) == 0
    )
