"""The list of series: newest values, how fresh each is, a small curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.core.paginator import Paginator

from apps.console.viewmodels.data_words import age_seconds
from apps.markets.choices import Feed, SeriesKind
from apps.markets.models import Series
from apps.markets.selectors.pages import (
    NEWEST_SHOWN,
    Freshness,
    SeriesFilter,
    followed_ids,
    newest_values,
    series_found,
    series_freshness,
)
from apps.markets.selectors.series import KnownValue

PAGE_SIZE = 25
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 32.0


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series of the list; `age_s` is that of the newest value's publication."""

    series: Series
    newest: KnownValue | None
    known_until: datetime | None
    freshness: Freshness
    age_s: float | None
    spark: str
    is_followed: bool


@dataclass(frozen=True, slots=True)
class SeriesListing:
    """A page of the list."""

    lines: tuple[SeriesLine, ...]
    filter: SeriesFilter
    kinds: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]
    page: int
    page_count: int
    total_count: int
    query: str
    may_change: bool

    @property
    def is_filtered(self) -> bool:
        """Whether anything but all was asked for."""
        return bool(self.query)


def series_listing(
    *, wanted: SeriesFilter, page: int, now: datetime, may_change: bool
) -> SeriesListing:
    """A page of the list. Four queries."""
    paginator = Paginator(series_found(wanted), PAGE_SIZE)
    shown = paginator.get_page(page)
    rows = list(shown.object_list)
    values = newest_values({row.pk: row.newest_start for row in rows if row.newest_start})
    followed = followed_ids() if rows else set()
    query = urlencode(
        {
            name: word
            for name, word in (
                ("q", wanted.search),
                ("kind", wanted.kind),
                ("source", wanted.source),
            )
            if word
        }
    )
    return SeriesListing(
        lines=tuple(
            _line(row, values.get(row.pk, []), now, is_followed=row.pk in followed) for row in rows
        ),
        filter=wanted,
        kinds=tuple((code, str(label)) for code, label in SeriesKind.choices),
        sources=tuple((code, str(label)) for code, label in Feed.choices),
        page=shown.number,
        page_count=paginator.num_pages,
        total_count=paginator.count,
        query=f"{query}&" if query else "",
        may_change=may_change,
    )


def _line(
    series: Series, values: Sequence[KnownValue], now: datetime, *, is_followed: bool
) -> SeriesLine:
    newest = values[-1] if values else None
    known_until = newest.start + series.resolution if newest else None
    return SeriesLine(
        series=series,
        newest=newest,
        known_until=known_until,
        freshness=series_freshness(
            kind=series.kind, variant=series.variant, known_until=known_until, now=now
        ),
        age_s=age_seconds(newest.published_at, now) if newest else None,
        spark=step_path(values, series.resolution, span=NEWEST_SHOWN),
        is_followed=is_followed,
    )


def step_path(values: Sequence[KnownValue], resolution: timedelta, *, span: timedelta) -> str:
    """Values as SVG path data, a step a slot, up to the last one; a gap stays a gap."""
    if not values:
        return ""
    first = values[-1].start + resolution - span
    low, high = min(v.value for v in values), max(v.value for v in values)
    room = float(high - low) or 1.0

    def across(at: datetime) -> float:
        return (at - first) / span * SPARK_WIDTH

    parts: list[str] = []
    end: datetime | None = None
    for known in values:
        height = 2 + (SPARK_HEIGHT - 4) * float(high - known.value) / room
        parts.append(f"{'L' if known.start == end else 'M'}{across(known.start):.1f} {height:.1f}")
        end = known.start + resolution
        parts.append(f"H{across(end):.1f}")
    return "".join(parts)
