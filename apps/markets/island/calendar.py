"""Time-of-use calendars: the price level of each quarter hour of a local day.

A calendar has periods of validity; a period has price levels and seasons that cover the year; a
season has plans, one for a set of day types; a plan has windows of the local day, each of a level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import (
    ALL_DAYS,
    DAY_QUARTERS,
    QUARTER_MINUTES,
    DayRules,
    DayType,
    DayWindow,
    clock_text,
    window_check,
)
from apps.markets.island.zones import zone_named
from cariflex.common.units import slots

PART: Final = "calendar"
MAX_PRICE_EUR_PER_MWH: Final = Decimal(99_999)
_LEAP_YEAR: Final = 2024


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """A level by its label (`HP`, `peak`) and its price."""

    label: str
    price_eur_per_mwh: Decimal


@dataclass(frozen=True, slots=True)
class LevelWindow:
    """The level that holds in a window of the local day."""

    window: DayWindow
    level: str


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The windows of the days of some types; `default_level` holds between them."""

    day_types: frozenset[DayType]
    windows: tuple[LevelWindow, ...]
    default_level: str | None = None


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of any year."""

    month: int
    day: int

    def __str__(self) -> str:
        return f"{self.month:02d}-{self.day:02d}"


@dataclass(frozen=True, slots=True)
class Season:
    """From `first` to `last`, both days included; it may run over new year."""

    name: str
    first: MonthDay
    last: MonthDay
    plans: tuple[DayPlan, ...]

    def holds_on(self, day: date) -> bool:
        """Whether a local day lies in the season, in any year."""
        here = (day.month, day.day)
        first, last = (self.first.month, self.first.day), (self.last.month, self.last.day)
        return first <= here <= last if first <= last else here >= first or here <= last


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """What holds on the local days `[valid_from, valid_to)`; None: until further notice."""

    valid_from: date
    valid_to: date | None
    levels: tuple[PriceLevel, ...]
    seasons: tuple[Season, ...]

    def holds_on(self, day: date) -> bool:
        """Whether the period holds on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class TouCalendar:
    """A checked calendar. Raises IslandError that names the field and the rule it breaks."""

    name: str
    time_zone: str
    days: DayRules
    periods: tuple[ValidityPeriod, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise IslandError(PART, "name", "must not be empty")
        zone_named(self.time_zone)
        if not self.periods:
            raise IslandError(PART, "periods", "has no period")
        for number, period in enumerate(self.periods):
            _period_check(period, f"periods[{number}]")
        _overlap_check(self.periods)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its local days."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class TouSlot:
    """The level and price of the quarter hour from `start` (UTC), and how it was found."""

    start: datetime
    price_eur_per_mwh: Decimal
    level: str
    season: str
    day_type: DayType


def tou_slots(calendar: TouCalendar, *, start: datetime, end: datetime) -> tuple[TouSlot, ...]:
    """The quarter hours of [start, end) UTC, both on a quarter hour, ordered by start.

    The wall clock decides: where clocks go back, an hour comes twice with the same levels; where
    they go forward, one is left out (92 or 100 slots a day). Slots of days that no period covers
    are left out. Raises IslandError for a range that ends before it starts or has no zone.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise IslandError(PART, "start", "has no time zone")
    if end < start:
        raise IslandError(PART, "end", "is before start")
    return tuple(_slots(calendar, slots(start, end)))


def _slots(calendar: TouCalendar, starts: Sequence[datetime]) -> Iterator[TouSlot]:
    zone = calendar.zone
    on: date | None = None
    day: _Day | None = None
    for start in starts:
        local = start.astimezone(zone)
        if local.date() != on:
            on, day = local.date(), _day(calendar, local.date())
        if day is None:
            continue
        level = day.quarters[(local.hour * 60 + local.minute) // QUARTER_MINUTES]
        yield TouSlot(start, level.price_eur_per_mwh, level.label, day.season, day.day_type)


@dataclass(frozen=True, slots=True)
class _Day:
    season: str
    day_type: DayType
    quarters: tuple[PriceLevel, ...]


def _day(calendar: TouCalendar, day: date) -> _Day | None:
    period = next((period for period in calendar.periods if period.holds_on(day)), None)
    if period is None:
        return None
    season = next(season for season in period.seasons if season.holds_on(day))
    day_type = calendar.days.day_type(day)
    plan = next(plan for plan in season.plans if day_type in plan.day_types)
    levels = {level.label: level for level in period.levels}
    labels = [plan.default_level] * DAY_QUARTERS
    for window in plan.windows:
        for quarter in window.window.quarters():
            labels[quarter] = window.level
    return _Day(season.name, day_type, tuple(levels[label] for label in labels if label))


def _period_check(period: ValidityPeriod, element: str) -> None:
    if period.valid_to is not None and period.valid_to <= period.valid_from:
        raise IslandError(PART, f"{element}.valid_to", "is not after valid_from")
    if not period.levels:
        raise IslandError(PART, f"{element}.levels", "has no level")
    seen: set[str] = set()
    for number, level in enumerate(period.levels):
        place = f"{element}.levels[{number}]"
        price = level.price_eur_per_mwh
        if not level.label.strip():
            raise IslandError(PART, f"{place}.label", "must not be empty")
        if level.label in seen:
            raise IslandError(PART, f"{place}.label", f"{level.label!r} is given twice")
        if not price.is_finite() or abs(price) > MAX_PRICE_EUR_PER_MWH:
            raise IslandError(
                PART, f"{place}.price_eur_per_mwh", f"{price} is not a price of a MWh"
            )
        seen.add(level.label)
    for number, season in enumerate(period.seasons):
        _season_check(season, f"{element}.seasons[{number}]", seen)
    _year_check(period.seasons, f"{element}.seasons")


def _season_check(season: Season, element: str, labels: set[str]) -> None:
    if not season.name.strip():
        raise IslandError(PART, f"{element}.name", "must not be empty")
    for name, month_day in (("first", season.first), ("last", season.last)):
        try:
            date(_LEAP_YEAR, month_day.month, month_day.day)
        except ValueError as err:
            raise IslandError(PART, f"{element}.{name}", f"{month_day} is no day") from err
    taken: set[DayType] = set()
    for number, plan in enumerate(season.plans):
        place = f"{element}.plans[{number}]"
        if not plan.day_types:
            raise IslandError(PART, f"{place}.day_types", "has no day type")
        twice = sorted(taken & plan.day_types)
        if twice:
            raise IslandError(PART, f"{place}.day_types", f"{twice[0]} has a plan already")
        taken |= plan.day_types
        _plan_check(plan, place, labels)
    absent = sorted(ALL_DAYS - taken)
    if absent:
        raise IslandError(PART, f"{element}.plans", f"no plan for days of type {absent[0]}")


def _plan_check(plan: DayPlan, element: str, labels: set[str]) -> None:
    if plan.default_level is not None and plan.default_level not in labels:
        raise IslandError(
            PART, f"{element}.default_level", f"{plan.default_level!r} is no level of the period"
        )
    owners: list[DayWindow | None] = [None] * DAY_QUARTERS
    for number, window in enumerate(plan.windows):
        place = f"{element}.windows[{number}]"
        window_check(window.window, place)
        if window.level not in labels:
            raise IslandError(PART, f"{place}.level", f"{window.level!r} is no level of the period")
        for quarter in window.window.quarters():
            other = owners[quarter]
            if other is not None:
                raise IslandError(
                    PART, place, f"{window.window} overlaps {other} at {_clock(quarter)}"
                )
            owners[quarter] = window.window
    if plan.default_level is None and None in owners:
        raise IslandError(
            PART,
            f"{element}.windows",
            f"nothing holds at {_clock(owners.index(None))} and there is no default level",
        )


def _year_check(seasons: Sequence[Season], element: str) -> None:
    first = date(_LEAP_YEAR, 1, 1)
    for number in range(366):
        day = first + timedelta(days=number)
        names = [season.name for season in seasons if season.holds_on(day)]
        if len(names) != 1:
            said = " and ".join(names) + " overlap" if names else "no season holds"
            raise IslandError(PART, element, f"{said} on {day:%m-%d}")


def _overlap_check(periods: Sequence[ValidityPeriod]) -> None:
    order = sorted(range(len(periods)), key=lambda number: periods[number].valid_from)
    for earlier, later in zip(order, order[1:], strict=False):
        ends = periods[earlier].valid_to
        if ends is None or ends > periods[later].valid_from:
            raise IslandError(
                PART,
                f"periods[{later}].valid_from",
                f"{periods[later].valid_from} lies in periods[{earlier}]",
            )


def _clock(quarter: int) -> str:
    return clock_text(quarter * QUARTER_MINUTES)
