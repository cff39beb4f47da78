"""Periodic event streams (2.1 N11 to N14): opened, filled and closed by stations, adjusted by us.

A stream belongs to a monitor that was set with `periodicEventStream`. Its values come by SEND,
which nobody answers: what is sent twice is kept once, what belongs to no open stream is dropped
and stands in the message log only.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, EventStream, StreamValue
from apps.chargers.ocpp.v21.streams import StreamBundle, StreamTerms
from apps.chargers.services import command_answers
from apps.chargers.services.commands import command_send
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

ASK, ADJUST = "GetPeriodicEventStream", "AdjustPeriodicEventStream"
MOST_OPEN = 1_000
"""Open streams of one station; another is rejected, and the station sends NotifyEvent instead."""
KEPT = timedelta(days=7)
_DELETED_AT_ONCE = 50_000


@transaction.atomic
def stream_open(*, station_pk: int, terms: StreamTerms, now: datetime) -> bool:
    """Take a stream that a station opens (N11); False when it has too many.

    The id of one that is open opens it anew with its new terms: the station has started again.
    """
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_pk)
    opened = EventStream.objects.filter(station=station, closed_at=None)
    if not opened.filter(stream_id=terms.stream_id).exists() and opened.count() >= MOST_OPEN:
        logger.warning("too many event streams station=%s", station.station_id)
        return False
    _store(station, terms, now)
    return True


def _store(station: ChargingStation, terms: StreamTerms, now: datetime) -> None:
    same = EventStream.objects.filter(
        station=station,
        stream_id=terms.stream_id,
        monitor_id=terms.monitor_id,
        closed_at=None,
    )
    if same.update(interval_s=terms.interval_s, most_values=terms.most_values):
        return
    EventStream.objects.filter(station=station, stream_id=terms.stream_id, closed_at=None).update(
        closed_at=now
    )
    component, variable = _watched(station, terms.monitor_id)
    EventStream.objects.create(
        station=station,
        stream_id=terms.stream_id,
        monitor_id=terms.monitor_id,
        component=component,
        variable=variable,
        interval_s=terms.interval_s,
        most_values=terms.most_values,
        opened_at=now,
    )


def _watched(station: ChargingStation, monitor_id: int) -> tuple[str, str]:
    """Component and variable of a monitor, by the newest order of ours that set it."""
    command = (
        Command.objects.filter(
            station=station,
            action="SetVariableMonitoring",
            answer__setMonitoringResult__contains=[{"id": monitor_id, "status": "Accepted"}],
        )
        .order_by("-pk")
        .first()
    )
    if command is None or command.answer is None:
        return "", ""
    told = next(one for one in command.answer["setMonitoringResult"] if one.get("id") == monitor_id)
    return told["component"]["name"][:50], told["variable"]["name"][:50]


def stream_close(*, station_pk: int, stream_id: int, now: datetime) -> bool:
    """A station ends a stream (N12); False when none was open."""
    return bool(
        EventStream.objects.filter(
            station_id=station_pk, stream_id=stream_id, closed_at=None
        ).update(closed_at=now)
    )


@transaction.atomic
def stream_values_store(*, station_pk: int, bundle: StreamBundle) -> int:
    """Keep the values of a message (N14); how many were new, 0 for a stream that is not open."""
    stream = (
        EventStream.objects.select_for_update(no_key=True)
        .filter(station_id=station_pk, stream_id=bundle.stream_id, closed_at=None)
        .first()
    )
    if stream is None:
        logger.warning("values of no open stream station=%s id=%s", station_pk, bundle.stream_id)
        return 0
    latest = {at: StreamValue(stream=stream, at=at, value=text) for at, text in bundle.values}
    known = set(stream.values.filter(at__in=latest).values_list("at", flat=True))
    StreamValue.objects.bulk_create([row for at, row in latest.items() if at not in known])
    stream.pending_count = bundle.pending_count
    stream.save(update_fields=["pending_count"])
    return len(latest) - len(known)


def stream_values_prune(*, now: datetime) -> int:
    """Delete values that are older than they are kept, so many at once; how many."""
    old = StreamValue.objects.filter(at__lt=now - KEPT).order_by("at")
    ids = list(old.values_list("pk", flat=True)[:_DELETED_AT_ONCE])
    deleted, _by_model = StreamValue.objects.filter(pk__in=ids).delete()
    return deleted


# --- what we ask for ---


def streams_ask(*, station_id: str, requested_by_id: int | None = None) -> Command:
    """Ask which streams are open (N13); the rows follow the answer."""
    return command_send(
        station_id=station_id, action=ASK, payload={}, requested_by_id=requested_by_id
    )


def stream_adjust(
    *,
    station_id: str,
    stream_id: int,
    interval_s: int | None = None,
    most_values: int | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask for a stream's messages after another time or number of values (N13)."""
    params = {
        name: value
        for name, value in (("interval", interval_s), ("values", most_values))
        if value is not None
    }
    return command_send(
        station_id=station_id,
        action=ADJUST,
        payload={"id": stream_id, "params": params},
        requested_by_id=requested_by_id,
    )


def _asked(command: Command, answer: dict[str, Any]) -> None:
    """What the station tells is what is open."""
    now = command.answered_at or utc_now()
    told = [StreamTerms.of(one) for one in answer.get("constantStreamData") or ()]
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=command.station_id)
    for terms in told[:MOST_OPEN]:
        _store(station, terms, now)
    EventStream.objects.filter(
        station=station, closed_at=None, opened_at__lt=command.requested_at
    ).exclude(stream_id__in=[terms.stream_id for terms in told]).update(closed_at=now)


def _adjusted(command: Command, answer: dict[str, Any]) -> None:
    if answer["status"] != "Accepted" or command.status != CommandStatus.ACCEPTED:
        return
    EventStream.objects.filter(
        station_id=command.station_id, stream_id=command.payload["id"], closed_at=None
    ).update(**_columns(command.payload["params"]))


def _columns(params: Mapping[str, Any]) -> dict[str, int]:
    names = {"interval": "interval_s", "values": "most_values"}
    return {names[name]: params[name] for name in names if name in params}


command_answers.register(ASK, _asked)
command_answers.register(ADJUST, _adjusted)
