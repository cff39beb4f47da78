"""Time-of-use calendars: what each quarter hour costs, and which calendars are refused."""

import copy
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.markets.island.calendar import TouCalendar, tou_slots
from apps.markets.island.definition import calendar_definition, calendar_read
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import DayRules, DayType

ALL = ["working", "saturday", "sunday", "holiday"]
# Off-peak 22-6 h and 11-13 h, peak 19-22 h on working days, full hours between.
WORKING: dict[str, Any] = {
    "day_types": ["working"],
    "windows": [
        {"start": "22:00", "end": "06:00", "level": "off"},
        {"start": "11:00", "end": "13:00", "level": "off"},
        {"start": "19:00", "end": "22:00", "level": "peak"},
    ],
    "default_level": "full",
}
REST: dict[str, Any] = {
    "day_types": ["saturday", "sunday", "holiday"],
    "windows": [{"start": "00:00", "end": "24:00", "level": "off"}],
    "default_level": None,
}
LEVELS = [
    {"label": "off", "price_eur_per_mwh": "120.50"},
    {"label": "full", "price_eur_per_mwh": "180"},
    {"label": "peak", "price_eur_per_mwh": "310"},
]
YEAR = {"name": "year", "first": "01-01", "last": "12-31", "plans": [WORKING, REST]}
DEFINITION: dict[str, Any] = {
    "periods": [{"valid_from": "2026-01-01", "valid_to": None, "levels": LEVELS, "seasons": [YEAR]}]
}


def calendar(
    definition: object = DEFINITION,
    *,
    zone: str = "America/Guadeloupe",
    territory: str = "GP",
    **days: Any,
) -> TouCalendar:
    return calendar_read(
        name="Tarif", time_zone=zone, days=DayRules(territory, **days), definition=definition
    )


def changed(**paths: Any) -> dict[str, Any]:
    """The definition with one value set: keys join the path by `__`."""
    definition = copy.deepcopy(DEFINITION)
    for path, value in paths.items():
        at: Any = definition
        *way, last = [int(part) if part.isdecimal() else part for part in path.split("__")]
        for part in way:
            at = at[part]
        at[last] = value
    return definition


def local_day(tou: TouCalendar, day: date) -> list[Any]:
    start = datetime.combine(day, datetime.min.time(), tou.zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), tou.zone).astimezone(UTC)
    return list(tou_slots(tou, start=start, end=end))


def test_a_working_day_has_its_windows_in_local_time() -> None:
    # Tuesday 10 March 2026; Guadeloupe is UTC-4 all year, so its day starts at 04:00 UTC.
    slots = local_day(calendar(), date(2026, 3, 10))

    assert len(slots) == 96
    assert slots[0].start == datetime(2026, 3, 10, 4, tzinfo=UTC)
    # 0-6 and 22-24 h and 11-13 h are 10 h off-peak, 19-22 h 3 h peak, 11 h are left.
    assert Counter(slot.level for slot in slots) == {"off": 40, "peak": 12, "full": 44}
    at = {slot.start.astimezone(calendar().zone).strftime("%H:%M"): slot for slot in slots}
    assert at["05:45"].price_eur_per_mwh == Decimal("120.50")
    assert at["06:00"].price_eur_per_mwh == Decimal(180)
    assert at["12:45"].level == "off"
    assert at["13:00"].level == "full"
    assert at["19:00"].price_eur_per_mwh == Decimal(310)
    assert at["21:45"].level == "peak"
    assert at["22:00"].level == "off"
    assert {slot.day_type for slot in slots} == {DayType.WORKING}


def test_a_holiday_is_one_on_a_weekday_and_the_operator_may_change_the_days() -> None:
    # Wednesday 27 May 2026 is the abolition day of Guadeloupe; Friday 3 April is Good Friday.
    abolition, good_friday, monday = date(2026, 5, 27), date(2026, 4, 3), date(2026, 6, 1)

    assert {slot.level for slot in local_day(calendar(), abolition)} == {"off"}
    assert local_day(calendar(), abolition)[0].day_type == DayType.HOLIDAY
    assert {slot.day_type for slot in local_day(calendar(), good_friday)} == {DayType.HOLIDAY}
    law_only = calendar(with_custom=False)
    assert {slot.day_type for slot in local_day(law_only, good_friday)} == {DayType.WORKING}
    own = calendar(added=frozenset({monday}), removed=frozenset({abolition}))
    assert {slot.day_type for slot in local_day(own, monday)} == {DayType.HOLIDAY}
    assert {slot.day_type for slot in local_day(own, abolition)} == {DayType.WORKING}


def test_the_weekend_has_its_two_types() -> None:
    assert {slot.day_type for slot in local_day(calendar(), date(2026, 3, 14))} == {
        DayType.SATURDAY
    }
    assert {slot.day_type for slot in local_day(calendar(), date(2026, 3, 15))} == {DayType.SUNDAY}


