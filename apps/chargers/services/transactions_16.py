"""Transactions of 1.6 stations: start, values and stop made into events of a session.

1.6 has no sequence numbers and the CSMS numbers the transactions. A session is named by what its
StartTransaction says (ocpp/v16/numbering.py), the number given to the station is the session's row
id, and a number is good for the station that got it only. Checks never keep an answer back
(§4.7, §4.8, §4.10: the station would send the same again): what cannot be used stays in the
message log and changes no session.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.chargers.choices import CommandStatus, SessionState
from apps.chargers.models import Command, Session, StationEvent
from apps.chargers.ocpp.events import TransactionEvent
from apps.chargers.ocpp.v16 import mapping
from apps.chargers.ocpp.v16.tags import id_tag_type
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services.forgotten_sessions import forgotten_end_withdraw
from apps.chargers.services.sessions import (
    Arrival,
    charging_state_apply,
    session_events_apply,
)
from apps.chargers.services.stations import meter_report_store
from apps.chargers.services.tokens import token_authorize

logger = logging.getLogger(__name__)

UNKNOWN_TRANSACTION = "UnknownTransaction"
REMOTE_START = "RemoteStartTransaction"
# ConnectionTimeOut (§9.1) of most stations is one or two minutes: a car that comes later than
# this did not come for the remote start.
REMOTE_START_LIMIT = timedelta(minutes=10)
# How far a station's clock may be from ours for its start to be one that we asked for.
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A message of a 1.6 station: its payload, the text that is kept of it, and when it came."""

    station_pk: int
    station_id: str
    payload: mapping.Payload
    text: str
    at: datetime

    def arrival(self, event: TransactionEvent) -> Arrival:
        """The event that the message is."""
        return Arrival(self.station_pk, event, self.text, self.at, is_numbered=False)


def transaction_16_start(told: Told) -> tuple[int, TokenDecision]:
    """StartTransaction (§4.8): the transaction's number and what its tag may.

    The same start again gets the same number. The session is kept whatever the tag may: the
    station has begun.
    """
    event = mapping.started(told.payload)
    with transaction.atomic():
        remote_start_id = _remote_start_of(told, event)
        if remote_start_id is not None:
            event = mapping.started(told.payload, remote_start_id=remote_start_id)
        (session,) = session_events_apply([told.arrival(event)])
    return session.pk, _decided(told, event.id_token)


def transaction_16_meter(told: Told) -> None:
    """MeterValues (§4.7): into the session of its number, else values of the connector."""
    number = mapping.number_said(told.payload)
    session = _session_of(told.station_pk, number)
    if session is None:
        if number is not None:
            _unknown(told, number, "MeterValues")
        report = mapping.meter_report(told.payload)
        meter_report_store(station_pk=told.station_pk, report=report)
        return
    event = mapping.metered(told.payload, transaction_id=session.transaction_id)
    session_events_apply([told.arrival(event)])


def transaction_16_stop(told: Told) -> TokenDecision | None:
    """StopTransaction (§4.10): the session's end; what the tag of who stopped may, if one did."""
    number = mapping.number_said(told.payload)
    tag = mapping.stop_tag(told.payload)
    with transaction.atomic():
        session = _session_of(told.station_pk, number)
        if session is None:
            session = _lost_session(told, number, tag)
        if session is None:
            # The end of a transaction that is not ours must still be a message that we can read.
            mapping.stopped(told.payload, transaction_id="")
            _unknown(told, number, "StopTransaction")
        else:
            event = mapping.stopped(told.payload, transaction_id=session.transaction_id)
            forgotten_end_withdraw(session)
            session_events_apply([told.arrival(event)])
    return _decided(told, tag) if tag else None


def charging_state_16_set(*, station_pk: int, payload: mapping.Payload, now: datetime) -> None:
    """StatusNotification (§4.9): how the session on that connector goes."""
    if payload["status"] not in mapping.CHARGING_STATES:
        return
    report = mapping.connector_report(payload, now=now)
    with transaction.atomic():
        session = (
            Session.objects.select_for_update()
            .filter(
                station_id=station_pk,
                evse__evse_id=report.evse_id,
                state=SessionState.ACTIVE,
                started_at__lte=report.at,
            )
            .order_by("-started_at")
            .first()
        )
        if session is not None:
            charging_state_apply(session=session, charging_state=payload["status"])


def _session_of(station_pk: int, number: int | None) -> Session | None:
    """The session of a number; None for a number that this station did not get from us."""
    if number is None or number <= 0:
        return None
    return Session.objects.filter(pk=number, station_id=station_pk, is_numbered=False).first()


def _lost_session(told: Told, number: int | None, tag: str) -> Session | None:
    """The session that a station means which lost the answer to its StartTransaction.

    Such a station says 0 or -1, and has never told anything else of that session. So: the number
    is not positive; the session is of this station, has not ended, and only its start is known;
    it began before this stop and its register was not above this one; its tag is the one that
    stopped it, if one did. Two that fit are none: the operator decides.
    """
    if number is None or number > 0:
        return None
    event = mapping.stopped(told.payload, transaction_id="")
    register = event.samples[-1].value
    candidates = Session.objects.filter(
        Q(start_meter_kwh__isnull=True) | Q(start_meter_kwh__lte=register),
        station_id=told.station_pk,
        is_numbered=False,
        state=SessionState.ACTIVE,
        events_count=1,
        started_at__lte=event.at,
    )
    if tag:
        candidates = candidates.filter(id_token__iexact=tag)
    found = list(candidates[:2])
    if len(found) != 1:
        return None
    logger.info("session ended by a stop without its number session=%s", found[0].pk)
    return found[0]


def _remote_start_of(told: Told, event: TransactionEvent) -> int | None:
    """The remote start that this transaction answers: its command's id; None when none is sure.

    1.6 gives nothing back of a RemoteStartTransaction. It is the one of this station for this tag
    and this connector (or for any), sent within REMOTE_START_LIMIT, not before which the station
    says to have begun, not refused, and taken by no other session; two that fit are none.
    """
    commands = Command.objects.filter(
        Q(payload__connectorId__isnull=True) | Q(payload__connectorId=event.evse_id),
        station_id=told.station_pk,
        action=REMOTE_START,
        status__in=(CommandStatus.SENT, CommandStatus.ACCEPTED),
        payload__idTag__iexact=event.id_token,
        sent_at__gte=told.at - REMOTE_START_LIMIT,
        sent_at__lte=event.at + CLOCK_TOLERANCE,
    )
    taken = Session.objects.filter(
        station_id=told.station_pk, remote_start_id__isnull=False
    ).values_list("remote_start_id", flat=True)
    found = list(commands.exclude(pk__in=taken).values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def _decided(told: Told, tag: str) -> TokenDecision:
    return token_authorize(TokenQuestion(tag, id_tag_type(tag), told.station_id, told.at))


def _unknown(told: Told, number: int | None, action: str) -> None:
    """Keep that a station named a transaction that is not its own; once for each number."""
    logger.warning(
        "transaction number unknown station=%s action=%s number=%s",
        told.station_id,
        action,
        number,
    )
    named = {
        "station_id": told.station_pk,
        "component": "TxCtrlr",
        "variable": "TransactionId",
        "value": str(number),
        "tech_text": action,
    }
    if not StationEvent.objects.filter(**named).exists():
        StationEvent.objects.create(
            **named, at=told.at, trigger="Alerting", tech_code=UNKNOWN_TRANSACTION
        )
