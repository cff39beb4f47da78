"""The message log: every frame in and out, kept for a limited time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction

from apps.chargers.choices import MessageDirection
from apps.chargers.models import ChargingStation, StationMessage
from apps.chargers.ocpp.redaction import kept_text

KEPT_FOR = timedelta(days=30)
ROWS_KEPT = 2_000_000
_FRAME_CHARS_KEPT = 16_000


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """A frame to be kept; `error` is why it was refused or what it refuses."""

    station_pk: int
    direction: MessageDirection
    message_type: int | None
    message_id: str
    action: str
    text: str
    error: str
    at: datetime


def messages_store(frames: Iterable[LoggedFrame]) -> int:
    """Keep frames, in one insert; those of a station deleted meanwhile are dropped."""
    rows = [_row(frame) for frame in frames]
    try:
        with transaction.atomic():
            StationMessage.objects.bulk_create(rows)
    except IntegrityError:
        known = set(ChargingStation.objects.values_list("pk", flat=True))
        rows = [row for row in rows if row.station_id in known]
        StationMessage.objects.bulk_create(rows)
    return len(rows)


def messages_prune(
    *, now: datetime, kept_for: timedelta = KEPT_FOR, rows_kept: int = ROWS_KEPT
) -> int:
    """Delete the frames that are too old, and the oldest of too many; how many."""
    deleted, _by_model = StationMessage.objects.filter(received_at__lt=now - kept_for).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM chargers_stationmessage WHERE id <= ("
            "SELECT id FROM chargers_stationmessage ORDER BY id DESC OFFSET %s LIMIT 1)",
            [rows_kept],
        )
        return int(deleted) + int(cursor.rowcount)


def _row(frame: LoggedFrame) -> StationMessage:
    return StationMessage(
        station_id=frame.station_pk,
        direction=frame.direction,
        message_type=frame.message_type,
        message_id=_storable(frame.message_id)[:36],
        action=_storable(frame.action)[:50],
        payload=_storable(kept_text(frame.text))[:_FRAME_CHARS_KEPT],
        error=_storable(frame.error)[:300],
        received_at=frame.at,
    )


def _storable(text: str) -> str:
    """Text without what PostgreSQL cannot keep: NUL and lone surrogates."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
