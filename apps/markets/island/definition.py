"""A calendar as a JSON document: what the editor sends and the database keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from apps.markets.island.calendar import (
    DayPlan,
    LevelWindow,
    MonthDay,
    PriceLevel,
    Season,
    TouCalendar,
    ValidityPeriod,
)
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import (
    DayRules,
    DayType,
    DayWindow,
    clock_text,
    minute_of_clock,
)

PART: Final = "calendar"
MAX_ITEMS: Final = 200
"""More of anything in one list is a mistake; keeps a document of an editor small."""

Item = TypeVar("Item")
JsonObject = dict[str, object]


def calendar_read(*, name: str, time_zone: str, days: DayRules, definition: object) -> TouCalendar:
    """The calendar of a definition `{"periods": [...]}` as `calendar_definition` writes it.

    Prices are texts of a decimal number. Raises IslandError that names the field by its path
    (`periods[0].seasons[1].plans[0].windows[2].end`) and the rule.
    """
    root = _object(definition, "definition", allowed={"periods"})
    return TouCalendar(name, time_zone, days, _list(root, "periods", "", _period))


def calendar_definition(calendar: TouCalendar) -> JsonObject:
    """The periods of a calendar as JSON; `calendar_read` gives the same calendar again."""
    return {"periods": [_period_json(period) for period in calendar.periods]}


def _period(value: object, place: str) -> ValidityPeriod:
    fields = _object(value, place, allowed={"valid_from", "valid_to", "levels", "seasons"})
    return ValidityPeriod(
        valid_from=_date(fields.get("valid_from"), f"{place}.valid_from"),
        valid_to=(
            None
            if fields.get("valid_to") is None
            else _date(fields["valid_to"], f"{place}.valid_to")
        ),
        levels=_list(fields, "levels", place, _level),
        seasons=_list(fields, "seasons", place, _season),
    )


def _level(value: object, place: str) -> PriceLevel:
    fields = _object(value, place, allowed={"label", "price_eur_per_mwh"})
    price = _text(fields.get("price_eur_per_mwh"), f"{place}.price_eur_per_mwh")
    try:
        return PriceLevel(_text(fields.get("label"), f"{place}.label"), Decimal(price))
    except InvalidOperation as err:
        raise IslandError(
            PART, f"{place}.price_eur_per_mwh", f"{price[:20]!r} is not a number"
        ) from err


def _season(value: object, place: str) -> Season:
    fields = _object(value, place, allowed={"name", "first", "last", "plans"})
    return Season(
        name=_text(fields.get("name"), f"{place}.name"),
        first=_month_day(fields.get("first"), f"{place}.first"),
        last=_month_day(fields.get("last"), f"{place}.last"),
        plans=_list(fields, "plans", place, _plan),
    )


def _plan(value: object, place: str) -> DayPlan:
    fields = _object(value, place, allowed={"day_types", "windows", "default_level"})
    default = fields.get("default_level")
    return DayPlan(
        day_types=frozenset(_list(fields, "day_types", place, _day_type)),
        windows=_list(fields, "windows", place, _window),
        default_level=None if default is None else _text(default, f"{place}.default_level"),
    )


def _window(value: object, place: str) -> LevelWindow:
    fields = _object(value, place, allowed={"start", "end", "level"})
    window = DayWindow(
        *(
            minute_of_clock(_text(fields.get(name), f"{place}.{name}"), f"{place}.{name}")
            for name in ("start", "end")
        )
    )
    return LevelWindow(window, _text(fields.get("level"), f"{place}.level"))


def _day_type(value: object, place: str) -> DayType:
    try:
        return DayType(str(value))
    except ValueError as err:
        known = ", ".join(DayType)
        raise IslandError(PART, place, f"{str(value)[:20]!r} is none of {known}") from err


def _month_day(value: object, place: str) -> MonthDay:
    month, dash, day = _text(value, place).partition("-")
    if not dash or not (month.isdecimal() and day.isdecimal()) or len(month) > 2 or len(day) > 2:
        raise IslandError(PART, place, f"{str(value)[:20]!r} is not a day as 12-01")
    return MonthDay(int(month), int(day))


def _date(value: object, place: str) -> date:
    said = _text(value, place)
    try:
        return date.fromisoformat(said)
    except ValueError as err:
        raise IslandError(PART, place, f"{said[:20]!r} is not a date as 2026-01-31") from err


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise IslandError(PART, place, "is missing" if value is None else "is not a text")
    return value


def _object(value: object, place: str, *, allowed: set[str]) -> JsonObject:
    if not isinstance(value, dict):
        raise IslandError(PART, place, "is missing" if value is None else "is not an object")
    unknown = sorted(str(name) for name in value if name not in allowed)
    if unknown:
        raise IslandError(PART, f"{place}.{unknown[0][:40]}", "is not a field")
    return value


def _list(
    fields: JsonObject, name: str, place: str, read: Callable[[object, str], Item]
) -> tuple[Item, ...]:
    path = f"{place}.{name}" if place else name
    values = fields.get(name)
    if not isinstance(values, list):
        raise IslandError(PART, path, "is missing" if values is None else "is not a list")
    if len(values) > MAX_ITEMS:
        raise IslandError(PART, path, f"has more than {MAX_ITEMS} entries")
    return tuple(read(value, f"{path}[{number}]") for number, value in enumerate(values))


def _period_json(period: ValidityPeriod) -> JsonObject:
    return {
        "valid_from": period.valid_from.isoformat(),
        "valid_to": period.valid_to.isoformat() if period.valid_to else None,
        "levels": [
            {"label": level.label, "price_eur_per_mwh": str(level.price_eur_per_mwh)}
            for level in period.levels
        ],
        "seasons": [_season_json(season) for season in period.seasons],
    }


def _season_json(season: Season) -> JsonObject:
    return {
        "name": season.name,
        "first": str(season.first),
        "last": str(season.last),
        "plans": [
            {
                "day_types": sorted(plan.day_types),
                "windows": [
                    {
                        "start": clock_text(window.window.start_minute),
                        "end": clock_text(window.window.end_minute),
                        "level": window.level,
                    }
                    for window in plan.windows
                ],
                "default_level": plan.default_level,
            }
            for plan in season.plans
        ],
    }