@pytest.mark.parametrize(
    ("day", "count", "off"),
    [
        # Haiti goes forward on 8 March 2026 at 2 h (its 2 h does not come) and back on
        # 1 November at 2 h (its 1 h comes twice); both Sundays, off-peak 0-6 h in this calendar.
        (date(2026, 3, 8), 92, 36),
        (date(2026, 3, 9), 96, 40),
        (date(2026, 11, 1), 100, 44),
    ],
)
def test_the_clock_of_haiti_gives_92_and_100_slots(day: date, count: int, off: int) -> None:
    every_day = {**WORKING, "day_types": ALL}
    definition = changed(periods__0__seasons__0__plans=[every_day])

    slots = local_day(calendar(definition, zone="America/Port-au-Prince", territory="HT"), day)

    assert len(slots) == count
    assert Counter(slot.level for slot in slots)["off"] == off
    assert Counter(slot.level for slot in slots)["peak"] == 12


def test_seasons_may_run_over_new_year() -> None:
    dry = {"name": "dry", "first": "12-01", "last": "05-31", "plans": [WORKING, REST]}
    plans = [{**WORKING, "day_types": ALL, "windows": [], "default_level": "full"}]
    wet = {"name": "wet", "first": "06-01", "last": "11-30", "plans": plans}
    tou = calendar(changed(periods__0__seasons=[dry, wet]))

    def season(day: date) -> set[str]:
        return {slot.season for slot in local_day(tou, day)}

    assert season(date(2026, 5, 31)) == {"dry"}
    assert season(date(2026, 6, 1)) == {"wet"}
    assert season(date(2026, 11, 30)) == {"wet"}
    assert season(date(2026, 12, 1)) == {"dry"}
    assert season(date(2027, 1, 1)) == {"dry"}
    assert season(date(2028, 2, 29)) == {"dry"}


def test_each_period_has_its_prices_and_days_before_the_first_have_none() -> None:
    first = {**DEFINITION["periods"][0], "valid_to": "2026-07-01"}
    second = {
        **DEFINITION["periods"][0],
        "valid_from": "2026-07-01",
        "levels": [{**level, "price_eur_per_mwh": "99"} for level in LEVELS],
    }
    tou = calendar({"periods": [second, first]})

    assert local_day(tou, date(2026, 6, 30))[0].price_eur_per_mwh == Decimal("120.50")
    assert local_day(tou, date(2026, 7, 1))[0].price_eur_per_mwh == Decimal(99)
    assert local_day(tou, date(2025, 12, 31)) == []


def test_a_definition_is_read_as_it_was_written() -> None:
    tou = calendar()

    assert calendar_definition(tou) == {
        "periods": [
            {
                **DEFINITION["periods"][0],
                "seasons": [
                    {**YEAR, "plans": [WORKING, {**REST, "day_types": sorted(REST["day_types"])}]}
                ],
            }
        ]
    }
    assert calendar(calendar_definition(tou)) == tou


