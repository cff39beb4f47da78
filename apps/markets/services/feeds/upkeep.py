"""Keeping what feeds leave behind in bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q

from apps.markets.choices import CallOutcome, Feed, Quality
from apps.markets.models import FeedCall, FeedRequest, ImportedDocument
from apps.markets.services.feeds.engine import CLAIM

KEPT: Final = timedelta(days=35)
"""Calls, requests, raw documents and superseded forecasts; what is billed by stays for ever."""
BATCH: Final = 20_000


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was put in order: rows of each sort."""

    calls_ended: int
    calls_deleted: int
    requests_deleted: int
    documents_emptied: int
    values_deleted: int


def feeds_tidy(*, now: datetime) -> Tidied:
    """End calls whose process died, delete old calls and requests, empty old raw documents that
    nobody bills by, delete forecasts that a later one superseded. Idempotent."""
    before = now - KEPT
    ended = FeedCall.objects.filter(outcome=CallOutcome.RUNNING, at__lt=now - CLAIM).update(
        outcome=CallOutcome.FAILED, error="was cut off before it ended"
    )
    calls, _ = FeedCall.objects.filter(at__lt=before).delete()
    requests, _ = FeedRequest.objects.filter(day__lt=before.date()).delete()
    is_evidence = Q(request__in=("prices", "cost")) | Q(access__feed=Feed.UPLOAD)
    emptied = (
        ImportedDocument.objects.filter(received_at__lt=before)
        .exclude(is_evidence)
        .exclude(raw=b"")
        .update(raw=b"")
    )
    return Tidied(ended, calls, requests, emptied, _superseded_delete(before))


def _superseded_delete(before: datetime) -> int:
    """Forecasts of slots long past for which a later publication or a measurement stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM markets_seriesvalue WHERE id IN ("
            " SELECT old.id FROM markets_seriesvalue old"
            " WHERE old.start < %s AND old.quality IN (%s, %s) AND EXISTS ("
            "  SELECT 1 FROM markets_seriesvalue new WHERE new.series_id = old.series_id"
            "  AND new.start = old.start AND new.published_at > old.published_at) LIMIT %s)",
            [before, Quality.FORECAST, Quality.FALLBACK, BATCH],
        )
        return int(cursor.rowcount)
