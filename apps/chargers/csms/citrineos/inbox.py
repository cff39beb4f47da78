"""Messages of stations into the database: all of a batch or none, each once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction

from apps.chargers.choices import BackEnd, RefusalReason
from apps.chargers.csms.citrineos.messages import BridgedMessage, with_payload
from apps.chargers.csms.citrineos.station import BridgedStation
from apps.chargers.models import ChargingStation
from apps.chargers.ocpp import validation
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.v16 import mapping as mapping_16
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import (
    Arrival,
    LoggedFrame,
    Refusal,
    connection_open,
    connection_refused,
    connection_seen,
    messages_store,
    session_events_apply,
)
from apps.chargers.services.citrineos import (
    CHANNEL,
    Counts,
    messages_claim,
    messages_count,
    number_asked,
    number_given,
    session_of_number,
)
from apps.chargers.services.transactions_16 import Told, transaction_16_start
from apps.tenants.context import current_schema

logger = logging.getLogger(__name__)

# What waited in the queue for longer says nothing about whether the station is there now.
_FRESH = timedelta(seconds=60)
_SEEN_EVERY = timedelta(seconds=10)
_UNKNOWN_NUMBER = -1
"""1.6: a station that lost the answer to its start says so too (services.transactions_16)."""


@dataclass
class _Batch:
    """What is gathered while messages are applied."""

    schema_name: str
    stations: dict[str, ChargingStation]
    arrivals: list[Arrival] = field(default_factory=list)
    frames: list[LoggedFrame] = field(default_factory=list)
    unusable: int = 0


def messages_apply(
    messages: Sequence[BridgedMessage],
    *,
    account_id: int,
    now: datetime,
    is_recovered: bool = False,
    last_id: int | None = None,
) -> Counts:
    """Apply messages in the current operator's schema; what is known already is left out.

    Everything of a batch is one transaction: after it the broker may forget the messages, and the
    cursor may move. When one of them fails for a fault of ours the others are applied without it,
    and it is kept in the message log. Raises OperationalError and InterfaceError (no database).
    """
    try:
        with transaction.atomic():
            counts = _apply(messages, now=now, is_recovered=is_recovered)
            messages_count(
                account_id=account_id,
                counts=counts,
                is_recovered=is_recovered,
                now=now,
                last_id=last_id,
            )
        return counts
    except (OperationalError, InterfaceError):
        raise
    # The outer edge of a batch: one bad message must not hold up an operator's stations.
    except Exception as err:
        if len(messages) == 1:
            logger.exception("message of citrineos failed station=%s", messages[0].station_id)
            return _set_aside(messages[0], err, account_id, now, is_recovered, last_id)
        logger.warning("messages of citrineos applied one by one error=%r", err)
    total = Counts()
    for one in messages:
        total += messages_apply(
            [one], account_id=account_id, now=now, is_recovered=is_recovered, last_id=None
        )
    messages_count(
        account_id=account_id, counts=Counts(), is_recovered=is_recovered, now=now, last_id=last_id
    )
    return total


@transaction.atomic
def _set_aside(
    message: BridgedMessage,
    err: Exception,
    account_id: int,
    now: datetime,
    is_recovered: bool,
    last_id: int | None,
) -> Counts:
    """Keep a message that cannot be applied where it is seen, and take it as done."""
    messages_claim([message.key], is_recovered=is_recovered)
    station = _stations([message]).get(message.station_id)
    if station is not None:
        messages_store([message.logged(station.pk, f"InternalError: {err}")])
    counts = Counts(unusable=1)
    messages_count(
        account_id=account_id, counts=counts, is_recovered=is_recovered, now=now, last_id=last_id
    )
    return counts


def _apply(messages: Sequence[BridgedMessage], *, now: datetime, is_recovered: bool) -> Counts:
    stations = _stations(messages)
    batch = _Batch(current_schema(), stations)
    fresh = messages_claim([one.key for one in messages], is_recovered=is_recovered)
    claimed = set(fresh)
    if not is_recovered:
        # Before all else: a station that boots is asked for its model, which needs its socket.
        _alive(batch, messages, now)
    for message in messages:
        if message.key not in fresh:
            continue
        # A message may stand twice in one batch.
        fresh.discard(message.key)
        station = stations.get(message.station_id)
        if station is None:
            batch.unusable += 1
            _stranger(message, now)
        else:
            _take(batch, station, message, now)
    if batch.arrivals:
        session_events_apply(batch.arrivals)
    messages_store(batch.frames)
    return Counts(
        fresh=len(claimed) - batch.unusable,
        repeated=len(messages) - len(claimed),
        unusable=batch.unusable,
    )


def _stations(messages: Sequence[BridgedMessage]) -> dict[str, ChargingStation]:
    """The stations that CitrineOS serves for this operator, by identity."""
    names = {message.station_id for message in messages}
    found = ChargingStation.objects.filter(station_id__in=names, csms=BackEnd.CITRINEOS)
    return {station.station_id: station for station in found}


def _take(batch: _Batch, station: ChargingStation, message: BridgedMessage, now: datetime) -> None:
    """Apply one message; what a station told wrongly is kept with the reason."""
    error = ""
    try:
        if message.is_answer:
            _answer_take(station, message)
        else:
            # A savepoint: what a refused message had begun to write is undone.
            with transaction.atomic():
                _request_take(batch, station, message)
    except PayloadRefused as refused:
        error = f"{refused.code}: {refused.message}"
        batch.unusable += 1
    batch.frames.append(message.logged(station.pk, error))


def _request_take(batch: _Batch, station: ChargingStation, message: BridgedMessage) -> None:
    if message.action not in validation.actions(message.version):
        raise PayloadRefused("NotImplemented", "The action is not known.")
    violation = validation.request_violation(message.version, message.action, message.payload)
    if violation is not None:
        raise PayloadRefused(violation.code, str(violation))
    if message.action == "TransactionEvent":
        event = mapping.transaction_event(message.payload)
        batch.arrivals.append(Arrival(station.pk, event, message.payload_text, message.at))
        return
    if message.action == "StartTransaction":
        _start_take(station, message)
        return
    if message.version.is_16 and message.payload.get("transactionId") is not None:
        message = _renumbered(station, message)
    bridged = BridgedStation(
        schema_name=batch.schema_name,
        station_pk=station.pk,
        station_id=station.station_id,
        version=message.version,
    )
    bridged.serve(message.frame)


def _start_take(station: ChargingStation, message: BridgedMessage) -> None:
    """1.6 §4.8: the session is ours, its number comes with the answer of CitrineOS."""
    told = Told(station.pk, station.station_id, message.payload, message.payload_text, message.at)
    session_pk, _decision = transaction_16_start(told)
    number_asked(
        station_pk=station.pk,
        correlation_id=message.correlation_id,
        session_pk=session_pk,
        at=message.at,
    )


def _answer_take(station: ChargingStation, message: BridgedMessage) -> None:
    number = message.payload.get("transactionId")
    if message.version.is_16 and message.action == "StartTransaction" and number is not None:
        number_given(
            station_pk=station.pk,
            correlation_id=message.correlation_id,
            number=mapping_16.number_said(message.payload) or 0,
        )


def _renumbered(station: ChargingStation, message: BridgedMessage) -> BridgedMessage:
    """A 1.6 message with our number of its transaction in the place of CitrineOS's."""
    said = mapping_16.number_said(message.payload)
    ours = None if said is None else session_of_number(station_pk=station.pk, number=said)
    number = _UNKNOWN_NUMBER if ours is None else ours
    return with_payload(message, {**message.payload, "transactionId": number})


def _stranger(message: BridgedMessage, now: datetime) -> None:
    """A station that this operator does not have, or that its own back-end serves."""
    connection_refused(
        station_id=message.station_id,
        path=f"citrineos tenant {message.tenant_id}",
        refusal=Refusal(404, RefusalReason.UNKNOWN_STATION),
        remote="citrineos",
        now=now,
    )


def _alive(batch: _Batch, messages: Sequence[BridgedMessage], now: datetime) -> None:
    """Stations that speak are there; in the order of their rows, as everybody locks them."""
    spoke = {one.station_id: one for one in messages if now - one.at < _FRESH}
    stations = [batch.stations[name] for name in spoke if name in batch.stations]
    for station in sorted(stations, key=lambda one: one.pk):
        if station.connection_channel != CHANNEL or not station.is_online:
            version = spoke[station.station_id].version
            connection_open(station_pk=station.pk, channel=CHANNEL, now=now, version=version)
        elif station.last_seen_at is None or now - station.last_seen_at >= _SEEN_EVERY:
            connection_seen(station_pk=station.pk, channel=CHANNEL, now=now)
