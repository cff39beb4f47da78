"""The monthly partitions of the readings and of their roll-ups of 1 minute. Months are UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from cariflex.common.errors import DomainError

READINGS = "assets_reading"
MINUTES = "assets_rollup_1m"
TABLES = (READINGS, MINUTES)
MONTHS_AHEAD = 2
MOST_MONTHS_AT_ONCE = 36
# Advisory locks are per database: the second key is the operator's schema (hashed).
# 0x43460001 partitions, 0x43460002 shards, 0x43460003 roll-ups.
_PARTITIONS_LOCK = 0x43460001


def partitions_ensure(*, now: datetime, months_ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the next ones; gives the names of the new ones."""
    months = [_month(now, ahead) for ahead in range(months_ahead + 1)]
    return [name for table in TABLES for name in _create(table, months)]


def partitions_ensure_for(instants: Iterable[datetime]) -> list[str]:
    """Make the partitions of readings for these instants; gives the names of the new ones.

    For who found that one is lacking: it waits for whoever makes one at this moment.
    """
    months = _months(instants)
    if len(months) > MOST_MONTHS_AT_ONCE:
        raise DomainError(
            "readings.too_many_months",
            f"one batch spans {len(months)} months, at most {MOST_MONTHS_AT_ONCE} are allowed",
            field="at",
        )
    return _create(READINGS, months, looks_first=False)


def minute_partitions_ensure_for(instants: Iterable[datetime]) -> list[str]:
    """Make the partitions of roll-ups for these instants; gives the names of the new ones."""
    return _create(MINUTES, _months(instants))


def month_start(at: datetime, months: int = 0) -> datetime:
    """The start of the month of an instant (UTC), or of one so many months later."""
    year, month = _month(at, months)
    return datetime(year, month, 1, tzinfo=UTC)


def partitions_lock(cursor: CursorWrapper) -> None:
    """Until the end of the transaction nobody else makes or drops a partition of this operator."""
    cursor.execute(
        "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_PARTITIONS_LOCK]
    )


def _create(table: str, months: list[tuple[int, int]], *, looks_first: bool = True) -> list[str]:
    created = []
    with connection.cursor() as cursor:
        for year, month in months:
            name = f"{table}_y{year:04d}m{month:02d}"
            # A commit is seen a moment before its news reaches other sessions: a table that is
            # there may not be a partition for them yet. Its maker lets the lock go after that.
            if looks_first and _exists(cursor, name):
                continue
            next_year, next_month = _shifted(year, month, 1)
            # Attaching lets others go on storing; CREATE ... PARTITION OF would lock them out.
            with transaction.atomic():
                partitions_lock(cursor)
                if _exists(cursor, name):
                    continue
                cursor.execute(
                    f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
                    f"ALTER TABLE {table} ATTACH PARTITION {name}"
                    f" FOR VALUES FROM ('{year:04d}-{month:02d}-01T00:00:00Z')"
                    f" TO ('{next_year:04d}-{next_month:02d}-01T00:00:00Z')"
                )
            created.append(name)
    return created


def _exists(cursor: CursorWrapper, name: str) -> bool:
    # current_schema() and not the search path: another operator's table must not count. And the
    # catalogue itself: to_regclass() may remember "no" from before we waited for the lock.
    cursor.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = current_schema() AND c.relname = %s",
        [name],
    )
    return cursor.fetchone() is not None


def _months(instants: Iterable[datetime]) -> list[tuple[int, int]]:
    return sorted({_month(at, 0) for at in instants})


def _month(at: datetime, months: int) -> tuple[int, int]:
    utc = at.astimezone(UTC)
    return _shifted(utc.year, utc.month, months)


def _shifted(year: int, month: int, months: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + months
    return index // 12, index % 12 + 1
