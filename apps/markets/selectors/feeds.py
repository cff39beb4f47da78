"""Reads of feeds: how each access stands, what was asked of it and what came back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.markets.choices import Feed
from apps.markets.models import FeedAccess, FeedCall, FeedRequest, ImportedDocument, Series

REQUEST_DAYS: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class AccessStanding:
    """An access with what counts today and the requests of the last days, the newest first."""

    access: FeedAccess
    calls_today: int
    next_attempt_at: datetime | None
    requests: tuple[FeedRequest, ...]


@dataclass(frozen=True, slots=True)
class TakenSeries:
    """A series into which values of a document went: how many, the first and the last slot."""

    series: Series
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents are listed; an empty word leaves the choice open."""

    access_id: int | None = None
    feed: str = ""
    status: str = ""
    day: date | None = None


def access_standings(*, now: datetime) -> list[AccessStanding]:
    """Every access of the operator and how it stands. Two queries; tokens are not read."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    calls = (
        FeedCall.objects.filter(access=OuterRef("pk"), at__gte=midnight)
        .order_by()
        .values("access")
        .annotate(count=Count("pk"))
        .values("count")
    )
    accesses = list(
        FeedAccess.objects.defer("token").annotate(
            calls_today=Coalesce(Subquery(calls), 0),
            next_attempt_at=Min(
                "requests__next_attempt_at", filter=Q(requests__next_attempt_at__isnull=False)
            ),
        )
    )
    requests: dict[int, list[FeedRequest]] = defaultdict(list)
    since = (now - REQUEST_DAYS).date()
    for request in FeedRequest.objects.filter(day__gte=since).order_by("-day", "request"):
        requests[request.access_id].append(request)
    return [
        AccessStanding(one, one.calls_today, one.next_attempt_at, tuple(requests[one.pk]))
        for one in accesses
    ]


def documents_found(wanted: DocumentFilter) -> QuerySet[ImportedDocument]:
    """Documents of a filter, the last received first, without their bytes."""
    found = (
        ImportedDocument.objects.select_related("access")
        .defer("raw", "access__token")
        .order_by("-received_at", "-pk")
    )
    if wanted.access_id is not None:
        found = found.filter(access=wanted.access_id)
    if wanted.feed:
        found = found.filter(access__feed=wanted.feed)
    if wanted.status:
        found = found.filter(status=wanted.status)
    if wanted.day is not None:
        found = found.filter(day=wanted.day)
    return found


def document_found(document_id: int) -> ImportedDocument | None:
    """One document with its bytes and its access."""
    return (
        ImportedDocument.objects.select_related("access")
        .defer("access__token")
        .filter(pk=document_id)
        .first()
    )


def document_request(document: ImportedDocument) -> FeedRequest | None:
    """What was asked that this document answers; None for what nobody asked (an upload)."""
    if document.access.feed == Feed.UPLOAD or document.day is None:
        return None
    return FeedRequest.objects.filter(
        access=document.access_id, request=document.request, day=document.day
    ).first()


def document_series(document: ImportedDocument) -> list[TakenSeries]:
    """The series that values of a document went into, in their order. Two queries."""
    rows = {
        pk: (count, first, last)
        for pk, count, first, last in document.values.order_by()
        .values_list("series_id")
        .annotate(count=Count("pk"), first=Min("start"), last=Max("start"))
    }
    return [TakenSeries(series, *rows[series.pk]) for series in Series.objects.filter(pk__in=rows)]
