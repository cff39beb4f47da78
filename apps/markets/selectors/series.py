"""The best known value of each slot of a series, as of any moment, gaps filled or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Case, IntegerField, Value, When

from apps.markets.choices import QUALITY_RANK, Feed, GapMethod, Quality, SeriesKind
from apps.markets.models import FallbackStep, Series, SeriesValue
from cariflex.common.errors import DomainError
from cariflex.common.units import ceil_slot, floor_slot, slots

EARLIER_DAYS: Final = (1, 7, 2, 3, 4, 5, 6, 14)
"""Persistence: yesterday first, then the same weekday of last week, then any other day."""
SUREST_FIRST: Final = Case(
    *(When(quality=quality, then=Value(rank)) for quality, rank in QUALITY_RANK.items()),
    default=Value(len(QUALITY_RANK)),
    output_field=IntegerField(),
)
"""Orders the values of a slot; of what is computed here the latest counts, see `best_known`."""


@dataclass(frozen=True, slots=True)
class KnownValue:
    """The value of `[start, start + resolution)` in the series' unit.

    `published_at` is that of the value it was taken from, `origin` the word for where that came
    from: a feed, a rule, or empty for the series' own source.
    """

    start: datetime
    value: Decimal
    quality: Quality
    origin: str
    published_at: datetime


def leading_series(kind: SeriesKind) -> Series | None:
    """The series of a kind that plans, tariffs and pages use: the leading one, else the first."""
    return Series.objects.filter(kind=kind).order_by("-is_leading", "pk").first()


def best_known(
    *, series: Series, start: datetime, end: datetime, as_of: datetime | None = None
) -> list[KnownValue]:
    """The best value of each slot that starts in [start, end), ordered by start; gaps left out.

    Best is: of the surest quality (actual, estimated, forecast, fallback), then the latest
    published. Of a series computed here the latest counts, whatever its quality: it is what was
    made from all that is known. With `as_of` only what was published by then counts. One query.
    """
    rows = SeriesValue.objects.filter(series=series, start__gte=start, start__lt=end)
    if as_of is not None:
        rows = rows.filter(published_at__lte=as_of)
    surest_first = () if series.source == Feed.ISLAND else (SUREST_FIRST,)
    found = (
        rows.order_by("start", *surest_first, "-published_at", "-pk")
        .distinct("start")
        .values_list("start", "value", "quality", "origin", "published_at")
    )
    return [
        KnownValue(at, value, Quality(quality), origin, published_at)
        for at, value, quality, origin, published_at in found
    ]


def known_or_filled(
    *, series: Series, start: datetime, end: datetime, as_of: datetime | None = None
) -> list[KnownValue]:
    """Like `best_known` for every slot of the series' grid in [start, end), gaps filled.

    A gap is filled by the series' declared steps in their order, without steps by the same time of
    an earlier day. Filled values say so: `fallback` from another series (origin: its source),
    `estimated` from an earlier day. A slot that nothing can fill is left out.
    """
    if end <= start:
        raise DomainError("series.range", "must be after start", field="end")
    steps = list(series.fallback_steps.select_related("other"))
    chain: list[FallbackStep | None] = [*steps] or [None]
    first, last = floor_slot(start, series.resolution), ceil_slot(end, series.resolution)
    reach = timedelta(days=max(EARLIER_DAYS)) if _looks_back(steps) else timedelta(0)
    own = {
        known.start: known
        for known in best_known(series=series, start=first - reach, end=last, as_of=as_of)
    }
    grid = list(slots(first, last, series.resolution))
    chosen = {at: own[at] for at in grid if at in own}
    for step in chain:
        if len(chosen) == len(grid):
            break
        gaps = [at for at in grid if at not in chosen]
        chosen |= dict(_fill(step, gaps, own, as_of))
    return [chosen[at] for at in grid if at in chosen]


def _looks_back(steps: list[FallbackStep]) -> bool:
    return not steps or any(step.method == GapMethod.EARLIER_DAYS for step in steps)


def _fill(
    step: FallbackStep | None,
    gaps: list[datetime],
    own: dict[datetime, KnownValue],
    as_of: datetime | None,
) -> Iterator[tuple[datetime, KnownValue]]:
    if step is None or step.other is None:
        yield from _from_earlier_days(gaps, own)
        return
    other, end = step.other, gaps[-1] + step.series.resolution
    values = {
        known.start: known
        for known in best_known(
            series=other, start=floor_slot(gaps[0], other.resolution), end=end, as_of=as_of
        )
    }
    for at in gaps:
        known = values.get(floor_slot(at, other.resolution))
        if known is not None:
            yield at, replace(known, start=at, quality=Quality.FALLBACK, origin=other.source)


def _from_earlier_days(
    gaps: list[datetime], own: dict[datetime, KnownValue]
) -> Iterator[tuple[datetime, KnownValue]]:
    for at in gaps:
        for days in EARLIER_DAYS:
            known = own.get(at - timedelta(days=days))
            if known is not None:
                yield at, replace(known, start=at, quality=Quality.ESTIMATED)
                break
