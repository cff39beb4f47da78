"""What the rules of the island price and its calendars refuse, in the reader's language.

The rules say it in English; here is each of them for who fills in a form.
"""

import re
from collections.abc import Callable
from datetime import date

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.markets.island.local_days import DayType

DAY_TYPE_WORDS: dict[str, str | Promise] = {
    DayType.WORKING: pgettext_lazy("days of a calendar", "Working days"),
    DayType.SATURDAY: pgettext_lazy("days of a calendar", "Saturdays"),
    DayType.SUNDAY: pgettext_lazy("days of a calendar", "Sundays"),
    DayType.HOLIDAY: pgettext_lazy("days of a calendar", "Public holidays"),
}
_RULES: tuple[tuple[re.Pattern[str], str | Promise], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"must not be empty", gettext_lazy("Something is missing here.")),
        (r"is missing", gettext_lazy("Something is missing here.")),
        (r"is not after valid_from", gettext_lazy("The end is not after the start.")),
        (r"has no level", gettext_lazy("At least one price level is needed.")),
        (r"'(?P<what>.*)' is given twice", gettext_lazy("%(what)s is given twice.")),
        (r".* is not a price of a MWh", gettext_lazy("This is not a price of a MWh.")),
        (r".* is not a number", gettext_lazy("This is not a number.")),
        (r".* (is no day|is not a day as .*)", gettext_lazy("There is no such day.")),
        (r"has no day type", gettext_lazy("Choose the days that these windows are for.")),
        (
            r"(?P<day_type>\w+) has a plan already",
            gettext_lazy("%(day_type)s have windows already in this season."),
        ),
        (
            r"no plan for days of type (?P<day_type>\w+)",
            gettext_lazy("The season has no windows for: %(day_type)s."),
        ),
        (r".* is no level of the period", gettext_lazy("Choose a price level.")),
        (
            r"(?P<window>\S+) overlaps (?P<other>\S+) at (?P<time>\S+)",
            gettext_lazy("%(window)s overlaps %(other)s at %(time)s."),
        ),
        (
            r"nothing holds at (?P<time>\S+) and .*",
            gettext_lazy("No price holds at %(time)s: add a window, or a level for the rest."),
        ),
        (r"no season holds on (?P<day>\S+)", gettext_lazy("No season holds on %(day)s.")),
        (
            r"(?P<what>.*) overlap on (?P<day>\S+)",
            gettext_lazy("These seasons overlap on %(day)s: %(what)s."),
        ),
        (r"is not on a quarter hour", gettext_lazy("Times are on quarter hours.")),
        (
            r"is the start; .*",
            gettext_lazy("The window has no length; a whole day is 00:00 to 00:00 the next day."),
        ),
        (r".*is not (a time as|between 00:00).*", gettext_lazy("This is not a time of day.")),
        (r".* is no time zone", gettext_lazy("There is no such time zone.")),
        (r"(?P<day>\S+) is also added", gettext_lazy("%(day)s is both added and removed.")),
        (r".* is not a date as .*", gettext_lazy("This is not a date.")),
        (r"\S+ lies in periods.*", gettext_lazy("This day lies in another validity.")),
        (r"has more than \d+ entries", gettext_lazy("That is too much for one calendar.")),
        (r"'(?P<what>.*)' is taken", gettext_lazy("%(what)s is taken.")),
        (r"is past", gettext_lazy("This time is past.")),
        (r"is more than 7 days after start", gettext_lazy("An alert lasts 7 days at most.")),
        (r"is not after start", gettext_lazy("The end is not after the start.")),
        (r"does not end after its start", gettext_lazy("The end is not after the start.")),
        (r"has no time zone", gettext_lazy("This is not a time.")),
        (r"must have 1 to (?P<most>\d+) signs", gettext_lazy("1 to %(most)s signs are needed.")),
        (r"has more than (?P<most>\d+) signs", gettext_lazy("At most %(most)s signs.")),
        (r"must be more than 0", gettext_lazy("This must be more than 0.")),
        (
            r".*(is not between|must be|is more than) -?[\d.]+( and -?[\d.]+| to -?[\d.]+)?",
            gettext_lazy("This number is too small or too large."),
        ),
        (r"(.* is not a number of 0 or more|is less than 0)", gettext_lazy("This is not below 0.")),
        (r".* is no cost of a MWh", gettext_lazy("This is not a price of a MWh.")),
        (
            r"names (no source( or one twice)?|a source twice)",
            gettext_lazy("Name at least one base, and each once."),
        ),
        (
            r"overlaps the factor from (?P<day>\S+)",
            gettext_lazy("This overlaps the factor that holds from %(day)s."),
        ),
        (r"ends before that already", gettext_lazy("It ends before that already.")),
        (r"prices an area", gettext_lazy("An island price uses this calendar.")),
        (r"is over", gettext_lazy("It is over already.")),
        (
            r"must be (?P<day>\S+) or later: .*",
            gettext_lazy("A new validity starts on %(day)s or later: the one before is in force."),
        ),
        (r"the period is past .*", gettext_lazy("This validity is over; it stays as it was.")),
        (r".*is (none of .*|no calendar)", gettext_lazy("There is no such choice.")),
    )
)


def rule_words(rule: str) -> str:
    """A broken rule as a sentence; an unlisted one as it was said."""
    for pattern, words in _RULES:
        found = pattern.fullmatch(rule)
        if found is not None:
            return str(words) % {
                name: _said(name, text) for name, text in found.groupdict().items()
            }
    return rule


def month_day_words(month: int, day: int) -> str:
    """A day of any year: `1 December`."""
    return f"{day} {MONTHS[month]}"


def _month_day(text: str) -> str:
    try:
        if text.count("-") == 2:
            return date_format(date.fromisoformat(text), "j N Y")
        day = date.fromisoformat(f"2024-{text}")
    except ValueError:
        return text
    return month_day_words(day.month, day.day)


_SAID: dict[str, Callable[[str], str]] = {
    "day": _month_day,
    "day_type": lambda text: str(DAY_TYPE_WORDS.get(text, text)),
    "what": lambda text: text.replace(" and ", ", "),
    "window": lambda text: text.replace("-", "–"),
    "other": lambda text: text.replace("-", "–"),
}


def _said(name: str, text: str) -> str:
    return _SAID[name](text) if name in _SAID else text
