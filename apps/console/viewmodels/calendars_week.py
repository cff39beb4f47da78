"""The week of a season, ready to be drawn: seven days and the public holidays, level by level.

Drawn from the form as it is, so that what is wrong (two windows at once, none at all) is seen too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.console.formats import number_text, price_text
from apps.console.viewmodels.calendars_form import (
    CalendarForm,
    LevelRow,
    PlanRow,
    SeasonRow,
    WindowRow,
    end_text,
    plain_number,
)
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import (
    DAY_QUARTERS,
    QUARTER_MINUTES,
    DayType,
    DayWindow,
    clock_text,
    minute_of_clock,
    window_check,
)

COLOURS = 6
GAP, OVERLAP = "gap", "overlap"
NAMED_QUARTERS, PRICED_QUARTERS = 4, 10
COLUMN_TYPES = (*(DayType.WORKING,) * 5, DayType.SATURDAY, DayType.SUNDAY, DayType.HOLIDAY)
HOLIDAY_COLUMN = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """Quarter hours of one level, one below the other: a cell that spans `rows` rows."""

    rows: int
    tone: str
    label: str
    price: str
    figure: str
    """The price without its unit."""
    words: str

    @property
    def initials(self) -> str:
        """Its name where there is room for two letters: `HC` for Heures creuses."""
        return "".join(word[0] for word in re.split(r"[\s-]+", self.label) if word)[:3].upper()

    @property
    def is_named(self) -> bool:
        """Whether there is room for its name."""
        return self.rows >= NAMED_QUARTERS

    @property
    def is_priced(self) -> bool:
        """Whether there is room for its price too."""
        return self.rows >= PRICED_QUARTERS


@dataclass(frozen=True, slots=True)
class WeekRow:
    """One quarter hour: the hour's name on every second full hour, and the cells that begin."""

    hour: str
    cells: tuple[tuple[int, Cell], ...]


@dataclass(frozen=True, slots=True)
class WeekColumn:
    """A day of the week, or the public holidays."""

    name: str
    short: str
    is_today: bool
    is_holiday: bool


@dataclass(frozen=True, slots=True)
class LegendLine:
    """A level with its colour, price and hours a week of seven days without a holiday."""

    tone: str
    label: str
    price: str
    hours: str


@dataclass(frozen=True, slots=True)
class Week:
    """The drawn week; `now_column` and `now_quarter` place today's line, None out of the season."""

    season: SeasonRow
    columns: tuple[WeekColumn, ...]
    rows: tuple[WeekRow, ...]
    legend: tuple[LegendLine, ...]
    now_column: int | None
    now_quarter: int
    now_words: str


@dataclass(frozen=True, slots=True)
class Today:
    """The local day and time, and what kind of day it is."""

    at: datetime
    day_type: DayType

    @property
    def column(self) -> int:
        """The column that the day is drawn in."""
        return HOLIDAY_COLUMN if self.day_type == DayType.HOLIDAY else self.at.weekday()


def season_shown(form: CalendarForm, key: str, today: date) -> SeasonRow | None:
    """The season asked for, else the one that holds today, else the first."""
    for season in form.seasons:
        if season.key == key:
            return season
    now = next((season for season in form.seasons if holds_on(season, today)), None)
    return now or next(iter(form.seasons), None)


def holds_on(season: SeasonRow, day: date) -> bool:
    """Whether a day lies in the season as typed."""
    try:
        first = (int(season.first_month), int(season.first_day))
        last = (int(season.last_month), int(season.last_day))
    except ValueError:
        return False
    here = (day.month, day.day)
    return first <= here <= last if first <= last else here >= first or here <= last


def week_of(form: CalendarForm, season: SeasonRow, today: Today | None) -> Week:
    """The week of a season; today's line where the season holds today."""
    tones = _tones(form.levels)
    by_key = {level.key: level for level in form.levels}
    is_now = today is not None and holds_on(season, today.at.date())
    columns = _columns(today.column if today and is_now else None)
    days = [_quarters(_plan(season, day_type)) for day_type in COLUMN_TYPES]
    rows: list[list[tuple[int, Cell]]] = [[] for _row in range(DAY_QUARTERS)]
    for number, quarters in enumerate(days):
        for first, cell in _cells(quarters, columns[number].name, by_key, tones):
            rows[first].append((number, cell))
    return Week(
        season=season,
        columns=columns,
        rows=tuple(WeekRow(_hour(quarter), tuple(cells)) for quarter, cells in enumerate(rows)),
        legend=_legend(form.levels, days[:HOLIDAY_COLUMN], tones),
        now_column=today.column if today and is_now else None,
        now_quarter=(today.at.hour * 60 + today.at.minute) // QUARTER_MINUTES if today else 0,
        now_words=f"{today.at:%H:%M}" if today else "",
    )


