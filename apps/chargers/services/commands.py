"""Orders to stations: queued, sent, then accepted, rejected, without answer, or failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.chargers.choices import CommandStatus, RegistrationStatus
from apps.chargers.csms.port import csms, is_installed
from apps.chargers.events import CommandChanged
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp import actions, validation
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.ocpp.values import storable_json
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.command_answers import command_ended
from apps.chargers.services.discharge_guard import discharge_check
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

# An order that nobody took within this time was not delivered: the station is offline.
DELIVERY_LIMIT = timedelta(seconds=30)
# The station's own limit for an answer is 30 s; past this its process died with the order.
ANSWER_LIMIT = timedelta(seconds=60)
REMOTE_START, REMOTE_STOP = "RequestStartTransaction", "RequestStopTransaction"
CONNECTION_LOST = "The connection was lost."
OPEN_STATUSES = (CommandStatus.QUEUED, CommandStatus.SENT)
# B02.FR.05 (1.6 §4.2): a pending station is configured, not charged with.
_NOT_WHILE_PENDING = frozenset(
    {REMOTE_START, REMOTE_STOP, "RemoteStartTransaction", "RemoteStopTransaction"}
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to send for a command that was claimed."""

    command_id: int
    action: str
    payload: dict[str, Any]
    correlation_id: str


def station_version(station: ChargingStation, action: str) -> OcppVersion:
    """The version that the station speaks; the first that knows the action if it never said."""
    if station.ocpp_version:
        return OcppVersion(station.ocpp_version)
    return next(
        (
            version
            for version in (OcppVersion.V201, OcppVersion.V21, OcppVersion.V16)
            if action in actions.to_stations(version)
        ),
        OcppVersion.V201,
    )


def payload_check(*, version: OcppVersion, action: str, payload: Mapping[str, Any]) -> None:
    """DomainError for an order that this version does not have, or has otherwise.

    A number that we choose (requestId, remoteStartId) may be left out.
    """
    if action not in actions.to_stations(version):
        if action in validation.actions(version):
            raise DomainError(
                "command.not_for_stations", f"{action} is sent by stations.", field="action"
            )
        raise DomainError(
            "command.action_unknown", f"OCPP {version} has no action {action[:50]}.", field="action"
        )
    number = actions.number_field(version, action)
    numbered = payload if number is None else {number: 0, **payload}
    violation = validation.request_violation(version, action, numbered)
    if violation is not None:
        field = ".".join(part for part in ("payload", violation.path) if part)
        raise DomainError("command.payload_invalid", violation.rule, field=field)


def command_send(
    *,
    station_id: str,
    action: str,
    payload: Mapping[str, Any],
    requested_by_id: int | None = None,
    reason: str = "",
    batch: CommandBatch | None = None,
) -> Command:
    """Write the order down and, once that is committed, wake the process that holds the station.

    The payload is as on the wire in the station's version; requestId and remoteStartId are filled
    in with the command's own number when they are left out. An order to a station that is not
    connected, or not accepted, is kept as failed. DomainError for no such station
    (`chargers.station_unknown`) and for what `payload_check` and `discharge_check` refuse.
    """
    station = ChargingStation.objects.filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    version = station_version(station, action)
    payload_check(version=version, action=action, payload=payload)
    discharge_check(station=station, version=version, action=action, payload=payload)
    refusal = _refusal(station, action)
    with transaction.atomic():
        command = Command.objects.create(
            station=station,
            batch=batch,
            action=action,
            reason=reason[:200],
            payload=without_secrets(action, payload) if refusal else dict(payload),
            correlation_id=new_id(),
            requested_by_id=requested_by_id,
            requested_at=utc_now(),
            status=CommandStatus.FAILED if refusal else CommandStatus.QUEUED,
            error=refusal,
        )
        number = actions.number_field(version, action)
        if number is not None and number not in payload:
            # The station gives this number back in what the order brings about (F02.FR.05).
            command.payload[number] = command.pk
            command.save(update_fields=["payload"])
        publish(CommandChanged(current_schema(), command.pk))
        if not refusal:
            _deliver_on_commit(station, command)
    return command


def _deliver_on_commit(station: ChargingStation, command: Command) -> None:
    back_end, schema_name = csms(station.csms), current_schema()

    # A function of its own: Django cannot name a partial when it logs its failure.
    def deliver() -> None:
        back_end.command_deliver(
            schema_name=schema_name, station_pk=station.pk, command_id=command.pk
        )

    # robust: with the broker down the row stays queued and the sweep ends it as failed.
    transaction.on_commit(deliver, robust=True)


def _refusal(station: ChargingStation, action: str) -> str:
    """Why nothing is sent to the station now; empty when it is."""
    if not is_installed(station.csms):
        return "The station's back-end is not installed."
    if not station.is_online:
        return "The station is not connected."
    if station.registration_status == RegistrationStatus.REJECTED:
        return "The station's registration is rejected."
    if station.registration_status == RegistrationStatus.PENDING and action in _NOT_WHILE_PENDING:
        return "The station's registration is pending."
    return ""


def command_claim(*, command_id: int, station_pk: int, now: datetime) -> Order | None:
    """Take a queued order for sending; None when another process took it or its time is over."""
    claimed = Command.objects.filter(
        pk=command_id, station_id=station_pk, status=CommandStatus.QUEUED
    ).update(status=CommandStatus.SENT, sent_at=now)
    if not claimed:
        return None
    command = Command.objects.get(pk=command_id)
    publish(CommandChanged(current_schema(), command_id))
    return Order(command.pk, command.action, command.payload, str(command.correlation_id))


@transaction.atomic
def command_finish(
    *,
    command_id: int,
    status: CommandStatus,
    now: datetime,
    answer: dict[str, Any] | None = None,
    error: str = "",
) -> bool:
    """Write the end of an order that was sent; False when it had ended already.

    What the answer means for the rest is stored in the same transaction (`command_answers`).
    """
    command = (
        Command.objects.select_for_update().filter(pk=command_id, status=CommandStatus.SENT).first()
    )
    if command is None:
        return False
    _end(command, status, now=now, answer=answer, error=error)
    return True


def commands_sweep(*, now: datetime) -> int:
    """End the orders that nobody will end any more; how many."""
    ends = (
        (
            Command.objects.filter(
                status=CommandStatus.QUEUED, requested_at__lt=now - DELIVERY_LIMIT
            ),
            CommandStatus.FAILED,
            "No process took the order.",
        ),
        (
            Command.objects.filter(status=CommandStatus.SENT, sent_at__lt=now - ANSWER_LIMIT),
            CommandStatus.TIMEOUT,
            "The station did not answer.",
        ),
    )
    ended = 0
    for commands, status, error in ends:
        with transaction.atomic():
            for command in commands.select_for_update(skip_locked=True).order_by("pk"):
                _end(command, status, now=now, error=error)
                ended += 1
    return ended


def _end(
    command: Command,
    status: CommandStatus,
    *,
    now: datetime,
    answer: dict[str, Any] | None = None,
    error: str = "",
) -> None:
    """End an order whose row is locked."""
    command.status, command.error, command.answered_at = status, error[:300], now
    if answer is not None:
        # Parts of a report may have come before the answer to the order that asked for it.
        command.answer = {**(command.answer or {}), **storable_json(answer)}
    command.save(update_fields=["status", "answer", "error", "answered_at"])
    command_ended(command, answer)
    kept = without_secrets(command.action, command.payload)
    if kept != command.payload:
        Command.objects.filter(pk=command.pk).update(payload=kept)
    publish(CommandChanged(current_schema(), command.pk))
