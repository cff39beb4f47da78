"""Readings are stored by COPY, and by COPY and upsert when some are there already: safe to repeat.

Polling stores each reading once, so the straight way is the usual one. A repeat (a task run twice,
an import sent again) is found by the primary key and goes through a temporary table.

What changed is put down as due for its roll-ups in the same transaction (RollupDue). A value that
goes backward or jumps is stored as it was read: whether a counter's step can be true is known only
beside its neighbours, which may still come late, so the roll-ups judge it (`energy`).
"""

import io
import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

import psycopg2.errors
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.assets.choices import Quality
from apps.assets.events import ReadingsStored
from apps.assets.models import RollupDue
from apps.assets.services.partitions import partitions_ensure_for
from apps.tenants.context import current_schema
from cariflex.common.events import publish


class ReadingRow(NamedTuple):
    """One value of one sensor, in the sensor's unit and the house sign; `at` is aware."""

    sensor_id: int
    at: datetime
    value: float
    quality: int = 0


_COPY = "COPY {table} (sensor_id, at, value, quality) FROM STDIN WITH (FORMAT binary)"
# The temporary table belongs to the database session and is reused: making one for each batch
# would bloat the catalogue.
_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS readings_stage (
    sensor_id bigint, at timestamptz, value double precision, quality smallint
) ON COMMIT DELETE ROWS
"""
# A row that is there already is not written again: a repeat leaves no dead rows.
_UPSERT = """
INSERT INTO assets_reading (sensor_id, at, value, quality)
SELECT sensor_id, at, value, quality FROM readings_stage
ON CONFLICT (sensor_id, at) DO UPDATE SET value = EXCLUDED.value, quality = EXCLUDED.quality
WHERE (assets_reading.value, assets_reading.quality)
    IS DISTINCT FROM (EXCLUDED.value, EXCLUDED.quality)
