"""Roll-ups of 1 minute, 15 minutes and 1 hour, kept up to date as readings come in.

Who stores readings leaves a RollupDue row in the same transaction. The roller takes such rows,
makes exactly the minutes they touch anew from the readings that are there now, then the quarters
and hours of these minutes, and deletes the rows, all in one transaction. So it does not matter
whether readings come late, twice, corrected or in any order; killed midway, it has done nothing.

A sensor's period and roll-over and its device's rated power are taken as they are when a minute is
made: changing them changes no minute by itself.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.assets.models import RollupDue
from apps.assets.selectors.slot_sql import MINUTES, RollupTable
from apps.assets.selectors.storage import retention_get
from apps.assets.services import rollup_sql
from apps.assets.services.partitions import minute_partitions_ensure_for
from cariflex.common.units import floor_slot

log = logging.getLogger(__name__)

BUDGET_S = 8.0
"""A run ends after this long and leaves the rest to the next one."""
BATCH_MINUTES = 20_000
"""Sensors x minutes of one transaction: a second or two, and never the whole backlog."""
BATCH_ROWS = 1_000
LATE_AFTER = timedelta(minutes=5)
# One roller of an operator at a time; see partitions.py for the other locks.
_ROLLUPS_LOCK = 0x43460003


class Span(NamedTuple):
    """Whole slots [first, last) of one sensor."""

    sensor_id: int
    first: datetime
    last: datetime


class _Piece(NamedTuple):
    """What is taken up of a due row; `rest` is where it goes on, None when all is taken."""

    due_id: int
    start: datetime
    end: datetime
    sensor_ids: list[int]
    rest: datetime | None


def rollups_update(*, now: datetime, budget_s: float = BUDGET_S) -> int:
    """Bring the roll-ups up to what is stored; gives how many due rows were worked off.

    The newest first, so that a long import does not delay what is being measured. Does nothing
    while another roller of the operator is at work.
    """
    deadline = time.monotonic() + budget_s
    done = 0
    while True:
        worked = _batch()
        if not worked:
            return done
        done += worked
        if time.monotonic() >= deadline:
            _warn_if_late(now)
            return done


@transaction.atomic
def _batch() -> int:
    """One bounded piece of work in a transaction of its own; 0 when nothing is left to do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(current_schema()))", [_ROLLUPS_LOCK]
        )
        if not cursor.fetchone()[0]:
            return 0
        pieces = _take()
        if not pieces:
            return 0
        # Compiling these statements would take longer than running them.
        cursor.execute("SET LOCAL jit = off")
        _roll(cursor, _kept(pieces))
        for piece in pieces:
            if piece.rest is not None:
                RollupDue.objects.filter(pk=piece.due_id).update(start=piece.rest)
        RollupDue.objects.filter(pk__in=[p.due_id for p in pieces if p.rest is None]).delete()
    return len(pieces)


def _take() -> list[_Piece]:
    """Due rows up to the bound of a batch; the one that is too long for it is cut.

    Rows of the same sensors and minutes, as polling leaves one each second, count once.
    """
    pieces: list[_Piece] = []
    taken: set[tuple[int, datetime]] = set()
    due = RollupDue.objects.order_by("-end", "-id").values_list("id", "start", "end", "sensor_ids")
    for due_id, start, end, sensor_ids in due[:BATCH_ROWS]:
        first = floor_slot(start, MINUTES.step)
        minutes = (end - first) // MINUTES.step + 1
        fitting = max(1, BATCH_MINUTES // max(1, len(sensor_ids)))
        if minutes > fitting:
            if not pieces:
                rest = first + fitting * MINUTES.step
                pieces.append(_Piece(due_id, start, rest - MINUTES.step, sensor_ids, rest))
            break
        taken.update(
            (sensor_id, first + n * MINUTES.step)
            for n in range(minutes)
            for sensor_id in sensor_ids
        )
        if pieces and len(taken) > BATCH_MINUTES:
            break
        pieces.append(_Piece(due_id, start, end, sensor_ids, None))
    return pieces


def _kept(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Without what lies before the readings that were dropped: those roll-ups are final."""
    until = retention_get().readings_dropped_until
    if until is None:
        return list(pieces)
    return [piece._replace(start=max(piece.start, until)) for piece in pieces if piece.end >= until]


def _roll(cursor: CursorWrapper, pieces: Sequence[_Piece]) -> None:
    spans = merged(
        Span(
            sensor_id,
            floor_slot(piece.start, MINUTES.step),
            floor_slot(piece.end, MINUTES.step) + MINUTES.step,
        )
        for piece in pieces
        for sensor_id in piece.sensor_ids
    )
    if not spans:
        return
    cursor.execute(rollup_sql.COUNTER_FOLLOWERS, _parameters(spans))
    followers = [Span(sensor_id, at, at + MINUTES.step) for sensor_id, at in cursor.fetchall()]
    spans = merged([*spans, *followers])
    edges = {at for span in spans for at in (span.first, span.last - MINUTES.step)}
    minute_partitions_ensure_for(edges)
    cursor.execute(rollup_sql.PLAIN_MINUTES, _parameters(spans))
    cursor.execute(rollup_sql.COUNTER_MINUTES, _parameters(spans))
    for table, statement in rollup_sql.COARSER:
        spans = widened(spans, table)
        cursor.execute(statement, _parameters(spans))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same slots as spans that neither overlap nor touch, by sensor and time. Pure."""
    joined: list[Span] = []
    for span in sorted(spans):
        last = joined[-1] if joined else None
        if last is not None and last.sensor_id == span.sensor_id and span.first <= last.last:
            joined[-1] = last._replace(last=max(last.last, span.last))
        else:
            joined.append(span)
    return joined


def widened(spans: Iterable[Span], table: RollupTable) -> list[Span]:
    """The slots of a coarser table that hold these. Pure."""
    return merged(
        Span(
            span.sensor_id,
            floor_slot(span.first, table.step),
            floor_slot(span.last - MINUTES.step, table.step) + table.step,
        )
        for span in spans
    )


def _parameters(spans: Sequence[Span]) -> dict[str, list[int] | list[datetime]]:
    return {
        "sensor_ids": [span.sensor_id for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }


def _warn_if_late(now: datetime) -> None:
    newest = RollupDue.objects.order_by("-end").values_list("end", flat=True).first()
    if newest is not None and newest < now - LATE_AFTER:
        log.warning("rollups behind due=%s newest=%s", RollupDue.objects.count(), newest)
