"""What stations answer, in the words of OCPI."""

import pytest

from apps.chargers.choices import CommandStatus
from apps.ocpi.choices import RemoteCommandKind
from apps.ocpi.services.command_words import StationWord, command_result, profile_result

START, STOP, RESERVE, CANCEL, UNLOCK = (
    RemoteCommandKind.START_SESSION, RemoteCommandKind.STOP_SESSION, RemoteCommandKind.RESERVE_NOW,
    RemoteCommandKind.CANCEL_RESERVATION, RemoteCommandKind.UNLOCK_CONNECTOR,
)  # fmt: skip


def word(status: str, answer: str = "", error: str = "", **known: bool) -> StationWord:
    return StationWord(CommandStatus(status), {"status": answer} if answer else {}, error, **known)


@pytest.mark.parametrize(
    ("kind", "told", "result"),
    [
        (START, word("accepted", "Accepted", is_occupied=True), "ACCEPTED"),
        (START, word("rejected", "Rejected"), "REJECTED"),
        (START, word("rejected", "Rejected", is_occupied=True), "EVSE_OCCUPIED"),
        (START, word("rejected", "Rejected", is_inoperative=True), "EVSE_INOPERATIVE"),
        (STOP, word("rejected", "Rejected", is_occupied=True), "REJECTED"),
        (STOP, word("timeout", error="The station did not answer."), "TIMEOUT"),
        (STOP, word("failed", error="No process took the order."), "TIMEOUT"),
        (STOP, word("failed", error="The connection was lost."), "TIMEOUT"),
        (STOP, word("failed", error="InternalError: oops"), "FAILED"),
        (STOP, word("failed", error="NotSupported: no"), "NOT_SUPPORTED"),
        (STOP, word("failed", error="NotImplemented: no"), "NOT_SUPPORTED"),
        (RESERVE, word("rejected", "Occupied"), "EVSE_OCCUPIED"),
        (RESERVE, word("rejected", "Faulted"), "EVSE_INOPERATIVE"),
        (RESERVE, word("rejected", "Unavailable"), "EVSE_INOPERATIVE"),
        (RESERVE, word("rejected", "SomethingNew"), "REJECTED"),
        (CANCEL, word("rejected", "Rejected"), "UNKNOWN_RESERVATION"),
        (UNLOCK, word("rejected", "UnlockFailed"), "FAILED"),
        (UNLOCK, word("rejected", "UnknownConnector"), "FAILED"),
        (UNLOCK, word("rejected", "NotSupported"), "NOT_SUPPORTED"),
    ],
)
def test_every_end_of_an_order_has_its_word(
    kind: RemoteCommandKind, told: StationWord, result: str
) -> None:
    assert command_result(kind, told) == result


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (word("accepted", "Accepted"), "ACCEPTED"),
        (word("rejected", "Rejected"), "REJECTED"),
        (word("rejected", "Unknown"), "UNKNOWN"),
        (word("timeout"), "REJECTED"),
    ],
)
def test_every_end_of_a_profile_has_its_word(told: StationWord, result: str) -> None:
    assert profile_result(told) == result
