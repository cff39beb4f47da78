"""Readings that have been kept long enough go, a whole month at a time."""

import logging
import time
from datetime import datetime

import psycopg2.errors
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from apps.assets.models import Retention, RollupDue
from apps.assets.selectors.storage import StoredTable, retention_get, storage
from apps.assets.services.partitions import MINUTES, READINGS, month_start, partitions_lock

log = logging.getLogger(__name__)

# Dropping a month needs the whole table for a moment. While it waits behind a long reader, every
# store waits behind it: so it waits only so long, lets the others pass and tries again.
LOCK_TIMEOUT_MS = 200
ATTEMPTS = 5
PAUSE_S = 1.0


def retention_save(*, readings_months: int, minutes_months: int) -> Retention:
    """Say how long readings and roll-ups of 1 minute are kept; the hourly task goes by it."""
    retention, _is_new = Retention.objects.update_or_create(
        pk=1, defaults={"readings_months": readings_months, "minutes_months": minutes_months}
    )
    return retention


def retention_apply(*, now: datetime, pause_s: float = PAUSE_S) -> list[str]:
    """Drop the months that the operator no longer keeps; gives the names of what was dropped.

    A month with readings that are not in the roll-ups yet stays until they are. So does one that
    somebody is reading for longer than we may wait; the next run tries again.
    """
    retention = retention_get()
    dropped: list[str] = []
    for table, months in (
        (READINGS, retention.readings_months),
        (MINUTES, retention.minutes_months),
    ):
        kept_from = month_start(now, -months)
        for month in storage([table]):
            if month.end is None or month.end > kept_from:
                continue
            if _is_due(month):
                log.warning("retention waits for the roll-ups table=%s", month.name)
            elif _drop_patiently(month, pause_s):
                dropped.append(month.name)
    return dropped


def _is_due(month: StoredTable) -> bool:
    return RollupDue.objects.filter(start__lt=month.end, end__gte=month.start).exists()


def _drop_patiently(month: StoredTable, pause_s: float) -> bool:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _drop(month)
        except DatabaseError as error:
            if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
                raise
            if attempt < ATTEMPTS:
                time.sleep(pause_s)
        else:
            log.info(
                "readings dropped table=%s rows_estimate=%s size_bytes=%s",
                month.name,
                month.rows_estimate,
                month.size_bytes,
            )
            return True
    log.warning("retention found the table in use table=%s", month.name)
    return False


@transaction.atomic
def _drop(month: StoredTable) -> None:
    """Drop a month; its roll-ups are final from then on."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = %s", [f"{LOCK_TIMEOUT_MS}ms"])
        partitions_lock(cursor)
        _remember(month)
        cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(month.name)}")


def _remember(month: StoredTable) -> None:
    if month.table != READINGS or month.end is None:
        return
    Retention.objects.get_or_create(pk=1)
    Retention.objects.filter(pk=1).filter(
        Q(readings_dropped_until=None) | Q(readings_dropped_until__lt=month.end)
    ).update(readings_dropped_until=month.end)
