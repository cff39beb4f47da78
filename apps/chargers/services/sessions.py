"""Charging sessions: one event after the other, in any order, any number of times."""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apps.chargers.choices import SessionState
from apps.chargers.events import SessionEnded, SessionRevised, SessionStarted, SessionUpdated
from apps.chargers.models import Evse, MeterValue, Session, SessionEvent
from apps.chargers.ocpp import sessions as rules
from apps.chargers.ocpp.events import MeterSample, TransactionEvent
from apps.chargers.ocpp.v201 import mapping
from apps.tenants.context import current_schema
from cariflex.common.events import publish

logger = logging.getLogger(__name__)

# The columns of a session that the rules decide; all others are keys.
_RULED = [
    "evse", "connector_id", "id_token", "id_token_type", "remote_start_id", "state",
    "charging_state", "started_at", "ended_at", "stopped_reason", "start_meter_kwh", "meter_kwh",
    "energy_kwh", "meter_went_backwards", "power_kw", "soc_percent", "measured_at",
    "first_seq_no", "last_seq_no", "events_count", "updated_at",
]  # fmt: skip
_LIVE = ["power_kw", "soc_percent", "measured_at", "updated_at"]


@transaction.atomic
def session_event_apply(
    *, station_pk: int, event: TransactionEvent, payload_text: str, now: datetime
) -> Session:
    """Store one event and bring the session to what all its known events say.

    A number that is already known changes nothing. A late number is folded into its place: the
    result is the same as if all had come in order. A session that ended stays ended.
    """
    session = _lock_session(station_pk, event)
    if not _event_store(session, event, payload_text, now):
        return session
    before = None if session.events_count == 0 else _state_of(session)
    if before is None:
        after = rules.advance(rules.opened(event), event)
    elif event.seq_no > before.last_seq_no:
        after = rules.advance(before, event)
    else:
        after = rules.fold(_known_events(session))
    _state_write(session, after)
    _tell(session, before, after)
    return session


def live_values_apply(*, session: Session, samples: Iterable[MeterSample]) -> None:
    """Move a locked session's live power and SoC by values sent outside its events."""
    before = _state_of(session)
    after = rules.measured(before, samples)
    if after == before:
        return
    session.power_kw = after.power_kw
    session.soc_percent = after.soc_percent
    session.measured_at = after.measured_at
    session.save(update_fields=_LIVE)
    publish(SessionUpdated(current_schema(), session.pk))


def meter_values(
    samples: Iterable[MeterSample],
    *,
    station_id: int,
    evse_number: int,
    session: Session | None = None,
    seq_no: int | None = None,
) -> list[MeterValue]:
    """The rows of samples, not stored yet; without a session they were sent outside one."""
    return [
        MeterValue(
            station_id=station_id,
            evse_number=evse_number,
            session=session,
            seq_no=seq_no,
            ordinal=ordinal,
            at=sample.at,
            measurand=sample.measurand,
            phase=sample.phase,
            location=sample.location,
            context=sample.context,
            value=sample.value,
            unit=sample.unit,
        )
        for ordinal, sample in enumerate(samples)
    ]


def _lock_session(station_pk: int, event: TransactionEvent) -> Session:
    """The session's row, locked until the end of the transaction; made if it is not there."""
    wanted = (
        Session.objects.select_related("evse")
        .select_for_update(of=("self",))
        .filter(station_id=station_pk, transaction_id=event.transaction_id)
    )
    session = wanted.first()
    if session is None:
        first = Session(
            station_id=station_pk,
            transaction_id=event.transaction_id,
            started_at=event.at,
            first_seq_no=event.seq_no,
            last_seq_no=event.seq_no,
        )
        # Two processes may hold a station for a moment: the second insert waits and does nothing.
        Session.objects.bulk_create([first], ignore_conflicts=True)
        session = wanted.get()
    return session


def _event_store(
    session: Session, event: TransactionEvent, payload_text: str, now: datetime
) -> bool:
    """Keep the event and its values; False when its number is known (the row is locked)."""
    may_be_known = session.events_count and event.seq_no <= session.last_seq_no
    known = session.events.filter(seq_no=event.seq_no).first() if may_be_known else None
    if known is not None:
        if known.payload != payload_text:
            logger.warning(
                "session event number used twice session=%s seq_no=%s", session.pk, event.seq_no
            )
        return False
    SessionEvent.objects.create(
        session=session,
        seq_no=event.seq_no,
        event_type=event.event_type,
        trigger_reason=event.trigger_reason,
        at=event.at,
        is_offline=event.is_offline,
        payload=payload_text,
        received_at=now,
    )
    if event.samples:
        MeterValue.objects.bulk_create(
            meter_values(
                event.samples,
                station_id=session.station_id,
                evse_number=event.evse_id or 0,
                session=session,
                seq_no=event.seq_no,
            )
        )
    return True


def _known_events(session: Session) -> list[TransactionEvent]:
    payloads = session.events.order_by("seq_no").values_list("payload", flat=True)
    return [mapping.transaction_event(mapping.loads(payload)) for payload in payloads]


def _state_of(session: Session) -> rules.SessionState:
    return rules.SessionState(
        started_at=session.started_at,
        first_seq_no=session.first_seq_no,
        last_seq_no=session.last_seq_no,
        events_count=session.events_count,
        ended_at=session.ended_at,
        stopped_reason=session.stopped_reason,
        charging_state=session.charging_state,
        id_token=session.id_token,
        id_token_type=session.id_token_type,
        remote_start_id=session.remote_start_id,
        evse_id=session.evse.evse_id if session.evse else None,
        connector_id=session.connector_id,
        start_meter_kwh=session.start_meter_kwh,
        meter_kwh=session.meter_kwh,
        meter_went_backwards=session.meter_went_backwards,
        power_kw=session.power_kw,
        soc_percent=session.soc_percent,
        measured_at=session.measured_at,
    )


def _state_write(session: Session, state: rules.SessionState) -> None:
    if state.evse_id is not None and (
        session.evse is None or session.evse.evse_id != state.evse_id
    ):
        session.evse, _created = Evse.objects.get_or_create(
            station_id=session.station_id, evse_id=state.evse_id
        )
    session.connector_id = state.connector_id
    session.id_token = state.id_token
    session.id_token_type = state.id_token_type
    session.remote_start_id = state.remote_start_id
    session.state = SessionState.ACTIVE if state.ended_at is None else SessionState.ENDED
    session.charging_state = state.charging_state
    session.started_at = state.started_at
    session.ended_at = state.ended_at
    session.stopped_reason = state.stopped_reason
    session.start_meter_kwh = state.start_meter_kwh
    session.meter_kwh = state.meter_kwh
    session.energy_kwh = state.energy_kwh
    session.meter_went_backwards = state.meter_went_backwards
    session.power_kw = state.power_kw
    session.soc_percent = state.soc_percent
    session.measured_at = state.measured_at
    session.first_seq_no = state.first_seq_no
    session.last_seq_no = state.last_seq_no
    session.events_count = state.events_count
    session.save(update_fields=_RULED)


def _tell(session: Session, before: rules.SessionState | None, after: rules.SessionState) -> None:
    schema = current_schema()
    if before is None:
        publish(SessionStarted(schema, session.pk))
    publish(SessionUpdated(schema, session.pk))
    if after.ended_at is None:
        return
    if before is None or before.ended_at is None:
        publish(SessionEnded(schema, session.pk))
    elif _billed(before) != _billed(after):
        publish(SessionRevised(schema, session.pk))


def _billed(state: rules.SessionState) -> tuple[object, ...]:
    return state.energy_kwh, state.started_at, state.ended_at, state.id_token