def window_of(row: WindowRow) -> DayWindow | None:
    """The window of a row; None while it cannot be read."""
    try:
        window = DayWindow(
            minute_of_clock(row.start, "start"), minute_of_clock(end_text(row.end), "end")
        )
        window_check(window, "")
    except IslandError:
        return None
    return window


def price_of(level: LevelRow) -> Decimal | None:
    """The price of a level; None while it is no number."""
    try:
        price = Decimal(plain_number(level.price))
    except InvalidOperation:
        return None
    return price if price.is_finite() else None


def _plan(season: SeasonRow, day_type: DayType) -> PlanRow | None:
    return next((plan for plan in season.plans if day_type in plan.types), None)


def _quarters(plan: PlanRow | None) -> list[str]:
    """The level's key of each quarter hour, or that there is none, or more than one."""
    if plan is None:
        return [GAP] * DAY_QUARTERS
    quarters = [plan.default or GAP] * DAY_QUARTERS
    taken: set[int] = set()
    for row in plan.windows:
        window = window_of(row)
        for quarter in window.quarters() if window else ():
            quarters[quarter] = OVERLAP if quarter in taken else row.level or GAP
            taken.add(quarter)
    return quarters


def _cells(
    quarters: Sequence[str], day: str, levels: dict[str, LevelRow], tones: dict[str, str]
) -> Iterator[tuple[int, Cell]]:
    first = 0
    for key, group in groupby(quarters):
        rows = len(list(group))
        span = (
            f"{clock_text(first * QUARTER_MINUTES)}–{clock_text((first + rows) * QUARTER_MINUTES)}"
        )
        level = levels.get(key)
        if level is not None:
            label, amount = level.label, price_of(level)
            price = price_text(amount)
            figure = "" if amount is None else number_text(amount, 2)
            words = f"{label}, {price}"
        else:
            label = _("twice") if key == OVERLAP else _("no price")
            price, figure = "", ""
            words = _("two windows at once") if key == OVERLAP else label
        tone = tones.get(key, OVERLAP if key == OVERLAP else GAP)
        yield first, Cell(rows, tone, label, price, figure, f"{day} {span}: {words}")
        first += rows


def _tones(levels: Sequence[LevelRow]) -> dict[str, str]:
    """A colour for each level: the cheapest the first, the dearest the last."""
    known = [(price, level.key) for level in levels if (price := price_of(level)) is not None]
    prices = sorted({price for price, _key in known})
    step = (COLOURS - 1) / (len(prices) - 1) if len(prices) > 1 else 0
    tones = {key: f"level-{1 + round(prices.index(price) * step)}" for price, key in known}
    return {level.key: tones.get(level.key, "level-0") for level in levels}


def _legend(
    levels: Sequence[LevelRow], days: Sequence[Sequence[str]], tones: dict[str, str]
) -> tuple[LegendLine, ...]:
    ordered = sorted(levels, key=lambda level: (price_of(level) is None, price_of(level) or 0))
    lines = []
    for level in ordered:
        minutes = sum(day.count(level.key) for day in days) * QUARTER_MINUTES
        hours = _("%(hours)s h a week") % {"hours": _hours(minutes)}
        price = price_text(price_of(level))
        lines.append(LegendLine(tones[level.key], level.label, price, hours))
    return tuple(lines)


def _hours(minutes: int) -> str:
    whole, rest = divmod(minutes, 60)
    return f"{whole}:{rest:02d}" if rest else str(whole)


def _columns(today: int | None) -> tuple[WeekColumn, ...]:
    names = [(str(WEEKDAYS[day]), str(WEEKDAYS_ABBR[day])) for day in range(7)]
    names.append((_("Public holidays"), pgettext("column of public holidays", "Hol.")))
    return tuple(
        WeekColumn(name, short, number == today, number == HOLIDAY_COLUMN)
        for number, (name, short) in enumerate(names)
    )


def _hour(quarter: int) -> str:
    minute = quarter * QUARTER_MINUTES
    return clock_text(minute) if minute % 120 == 0 else ""
