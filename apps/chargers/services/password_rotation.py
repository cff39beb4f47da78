"""Passwords of stations, changed over the air (A01): no moment at which a station is locked out."""

import logging
from collections.abc import Iterator
from typing import Any

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command
from apps.chargers.services.command_answers import register
from apps.chargers.services.commands import CONNECTION_LOST
from apps.chargers.services.intents import variable, variables_set
from apps.chargers.services.passwords import password_hash, password_matches, password_new
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

_COMPONENT, _VARIABLE, _KEY_16 = "SecurityCtrlr", "BasicAuthPassword", "AuthorizationKey"
_TAKEN = frozenset({"Accepted", "RebootRequired"})


def password_rotate(*, station_id: str, requested_by_id: int | None = None) -> Command:
    """Give a station a new random password, which nobody sees but the station.

    It opens connections once the station has accepted it; the old one does until the new one was
    used. DomainError as of `command_send`.
    """
    value = variable(_COMPONENT, _VARIABLE, value=password_new())
    (command,) = variables_set(
        station_id=station_id,
        values=[value],
        requested_by_id=requested_by_id,
        reason="password rotation",
    )
    return command


def password_used(*, station: ChargingStation, password: str) -> bool:
    """True when the password opens a connection; the next one becomes the only one by its use."""
    if password_matches(password, station.password_hash):
        return True
    if not password_matches(password, station.next_password_hash):
        return False
    ChargingStation.objects.filter(
        pk=station.pk, next_password_hash=station.next_password_hash
    ).update(password_hash=station.next_password_hash, next_password_hash="")
    logger.info("new password used station=%s", station)
    return True


def _answered(command: Command, answer: dict[str, Any]) -> None:
    """The station answered: what it took may be used from now on."""
    for password, status in _passwords(command, answer):
        if status in _TAKEN:
            _keep(command, password)


def _failed(command: Command) -> None:
    """No answer: the station may have taken what it was sent, so it must not be locked out."""
    unanswered = command.status == CommandStatus.TIMEOUT or command.error == CONNECTION_LOST
    if command.sent_at is None or not unanswered:
        return
    for password, _status in _passwords(command, None):
        _keep(command, password)


def _keep(command: Command, password: str) -> None:
    try:
        hashed = password_hash(password)
    except DomainError:
        # Somebody set a password that we would never accept: the old one stays the only one.
        logger.warning("password of odd length set station=%s", command.station_id)
        return
    ChargingStation.objects.filter(pk=command.station_id).update(next_password_hash=hashed)


def _passwords(command: Command, answer: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """(password, what the station said to it) of an order that sets passwords."""
    if command.action == "ChangeConfiguration":
        if command.payload["key"] == _KEY_16:
            yield command.payload["value"], (answer or {}).get("status", "")
        return
    results = (answer or {}).get("setVariableResult", [])
    for asked in command.payload["setVariableData"]:
        if (asked["component"]["name"], asked["variable"]["name"]) != (_COMPONENT, _VARIABLE):
            continue
        if asked.get("attributeType", "Actual") != "Actual":
            continue
        said = [
            result["attributeStatus"]
            for result in results
            if result["component"]["name"] == _COMPONENT and result["variable"]["name"] == _VARIABLE
        ]
        yield asked["attributeValue"], said[0] if len(said) == 1 else ""


register("SetVariables", _answered, failed=_failed)
register("ChangeConfiguration", _answered, failed=_failed)
