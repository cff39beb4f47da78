"""One series over some local days: plot, table of slots, publications of a slot, gap rules."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.console.viewmodels.data_chart import SeriesChart, series_chart
from apps.console.viewmodels.data_words import (
    age_seconds,
    gap_text,
    series_name,
    source_text,
)
from apps.markets.models import Series, SeriesValue
from apps.markets.selectors.pages import (
    BAND,
    FOLLOWED,
    Freshness,
    best_known_of,
    fallback_candidates,
    followed_ids,
    publication_counts,
    revisions_of,
    series_freshness,
    series_newest_start,
    series_siblings,
)
from apps.markets.selectors.series import KnownValue, best_known, known_or_filled
from cariflex.common.units import slots

MAY_SEE = "markets.view_series"
MAY_CHANGE = "markets.change_series"
SPANS = {"day": 1, "days3": 3, "week": 7}
FIRST_SPAN = "day"
STEPS_OFFERED = 3
_YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole local days [start, end), as known at `as_of` (None: now)."""

    span: str
    first_day: date
    start: datetime
    end: datetime
    as_of: datetime | None

    @property
    def days(self) -> int:
        """How many local days."""
        return SPANS[self.span]

    @property
    def last_day(self) -> date:
        """The last day that is in it."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def as_of_text(self) -> str:
        """The moment as a form has it."""
        return f"{timezone.localtime(self.as_of):%Y-%m-%dT%H:%M}" if self.as_of else ""


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the grid: what is known of it, or what fills it, or nothing."""

    start: datetime
    end: datetime
    known: KnownValue | None
    is_filled: bool
    origin: str
    publications: int


