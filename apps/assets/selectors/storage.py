"""What the readings take on disk, how long they are kept, and what waits for its roll-up."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, Max, Min

from apps.assets.models import Retention, RollupDue

_SIZES = """
SELECT coalesce(p.relname, c.relname), c.relname, pg_total_relation_size(c.oid), c.reltuples
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE n.nspname = current_schema() AND c.relkind = 'r'
  AND coalesce(p.relname, c.relname) = ANY(%s)
ORDER BY 1, 2
"""
_MONTH = re.compile(r"_y(\d{4,})m(\d\d)$")
TABLES = ("assets_reading", "assets_rollup_1m", "assets_rollup_15m", "assets_rollup_1h")


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table on disk or one month of it: [start, end) UTC, None for a table without months.

    `rows_estimate` is PostgreSQL's own guess; None before it has looked.
    """

    table: str
    name: str
    start: datetime | None
    end: datetime | None
    size_bytes: int
    rows_estimate: int | None


@dataclass(frozen=True, slots=True)
class StorageMonth:
    """What a month (UTC) takes; None where it has no partition."""

    start: datetime
    readings: StoredTable | None
    minutes: StoredTable | None


@dataclass(frozen=True, slots=True)
class RollupBacklog:
    """What is stored and not rolled up yet."""

    rows: int
    oldest: datetime | None
    newest: datetime | None


def storage(tables: Sequence[str] = TABLES) -> list[StoredTable]:
    """The tables of readings and roll-ups, month by month. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [list(tables)])
        rows = cursor.fetchall()
    return [
        StoredTable(table, name, *_month(name), size, None if guess < 0 else int(guess))
        for table, name, size, guess in rows
    ]


def storage_months(tables: Iterable[StoredTable]) -> list[StorageMonth]:
    """The months of readings and of roll-ups of 1 minute side by side, the newest first. Pure."""
    parts = {(part.table, part.start): part for part in tables if part.start is not None}
    return [
        StorageMonth(
            start, parts.get(("assets_reading", start)), parts.get(("assets_rollup_1m", start))
        )
        for start in sorted({part.start for part in parts.values() if part.start}, reverse=True)
    ]


def rollup_backlog() -> RollupBacklog:
    """How much waits for the roller. One query."""
    found = RollupDue.objects.aggregate(rows=Count("id"), oldest=Min("start"), newest=Max("end"))
    return RollupBacklog(found["rows"], found["oldest"], found["newest"])


def retention_get() -> Retention:
    """How long the operator keeps its readings; the defaults when it never said."""
    return Retention.objects.first() or Retention()


def _month(name: str) -> tuple[datetime | None, datetime | None]:
    found = _MONTH.search(name)
    # Year 9999 has no next month; nobody measures there.
    if found is None or int(found[1]) > 9998:
        return None, None
    year, month = int(found[1]), int(found[2])
    return (
        datetime(year, month, 1, tzinfo=UTC),
        datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC),
    )
