"""Calendars of price levels: the list, and the editor with its week and public holidays."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from apps.console.viewmodels.calendars_form import (
    CalendarForm,
    days_read,
    days_text,
    form_of,
)
from apps.console.viewmodels.calendars_week import Today, Week, season_shown, week_of
from apps.console.viewmodels.calendars_words import DAY_TYPE_WORDS, problem_words
from apps.markets.island.definition import calendar_read
from apps.markets.island.errors import IslandError
from apps.markets.island.holidays import TERRITORIES, Basis, public_holidays
from apps.markets.island.local_days import DayRules
from apps.markets.island.zones import zone_named
from apps.markets.models import TouCalendar
from cariflex.common.errors import DomainError

MAY_CHANGE = "markets.change_toucalendar"
MAY_DELETE = "markets.delete_toucalendar"
IN_FORCE, TO_COME, OVER = "in_force", "to_come", "over"
STATE_WORDS: dict[str, tuple[str, str, str | Promise]] = {
    IN_FORCE: ("ok", "check-circle", gettext_lazy("In force")),
    TO_COME: ("info", "clock", gettext_lazy("To come")),
    OVER: ("mute", "check", gettext_lazy("Over")),
}
ZONES = ("America/", "Indian/Reunion", "Indian/Mayotte", "Europe/Paris", "Pacific/")
Errors = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CalendarLine:
    """A calendar of the list."""

    calendar: TouCalendar
    territory: str
    levels: str
    state: tuple[str, str, str | Promise] | None
    since: date | None
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalendarsList:
    """The page of calendars."""

    lines: tuple[CalendarLine, ...]
    may_change: bool
    may_delete: bool
    territories: tuple[tuple[str, str], ...]
    time_zone: str


@dataclass(frozen=True, slots=True)
class Validity:
    """A validity of the calendar; `valid_to` is the first day on which it no longer holds."""

    index: int
    valid_from: date
    valid_to: date | None
    key: str
    is_shown: bool

    @property
    def tone(self) -> str:
        """The colour of its state."""
        return STATE_WORDS[self.key][0]

    @property
    def icon(self) -> str:
        """The icon of its state."""
        return STATE_WORDS[self.key][1]

    @property
    def state(self) -> str:
        """The word of its state."""
        return str(STATE_WORDS[self.key][2])


@dataclass(frozen=True, slots=True)
class HolidayLine:
    """A public holiday of the territory, or a day of the operator's own."""

    day: date
    name: str
    word: str
    tone: str
    counts: bool


