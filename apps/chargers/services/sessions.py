"""Charging sessions: one event after the other, in any order, any number of times."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.chargers.choices import SessionState
from apps.chargers.events import SessionEnded, SessionRevised, SessionStarted, SessionUpdated
from apps.chargers.models import Evse, MeterValue, Session
from apps.chargers.ocpp import sessions as rules
from apps.chargers.ocpp.events import MeterSample, TransactionEvent
from apps.chargers.ocpp.v16 import mapping as mapping_16
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ocpp.values import loads
from apps.chargers.services.reservations import reservations_use
from apps.chargers.services.session_rows import events_store, sessions_lock, sessions_save
from apps.tenants.context import current_schema
from cariflex.common.events import publish

# The columns of a session that are what the rules say, under the same name.
_AS_RULED = (
    "connector_id", "id_token", "id_token_type", "remote_start_id", "charging_state",
    "started_at", "ended_at", "stopped_reason", "start_meter_kwh", "meter_kwh",
    "meter_went_backwards", "power_kw", "soc_percent", "measured_at", "first_seq_no",
    "last_seq_no", "events_count",
)  # fmt: skip
_LIVE = ["power_kw", "soc_percent", "measured_at", "updated_at"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it came from a station, with the JSON text that is kept of it."""

    station_pk: int
    event: TransactionEvent
    payload_text: str
    at: datetime
    is_numbered: bool = True
    """False for OCPP 1.6, whose sequence numbers are ours."""

    @property
    def key(self) -> "SessionKey":
        return self.station_pk, self.event.transaction_id


SessionKey = tuple[int, str]
"""(station row, transaction id)"""


def session_event_apply(
    *, station_pk: int, event: TransactionEvent, payload_text: str, now: datetime
) -> Session:
    """Store one event and bring its session to what all its known events say."""
    (session,) = session_events_apply([Arrival(station_pk, event, payload_text, now)])
    return session


@transaction.atomic
def session_events_apply(arrivals: Sequence[Arrival]) -> list[Session]:
    """Store events of any sessions, all or none; the session of each, in the order given.

    A number that is already known changes nothing. A late number is folded into its place: the
    result is the same as if all had come in order. A session that ended stays ended. The number
    of statements does not grow with the number of events.
    """
    sessions = sessions_lock(arrivals)
    fresh = events_store(arrivals, sessions)
    changed: dict[int, tuple[Session, rules.SessionState | None, rules.SessionState]] = {}
    for key, events in fresh.items():
        session = sessions[key]
        before = None if session.events_count == 0 else _state_of(session)
        changed[session.pk] = (session, before, _advanced(session, before, events))
    _states_write(changed.values())
    _reservations_use(changed.values(), fresh)
    for session, before, after in changed.values():
        _tell(session, before, after)
    return [sessions[arrival.key] for arrival in arrivals]


def _advanced(
    session: Session, before: rules.SessionState | None, events: list[TransactionEvent]
) -> rules.SessionState:
    events = sorted(events, key=lambda event: event.seq_no)
    if before is not None and events[0].seq_no <= before.last_seq_no:
        after = rules.fold(_known_events(session))
        if session.is_numbered or after.ended_at is not None:
            return after
        # A 1.6 station tells the charging state beside its transaction's messages.
        return replace(after, charging_state=before.charging_state, power_kw=before.power_kw)
    state = rules.opened(events[0]) if before is None else before
    for event in events:
        state = rules.advance(state, event)
    return state


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


def charging_state_apply(*, session: Session, charging_state: str) -> None:
    """Move a locked session's charging state by what a 1.6 station says of its connector."""
    if session.charging_state == charging_state:
        return
    session.charging_state = charging_state
    if charging_state in rules.IDLE_STATES:
        session.power_kw = 0.0
    session.save(update_fields=["charging_state", "power_kw", "updated_at"])
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


def _known_events(session: Session) -> list[TransactionEvent]:
    stored = session.events.order_by("seq_no").values_list("event_type", "payload")
    if session.is_numbered:
        return [mapping.transaction_event(loads(payload)) for _kind, payload in stored]
    return [
        mapping_16.event_again(
            kind,
            loads(payload),
            transaction_id=session.transaction_id,
            remote_start_id=session.remote_start_id,
        )
        for kind, payload in stored
    ]


def _state_of(session: Session) -> rules.SessionState:
    return rules.SessionState(
        evse_id=session.evse.evse_id if session.evse else None,
        **{name: getattr(session, name) for name in _AS_RULED},
    )


def _states_write(
    changes: Collection[tuple[Session, rules.SessionState | None, rules.SessionState]],
) -> None:
    evses = _evses_named(changes)
    sessions = []
    for session, _before, after in changes:
        _state_put(session, after, evses)
        sessions.append(session)
    sessions_save(sessions)


def _evses_named(
    changes: Collection[tuple[Session, rules.SessionState | None, rules.SessionState]],
) -> dict[tuple[int, int], Evse]:
    """The EVSEs that sessions name for the first time, by station row and number."""
    wanted = {
        (session.station_id, after.evse_id)
        for session, _before, after in changes
        if after.evse_id is not None
        and (session.evse is None or session.evse.evse_id != after.evse_id)
    }
    if not wanted:
        return {}
    evses = {
        (evse.station_id, evse.evse_id): evse
        for evse in Evse.objects.filter(
            station_id__in={station_id for station_id, _evse_id in wanted},
            evse_id__in={evse_id for _station_id, evse_id in wanted},
        )
    }
    for station_id, evse_id in sorted(wanted - evses.keys()):
        evses[station_id, evse_id], _created = Evse.objects.get_or_create(
            station_id=station_id, evse_id=evse_id
        )
    return evses


def _state_put(
    session: Session, state: rules.SessionState, evses: Mapping[tuple[int, int], Evse]
) -> None:
    if state.evse_id is not None and (
        session.evse is None or session.evse.evse_id != state.evse_id
    ):
        session.evse = evses[session.station_id, state.evse_id]
    session.state = SessionState.ACTIVE if state.ended_at is None else SessionState.ENDED
    session.energy_kwh = state.energy_kwh
    for name in _AS_RULED:
        setattr(session, name, getattr(state, name))


def _reservations_use(
    changes: Iterable[tuple[Session, rules.SessionState | None, rules.SessionState]],
    fresh: "dict[SessionKey, list[TransactionEvent]]",
) -> None:
    """Look for what was reserved when a session gets its token or names a reservation."""
    began = []
    for session, before, after in changes:
        numbers = [
            event.reservation_id
            for event in fresh[session.station_id, session.transaction_id]
            if event.reservation_id is not None
        ]
        if numbers or after.id_token != ("" if before is None else before.id_token):
            began.append((session, numbers[0] if numbers else None))
    reservations_use(began, now=timezone.now())


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
