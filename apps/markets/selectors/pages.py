"""What the pages of series show: the list with newest values, revisions, siblings, freshness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from apps.markets.choices import PER_MWH, Feed, Quality, SeriesKind
from apps.markets.models import Series, SeriesValue
from apps.markets.selectors.series import SUREST_FIRST, KnownValue

NEWEST_SHOWN: Final = timedelta(days=1)
"""How much of a series its line in the list draws, up to its newest slot."""
BAND: Final = ("p10", "p90")
_AHEAD: Final = PER_MWH - {SeriesKind.PRODUCTION_COST} | {
    SeriesKind.WIND_SOLAR,
    SeriesKind.GHI,
    SeriesKind.TEMPERATURE,
    SeriesKind.WIND_SPEED,
    SeriesKind.PV_PRODUCTION,
}
FOLLOWED: Final = PER_MWH | {
    SeriesKind.LOAD,
    SeriesKind.CO2_LIFECYCLE,
    SeriesKind.CO2_DIRECT,
}
"""Kinds of which one series stands for the whole operator; the others are of a fuel or a place."""
_AHEAD_BY: Final = timedelta(hours=2)
_BEHIND: Final = (timedelta(hours=3), timedelta(hours=24))
# Costs are published for whole months, weeks after their end.
_BEHIND_COST: Final = (timedelta(days=62), timedelta(days=366))
_SUREST_FIRST: Final = Case(
    When(series__source=Feed.ISLAND, then=Value(0)),
    default=SUREST_FIRST,
    output_field=IntegerField(),
)


class Freshness(StrEnum):
    """How far a series reaches, beside how far it should."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series are listed; an empty word leaves the choice open."""

    kind: str = ""
    source: str = ""
    search: str = ""


def series_found(wanted: SeriesFilter) -> QuerySet[Series]:
    """The series of a filter, leading ones first, each with `newest_start` (None: empty)."""
    newest = SeriesValue.objects.filter(series=OuterRef("pk")).order_by("-start")
    found = Series.objects.annotate(newest_start=Subquery(newest.values("start")[:1]))
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if wanted.source:
        found = found.filter(source=wanted.source)
    if wanted.search:
        found = found.filter(Q(area__icontains=wanted.search) | Q(variant__icontains=wanted.search))
    return found.order_by("-is_leading", "kind", "area", "source", "variant")


def followed_ids() -> set[int]:
    """The series that lead their kinds: the marked one, else the first, as `leading_series` has it.

    One query.
    """
    first = (
        Series.objects.filter(kind__in=FOLLOWED)
        .order_by("kind", "-is_leading", "pk")
        .distinct("kind")
    )
    return set(first.values_list("pk", flat=True))


def newest_values(
    newest: Mapping[int, datetime], *, span: timedelta = NEWEST_SHOWN
) -> dict[int, list[KnownValue]]:
    """Per series the best value of each slot of the `span` up to its newest one. One query.

    `newest`: the start of the newest slot by series.
    """
    if not newest:
        return {}
    ranges = Q()
    for pk, start in newest.items():
        ranges |= Q(series_id=pk, start__gt=start - span, start__lte=start)
    return _best(SeriesValue.objects.filter(ranges))


def best_known_of(
    *, series_ids: Iterable[int], start: datetime, end: datetime, as_of: datetime | None = None
) -> dict[int, list[KnownValue]]:
    """Like `best_known` for several series at once. One query."""
    rows = SeriesValue.objects.filter(
        series_id__in=list(series_ids), start__gte=start, start__lt=end
    )
    if as_of is not None:
        rows = rows.filter(published_at__lte=as_of)
    return _best(rows)


def _best(rows: QuerySet[SeriesValue]) -> dict[int, list[KnownValue]]:
    found: dict[int, list[KnownValue]] = defaultdict(list)
    for pk, at, value, quality, origin, published_at in (
        rows.order_by("series_id", "start", _SUREST_FIRST, "-published_at", "-pk")
        .distinct("series_id", "start")
        .values_list("series_id", "start", "value", "quality", "origin", "published_at")
    ):
        found[pk].append(KnownValue(at, value, Quality(quality), origin, published_at))
    return dict(found)


def series_newest_start(series: Series) -> datetime | None:
    """The start of the newest slot; None for an empty series."""
    return series.values.order_by("-start").values_list("start", flat=True).first()


def publication_counts(
    *, series: Series, start: datetime, end: datetime, as_of: datetime | None = None
) -> dict[datetime, int]:
    """How many publications each slot of [start, end) has. One query."""
    rows = SeriesValue.objects.filter(series=series, start__gte=start, start__lt=end)
    if as_of is not None:
        rows = rows.filter(published_at__lte=as_of)
    counted = rows.order_by().values_list("start").annotate(count=Count("pk"))
    return dict(counted)


def revisions_of(*, series: Series, start: datetime) -> QuerySet[SeriesValue]:
    """Every publication of one slot, the newest first, with the document it came in."""
    return (
        SeriesValue.objects.filter(series=series, start=start)
        .select_related("document__access")
        .defer("document__raw", "document__faults", "document__access__token")
        .order_by("-published_at", "-pk")
    )


def series_siblings(series: Series) -> dict[str, Series]:
    """The other variants of the same kind, area and source, by variant."""
    same = Series.objects.filter(kind=series.kind, area=series.area, source=series.source)
    return {other.variant: other for other in same.exclude(pk=series.pk)}


def fallback_candidates(series: Series) -> QuerySet[Series]:
    """The series that may fill gaps of this one: others of the same unit."""
    return (
        Series.objects.filter(unit=series.unit)
        .exclude(pk=series.pk)
        .order_by(F("kind"), "area", "source", "variant")
    )


def series_freshness(
    *, kind: str, variant: str, known_until: datetime | None, now: datetime
) -> Freshness:
    """Whether a series reaches as far as one of its kind should.

    Prices and forecasts are fresh with two hours ahead of now and stale when now is not covered.
    Measurements are fresh up to 3 hours behind and stale from a day on.
    """
    if known_until is None:
        return Freshness.EMPTY
    if kind in _AHEAD or (kind == SeriesKind.LOAD and variant):
        if known_until >= now + _AHEAD_BY:
            return Freshness.FRESH
        return Freshness.LATE if known_until > now else Freshness.STALE
    late, stale = _BEHIND_COST if kind == SeriesKind.PRODUCTION_COST else _BEHIND
    behind = now - known_until
    if behind <= late:
        return Freshness.FRESH
    return Freshness.LATE if behind <= stale else Freshness.STALE
