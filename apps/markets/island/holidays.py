"""Public holidays of the territories: days of law and days of custom, by our own table of rules."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from apps.markets.island.errors import IslandError

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
FIRST_YEAR: Final = 2010
LAST_YEAR: Final = 2099


class Basis(StrEnum):
    """Why a day is kept: an act of the territory, or what its enterprises do every year."""

    LAW = "law"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day that is kept as a holiday, under its local name."""

    day: date
    name: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class Territory:
    """Where a table holds: `source` is what it was read from, `gaps` what it does not know."""

    code: str
    name: str
    source: str
    gaps: str


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """How one holiday is found in a year, for the years `[since, until)`."""

    name: str
    day_in: Callable[[int], date]
    basis: Basis = Basis.LAW
    since: int = FIRST_YEAR
    until: int = LAST_YEAR + 1


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar.

    The anonymous Gregorian computus: Meeus, Astronomical Algorithms (1991), chapter 8; the letters
    are his.
    """
    a = year % 19
    b, c = divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=512)
def public_holidays(territory: str, year: int) -> tuple[Holiday, ...]:
    """The holidays of a territory that are kept in a year, ordered by day.

    A holiday that the law moves is given on the day it is kept, not on its date. Raises
    IslandError for a territory without a table and for a year out of 2010 to 2099.
    """
    rules = _RULES.get(territory)
    if rules is None:
        known = ", ".join(sorted(_RULES))
        raise IslandError("holidays", "territory", f"{territory!r} is none of {known}")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise IslandError("holidays", "year", f"{year} is not in {FIRST_YEAR} to {LAST_YEAR}")
    found = [
        Holiday(rule.day_in(year), rule.name, rule.basis)
        for rule in rules
        if rule.since <= year < rule.until
    ]
    return tuple(sorted(found, key=lambda holiday: (holiday.day, holiday.basis != Basis.LAW)))


@lru_cache(maxsize=512)
def holiday_days(territory: str, year: int, *, with_custom: bool) -> frozenset[date]:
    """The days of `public_holidays`, with or without those that are kept by custom."""
    return frozenset(
        holiday.day
        for holiday in public_holidays(territory, year)
        if with_custom or holiday.basis == Basis.LAW
    )


def _on(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _easter(days: int) -> Callable[[int], date]:
    return lambda year: easter_sunday(year) + timedelta(days=days)


def _nth_monday(month: int, nth: int) -> Callable[[int], date]:
    def day_in(year: int) -> date:
        first_weekday = calendar.weekday(year, month, 1)
        return date(year, month, 1 + (MONDAY - first_weekday) % 7 + 7 * (nth - 1))

    return day_in


def _moved(month: int, day: int, days_by_weekday: dict[int, int]) -> Callable[[int], date]:
    """The date, or so many days from it when it falls on one of the weekdays."""

    def day_in(year: int) -> date:
        said = date(year, month, day)
        return said + timedelta(days=days_by_weekday.get(said.weekday(), 0))

    return day_in


_SUNDAY_TO_MONDAY: Final = {SUNDAY: 1}
_SUNDAY_TO_TUESDAY: Final = {SUNDAY: 2}

# Code du travail, article L3133-1.
_FRENCH: Final = (
    HolidayRule("Jour de l'an", _on(1, 1)),
    HolidayRule("Lundi de Pâques", _easter(1)),
    HolidayRule("Fête du Travail", _on(5, 1)),
    HolidayRule("Victoire 1945", _on(5, 8)),
    HolidayRule("Ascension", _easter(39)),
    HolidayRule("Lundi de Pentecôte", _easter(50)),
    HolidayRule("Fête nationale", _on(7, 14)),
    HolidayRule("Assomption", _on(8, 15)),
    HolidayRule("Toussaint", _on(11, 1)),
    HolidayRule("Armistice 1918", _on(11, 11)),
    HolidayRule("Noël", _on(12, 25)),
)


def _abolition(
    month: int, day: int, *, since: int = FIRST_YEAR, until: int = LAST_YEAR + 1
) -> HolidayRule:
    return HolidayRule(
        "Abolition de l'esclavage", _on(month, day), Basis.LAW, since=since, until=until
    )


def _custom(name: str, day_in: Callable[[int], date]) -> HolidayRule:
    return HolidayRule(name, day_in, Basis.CUSTOM)


_SHROVE_TUESDAY: Final = _custom("Mardi gras", _easter(-47))
_ASH_WEDNESDAY: Final = _custom("Mercredi des Cendres", _easter(-46))
# The Thursday of the third week of Lent.
_MID_LENT: Final = _custom("Mi-carême", _easter(-24))
_GOOD_FRIDAY: Final = _custom("Vendredi saint", _easter(-2))
_SCHOELCHER: Final = _custom("Fête Victor Schœlcher", _on(7, 21))
_ALL_SOULS: Final = _custom("Jour des Morts", _on(11, 2))

# Ley 139-97: Tuesday and Wednesday go to the Monday before, Thursday and Friday to the next.
_DOMINICAN: Final = {TUESDAY: -1, WEDNESDAY: -2, THURSDAY: 4, FRIDAY: 3}

_RULES: Final[dict[str, tuple[HolidayRule, ...]]] = {
    "GP": (
        *_FRENCH,
        _abolition(5, 27),
        _SHROVE_TUESDAY,
        _ASH_WEDNESDAY,
        _MID_LENT,
        _GOOD_FRIDAY,
        _SCHOELCHER,
        _ALL_SOULS,
    ),
    "MQ": (
        *_FRENCH,
        _abolition(5, 22),
        _SHROVE_TUESDAY,
        _ASH_WEDNESDAY,
        _GOOD_FRIDAY,
        _SCHOELCHER,
        _ALL_SOULS,
    ),
    "GF": (*_FRENCH, _abolition(6, 10), _SHROVE_TUESDAY, _ASH_WEDNESDAY),
    "RE": (*_FRENCH, _abolition(12, 20)),
    "BL": (*_FRENCH, _abolition(10, 9, since=2012)),
    "MF": (
        *_FRENCH,
        _abolition(5, 27, since=2012, until=2019),
        _abolition(5, 28, since=2019),
        _MID_LENT,
        _SCHOELCHER,
    ),
    "HT": (
        HolidayRule("Jour de l'Indépendance", _on(1, 1)),
        HolidayRule("Jour des Aïeux", _on(1, 2)),
        HolidayRule("Mardi gras", _easter(-47)),
        _ASH_WEDNESDAY,
        HolidayRule("Vendredi saint", _easter(-2)),
        HolidayRule("Fête du Travail et de l'Agriculture", _on(5, 1)),
        HolidayRule("Fête du Drapeau et de l'Université", _on(5, 18)),
        HolidayRule("Fête-Dieu", _easter(60)),
        HolidayRule("Jour du Bois-Caïman", _on(8, 14), since=2025),
        HolidayRule("Assomption", _on(8, 15)),
        HolidayRule("Naissance de Dessalines", _on(9, 20), since=2025),
        HolidayRule("Mort de Dessalines", _on(10, 17)),
        HolidayRule("Toussaint", _on(11, 1)),
        HolidayRule("Fête des Morts", _on(11, 2)),
        HolidayRule("Bataille de Vertières", _on(11, 18)),
        HolidayRule("Noël", _on(12, 25)),
    ),
    "BB": (
        HolidayRule("New Year's Day", _moved(1, 1, _SUNDAY_TO_MONDAY)),
        HolidayRule("Errol Barrow Day", _moved(1, 21, _SUNDAY_TO_MONDAY)),
        HolidayRule("Good Friday", _easter(-2)),
        HolidayRule("Easter Monday", _easter(1)),
        HolidayRule("National Heroes Day", _moved(4, 28, _SUNDAY_TO_MONDAY)),
        HolidayRule("May Day", _moved(5, 1, _SUNDAY_TO_MONDAY)),
        HolidayRule("Whit Monday", _easter(50)),
        # The first Monday of August is Kadooment Day, so the other holiday is kept on Tuesday.
        HolidayRule("Emancipation Day", _moved(8, 1, {SUNDAY: 2, MONDAY: 1})),
        HolidayRule("Kadooment Day", _nth_monday(8, 1)),
        HolidayRule("Independence Day", _moved(11, 30, _SUNDAY_TO_MONDAY)),
        HolidayRule("Christmas Day", _moved(12, 25, _SUNDAY_TO_TUESDAY)),
        HolidayRule("Boxing Day", _moved(12, 26, _SUNDAY_TO_MONDAY)),
    ),
    "DO": (
        HolidayRule("Año Nuevo", _on(1, 1)),
        HolidayRule("Día de los Santos Reyes", _moved(1, 6, _DOMINICAN)),
        HolidayRule("Día de la Altagracia", _on(1, 21)),
        HolidayRule("Día de Duarte", _moved(1, 26, _DOMINICAN)),
        HolidayRule("Día de la Independencia", _on(2, 27)),
        HolidayRule("Viernes Santo", _easter(-2)),
        HolidayRule("Día del Trabajo", _moved(5, 1, {**_DOMINICAN, SUNDAY: 1})),
        HolidayRule("Corpus Christi", _easter(60)),
        # Not moved: Suprema Corte de Justicia, sentence 14 of 20 February 2008.
        HolidayRule("Día de la Restauración", _on(8, 16)),
        HolidayRule("Día de las Mercedes", _on(9, 24)),
        HolidayRule("Día de la Constitución", _moved(11, 6, _DOMINICAN)),
        HolidayRule("Día de Navidad", _on(12, 25)),
    ),
    "JM": (
        HolidayRule("New Year's Day", _moved(1, 1, _SUNDAY_TO_MONDAY)),
        HolidayRule("Ash Wednesday", _easter(-46)),
        HolidayRule("Good Friday", _easter(-2)),
        HolidayRule("Easter Monday", _easter(1)),
        HolidayRule("Labour Day", _moved(5, 23, {SATURDAY: 2, SUNDAY: 1})),
        HolidayRule("Emancipation Day", _moved(8, 1, _SUNDAY_TO_MONDAY)),
        HolidayRule("Independence Day", _moved(8, 6, _SUNDAY_TO_MONDAY)),
        HolidayRule("National Heroes Day", _nth_monday(10, 3)),
        HolidayRule("Christmas Day", _moved(12, 25, _SUNDAY_TO_TUESDAY)),
        HolidayRule("Boxing Day", _on(12, 26)),
        # Appointed by the minister under section 7 of the act.
        HolidayRule("Boxing Day", _on(12, 27), since=2010, until=2011),
        HolidayRule("Boxing Day", _on(12, 27), since=2021, until=2022),
    ),
}

_FRENCH_LAW: Final = "Code du travail, articles L3133-1 and L3422-2"

TERRITORIES: Final = {
    territory.code: territory
    for territory in (
        Territory(
            "GP",
            "Guadeloupe",
            f"{_FRENCH_LAW}; custom: days that enterprises of the Antilles keep, Good Friday"
            " and Mid-Lent among them, which no law of the department names",
            "the afternoon of Shrove Monday",
        ),
        Territory(
            "MQ",
            "Martinique",
            f"{_FRENCH_LAW}; custom: the local agreement of trade counts Good Friday and 2 November"
            " as holidays, carnival days are kept by use",
            "the afternoon of Shrove Monday",
        ),
        Territory(
            "GF",
            "Guyane",
            f"{_FRENCH_LAW}; custom: carnival days",
            "the afternoon of Shrove Monday",
        ),
        Territory("RE", "La Réunion", _FRENCH_LAW, "days of custom"),
        Territory("BL", "Saint-Barthélemy", _FRENCH_LAW, "days of custom"),
        Territory(
            "MF",
            "Saint-Martin",
            f"{_FRENCH_LAW}; 28 May since 2019 by a circular of 2018, confirmed by the prefecture,"
            " though the code's text still has another date; custom: Mid-Lent, 21 July",
            "other days of custom",
        ),
        Territory(
            "HT",
            "Haïti",
            "Constitution of 1987, article 275-1, and the decrees of 23 May 1989 and 11 December"
            " 2024; Ash Wednesday is declared each year",
            "half days (Shrove Monday from noon) and days declared for one year",
        ),
        Territory(
            "BB",
            "Barbados",
            "Public Holidays Act, Cap. 352, first schedule, and notices of the labour department",
            "days appointed for one year (section 3)",
        ),
        Territory(
            "DO",
            "República Dominicana",
            "Ley 139-97 and the yearly notices of the Ministerio de Trabajo",
            "days declared for one year",
        ),
        Territory(
            "JM",
            "Jamaica",
            "Holidays (Public General) Act, schedule, and notices of the labour ministry",
            "days appointed for one year (section 7) but those of 2010 and 2021",
        ),
    )
}
