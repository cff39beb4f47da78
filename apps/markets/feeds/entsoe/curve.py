"""Periods and their points: which slots a Period covers and what each of them holds.

A Period is `[start, end)` in slots of one resolution: 92, 96 or 100 quarter hours a day, since the
clock change is in the interval and not in a constant. Curve type A01 states every position; A03
leaves out each position that repeats the one before it, also at the end of the period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from lxml import etree

from apps.markets.feeds.entsoe.markup import child, children, fail, instant, position, text
from cariflex.common.units import QUARTER_HOUR

RESOLUTIONS: Final = {
    "PT15M": QUARTER_HOUR,
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(minutes=60),
    "PT1H": timedelta(minutes=60),
}
CURVE_FIXED_BLOCKS: Final = "A01"
CURVE_VARIABLE_BLOCKS: Final = "A03"
# One standard request may span a year; nothing larger is an answer.
MAX_PERIOD: Final = timedelta(days=367)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Span:
    """The slots of one Period: `slot_count` times `resolution` from `start` (UTC)."""

    start: datetime
    resolution: timedelta
    slot_count: int


def curve_type(series: etree._Element) -> str:
    """A01 (also when none is said) or A03."""
    said = text(series, "curveType", default=CURVE_FIXED_BLOCKS)
    if said not in (CURVE_FIXED_BLOCKS, CURVE_VARIABLE_BLOCKS):
        fail(series, "curveType", f"{said[:40]!r} is not one of A01, A03")
    return said


def span_read(period: etree._Element) -> Span:
    """The slots that a Period covers, from its interval and resolution."""
    interval = child(period, "timeInterval")
    start, end = instant(interval, "start"), instant(interval, "end")
    said = text(period, "resolution")
    resolution = RESOLUTIONS.get(said)
    if resolution is None:
        fail(period, "resolution", f"{said[:40]!r} is not one of {', '.join(RESOLUTIONS)}")
    if not timedelta(0) < end - start <= MAX_PERIOD:
        fail(period, "timeInterval", f"{end - start} is not a period between 0 and one year")
    if (end - start) % resolution or start.timestamp() % QUARTER_HOUR.total_seconds():
        fail(period, "timeInterval", f"is not a whole number of {said} slots")
    return Span(start, resolution, (end - start) // resolution)


def stated_read(
    period: etree._Element, span: Span, value: Callable[[etree._Element], _T]
) -> dict[int, _T]:
    """What the points of a Period state, by position; `value` reads one Point."""
    stated: dict[int, _T] = {}
    for point in children(period, "Point"):
        number = position(point, slot_count=span.slot_count)
        if number in stated:
            fail(point, "position", f"{number} is given twice")
        stated[number] = value(point)
    return stated


def filled(period: etree._Element, span: Span, curve: str, stated: dict[int, _T]) -> list[_T]:
    """One value per slot: what is stated, and by curve A03 its repetitions."""
    if len(stated) < span.slot_count and (curve == CURVE_FIXED_BLOCKS or 1 not in stated):
        missing = next(n for n in range(1, span.slot_count + 1) if n not in stated)
        fail(period, "Point", f"position {missing} is missing (curve type {curve})")
    numbers = sorted(stated)
    values: list[_T] = []
    for number, following in zip(numbers, [*numbers[1:], span.slot_count + 1], strict=True):
        values.extend([stated[number]] * (following - number))
    return values