@dataclass(frozen=True, slots=True)
class Link:
    """Another view of the same series."""

    key: str
    query: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Revisions:
    """Every publication of one slot, the newest first."""

    start: datetime
    end: datetime
    rows: tuple[SeriesValue, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the form of gap rules; `chosen` is a series' key, earlier_days or nothing."""

    number: int
    chosen: str


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """What the page of a series shows."""

    series: Series
    window: Window
    known_until: datetime | None
    newest: KnownValue | None
    age_s: float | None
    freshness: Freshness
    chart: SeriesChart
    slots: tuple[Slot, ...]
    """Of the table's day."""
    table_day: date
    table_page: int
    counts: Mapping[str, int]
    revisions: Revisions | None
    spans: tuple[Link, ...]
    previous_query: str
    next_query: str
    query: str
    steps: tuple[str, ...]
    form: tuple[Step, ...]
    candidates: tuple[tuple[str, str], ...]
    siblings: tuple[Series, ...]
    is_followed: bool
    may_follow: bool
    may_change: bool


def window_of(query: Mapping[str, str], *, now: datetime) -> Window:
    """The window that a query asks for; today where it says nothing that can be read."""
    span = query.get("span", "")
    span = span if span in SPANS else FIRST_SPAN
    try:
        first_day = date.fromisoformat(query.get("day", ""))
    except ValueError:
        first_day = timezone.localtime(now).date()
    if first_day.year not in _YEARS:
        first_day = timezone.localtime(now).date()
    return _window(span, first_day, _as_of(query.get("as_of", "")))


def window_query(window: Window, **changes: str) -> str:
    """The query that asks for a window."""
    words = {"span": window.span, "day": window.first_day.isoformat(), "as_of": window.as_of_text}
    return urlencode({name: word for name, word in (words | changes).items() if word})


def series_page(
    *, series: Series, window: Window, table_page: int, slot: str, now: datetime, may_change: bool
) -> SeriesPage:
    """The page of a series in a window."""
    own, grid = _slots(series, window)
    siblings = series_siblings(series)
    edges = {
        siblings[variant].pk: variant
        for variant in BAND
        if variant in siblings and set(BAND) <= siblings.keys() | {series.variant}
    }
    bands = best_known_of(
        series_ids=edges, start=window.start, end=window.end, as_of=window.as_of
    ) if edges else {}  # fmt: skip
    newest_start = series_newest_start(series)
    newest = best_known(
        series=series, start=newest_start, end=newest_start + series.resolution
    ) if newest_start else []  # fmt: skip
    known_until = newest_start + series.resolution if newest_start else None
    table_page = min(max(table_page, 1), window.days)
    table_day = window.first_day + timedelta(days=table_page - 1)
    is_followed = series.pk in followed_ids()
    steps = list(series.fallback_steps.select_related("other"))
    chosen = [str(step.other_id) if step.other_id else "earlier_days" for step in steps]
    return SeriesPage(
        series=series,
        window=window,
        known_until=known_until,
        newest=newest[0] if newest else None,
        age_s=age_seconds(newest[0].published_at, now) if newest else None,
        freshness=series_freshness(
            kind=series.kind, variant=series.variant, known_until=known_until, now=now
        ),
        chart=series_chart(
            series=series,
            slots=grid,
            start=window.start,
            end=window.end,
            now=now,
            band={edges[pk]: known for pk, known in bands.items()},
        ),
        slots=tuple(one for one in grid if timezone.localtime(one.start).date() == table_day),
        table_day=table_day,
        table_page=table_page,
        counts=_counts(own, grid),
        revisions=_revisions(series, slot),
        spans=tuple(
            Link(span, window_query(window, span=span), span == window.span) for span in SPANS
        ),
        previous_query=_moved(window, -window.days),
        next_query=_moved(window, window.days),
        query=window_query(window),
        steps=tuple(_step_text(step.other) for step in steps),
        form=tuple(
            Step(number + 1, chosen[number] if number < len(chosen) else "")
            for number in range(max(STEPS_OFFERED, len(chosen)))
        ),
        candidates=tuple((str(one.pk), series_name(one)) for one in fallback_candidates(series))
        if may_change
        else (),
        siblings=tuple(siblings[variant] for variant in sorted(siblings)),
        is_followed=is_followed,
        may_follow=may_change and not is_followed and series.kind in FOLLOWED,
        may_change=may_change,
    )


def csv_lines(series: Series, window: Window) -> Iterator[str]:
    """The window as CSV, a line a slot; `filled` says what filled a gap."""
    columns = ["start_utc", "start_local", "value", "unit", "quality", "origin", "filled",
               "published_at"]  # fmt: skip
    yield _csv(columns)
    for slot in _slots(series, window)[1]:
        local = timezone.localtime(slot.start).isoformat(timespec="minutes")
        known = slot.known
        start = f"{slot.start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if known is None:
            yield _csv([start, local, "", series.unit, "", "", "", ""])
            continue
        published = f"{known.published_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        filled = (known.origin or "earlier_days") if slot.is_filled else ""
        yield _csv([start, local, f"{known.value.normalize():f}", series.unit, known.quality,
                    known.origin or series.source, filled, published])  # fmt: skip


def _slots(series: Series, window: Window) -> tuple[set[datetime], list[Slot]]:
    """The slots that are known by the series itself, and every slot of the grid."""
    start, end, as_of = window.start, window.end, window.as_of
    own = {one.start for one in best_known(series=series, start=start, end=end, as_of=as_of)}
    values = {
        one.start: one for one in known_or_filled(series=series, start=start, end=end, as_of=as_of)
    }
    counts = publication_counts(series=series, start=start, end=end, as_of=as_of)
    grid = []
    for at in slots(start, end, series.resolution):
        known = values.get(at)
        is_filled = known is not None and at not in own
        grid.append(
            Slot(
                start=at,
                end=at + series.resolution,
                known=known,
                is_filled=is_filled,
                origin=_origin(series, known, is_filled=is_filled),
                publications=counts.get(at, 0),
            )
        )
    return own, grid


def _origin(series: Series, known: KnownValue | None, *, is_filled: bool) -> str:
    if known is None:
        return ""
    if is_filled:
        return gap_text(known.quality, known.origin)
    return source_text(known.origin or series.source)


def _counts(own: set[datetime], grid: list[Slot]) -> dict[str, int]:
    filled = sum(slot.is_filled for slot in grid)
    missing = sum(slot.known is None for slot in grid)
    return {"slots": len(grid), "own": len(own), "filled": filled, "missing": missing}


def _revisions(series: Series, slot: str) -> Revisions | None:
    try:
        start = datetime.fromisoformat(slot)
    except ValueError:
        return None
    if start.tzinfo is None:
        return None
    rows = tuple(revisions_of(series=series, start=start))
    return Revisions(start, start + series.resolution, rows)


def _step_text(other: Series | None) -> str:
    return series_name(other) if other else _("Same time of an earlier day")


def _moved(window: Window, days: int) -> str:
    moved = window.first_day + timedelta(days=days)
    return window_query(replace(window, first_day=moved))


def _window(span: str, first_day: date, as_of: datetime | None) -> Window:
    zone = timezone.get_current_timezone()
    start = datetime.combine(first_day, time.min, zone)
    end = datetime.combine(first_day + timedelta(days=SPANS[span]), time.min, zone)
    return Window(span, first_day, start.astimezone(UTC), end.astimezone(UTC), as_of)


def _as_of(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.year not in _YEARS:
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.get_current_timezone())


def _csv(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
