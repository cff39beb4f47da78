"""Writing price calendars: what already counts for customers is not rewritten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.markets.events import IslandRulesChanged
from apps.markets.island.calendar import ValidityPeriod
from apps.markets.island.definition import calendar_definition, calendar_read
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import DayRules
from apps.markets.models import TouCalendar
from apps.markets.selectors.island import calendar_is_used, calendar_of
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError

MAX_NAME: Final = 80
PART: Final = "calendar"


@transaction.atomic
def calendar_add(
    *,
    name: str,
    time_zone: str,
    territory: str,
    definition: object,
    with_custom: bool = True,
    added: Iterable[date] = (),
    removed: Iterable[date] = (),
    by: str = "",
) -> TouCalendar:
    """A new calendar; `definition` is `{"periods": [...]}` as `island.definition` reads it.

    Raises IslandError that names the field by its path, also for a name that is taken.
    """
    days = DayRules(territory, with_custom, frozenset(added), frozenset(removed))
    checked = calendar_read(
        name=name.strip(), time_zone=time_zone, days=days, definition=definition
    )
    row = TouCalendar(
        name=checked.name,
        time_zone=time_zone,
        territory=territory,
        with_custom=with_custom,
        added=_texts(days.added),
        removed=_texts(days.removed),
        definition=calendar_definition(checked),
        changed_by=by,
    )
    return _save(row)


@transaction.atomic
def calendar_change(
    *,
    calendar_id: int,
    now: datetime,
    name: str | None = None,
    time_zone: str | None = None,
    territory: str | None = None,
    with_custom: bool | None = None,
    added: Iterable[date] | None = None,
    removed: Iterable[date] | None = None,
    period: object = None,
    replaces: int | None = None,
    by: str = "",
) -> TouCalendar:
    """Change a calendar's name, days or one of its periods; what is None stays.

    `period` is one period as JSON, put in the place of period `replaces` or, with None, beside the
    others. Of a calendar that prices an area, a period in force is not rewritten: it ends where
    the new one begins, which must be a later day than today; one that is past is refused. Any
    other period may be replaced as a whole.
    """
    row = _locked(calendar_id)
    if name is not None:
        row.name = name.strip()
    row.time_zone = time_zone or row.time_zone
    row.territory = territory or row.territory
    if with_custom is not None:
        row.with_custom = with_custom
    row.added = row.added if added is None else _texts(added)
    row.removed = row.removed if removed is None else _texts(removed)
    if period is not None:
        row.definition = {"periods": _with_period(row, period, replaces, now)}
    row.definition = calendar_definition(calendar_of(row))
    row.changed_by = by
    return _save(row)


@transaction.atomic
def calendar_copy(*, calendar_id: int, name: str, by: str = "") -> TouCalendar:
    """The same calendar under another name. Raises IslandError for a name that is taken."""
    row = _locked(calendar_id)
    row.pk, row.name, row.changed_by = None, name.strip(), by
    row._state.adding = True
    calendar_of(row)
    return _save(row)


@transaction.atomic
def calendar_delete(*, calendar_id: int) -> None:
    """Delete a calendar. Raises DomainError `island.calendar_used` when it prices an area."""
    row = _locked(calendar_id)
    if calendar_is_used(row):
        raise DomainError("island.calendar_used", "prices an area", field="calendar")
    row.delete()


def _with_period(
    row: TouCalendar, period: object, replaces: int | None, now: datetime
) -> list[Any]:
    stored = list(row.definition["periods"])
    if replaces is None:
        return [*stored, period]
    if not 0 <= replaces < len(stored):
        raise IslandError(PART, "replaces", "is no period of the calendar")
    others = [one for number, one in enumerate(stored) if number != replaces]
    if not calendar_is_used(row):
        return [*others, period]
    calendar = calendar_of(row)
    today = now.astimezone(calendar.zone).date()
    old = calendar.periods[replaces]
    if old.valid_from > today:
        return [*others, period]
    if not old.holds_on(today):
        raise IslandError(PART, "valid_from", "the period is past and stays as it was")
    begins = _begin(row, period)
    if begins.valid_from <= today:
        raise IslandError(
            PART,
            "valid_from",
            f"must be {today + timedelta(days=1)} or later: the period before is in force",
        )
    ended = {**stored[replaces], "valid_to": begins.valid_from.isoformat()}
    return [*others, ended, period]


def _begin(row: TouCalendar, period: object) -> ValidityPeriod:
    """The new period by itself, checked."""
    calendar = calendar_read(
        name=row.name,
        time_zone=row.time_zone,
        days=calendar_of(row).days,
        definition={"periods": [period]},
    )
    return calendar.periods[0]


def _locked(calendar_id: int) -> TouCalendar:
    row = TouCalendar.objects.select_for_update().filter(pk=calendar_id).first()
    if row is None:
        raise DomainError("island.calendar_unknown", "is no calendar", field="calendar")
    return row


def _save(row: TouCalendar) -> TouCalendar:
    if len(row.name) > MAX_NAME:
        raise IslandError(PART, "name", f"has more than {MAX_NAME} signs")
    periods = sorted(row.definition["periods"], key=lambda period: str(period["valid_from"]))
    row.definition = {"periods": periods}
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as err:
        raise IslandError(PART, "name", f"{row.name!r} is taken") from err
    events.publish(IslandRulesChanged(schema=current_schema()))
    return row


def _texts(days: Iterable[date]) -> list[str]:
    return sorted(day.isoformat() for day in days)
