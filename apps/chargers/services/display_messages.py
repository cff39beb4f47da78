"""Messages on the displays of stations (block O): set, asked for, cleared, ended.

What is noted follows the commands, whoever gave them: also an order of the shell or a bulk order
leaves its row.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Unpack

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from apps.chargers.choices import (
    CommandStatus,
    DisplayFormat,
    DisplayPriority,
    DisplaySource,
    DisplayStatus,
    SessionState,
)
from apps.chargers.models import ChargingStation, Command, DisplayMessage, Session
from apps.chargers.ocpp.v201.displays import (
    DisplayedMessage,
    DisplayReport,
    displayed_message,
    message_info,
)
from apps.chargers.services import command_answers
from apps.chargers.services.intents import Asker, order_send
from cariflex.common.errors import DomainError

SET, GET, CLEAR = "SetDisplayMessage", "GetDisplayMessages", "ClearDisplayMessage"
_ACCEPTED, _UNKNOWN = "Accepted", "Unknown"


@transaction.atomic
def display_message_set(
    *,
    station_id: str,
    content: str,
    priority: str = DisplayPriority.NORMAL_CYCLE,
    format: str = DisplayFormat.UTF8,  # noqa: A002 - the standard's word
    language: str = "",
    state: str = "",
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    transaction_id: str = "",
    message_id: int | None = None,
    **asker: Unpack[Asker],
) -> DisplayMessage:
    """Ask a station to show a message (O01, for a transaction O02).

    With the `message_id` of one that it shows, that one is replaced once it accepts (O06).
    DomainError as of `order_send`, and `display.empty`, `display.ends_before_start`.
    """
    if not content.strip():
        raise DomainError("display.empty", "A message has a text.", field="content")
    if start_at is not None and end_at is not None and end_at <= start_at:
        raise DomainError(
            "display.ends_before_start", "The message would end before it starts.", field="end_at"
        )
    # Two messages at once never get the same number.
    station = _locked_station(station_id)
    message = DisplayedMessage(
        message_id=_next_id(station) if message_id is None else message_id,
        content=content,
        priority=priority,
        format=format,
        language=language,
        state=state,
        start_at=start_at,
        end_at=end_at,
        transaction_id=transaction_id,
    )
    (command,) = order_send(
        station_id=station_id, action=SET, payload={"message": message_info(message)}, **asker
    )
    is_failed = command.status == CommandStatus.FAILED
    return DisplayMessage.objects.create(
        station=station,
        command=command,
        requested_by_id=command.requested_by_id,
        requested_at=command.requested_at,
        status=DisplayStatus.FAILED if is_failed else DisplayStatus.REQUESTED,
        ended_at=command.requested_at if is_failed else None,
        **asdict(message),
    )


def display_messages_ask(
    *,
    station_id: str,
    message_ids: Sequence[int] = (),
    priority: str = "",
    state: str = "",
    **asker: Unpack[Asker],
) -> Command:
    """Ask a station which messages it has (O03, O04); asked for all, ours that it lacks are over.

    DomainError as of `order_send`.
    """
    payload: dict[str, Any] = {}
    if message_ids:
        payload["id"] = list(message_ids)
    if priority:
        payload["priority"] = priority
    if state:
        payload["state"] = state
    return order_send(station_id=station_id, action=GET, payload=payload, **asker)[0]


def display_message_clear(*, display_message_id: int, **asker: Unpack[Asker]) -> Command:
    """Ask the station to show a message no more (O05).

    DomainError `display.not_shown` for one that it does not have.
    """
    message = (
        DisplayMessage.objects.select_related("station")
        .filter(pk=display_message_id, status=DisplayStatus.SHOWN)
        .first()
    )
    if message is None:
        raise DomainError("display.not_shown", "The station does not show the message.")
    return order_send(
        station_id=message.station.station_id,
        action=CLEAR,
        payload={"id": message.message_id},
        **asker,
    )[0]


@transaction.atomic
def display_report_store(*, station_pk: int, report: DisplayReport, now: datetime) -> None:
    """Note the messages that a station says it has (NotifyDisplayMessages, O03)."""
    ChargingStation.objects.select_for_update().only("pk").get(pk=station_pk)
    for message in report.messages:
        _shown_note(station_pk, message, report.request_id, now)
    if report.is_last:
        _missing_end(station_pk, report.request_id, now)


def display_messages_end(*, now: datetime) -> int:
    """End what stations remove by themselves: its time, or its transaction, is over; how many."""
    ended = Session.objects.filter(
        station=OuterRef("station"),
        transaction_id=OuterRef("transaction_id"),
        state=SessionState.ENDED,
    )
    over = DisplayMessage.objects.filter(
        Q(end_at__lte=now) | (~Q(transaction_id="") & Exists(ended)), status=DisplayStatus.SHOWN
    )
    return over.update(status=DisplayStatus.ENDED, ended_at=now)


def _locked_station(station_id: str) -> ChargingStation:
    station = ChargingStation.objects.select_for_update().filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    return station


def _next_id(station: ChargingStation) -> int:
    known = DisplayMessage.objects.filter(station=station).aggregate(most=Max("message_id"))
    return (known["most"] or 0) + 1


def _shown(station_pk: int) -> QuerySet[DisplayMessage]:
    return DisplayMessage.objects.filter(station_id=station_pk, status=DisplayStatus.SHOWN)


def _shown_note(station_pk: int, message: DisplayedMessage, request_id: int, now: datetime) -> None:
    """The station has this message, whoever gave it."""
    told = {**asdict(message), "told_request_id": request_id}
    if _shown(station_pk).filter(message_id=message.message_id).update(**told):
        return
    DisplayMessage.objects.create(
        station_id=station_pk,
        source=DisplaySource.STATION,
        status=DisplayStatus.SHOWN,
        requested_at=now,
        **told,
    )


def _missing_end(station_pk: int, request_id: int, now: datetime) -> None:
    """After a whole report on all messages, what it lacks is not shown any more."""
    command = Command.objects.filter(
        station_id=station_pk, action=GET, payload__requestId=request_id
    ).first()
    if command is None or set(command.payload) - {"requestId", "customData"}:
        return
    # A message that was set after the question may be missing in the answer.
    lacking = _shown(station_pk).filter(requested_at__lt=command.requested_at)
    lacking.exclude(told_request_id=request_id).update(status=DisplayStatus.REMOVED, ended_at=now)


# --- what stations answer ---


def _set_answered(command: Command, answer: dict[str, Any]) -> None:
    ChargingStation.objects.select_for_update().only("pk").get(pk=command.station_id)
    row = DisplayMessage.objects.filter(command=command).first()
    if row is None:
        # Given as a plain order.
        told = displayed_message(command.payload["message"])
        row = DisplayMessage(
            station_id=command.station_id,
            command=command,
            requested_by_id=command.requested_by_id,
            requested_at=command.requested_at,
            **asdict(told),
        )
    row.station_status = answer["status"]
    if answer["status"] == _ACCEPTED:
        _shown(command.station_id).filter(message_id=row.message_id).update(
            status=DisplayStatus.REPLACED, ended_at=command.answered_at
        )
        row.status = DisplayStatus.SHOWN
    else:
        row.status, row.ended_at = DisplayStatus.REJECTED, command.answered_at
    row.save()


def _set_failed(command: Command) -> None:
    DisplayMessage.objects.filter(command=command, status=DisplayStatus.REQUESTED).update(
        status=DisplayStatus.FAILED, ended_at=command.answered_at
    )


def _get_answered(command: Command, answer: dict[str, Any]) -> None:
    if answer["status"] == _UNKNOWN and command.answered_at is not None:
        # O03: it has none that fit.
        _missing_end(command.station_id, command.payload["requestId"], command.answered_at)


def _clear_answered(command: Command, answer: dict[str, Any]) -> None:
    """O05: Accepted, or Unknown when the station had lost it already."""
    is_accepted = answer["status"] == _ACCEPTED
    if not is_accepted and answer["status"] != _UNKNOWN:
        return
    _shown(command.station_id).filter(message_id=command.payload["id"]).update(
        status=DisplayStatus.CLEARED if is_accepted else DisplayStatus.REMOVED,
        ended_at=command.answered_at,
    )


command_answers.register(SET, _set_answered, failed=_set_failed)
command_answers.register(GET, _get_answered)
command_answers.register(CLEAR, _clear_answered)
