"""Raising, clearing and acknowledging alarms. One open alarm of a device, kind and code.

Everything is safe to do twice and from two processes at once: the unique constraint
`alarm_one_open_of_a_kind` decides, and what changes nothing is not announced.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from apps.accounts.models import User
from apps.assets.choices import AlarmKind
from apps.assets.events import AlarmChanged
from apps.assets.models import Alarm
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

LONGEST_NOTE = 200
LONGEST_CODE = 80
Figure = float | str | None

_RAISE = """
INSERT INTO assets_alarm (device_id, sensor_id, kind, code, severity, words, figures, raised_at,
                          cleared_at, note, source, source_name)
SELECT r.device_id, sensor.id, r.kind, r.code, r.severity, r.words::jsonb, r.figures::jsonb,
       %s, r.cleared_at, '', '', ''
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::text[],
            %s::text[], %s::timestamptz[])
     AS r(device_id, sensor_id, kind, code, severity, words, figures, cleared_at)
-- What was deleted meanwhile must not hold back the alarms of the others.
JOIN assets_device device ON device.id = r.device_id
LEFT JOIN assets_sensor sensor ON sensor.id = r.sensor_id
ORDER BY r.device_id, r.kind, r.code
ON CONFLICT (device_id, kind, code) WHERE cleared_at IS NULL DO NOTHING
RETURNING device_id, kind, code
"""
_CLEAR = """
WITH due AS (
    SELECT a.id FROM assets_alarm a
    JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS c(device_id, kind, code)
      ON a.device_id = c.device_id AND a.kind = c.kind AND a.code = c.code
    WHERE a.cleared_at IS NULL
    ORDER BY a.id
    FOR UPDATE OF a
)
UPDATE assets_alarm a SET cleared_at = GREATEST(a.raised_at, %s)
FROM due WHERE a.id = due.id
RETURNING a.device_id, a.kind, a.code
"""


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """What is unique among the open alarms."""

    device_id: int
    kind: str
    code: str = ""


def alarm_key(device_id: int, kind: AlarmKind, code: str = "") -> AlarmKey:
    """The key as the database has it."""
    return AlarmKey(device_id, str(kind), code[:LONGEST_CODE])


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm to store; `is_over` when it came and went before it could be stored."""

    key: AlarmKey
    severity: int
    sensor_id: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class StoredChanges:
    """What was not so before."""

    raised: tuple[AlarmKey, ...]
    cleared: tuple[AlarmKey, ...]


def alarms_store(
    *, now: datetime, raised: Sequence[RaisedAlarm] = (), cleared: Sequence[AlarmKey] = ()
) -> StoredChanges:
    """Clear, then raise, in one transaction and at most two statements; gives what changed.

    An alarm that is open already stays as it is. `now` is when it is stored, not when it was
    seen: a digest that was sent up to an instant must not miss what comes to the table later.
    Publishes AlarmChanged once a device.
    """
    if not raised and not cleared:
        return StoredChanges((), ())
    with transaction.atomic():
        changes = StoredChanges(cleared=_clear(cleared, now), raised=_raise(raised, now))
        schema = current_schema()
        for device_id in sorted({key.device_id for key in (*changes.raised, *changes.cleared)}):
            publish(AlarmChanged(schema=schema, device_id=device_id))
    return changes


def alarm_raise(
    *,
    device_id: int,
    kind: AlarmKind,
    severity: int,
    now: datetime,
    code: str = "",
    sensor_id: int | None = None,
    words: Mapping[str, str] | None = None,
    figures: Mapping[str, Figure] | None = None,
) -> bool:
    """Raise one alarm; False when it is open already."""
    alarm = RaisedAlarm(
        key=alarm_key(device_id, kind, code),
        severity=severity,
        sensor_id=sensor_id,
        words=words or {},
        figures=figures or {},
    )
    return bool(alarms_store(now=now, raised=[alarm]).raised)


def alarm_clear(*, device_id: int, kind: AlarmKind, now: datetime, code: str = "") -> bool:
    """Clear one alarm; False when it is not open."""
    key = alarm_key(device_id, kind, code)
    return bool(alarms_store(now=now, cleared=[key]).cleared)


def alarm_acknowledge(*, alarm_id: int, by: User, now: datetime, note: str = "") -> Alarm:
    """Say that somebody has seen it; an alarm that is over can be acknowledged too.

    Raises DomainError: `alarm.unknown`, `alarm.acknowledged` (by whoever was first), and
    `alarm.note_too_long`.
    """
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise DomainError(
            "alarm.note_too_long", f"a note has at most {LONGEST_NOTE} characters", field="note"
        )
    with transaction.atomic():
        is_first = Alarm.objects.filter(pk=alarm_id, acknowledged_at=None).update(
            acknowledged_at=now, acknowledged_by=by, note=note
        )
        alarm = Alarm.objects.select_related("device", "acknowledged_by").filter(pk=alarm_id)
        found = alarm.first()
        if found is None:
            raise DomainError("alarm.unknown", f"there is no alarm {alarm_id}")
        if not is_first:
            raise DomainError("alarm.acknowledged", "the alarm was acknowledged already")
        publish(AlarmChanged(schema=current_schema(), device_id=found.device_id))
    return found


def _raise(alarms: Sequence[RaisedAlarm], now: datetime) -> tuple[AlarmKey, ...]:
    if not alarms:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(
            _RAISE,
            [
                now,
                [alarm.key.device_id for alarm in alarms],
                [alarm.sensor_id for alarm in alarms],
                [alarm.key.kind for alarm in alarms],
                [alarm.key.code for alarm in alarms],
                [int(alarm.severity) for alarm in alarms],
                [json.dumps(dict(alarm.words)) for alarm in alarms],
                [json.dumps(dict(alarm.figures), allow_nan=False) for alarm in alarms],
                [now if alarm.is_over else None for alarm in alarms],
            ],
        )
        return tuple(AlarmKey(*row) for row in cursor.fetchall())


def _clear(keys: Sequence[AlarmKey], now: datetime) -> tuple[AlarmKey, ...]:
    if not keys:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLEAR,
            [
                [key.device_id for key in keys],
                [key.kind for key in keys],
                [key.code for key in keys],
                now,
            ],
        )
        return tuple(AlarmKey(*row) for row in cursor.fetchall())
