"""What stations answer, in the words of OCPI (2.2.1 §13.5.2, §14.5.6). Pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.chargers.choices import CommandStatus
from apps.ocpi.choices import RemoteCommandKind

ACCEPTED, REJECTED, FAILED = "ACCEPTED", "REJECTED", "FAILED"
NOT_SUPPORTED, TIMEOUT = "NOT_SUPPORTED", "TIMEOUT"
OCCUPIED, INOPERATIVE = "EVSE_OCCUPIED", "EVSE_INOPERATIVE"
CANCELED, UNKNOWN_RESERVATION = "CANCELED_RESERVATION", "UNKNOWN_RESERVATION"
UNKNOWN, UNKNOWN_SESSION, TOO_OFTEN = "UNKNOWN", "UNKNOWN_SESSION", "TOO_OFTEN"
PARTY = "party"
"""A note of ours in a stored request: the party on the other side."""

_TIME_LIMITS = ("No process took the order.", "The connection was lost.")
_NOT_KNOWN = ("NotImplemented", "NotSupported")
_RESERVE = {
    "Occupied": OCCUPIED,
    "Faulted": INOPERATIVE,
    "Unavailable": INOPERATIVE,
    "Rejected": REJECTED,
}
_UNLOCK = {
    "UnlockFailed": FAILED,
    "OngoingAuthorizedTransaction": REJECTED,
    "UnknownConnector": FAILED,
    "NotSupported": NOT_SUPPORTED,
}


@dataclass(frozen=True, slots=True)
class StationWord:
    """How an order to a station ended, and what is known of the EVSE it was for."""

    status: CommandStatus
    answer: Mapping[str, Any]
    error: str = ""
    is_occupied: bool = False
    is_inoperative: bool = False


def command_result(kind: RemoteCommandKind, word: StationWord) -> str:
    """The CommandResultType of what a station answered, or of its silence."""
    if word.status == CommandStatus.ACCEPTED:
        return ACCEPTED
    if word.status == CommandStatus.TIMEOUT or word.error in _TIME_LIMITS:
        return TIMEOUT
    if word.status == CommandStatus.FAILED:
        return NOT_SUPPORTED if word.error.startswith(_NOT_KNOWN) else FAILED
    status = str(word.answer.get("status", ""))
    if kind == RemoteCommandKind.RESERVE_NOW:
        return _RESERVE.get(status, REJECTED)
    if kind == RemoteCommandKind.CANCEL_RESERVATION:
        # The station keeps no such reservation (OCPP 2.0.1 H02.FR.01).
        return UNKNOWN_RESERVATION
    if kind == RemoteCommandKind.UNLOCK_CONNECTOR:
        return _UNLOCK.get(status, REJECTED)
    if kind == RemoteCommandKind.START_SESSION and (word.is_occupied or word.is_inoperative):
        # A station refuses a start without a reason: what it told before is one.
        return OCCUPIED if word.is_occupied else INOPERATIVE
    return REJECTED


def profile_result(word: StationWord) -> str:
    """The ChargingProfileResultType of what a station answered, or of its silence."""
    if word.status == CommandStatus.ACCEPTED:
        return ACCEPTED
    # ClearChargingProfile: there was none (OCPP 2.0.1 K10, 1.6 §5.5).
    return UNKNOWN if word.answer.get("status") == "Unknown" else REJECTED
