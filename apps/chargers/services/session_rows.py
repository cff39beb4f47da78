"""The rows of sessions, events and meter values: locked and written many at a time.

One statement for each step whatever the number of events, so that fifty stations that report in
the same moment cost little more than one.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from apps.chargers.models import Session
from apps.chargers.ocpp.events import TransactionEvent

if TYPE_CHECKING:
    from apps.chargers.services.sessions import Arrival, SessionKey

logger = logging.getLogger(__name__)

_KEYED = """
SELECT s.id FROM chargers_session s
JOIN unnest(%s::bigint[], %s::text[]) AS k(station_id, transaction_id)
  ON s.station_id = k.station_id AND s.transaction_id = k.transaction_id
"""
_EVENTS = """
INSERT INTO chargers_sessionevent
    (session_id, seq_no, event_type, trigger_reason, at, is_offline, payload, received_at)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[],
                     %s::boolean[], %s::text[], %s::timestamptz[])
ON CONFLICT (session_id, seq_no) DO NOTHING
RETURNING session_id, seq_no
"""
_VALUES = """
INSERT INTO chargers_metervalue
    (station_id, evse_number, session_id, seq_no, ordinal, at, measurand, phase, location, context,
     value, unit)
SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::integer[],
                     %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::numeric[], %s::text[])
"""
_SIGNED = """
INSERT INTO chargers_signedmetervalue
    (session_id, seq_no, ordinal, at, context, encoding_method, signing_method, public_key,
     signed_data)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::timestamptz[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::text[])
