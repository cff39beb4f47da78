"""Orders to stations: queued, sent, then accepted, rejected, without answer, or failed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from apps.chargers.choices import CommandStatus, SessionState, TokenType
from apps.chargers.csms.port import csms
from apps.chargers.models import ChargingStation, Command, Session
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

# An order that nobody took within this time was not delivered: the station is offline.
DELIVERY_LIMIT = timedelta(seconds=30)
# The station's own limit for an answer is 30 s; past this its process died with the order.
ANSWER_LIMIT = timedelta(seconds=60)
REMOTE_START, REMOTE_STOP = "RequestStartTransaction", "RequestStopTransaction"
OPEN_STATUSES = (CommandStatus.QUEUED, CommandStatus.SENT)


@dataclass(frozen=True, slots=True)
class Order:
    """What to send for a command that was claimed."""

    command_id: int
    action: str
    payload: dict[str, Any]
    correlation_id: str


def command_send(
    *,
    station_id: str,
    action: str,
    payload: dict[str, Any],
    requested_by_id: int | None = None,
) -> Command:
    """Write the order down and, once that is committed, wake the process that holds the station.

    An order to a station that is not connected is kept as failed. DomainError for no station.
    """
    station = ChargingStation.objects.filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    with transaction.atomic():
        command = Command(
            station=station,
            action=action,
            payload=payload,
            correlation_id=new_id(),
            requested_by_id=requested_by_id,
            requested_at=utc_now(),
        )
        if not station.is_online:
            command.status = CommandStatus.FAILED
            command.error = "The station is not connected."
            command.save()
            return command
        command.save()
        # robust: with the broker down the row stays queued and the sweep ends it as failed.
        transaction.on_commit(
            partial(
                csms().command_deliver,
                schema_name=current_schema(),
                station_pk=station.pk,
                command_id=command.pk,
            ),
            robust=True,
        )
    return command


def remote_start(
    *,
    station_id: str,
    id_token: str,
    token_type: str = TokenType.CENTRAL,
    evse_id: int | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask a station to start charging for a token (OCPP 2.0.1 F02)."""
    payload: dict[str, Any] = {"idToken": {"idToken": id_token, "type": token_type}}
    if evse_id is not None:
        payload["evseId"] = evse_id
    return command_send(
        station_id=station_id,
        action=REMOTE_START,
        payload=payload,
        requested_by_id=requested_by_id,
    )


def remote_stop(*, session_id: int, requested_by_id: int | None = None) -> Command:
    """Ask the station to end a session (OCPP 2.0.1 F03); DomainError when it has ended."""
    session = Session.objects.select_related("station").filter(pk=session_id).first()
    if session is None or session.state == SessionState.ENDED:
        raise DomainError("chargers.session_not_active", "The session is not active.")
    return command_send(
        station_id=session.station.station_id,
        action=REMOTE_STOP,
        payload={"transactionId": session.transaction_id},
        requested_by_id=requested_by_id,
    )


def command_claim(*, command_id: int, station_pk: int, now: datetime) -> Order | None:
    """Take a queued order for sending; None when another process took it or its time is over."""
    claimed = Command.objects.filter(
        pk=command_id, station_id=station_pk, status=CommandStatus.QUEUED
    ).update(status=CommandStatus.SENT, sent_at=now)
    if not claimed:
        return None
    command = Command.objects.get(pk=command_id)
    payload = command.payload
    if command.action == REMOTE_START:
        # The station gives this number back in the session that the order starts (F02.FR.05).
        payload = {**payload, "remoteStartId": command.pk}
    return Order(command.pk, command.action, payload, str(command.correlation_id))


def command_finish(
    *,
    command_id: int,
    status: CommandStatus,
    now: datetime,
    answer: dict[str, Any] | None = None,
    error: str = "",
) -> bool:
    """Write the end of an order that was sent; False when it had ended already."""
    return bool(
        Command.objects.filter(pk=command_id, status=CommandStatus.SENT).update(
            status=status, answer=answer, error=error[:300], answered_at=now
        )
    )


def commands_sweep(*, now: datetime) -> int:
    """End the orders that nobody will end any more; how many."""
    undelivered = Command.objects.filter(
        status=CommandStatus.QUEUED, requested_at__lt=now - DELIVERY_LIMIT
    ).update(status=CommandStatus.FAILED, error="No process took the order.", answered_at=now)
    unanswered = Command.objects.filter(
        status=CommandStatus.SENT, sent_at__lt=now - ANSWER_LIMIT
    ).update(status=CommandStatus.TIMEOUT, error="The station did not answer.", answered_at=now)
    return undelivered + unanswered
