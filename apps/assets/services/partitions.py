"""The monthly partitions of the table of readings."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from cariflex.common.errors import DomainError

TABLE = "assets_reading"
MONTHS_AHEAD = 2
MOST_MONTHS_AT_ONCE = 36
# Advisory locks are per database: the second key is the operator's schema (hashed).
_PARTITIONS_LOCK = 0x43460001


def partitions_ensure(*, now: datetime, months_ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the next ones; gives the names of the new ones."""
    year, month = now.astimezone(UTC).year, now.astimezone(UTC).month
    months = [_shifted(year, month, n) for n in range(months_ahead + 1)]
    return _create(months)


def partitions_ensure_for(instants: Iterable[datetime]) -> list[str]:
    """Make the partitions that hold these instants; gives the names of the new ones."""
    utc = {at.astimezone(UTC) for at in instants}
    months = sorted({(at.year, at.month) for at in utc})
    if len(months) > MOST_MONTHS_AT_ONCE:
        raise DomainError(
            "readings.too_many_months",
            f"one batch spans {len(months)} months, at most {MOST_MONTHS_AT_ONCE} are allowed",
            field="at",
        )
    return _create(months)


def _create(months: list[tuple[int, int]]) -> list[str]:
    created = []
    with connection.cursor() as cursor:
        for year, month in months:
            name = f"{TABLE}_y{year:04d}m{month:02d}"
            if _exists(cursor, name):
                continue
            next_year, next_month = _shifted(year, month, 1)
            # Attaching lets others go on storing; CREATE ... PARTITION OF would lock them out.
            with transaction.atomic():
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))",
                    [_PARTITIONS_LOCK],
                )
                if _exists(cursor, name):
                    continue
                cursor.execute(
                    f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
                    f"ALTER TABLE {TABLE} ATTACH PARTITION {name}"
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


def _shifted(year: int, month: int, months: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + months
    return index // 12, index % 12 + 1