"""
_SAVED = (
    ("evse_id", "bigint"), ("connector_id", "integer"), ("id_token", "text"),
    ("id_token_type", "text"), ("remote_start_id", "bigint"), ("state", "text"),
    ("charging_state", "text"), ("started_at", "timestamptz"), ("ended_at", "timestamptz"),
    ("stopped_reason", "text"), ("start_meter_kwh", "numeric"), ("meter_kwh", "numeric"),
    ("energy_kwh", "numeric"), ("meter_went_backwards", "boolean"), ("power_kw", "float8"),
    ("soc_percent", "float8"), ("measured_at", "timestamptz"), ("first_seq_no", "bigint"),
    ("last_seq_no", "bigint"), ("events_count", "integer"), ("updated_at", "timestamptz"),
)  # fmt: skip
_NAMES = [name for name, _kind in _SAVED]
# Names of our own columns only.
_SAVE = (
    f"UPDATE chargers_session s SET {', '.join(f'{name} = n.{name}' for name in _NAMES)}"  # noqa: S608
    f" FROM unnest(%s::bigint[], {', '.join(f'%s::{kind}[]' for _name, kind in _SAVED)})"
    f" AS n(id, {', '.join(_NAMES)}) WHERE s.id = n.id"
)


def sessions_lock(arrivals: "Sequence[Arrival]") -> "dict[SessionKey, Session]":
    """The session of each event, locked until the end of the transaction; new ones are made."""
    keys = {arrival.key for arrival in arrivals}
    sessions = _locked(keys)
    missing = keys - sessions.keys()
    if missing:
        firsts: dict[SessionKey, Arrival] = {}
        for arrival in arrivals:
            firsts.setdefault(arrival.key, arrival)
        # Two processes may hold a station for a moment: the second insert waits and does nothing.
        Session.objects.bulk_create(
            [_opened(firsts[key]) for key in sorted(missing)], ignore_conflicts=True
        )
        sessions |= _locked(missing)
    return sessions


def _locked(keys: "set[SessionKey]") -> "dict[SessionKey, Session]":
    ordered = sorted(keys)
    columns = [[key[0] for key in ordered], [key[1] for key in ordered]]
    locked = (
        Session.objects.select_related("evse")
        .select_for_update(of=("self",))
        .filter(pk__in=RawSQL(_KEYED, columns))  # noqa: S611 - the values are parameters
        # Always in the same order: two batches that share sessions never wait in a circle.
        .order_by("pk")
    )
    return {(session.station_id, session.transaction_id): session for session in locked}


def _opened(arrival: "Arrival") -> Session:
    return Session(
        station_id=arrival.station_pk,
        transaction_id=arrival.event.transaction_id,
        started_at=arrival.event.at,
        first_seq_no=arrival.event.seq_no,
        last_seq_no=arrival.event.seq_no,
        is_numbered=arrival.is_numbered,
    )


def events_store(
    arrivals: "Sequence[Arrival]", sessions: "Mapping[SessionKey, Session]"
) -> "dict[SessionKey, list[TransactionEvent]]":
    """Keep the events whose number is new, with their values; what was new of each session."""
    first: dict[tuple[int, int], Arrival] = {}
    for arrival in arrivals:
        first.setdefault((sessions[arrival.key].pk, arrival.event.seq_no), arrival)
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, _event_columns(first))
        stored = set(cursor.fetchall())
        fresh = [(session_id, first[session_id, seq_no]) for session_id, seq_no in sorted(stored)]
        columns = _value_columns(fresh)
        if columns[0]:
            cursor.execute(_VALUES, columns)
        columns = _signed_columns(fresh)
        if columns[0]:
            cursor.execute(_SIGNED, columns)
    _warn_of_reuse(arrivals, sessions, stored, first)
    new: dict[SessionKey, list[TransactionEvent]] = {}
    for _session_id, arrival in fresh:
        new.setdefault(arrival.key, []).append(arrival.event)
    return new


def _event_columns(first: "Mapping[tuple[int, int], Arrival]") -> list[list[object]]:
    rows = [
        (
            session_id,
            seq_no,
            arrival.event.event_type,
            arrival.event.trigger_reason,
            arrival.event.at,
            arrival.event.is_offline,
            arrival.payload_text,
            arrival.at,
        )
        for (session_id, seq_no), arrival in sorted(first.items(), key=lambda item: item[0])
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _value_columns(fresh: "Sequence[tuple[int, Arrival]]") -> list[list[object]]:
    rows = [
        (
            arrival.station_pk,
            arrival.event.evse_id or 0,
            session_id,
            arrival.event.seq_no,
            ordinal,
            sample.at,
            sample.measurand,
            sample.phase,
            sample.location,
            sample.context,
            sample.value,
            sample.unit,
        )
        for session_id, arrival in fresh
        for ordinal, sample in enumerate(arrival.event.samples)
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]]


def _signed_columns(fresh: "Sequence[tuple[int, Arrival]]") -> list[list[object]]:
    rows = [
        (
            session_id,
            arrival.event.seq_no,
            ordinal,
            signed.at,
            signed.context,
            signed.encoding_method,
            signed.signing_method,
            signed.public_key,
            signed.signed_data,
        )
        for session_id, arrival in fresh
        for ordinal, signed in enumerate(arrival.event.signed)
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]]


def _warn_of_reuse(
    arrivals: "Sequence[Arrival]",
    sessions: "Mapping[SessionKey, Session]",
    stored: set[tuple[int, int]],
    first: "Mapping[tuple[int, int], Arrival]",
) -> None:
    """A number that comes again with another text is a fault of the station: the first counts."""
    repeated = [
        (sessions[arrival.key], arrival)
        for arrival in arrivals
        if (sessions[arrival.key].pk, arrival.event.seq_no) not in stored
        or first[sessions[arrival.key].pk, arrival.event.seq_no] is not arrival
    ]
    for session, arrival in repeated:
        known = session.events.filter(seq_no=arrival.event.seq_no).first()
        if known is not None and known.payload != arrival.payload_text:
            logger.warning(
                "session event number used twice session=%s seq_no=%s",
                session.pk,
                arrival.event.seq_no,
            )


def sessions_save(sessions: Sequence[Session]) -> None:
    """Write what the rules said of these locked sessions."""
    if not sessions:
        return
    now = timezone.now()
    for session in sessions:
        session.updated_at = now
    ordered = sorted(sessions, key=lambda session: session.pk)
    columns = [[session.pk for session in ordered]]
    columns += [[getattr(session, name) for session in ordered] for name, _kind in _SAVED]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, columns)
