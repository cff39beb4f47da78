"""The editor of a calendar: rows of the form to a definition and back, places of its errors.

A validity has levels and seasons; a season has plans; a plan has windows. Each row has a key
(`l1`, `s1`, `s1d2`, `s1d2w1`) that its fields begin with; the keys come in order as `level`,
`season`, `<season>.plan` and `<plan>.window`. A window names its level by the level's key, so that
a level may change its name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.http import QueryDict

from apps.markets.island.local_days import DayType

MOST_ROWS = 40
TEXTS = ("name", "time_zone", "territory", "added", "removed", "valid_from", "valid_to")
DAY_TYPES = tuple(str(one) for one in DayType)
_KEY = re.compile(r"[lsdw0-9]{1,24}")
_PERIOD = re.compile(r"^periods\[\d+\]\.?")
_STEP = re.compile(r"^(\w+)\[(\d+)\]\.?")

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A price level as typed."""

    key: str
    label: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window of the day as typed; `level` is a level's key."""

    key: str
    start: str = ""
    end: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """The windows of some types of day; `default` is the level of the rest, "" for none."""

    key: str
    types: frozenset[str] = frozenset()
    default: str = ""
    windows: tuple[WindowRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SeasonRow:
    """A season as typed: first and last day with their months."""

    key: str
    name: str = ""
    first_day: str = ""
    first_month: str = ""
    last_day: str = ""
    last_month: str = ""
    plans: tuple[PlanRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarForm:
    """The editor as filled in; `values` are the calendar's own fields and the validity's days."""

    values: Mapping[str, str]
    with_custom: bool
    levels: tuple[LevelRow, ...]
    seasons: tuple[SeasonRow, ...]

    @property
    def period(self) -> JsonObject:
        """The validity as a definition has it; what cannot be read stays for the rules to name."""
        labels = {level.key: level.label.strip() for level in self.levels}
        return {
            "valid_from": self.values.get("valid_from", ""),
            "valid_to": self.values.get("valid_to") or None,
            "levels": [
                {"label": one.label.strip(), "price_eur_per_mwh": plain_number(one.price)}
                for one in self.levels
            ],
            "seasons": [_season_json(one, labels) for one in self.seasons],
        }

    def place(self, path: str) -> str:
        """The field of the form for a path of the rules; "" for the calendar as a whole."""
        if not _PERIOD.match(path):
            return path if path in TEXTS else ""
        return _place(_PERIOD.sub("", path), {"levels": self.levels, "seasons": self.seasons}, "")


def form_of(
    period: Mapping[str, Any], values: Mapping[str, str], *, with_custom: bool
) -> CalendarForm:
    """The editor with a stored validity."""
    levels = tuple(
        LevelRow(f"l{n}", str(one["label"]), str(one["price_eur_per_mwh"]))
        for n, one in enumerate(period["levels"], 1)
    )
    keys = {level.label: level.key for level in levels}
    seasons = tuple(_season_row(f"s{n}", one, keys) for n, one in enumerate(period["seasons"], 1))
    return CalendarForm(dict(values), with_custom, levels, seasons)


def form_sent(posted: QueryDict) -> CalendarForm:
    """The editor as it was sent."""
    return CalendarForm(
        values={name: posted.get(name, "").strip()[:2000] for name in TEXTS},
        with_custom=posted.get("with_custom") == "on",
        levels=tuple(
            LevelRow(key, posted.get(f"{key}.label", "")[:40], posted.get(f"{key}.price", "")[:40])
            for key in _keys(posted, "level")
        ),
        seasons=tuple(_season_sent(key, posted) for key in _keys(posted, "season")),
    )


def form_changed(form: CalendarForm, order: str) -> tuple[CalendarForm, str]:
    """The form with a row more or less, and the field that wants the writer's attention.

    Orders are `level-add`, `season-add`, `plan-add:s1`, `window-add:s1d1` and `remove:<key>`;
    anything else changes nothing.
    """
    what, _colon, key = order.partition(":")
    if what == "remove":
        return _without(form, key), ""
    if what == "level-add":
        new = _next(form.levels, "l")
        return replace(form, levels=(*form.levels, LevelRow(new))), f"{new}.label"
    if what == "season-add":
        new = _next(form.seasons, "s")
        first = form.levels[0].key if form.levels else ""
        plan = PlanRow(f"{new}d1", frozenset(DAY_TYPES), first)
        return replace(form, seasons=(*form.seasons, SeasonRow(new, plans=(plan,)))), f"{new}.name"
    return _row_added(form, what, key)


def days_read(text: str) -> tuple[frozenset[date], str]:
    """The days of `2026-05-27, 2026-12-24`, and the first word that is none ("" when all are)."""
    days = set()
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word:
            continue
        try:
            days.add(date.fromisoformat(word))
        except ValueError:
            return frozenset(), word
    return frozenset(days), ""


def days_text(days: Iterable[date]) -> str:
    """The days as the form has them."""
    return ", ".join(day.isoformat() for day in sorted(days))


def plain_number(text: str) -> str:
    """`1 234,50` as `1234.50`."""
    return "".join(text.split()).replace("\u00a0", "").replace("\u202f", "").replace(",", ".")


def _row_added(form: CalendarForm, what: str, key: str) -> tuple[CalendarForm, str]:
    seasons, focus = [], ""
    for season in form.seasons:
        if what == "plan-add" and season.key == key and len(season.plans) < MOST_ROWS:
            taken = frozenset[str]().union(*(plan.types for plan in season.plans))
            new = _next(season.plans, f"{key}d")
            plan = PlanRow(new, frozenset(DAY_TYPES) - taken)
            season, focus = replace(season, plans=(*season.plans, plan)), f"{new}.types"
        elif what == "window-add":
            plans = []
            for plan in season.plans:
                if plan.key == key and len(plan.windows) < MOST_ROWS:
                    new = _next(plan.windows, f"{key}w")
                    start = plan.windows[-1].end if plan.windows else ""
                    window, focus = WindowRow(new, start), f"{new}.start"
                    plan = replace(plan, windows=(*plan.windows, window))
                plans.append(plan)
            season = replace(season, plans=tuple(plans))
        seasons.append(season)
    return replace(form, seasons=tuple(seasons)), focus


def _without(form: CalendarForm, key: str) -> CalendarForm:
    seasons = tuple(
        replace(
            season,
            plans=tuple(
                replace(plan, windows=tuple(one for one in plan.windows if one.key != key))
                for plan in season.plans
                if plan.key != key
            ),
        )
        for season in form.seasons
        if season.key != key
    )
    levels = tuple(level for level in form.levels if level.key != key)
    return replace(form, levels=levels, seasons=seasons)


def _next(rows: Sequence[LevelRow | SeasonRow | PlanRow | WindowRow], start: str) -> str:
    numbers = [int(found) for row in rows if (found := row.key.removeprefix(start)).isdecimal()]
    return f"{start}{max(numbers, default=0) + 1}"


def _keys(posted: QueryDict, name: str) -> list[str]:
    return [key for key in posted.getlist(name)[:MOST_ROWS] if _KEY.fullmatch(key)]


def _season_sent(key: str, posted: QueryDict) -> SeasonRow:
    def text(name: str) -> str:
        return posted.get(f"{key}.{name}", "").strip()[:60]

    return SeasonRow(
        key,
        text("name"),
        text("first_day"),
        text("first_month"),
        text("last_day"),
        text("last_month"),
        tuple(
            PlanRow(
                plan,
                frozenset(posted.getlist(f"{plan}.types")) & frozenset(DAY_TYPES),
                posted.get(f"{plan}.default", "")[:24],
                tuple(
                    WindowRow(
                        window,
                        posted.get(f"{window}.start", "").strip()[:8],
                        posted.get(f"{window}.end", "").strip()[:8],
                        posted.get(f"{window}.level", "")[:24],
                    )
                    for window in _keys(posted, f"{plan}.window")
                ),
            )
            for plan in _keys(posted, f"{key}.plan")
        ),
    )


def _season_row(key: str, season: Mapping[str, Any], levels: Mapping[str, str]) -> SeasonRow:
    first, last = str(season["first"]).split("-"), str(season["last"]).split("-")
    return SeasonRow(
        key,
        str(season["name"]),
        str(int(first[1])),
        str(int(first[0])),
        str(int(last[1])),
        str(int(last[0])),
        tuple(
            PlanRow(
                f"{key}d{n}",
                frozenset(plan["day_types"]),
                levels.get(plan["default_level"] or "", ""),
                tuple(
                    WindowRow(
                        f"{key}d{n}w{m}",
                        window["start"],
                        window["end"],
                        levels.get(window["level"], ""),
                    )
                    for m, window in enumerate(plan["windows"], 1)
                ),
            )
            for n, plan in enumerate(season["plans"], 1)
        ),
    )


def _season_json(season: SeasonRow, labels: Mapping[str, str]) -> JsonObject:
    return {
        "name": season.name,
        "first": f"{season.first_month}-{season.first_day}",
        "last": f"{season.last_month}-{season.last_day}",
        "plans": [
            {
                "day_types": sorted(plan.types),
                "windows": [
                    {
                        "start": window.start,
                        "end": end_text(window.end),
                        "level": labels.get(window.level, ""),
                    }
                    for window in plan.windows
                ],
                "default_level": labels.get(plan.default) if plan.default else None,
            }
            for plan in season.plans
        ],
    }


def end_text(text: str) -> str:
    """The end of a window: a clock has no 24:00, so midnight at the end is that of the next day."""
    return "24:00" if text == "00:00" else text


def _place(rest: str, lists: Mapping[str, Sequence[Any]], prefix: str) -> str:
    found = _STEP.match(rest)
    if found is None:
        name = {"day_types": "types", "default_level": "default", "price_eur_per_mwh": "price"}.get(
            rest.partition(".")[0].partition("[")[0], rest.partition("[")[0]
        )
        return f"{prefix}.{name}" if prefix and name else prefix or name
    rows, index = lists.get(found[1], ()), int(found[2])
    if index >= len(rows):
        # An entry of a plain list, such as the types of day.
        return _place(found[1], {}, prefix)
    row = rows[index]
    inner = {"plans": getattr(row, "plans", ()), "windows": getattr(row, "windows", ())}
    return _place(rest[found.end() :], inner, row.key)