@dataclass(frozen=True, slots=True)
class CalendarEditor:
    """Everything the editor shows."""

    calendar: TouCalendar
    form: CalendarForm
    validities: tuple[Validity, ...]
    period_index: str
    note: str
    is_guarded: bool
    may_change: bool
    may_write: bool
    week: Week | None
    year: int
    holidays: tuple[HolidayLine, ...]
    errors: Errors
    problem: str = ""
    focus: str = ""
    warnings: Errors = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name as stored."""
        return self.calendar.name

    @property
    def finding(self) -> str:
        """The first thing that is wrong."""
        return next((texts[0] for texts in self.errors.values()), "")

    @property
    def years(self) -> tuple[int, int, int]:
        """The years whose holidays may be looked at."""
        return (self.year - 1, self.year, self.year + 1)

    @property
    def territories(self) -> tuple[tuple[str, str], ...]:
        """Territories with a table of holidays."""
        return territory_choices()

    @property
    def zones(self) -> list[str]:
        """Time zones that islands are likely to need."""
        return sorted(name for name in available_timezones() if name.startswith(ZONES))

    @property
    def months(self) -> tuple[tuple[int, str], ...]:
        """The months by number."""
        return tuple((number, str(name)) for number, name in MONTHS.items())

    @property
    def day_types(self) -> tuple[tuple[str, str], ...]:
        """The types of day."""
        return tuple((str(one), str(words)) for one, words in DAY_TYPE_WORDS.items())

    @property
    def save_words(self) -> str:
        """What the button does."""
        return _("Save as a new validity") if self.is_guarded else _("Save")


def territory_choices() -> tuple[tuple[str, str], ...]:
    """(code, name) by name."""
    return tuple(sorted(((one.code, one.name) for one in TERRITORIES.values()), key=lambda x: x[1]))


def calendars_list(
    calendars: Sequence[TouCalendar],
    *,
    now: datetime,
    may_change: bool,
    may_delete: bool,
    time_zone: str,
) -> CalendarsList:
    """The page of calendars; their pricings are read with them."""
    return CalendarsList(
        tuple(_line(one, now) for one in calendars),
        may_change,
        may_delete,
        territory_choices(),
        time_zone,
    )


def shown_index(calendar: TouCalendar, asked: str, now: datetime) -> int:
    """The validity asked for, else the one that holds today, else the last one."""
    periods = _periods(calendar)
    if asked.isdecimal() and int(asked) < len(periods):
        return int(asked)
    states = [_state(one, local_day(calendar.time_zone, now)) for one in periods]
    return states.index(IN_FORCE) if IN_FORCE in states else max(len(periods) - 1, 0)


def stored_form(calendar: TouCalendar, index: int, now: datetime) -> CalendarForm:
    """The form with a stored validity; that in force is proposed from tomorrow on."""
    period = _periods(calendar)[index]
    today = local_day(calendar.time_zone, now)
    start = period["valid_from"]
    if is_guarded(calendar, index, now):
        start = (today + timedelta(days=1)).isoformat()
    values = {
        "name": calendar.name,
        "time_zone": calendar.time_zone,
        "territory": calendar.territory,
        "added": days_text(_dates(calendar.added)),
        "removed": days_text(_dates(calendar.removed)),
        "valid_from": start,
        "valid_to": period["valid_to"] or "",
    }
    return form_of(period, values, with_custom=calendar.with_custom)


def is_guarded(calendar: TouCalendar, index: int, now: datetime) -> bool:
    """Whether a validity prices an area today: it is not rewritten but followed by another."""
    period = _periods(calendar)[index]
    in_force = _state(period, local_day(calendar.time_zone, now)) == IN_FORCE
    return in_force and bool(calendar.pricings.all())


def form_errors(form: CalendarForm, calendar: TouCalendar, index: int, now: datetime) -> Errors:
    """What is wrong with the form as it is, by field: the first thing that the rules refuse."""
    for name in ("added", "removed"):
        wrong = days_read(form.values[name])[1]
        if wrong:
            return {name: (_("%(word)s is not a date as 2026-01-31.") % {"word": wrong},)}
    try:
        rules = day_rules(form)
        calendar_read(
            name=form.values["name"],
            time_zone=form.values["time_zone"],
            days=rules,
            definition={"periods": [form.period]},
        )
    except IslandError as refusal:
        return refusal_errors(form, refusal)
    today = local_day(form.values["time_zone"], now)
    if is_guarded(calendar, index, now) and form.values["valid_from"] <= today.isoformat():
        return {"valid_from": (_("A new validity starts after today."),)}
    return {}


def refusal_errors(form: CalendarForm, refusal: DomainError) -> Errors:
    """A refusal of the rules beside the field that it speaks of."""
    place = form.place(refusal.field or "")
    return {place: (problem_words(form, refusal, place),)}


def day_rules(form: CalendarForm) -> DayRules:
    """Which days are holidays by the form. Raises IslandError."""
    return DayRules(
        form.values["territory"],
        form.with_custom,
        days_read(form.values["added"])[0],
        days_read(form.values["removed"])[0],
    )


def calendar_editor(
    *,
    calendar: TouCalendar,
    form: CalendarForm,
    index: int,
    now: datetime,
    errors: Errors,
    may_change: bool,
    season_key: str = "",
    year: int | None = None,
    focus: str = "",
    is_refused: bool = False,
) -> CalendarEditor:
    """The editor with the form as it is."""
    today = local_day(calendar.time_zone, now)
    validities = _validities(calendar, index, today)
    key = validities[index].key if index < len(validities) else TO_COME
    season = season_shown(form, season_key, today)
    return CalendarEditor(
        calendar=calendar,
        form=form,
        validities=validities,
        period_index=str(index),
        note=_note(validities[index], calendar) if index < len(validities) else "",
        is_guarded=is_guarded(calendar, index, now),
        may_change=may_change,
        may_write=may_change and (key != OVER or not calendar.pricings.all()),
        week=week_of(form, season, _today(form, now)) if season else None,
        year=year or today.year,
        holidays=_holidays(form, year or today.year),
        errors=errors,
        problem=next((texts[0] for texts in errors.values()), "") if is_refused else "",
        focus=focus,
    )


def _validities(calendar: TouCalendar, index: int, today: date) -> tuple[Validity, ...]:
    return tuple(
        Validity(
            number,
            date.fromisoformat(one["valid_from"]),
            date.fromisoformat(one["valid_to"]) if one["valid_to"] else None,
            _state(one, today),
            number == index,
        )
        for number, one in enumerate(_periods(calendar))
    )


def local_day(time_zone: str, now: datetime) -> date:
    """The day in a zone; that of the operator when there is no such zone."""
    try:
        return now.astimezone(zone_named(time_zone)).date()
    except IslandError:
        return now.astimezone(timezone.get_current_timezone()).date()


def _today(form: CalendarForm, now: datetime) -> Today | None:
    try:
        at = now.astimezone(zone_named(form.values["time_zone"]))
        return Today(at, day_rules(form).day_type(at.date()))
    except IslandError:
        return None


def _note(validity: Validity, calendar: TouCalendar) -> str:
    if not calendar.pricings.all():
        return ""
    if validity.key == IN_FORCE:
        return _(
            "This validity is in force since %(day)s. The past is not rewritten: what you save "
            "holds from the day below on, and this validity ends there."
        ) % {"day": date_format(validity.valid_from, "j N Y")}
    if validity.key == OVER:
        return _("This validity is over; it stays as it was.")
    return ""


def _line(calendar: TouCalendar, now: datetime) -> CalendarLine:
    today = local_day(calendar.time_zone, now)
    periods = _periods(calendar)
    period = next((one for one in periods if _state(one, today) == IN_FORCE), None)
    shown = period or (periods[-1] if periods else None)
    return CalendarLine(
        calendar=calendar,
        territory=TERRITORIES[calendar.territory].name
        if calendar.territory in TERRITORIES
        else calendar.territory,
        levels=", ".join(str(one["label"]) for one in shown["levels"]) if shown else "",
        state=STATE_WORDS[_state(shown, today)] if shown else None,
        since=date.fromisoformat(shown["valid_from"]) if shown else None,
        used_by=tuple(sorted(one.area for one in calendar.pricings.all())),
    )


def _periods(calendar: TouCalendar) -> list[dict[str, Any]]:
    periods: list[dict[str, Any]] = calendar.definition.get("periods", [])
    return periods


def _state(period: dict[str, Any], today: date) -> str:
    if date.fromisoformat(period["valid_from"]) > today:
        return TO_COME
    is_over = period["valid_to"] and date.fromisoformat(period["valid_to"]) <= today
    return OVER if is_over else IN_FORCE


def _dates(texts: Sequence[str]) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def _holidays(form: CalendarForm, year: int) -> tuple[HolidayLine, ...]:
    try:
        named = public_holidays(form.values["territory"], year)
    except IslandError:
        named = ()
    added, removed = days_read(form.values["added"])[0], days_read(form.values["removed"])[0]
    lines = []
    for one in named:
        is_custom = one.basis == Basis.CUSTOM
        counts = one.day not in removed and (form.with_custom or not is_custom)
        word = pgettext("holiday", "custom") if is_custom else ""
        if not counts:
            word = pgettext("holiday", "does not count")
        lines.append(HolidayLine(one.day, one.name, word, "mute" if not counts else "info", counts))
    taken = {one.day for one in named}
    own = pgettext("holiday", "own day")
    lines += [
        HolidayLine(day, _("Added here"), own, "info", counts=True)
        for day in added
        if day.year == year and day not in taken
    ]
    return tuple(sorted(lines, key=lambda line: line.day))