"""
# Rows in the order of their key, so that two stores never wait for each other in a circle.
_LATEST = """
WITH newest AS (
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::smallint[])
        AS n(sensor_id, at, value, quality)
    ORDER BY sensor_id
), stored AS (
    INSERT INTO assets_sensorlatest AS l (sensor_id, at, value, quality)
    SELECT sensor_id, at, value, quality FROM newest
    ON CONFLICT (sensor_id) DO UPDATE
    SET at = EXCLUDED.at, value = EXCLUDED.value, quality = EXCLUDED.quality
    WHERE l.at <= EXCLUDED.at
)
SELECT DISTINCT s.device_id FROM assets_sensor s JOIN newest n ON n.sensor_id = s.id
ORDER BY s.device_id
"""
_COPY_BUFFER_BYTES = 1 << 16
_BAD = Quality.BAD.value
LARGEST_VALUE = 1e100
"""No device measures more than this, and means of larger values would overflow."""
DUE_IN_ONE = timedelta(hours=1)
"""A batch over a longer time is due day by day, so that no roller walks through what is empty."""
_ATTEMPTS = 5
_AT = itemgetter(1)
# PostgreSQL's binary COPY format ("COPY", section Binary Format): measured at a quarter of the CPU
# of the text format here, and cheaper to read for the server.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_TRAILER = struct.pack(">h", -1)
# The number of fields, then each field's length in bytes and value.
_COPY_ROW = struct.Struct(">hiqiqidih").pack
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def readings_store(rows: Sequence[ReadingRow]) -> int:
    """Store readings of one operator; gives the number of rows stored.

    Storing the same rows again changes nothing; of two rows with the same sensor and instant the
    later in the sequence wins. NaN, infinite and absurdly large values are kept with quality bad. A
    month without partition gets one. Raises IntegrityError for an unknown sensor, ValueError for a
    naive time. Publishes ReadingsStored.
    """
    if not rows:
        return 0
    schema = current_schema()
    latest = _latest(rows)
    with transaction.atomic():
        device_ids = _store(rows, latest)
    publish(
        ReadingsStored(
            schema=schema, device_ids=device_ids, at=max(row.at for row in latest.values())
        )
    )
    return len(rows)


def _latest(rows: Sequence[ReadingRow]) -> dict[int, ReadingRow]:
    latest: dict[int, ReadingRow] = {}
    find = latest.get
    for row in rows:
        newest = find(row[0])
        if newest is None or row[1] >= newest[1]:
            latest[row[0]] = row
    if any(row.at.tzinfo is None for row in latest.values()):
        raise ValueError("the time of a reading must be an aware datetime")
    return latest


def _store(rows: Sequence[ReadingRow], latest: dict[int, ReadingRow]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        if _store_rows(cursor, rows):
            RollupDue.objects.bulk_create(_due(rows, latest))
        newest = [latest[sensor_id] for sensor_id in sorted(latest)]
        cursor.execute(
            _LATEST,
            [
                [row.sensor_id for row in newest],
                [row.at for row in newest],
                [row.value for row in newest],
                [_kept_quality(row.value, row.quality) for row in newest],
            ],
        )
        return tuple(device_id for (device_id,) in cursor.fetchall())


def _store_rows(cursor: CursorWrapper, rows: Sequence[ReadingRow]) -> int:
    """New rows go straight into their table; only what is there already takes the longer way.

    Gives the number of rows that are not as before.
    """
    packed, write = _packed(rows), _copy_new
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return write(cursor, packed)
        except DatabaseError as error:
            cause = error.__cause__
            if attempt == _ATTEMPTS:
                raise
            if _lacks_partition(cause):
                partitions_ensure_for(row.at for row in rows)
            elif isinstance(cause, psycopg2.errors.UniqueViolation):
                write = _upsert
            elif isinstance(cause, psycopg2.errors.CardinalityViolation):
                # One statement touches a row once: of two with the same key the later stays.
                packed = _packed(list({(row[0], row[1]): row for row in rows}.values()))
            else:
                raise
    raise AssertionError("the last attempt returns or raises")


def _copy_new(cursor: CursorWrapper, packed: bytes) -> int:
    _copy(cursor, "assets_reading", packed)
    return int(cursor.rowcount)


def _upsert(cursor: CursorWrapper, packed: bytes) -> int:
    cursor.execute(_STAGE)
    # Empty already, unless an earlier store of the same transaction left its rows.
    cursor.execute("DELETE FROM readings_stage")
    _copy(cursor, "readings_stage", packed)
    cursor.execute(_UPSERT)
    return int(cursor.rowcount)


def _due(rows: Sequence[ReadingRow], latest: dict[int, ReadingRow]) -> list[RollupDue]:
    """What the roll-ups have to take up: one row, or one for each day (UTC) of a long batch."""
    start, end = min(map(_AT, rows)), max(map(_AT, latest.values()))
    if end - start <= DUE_IN_ONE:
        return [RollupDue(start=start, end=end, sensor_ids=sorted(latest))]
    days: dict[date, tuple[datetime, datetime, set[int]]] = {}
    for sensor_id, at, _value, _quality in rows:
        day = at.astimezone(UTC).date()
        first, last, sensor_ids = days.get(day) or (at, at, set())
        sensor_ids.add(sensor_id)
        days[day] = (min(first, at), max(last, at), sensor_ids)
    return [
        RollupDue(start=first, end=last, sensor_ids=sorted(sensor_ids))
        for first, last, sensor_ids in days.values()
    ]


def _copy(cursor: CursorWrapper, table: str, packed: bytes) -> None:
    with connection.wrap_database_errors:
        cursor.copy_expert(_COPY.format(table=table), io.BytesIO(packed), size=_COPY_BUFFER_BYTES)


def _packed(rows: Sequence[ReadingRow]) -> bytes:
    """The rows in the binary COPY format."""
    pack, epoch, microsecond, bad = _COPY_ROW, _POSTGRES_EPOCH, _MICROSECOND, _BAD
    least, most = -LARGEST_VALUE, LARGEST_VALUE
    packed = [
        pack(
            4,
            8,
            sensor_id,
            8,
            (at - epoch) // microsecond,
            8,
            value,
            # As _kept_quality, without a call for each row.
            2,
            quality if least < value < most else bad,
        )
        for sensor_id, at, value, quality in rows
    ]
    return b"".join((_COPY_HEADER, *packed, _COPY_TRAILER))


def _kept_quality(value: float, quality: int) -> int:
    """What is no number (NaN, infinite) or beyond all measure is kept, but bad."""
    return quality if -LARGEST_VALUE < value < LARGEST_VALUE else _BAD


def _lacks_partition(cause: BaseException | None) -> bool:
    return isinstance(cause, psycopg2.errors.CheckViolation) and "no partition" in str(cause)
