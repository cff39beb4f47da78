"""Local days, their types and the windows of a day, in minutes of the wall clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from apps.markets.island.errors import IslandError
from apps.markets.island.holidays import TERRITORIES, holiday_days
from cariflex.common.units import QUARTER_HOUR

DAY_MINUTES: Final = 24 * 60
QUARTER_MINUTES: Final = int(QUARTER_HOUR / timedelta(minutes=1))
DAY_QUARTERS: Final = DAY_MINUTES // QUARTER_MINUTES
_CLOCK: Final = re.compile(r"([0-9]{2}):([0-9]{2})")
_SATURDAY: Final = 5
_SUNDAY: Final = 6


class DayType(StrEnum):
    """What kind of day a local day is; a holiday is one whatever its weekday."""

    WORKING = "working"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"


ALL_DAYS: Final = frozenset(DayType)


@dataclass(frozen=True, slots=True)
class DayRules:
    """Which days are holidays: the territory's, and the operator's own changes to them.

    Raises IslandError for an unknown territory and for a day both added and removed.
    """

    territory: str
    with_custom: bool = True
    added: frozenset[date] = frozenset()
    removed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.territory not in TERRITORIES:
            known = ", ".join(sorted(TERRITORIES))
            raise IslandError("days", "territory", f"{self.territory!r} is none of {known}")
        both = self.added & self.removed
        if both:
            raise IslandError("days", "removed", f"{min(both)} is also added")

    def day_type(self, day: date) -> DayType:
        """The type of a local day. Raises IslandError for a year that no table covers."""
        named = day in holiday_days(self.territory, day.year, with_custom=self.with_custom)
        if day in self.added or (named and day not in self.removed):
            return DayType.HOLIDAY
        if day.weekday() == _SUNDAY:
            return DayType.SUNDAY
        return DayType.SATURDAY if day.weekday() == _SATURDAY else DayType.WORKING


@dataclass(frozen=True, slots=True)
class DayWindow:
    """Local time `[start, end)` of a day, in minutes after midnight; `end` may be 1440.

    With `end` before `start` it runs over midnight: the evening and the early morning **of the
    same local day**, as tariffs are written (`22:00-06:00` of a working day).
    """

    start_minute: int
    end_minute: int

    def holds_at(self, minute: int) -> bool:
        """Whether a minute of the day lies in the window."""
        if self.start_minute < self.end_minute:
            return self.start_minute <= minute < self.end_minute
        return minute >= self.start_minute or minute < self.end_minute

    def quarters(self) -> Iterable[int]:
        """The numbers (0 to 95) of its quarter hours of the wall clock."""
        first, end = self.start_minute // QUARTER_MINUTES, self.end_minute // QUARTER_MINUTES
        if first < end:
            return range(first, end)
        return (*range(first, DAY_QUARTERS), *range(end))

    def __str__(self) -> str:
        return f"{clock_text(self.start_minute)}-{clock_text(self.end_minute)}"


def window_check(window: DayWindow, element: str) -> None:
    """Raises IslandError when a window is not on quarter hours of a day or has no length."""
    if not 0 <= window.start_minute < DAY_MINUTES:
        raise IslandError("window", f"{element}.start", "is not between 00:00 and 23:45")
    if not 0 <= window.end_minute <= DAY_MINUTES:
        raise IslandError("window", f"{element}.end", "is not between 00:00 and 24:00")
    for name, minute in (("start", window.start_minute), ("end", window.end_minute)):
        if minute % QUARTER_MINUTES:
            raise IslandError("window", f"{element}.{name}", "is not on a quarter hour")
    if window.start_minute == window.end_minute:
        raise IslandError(
            "window", f"{element}.end", "is the start; a whole day is written 00:00 to 24:00"
        )


def minute_of_clock(text: str, element: str) -> int:
    """`19:30` as minutes after midnight; `24:00` is 1440. Raises IslandError."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise IslandError("window", element, f"{text[:20]!r} is not a time as 19:30")
    hours, minutes = int(found[1]), int(found[2])
    if minutes > 59 or hours * 60 + minutes > DAY_MINUTES:
        raise IslandError("window", element, f"{text!r} is not between 00:00 and 24:00")
    return hours * 60 + minutes


def clock_text(minute: int) -> str:
    """1170 as `19:30`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
