"""Whether a charging period lasts over a change of its price: it cannot be divided afterwards."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from apps.billing.rating.decimals import ZERO
from apps.billing.rating.model import ChargingPeriod, Note
from apps.billing.rating.odd import Placed
from apps.billing.rating.prepared import TIMED, Choice, Choices, Moment, Prepared, choose, next_edge

_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
# A clock of the year goes by at most this much when its zone changes its offset.
_SHIFT_S = 7200
_MOST = 4000
"""Moments looked at in one period: more than three years of two edges a day."""


class Span(NamedTuple):
    """A period from its start, where `moment` holds, to `end`; `origin`: where durations begin."""

    placed: Placed
    end: datetime
    moment: Moment
    origin: datetime
    lasts_s: int

    @property
    def period(self) -> ChargingPeriod:
        """The period."""
        return self.placed.period

    @property
    def start(self) -> datetime:
        """When it starts."""
        return self.placed.period.start_date_time


def may_cross(ready: Prepared, span: Span) -> bool:
    """Whether an edge lies in the period, or its clock may be set; cheap, and true too often."""
    moment, lasts_s = span.moment, span.lasts_s
    if ready.local:
        edge = next_edge(ready.second_edges, moment.second)
        if moment.second + lasts_s + _SHIFT_S > edge:
            return True
    if ready.duration_edges and _within(ready.duration_edges, moment.elapsed_s, lasts_s):
        return True
    energy = span.placed.period.energy_kwh
    if ready.energy_edges and energy and _within(ready.energy_edges, moment.energy_kwh, energy):
        return True
    return (
        moment.min_current_a is not moment.max_current_a
        or moment.min_power_kw is not moment.max_power_kw
    )


def _within(edges: Sequence[Decimal | int], start: Decimal | int, length: Decimal | int) -> bool:
    return edges[0] < start + length and edges[-1] > start


def crosses(
    ready: Prepared,
    lists: Sequence[Choices],
    volumes: Sequence[Decimal | None],
    span: Span,
    zone: ZoneInfo | None,
    notes: list[Note],
) -> None:
    """Note a period in which another component would have come to apply."""
    places = [place for place, volume in enumerate(volumes) if volume and lists[place]]
    if not places:
        return
    for moment, what in _later(ready, span, zone):
        for place in places:
            first = choose(lists[place], span.moment)
            if _differs(first, choose(lists[place], moment)):
                text = (
                    f"The price of {TIMED[place]} changes within this period ({what}); all of it is"
                    " priced as at its start."
                )
                notes.append(Note("period.spans_price_change", text, span.placed.where))
                return


def _differs(one: Choice | None, other: Choice | None) -> bool:
    if one is other:
        return False
    if one is None or other is None:
        return True
    return one.price != other.price or one.vat != other.vat


def _later(ready: Prepared, span: Span, zone: ZoneInfo | None) -> Iterator[tuple[Moment, str]]:
    """Moments within the period at which a restriction may begin or end to hold."""
    lasts_s = span.lasts_s
    if ready.current_edges or ready.power_edges:
        yield from _bands(ready, span.moment)
    if ready.duration_edges:
        elapsed = span.moment.elapsed_s
        for edge in ready.duration_edges:
            if elapsed < edge < elapsed + lasts_s:
                at = span.origin + int(edge) * _SECOND
                yield _moment_at(span, at, zone, elapsed_s=int(edge)), f"after {edge} s"
    if ready.energy_edges and span.period.energy_kwh:
        before = span.moment.energy_kwh
        for edge in ready.energy_edges:
            if before < edge < before + span.period.energy_kwh:
                part = (edge - before) / span.period.energy_kwh
                at = span.start + int(part * max(lasts_s, 0)) * _SECOND
                yield _moment_at(span, at, zone, energy_kwh=Decimal(edge)), f"at {edge} kWh"
    if zone is not None and _passes_clock(ready, span, zone):
        for at in islice(_clock_edges(ready, span, zone), _MOST):
            yield _moment_at(span, at, zone), f"at {at.astimezone(zone):%Y-%m-%d %H:%M} local time"


def _bands(ready: Prepared, moment: Moment) -> Iterator[tuple[Moment, str]]:
    low, high = moment.min_current_a, moment.max_current_a
    if (
        low is not None
        and high is not None
        and low != high
        and _between(ready.current_edges, low, high)
    ):
        for value in (low, high):
            yield moment._replace(min_current_a=value, max_current_a=value), f"{low} to {high} A"
    low, high = moment.min_power_kw, moment.max_power_kw
    if (
        low is not None
        and high is not None
        and low != high
        and _between(ready.power_edges, low, high)
    ):
        for value in (low, high):
            yield moment._replace(min_power_kw=value, max_power_kw=value), f"{low} to {high} kW"


def _between(edges: Sequence[Decimal | int], low: Decimal, high: Decimal) -> bool:
    return any(low < edge <= high for edge in edges)


def _passes_clock(ready: Prepared, span: Span, zone: ZoneInfo) -> bool:
    remaining = next_edge(ready.second_edges, span.moment.second) - span.moment.second
    if span.lasts_s > remaining:
        return True
    if span.lasts_s + _SHIFT_S <= remaining:
        return False
    return span.start.astimezone(zone).utcoffset() != span.end.astimezone(zone).utcoffset()


def _clock_edges(ready: Prepared, span: Span, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants of the period at which the local clock shows an edge."""
    day = span.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    last = span.end.astimezone(zone).date()
    while day.date() <= last:
        for edge in ready.second_edges:
            hour, minute = divmod(edge // 60, 60)
            at = day.replace(hour=hour, minute=minute).astimezone(span.start.tzinfo)
            if span.start < at < span.end:
                yield at
        day += _DAY


def _moment_at(
    span: Span,
    at: datetime,
    zone: ZoneInfo | None,
    *,
    energy_kwh: Decimal | None = None,
    elapsed_s: int | None = None,
) -> Moment:
    """What holds at an instant of the period; its energy flows evenly."""
    if energy_kwh is None:
        lasts = (span.end - span.start) // _MICROSECOND
        part = Decimal((at - span.start) // _MICROSECOND) / lasts if lasts > 0 else ZERO
        energy_kwh = span.moment.energy_kwh + (span.period.energy_kwh or ZERO) * part
    if elapsed_s is None:
        elapsed_s = max((at - span.origin) // _SECOND, 0)
    second, weekday, ordinal = span.moment[:3]
    if zone is not None:
        local = at.astimezone(zone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        ordinal = local.toordinal()
        weekday = (ordinal + 6) % 7
    return span.moment._replace(
        second=second,
        weekday=weekday,
        ordinal=ordinal,
        energy_kwh=energy_kwh,
        elapsed_s=elapsed_s,
    )