PLAN = "periods__0__seasons__0__plans__0"
PLAN_PATH = "periods[0].seasons[0].plans[0]"


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (
            changed(**{f"{PLAN}__windows__1__start": "05:45"}),
            f"{PLAN_PATH}.windows[1]: 05:45-13:00 overlaps 22:00-06:00 at 05:45",
        ),
        (
            changed(**{f"{PLAN}__default_level": None}),
            f"{PLAN_PATH}.windows: nothing holds at 06:00 and there is no default level",
        ),
        (
            changed(**{f"{PLAN}__default_level": "cheap"}),
            f"{PLAN_PATH}.default_level: 'cheap' is no level of the period",
        ),
        (
            changed(**{f"{PLAN}__windows__0__level": "cheap"}),
            f"{PLAN_PATH}.windows[0].level: 'cheap' is no level of the period",
        ),
        (
            changed(**{f"{PLAN}__windows__0__end": "25:00"}),
            f"{PLAN_PATH}.windows[0].end: '25:00' is not between 00:00 and 24:00",
        ),
        (
            changed(**{f"{PLAN}__windows__0__end": "6 h"}),
            f"{PLAN_PATH}.windows[0].end: '6 h' is not a time as 19:30",
        ),
        (
            changed(**{f"{PLAN}__windows__0__end": "06:10"}),
            f"{PLAN_PATH}.windows[0].end: is not on a quarter hour",
        ),
        (
            changed(**{f"{PLAN}__windows__0__end": "22:00"}),
            f"{PLAN_PATH}.windows[0].end: is the start; a whole day is written 00:00 to 24:00",
        ),
        (
            changed(**{f"{PLAN}__windows__0__start": "24:00"}),
            f"{PLAN_PATH}.windows[0].start: is not between 00:00 and 23:45",
        ),
        (
            changed(**{f"{PLAN}__windows__0__kind": "x"}),
            f"{PLAN_PATH}.windows[0].kind: is not a field",
        ),
        (
            changed(**{f"{PLAN}__day_types": ["working", "monday"]}),
            f"{PLAN_PATH}.day_types[1]: 'monday' is none of working, saturday, sunday, holiday",
        ),
        (changed(**{f"{PLAN}__day_types": []}), f"{PLAN_PATH}.day_types: has no day type"),
        (
            changed(**{f"{PLAN}__day_types": ["working", "sunday"]}),
            "periods[0].seasons[0].plans[1].day_types: sunday has a plan already",
        ),
        (
            changed(periods__0__seasons__0__plans=[WORKING]),
            "periods[0].seasons[0].plans: no plan for days of type holiday",
        ),
        (
            changed(periods__0__seasons__0__last="12-30"),
            "periods[0].seasons: no season holds on 12-31",
        ),
        (
            changed(periods__0__seasons=[YEAR, {**YEAR, "name": "other", "first": "12-31"}]),
            "periods[0].seasons: year and other overlap on 12-31",
        ),
        (
            changed(periods__0__seasons__0__last="02-30"),
            "periods[0].seasons[0].last: 02-30 is no day",
        ),
        (
            changed(periods__0__seasons__0__first="1st of May"),
            "periods[0].seasons[0].first: '1st of May' is not a day as 12-01",
        ),
        (
            changed(periods__0__seasons__0__name=" "),
            "periods[0].seasons[0].name: must not be empty",
        ),
        (
            changed(periods__0__levels__1__label="off"),
            "periods[0].levels[1].label: 'off' is given twice",
        ),
        (
            changed(periods__0__levels__1__label=""),
            "periods[0].levels[1].label: must not be empty",
        ),
        (
            changed(periods__0__levels__1__price_eur_per_mwh="dear"),
            "periods[0].levels[1].price_eur_per_mwh: 'dear' is not a number",
        ),
        (
            changed(periods__0__levels__1__price_eur_per_mwh=180.5),
            "periods[0].levels[1].price_eur_per_mwh: is not a text",
        ),
        (
            changed(periods__0__levels__1__price_eur_per_mwh="NaN"),
            "periods[0].levels[1].price_eur_per_mwh: NaN is not a price of a MWh",
        ),
        (changed(periods__0__levels=[]), "periods[0].levels: has no level"),
        (
            changed(periods__0__valid_to="2026-01-01"),
            "periods[0].valid_to: is not after valid_from",
        ),
        (
            changed(periods__0__valid_from="soon"),
            "periods[0].valid_from: 'soon' is not a date as 2026-01-31",
        ),
        (changed(periods__0__valid_from=None), "periods[0].valid_from: is missing"),
        (
            {
                "periods": [
                    {**DEFINITION["periods"][0], "valid_to": "2026-07-02"},
                    {**DEFINITION["periods"][0], "valid_from": "2026-07-01"},
                ]
            },
            "periods[1].valid_from: 2026-07-01 lies in periods[0]",
        ),
        ({"periods": []}, "periods: has no period"),
        ({"periods": {}}, "periods: is not a list"),
        ({"periods": [DEFINITION["periods"][0]] * 201}, "periods: has more than 200 entries"),
        ({"periods": [3]}, "periods[0]: is not an object"),
        ([], "definition: is not an object"),
        (None, "definition: is missing"),
    ],
)
def test_a_calendar_that_breaks_a_rule_is_refused_by_its_field(
    definition: object, said: str
) -> None:
    with pytest.raises(IslandError) as refused:
        calendar(definition)

    assert str(refused.value) == said


def test_names_zones_territories_and_days_are_checked() -> None:
    with pytest.raises(IslandError, match="time_zone: 'America/Atlantis' is no time zone"):
        calendar(zone="America/Atlantis")
    with pytest.raises(IslandError, match="time_zone: '../etc/passwd' is no time zone"):
        calendar(zone="../etc/passwd")
    with pytest.raises(IslandError, match="territory: 'XX' is none of"):
        calendar(territory="XX")
    day = frozenset({date(2026, 6, 1)})
    with pytest.raises(IslandError, match="removed: 2026-06-01 is also added"):
        calendar(added=day, removed=day)
    with pytest.raises(IslandError, match="name: must not be empty"):
        TouCalendar(" ", "America/Guadeloupe", DayRules("GP"), calendar().periods)


def test_a_range_that_cannot_be_is_refused() -> None:
    at = datetime(2026, 3, 10, 4, tzinfo=UTC)
    with pytest.raises(IslandError, match="end: is before start"):
        tou_slots(calendar(), start=at, end=at - timedelta(hours=1))
    with pytest.raises(IslandError, match="start: has no time zone"):
        tou_slots(calendar(), start=at.replace(tzinfo=None), end=at)
    assert tou_slots(calendar(), start=at, end=at) == ()
