"""Reads of orders: pages of them, and how far a bulk order is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command, CommandBatch
from cariflex.common.api.pages import Page, page_of


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a bulk order is, in stations: each is in exactly one of the counts.

    `waiting`: no command is written yet. A station with several commands counts by the one that is
    furthest from done, and then by the worst.
    """

    batch_id: int
    action: str
    reason: str
    requested_by: str | None
    requested_at: datetime
    stations: int
    waiting: int
    queued: int
    sent: int
    accepted: int
    rejected: int
    timeout: int
    failed: int

    @property
    def ended(self) -> int:
        """Stations with a result."""
        return self.accepted + self.rejected + self.timeout + self.failed

    @property
    def is_ended(self) -> bool:
        """True when every station has a result."""
        return self.ended >= self.stations


def commands_page(
    *,
    after: int | None,
    limit: int,
    station: str | None = None,
    batch: int | None = None,
    status: str | None = None,
    action: str | None = None,
) -> Page[Command]:
    """Orders, newest first. One query."""
    commands = command_rows().order_by("-pk")
    if station is not None:
        commands = commands.filter(station__station_id=station)
    if batch is not None:
        commands = commands.filter(batch_id=batch)
    if status is not None:
        commands = commands.filter(status=status)
    if action is not None:
        commands = commands.filter(action=action)
    if after is not None:
        commands = commands.filter(pk__lt=after)
    return page_of(list(commands[: limit + 1]), limit, lambda command: command.pk)


def command_rows() -> QuerySet[Command]:
    """Orders with their station and who gave them."""
    return Command.objects.select_related("station", "requested_by")


def batch_progress(*, batch_id: int) -> BatchProgress | None:
    """How far a bulk order is; None when there is none. Two queries."""
    batch = CommandBatch.objects.select_related("requested_by").filter(pk=batch_id).first()
    if batch is None:
        return None
    return _progress([batch])[0]


def batches_page(*, after: int | None, limit: int) -> Page[BatchProgress]:
    """Bulk orders, newest first, with their progress. Two queries."""
    batches = CommandBatch.objects.select_related("requested_by").order_by("-pk")
    if after is not None:
        batches = batches.filter(pk__lt=after)
    page = page_of(list(batches[: limit + 1]), limit, lambda batch: batch.pk)
    return Page(_progress(page.rows), page.next_after)


def _progress(batches: Sequence[CommandBatch]) -> list[BatchProgress]:
    with connection.cursor() as cursor:
        cursor.execute(_STATUSES, [[batch.pk for batch in batches]])
        counts = {(batch_id, status): count for batch_id, status, count in cursor.fetchall()}
    return [
        BatchProgress(
            batch_id=batch.pk,
            action=batch.action,
            reason=batch.reason,
            requested_by=batch.requested_by.get_username() if batch.requested_by else None,
            requested_at=batch.requested_at,
            # Stations that were deleted meanwhile have no result and are waited for by nobody.
            stations=len(batch.waiting)
            + sum(counts.get((batch.pk, status), 0) for status in CommandStatus.values),
            waiting=len(batch.waiting),
            **{status: counts.get((batch.pk, status), 0) for status in CommandStatus.values},
        )
        for batch in batches
    ]


# The first of these that one of a station's commands has is the station's.
_STATUSES = """
SELECT batch_id, status, count(*) FROM (
    SELECT batch_id, station_id, (array_agg(status ORDER BY array_position(
        ARRAY['queued', 'sent', 'failed', 'timeout', 'rejected', 'accepted'], status::text
    )))[1] AS status
    FROM chargers_command
    WHERE batch_id = ANY(%s)
    GROUP BY batch_id, station_id
) AS stations
GROUP BY batch_id, status
"""
