"""Holidays of the territories against dates that notices and calendars of the years tell."""

from datetime import date

import pytest

from apps.markets.island.errors import IslandError
from apps.markets.island.holidays import (
    TERRITORIES,
    Basis,
    easter_sunday,
    holiday_days,
    public_holidays,
)


def kept(territory: str, year: int, name: str) -> list[str]:
    return [str(one.day) for one in public_holidays(territory, year) if one.name == name]


@pytest.mark.parametrize(
    ("year", "day"),
    [
        # The earliest and the latest Easter of these two centuries, and the years about now.
        (2008, date(2008, 3, 23)),
        (2038, date(2038, 4, 25)),
        (1954, date(1954, 4, 18)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2026, date(2026, 4, 5)),
        (2027, date(2027, 3, 28)),
        (2049, date(2049, 4, 18)),
    ],
)
def test_easter(year: int, day: date) -> None:
    assert easter_sunday(year) == day


def test_guadeloupe_of_2026_by_law() -> None:
    # Easter is 5 April: Monday 6 April, Ascension 14 May (39 days), Whit Monday 25 May (50 days).
    assert sorted(holiday_days("GP", 2026, with_custom=False)) == [
        date(2026, 1, 1),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 8),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 5, 27),
        date(2026, 7, 14),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 11, 11),
        date(2026, 12, 25),
    ]


def test_guadeloupe_keeps_good_friday_by_custom_and_not_by_law() -> None:
    good_friday = date(2026, 4, 3)

    assert good_friday in holiday_days("GP", 2026, with_custom=True)
    assert good_friday in holiday_days("MQ", 2026, with_custom=True)
    assert good_friday not in holiday_days("GP", 2026, with_custom=False)
    assert good_friday not in holiday_days("RE", 2026, with_custom=True)
    # Mid-Lent is the third Thursday of Lent: 12 March 2026; 8 March in 2018, as the press said.
    assert kept("GP", 2026, "Mi-carême") == ["2026-03-12"]
    assert kept("MF", 2018, "Mi-carême") == ["2018-03-08"]
    assert kept("MQ", 2026, "Mi-carême") == []


@pytest.mark.parametrize(
    ("territory", "day"),
    [
        ("GP", "2026-05-27"),
        ("MQ", "2026-05-22"),
        ("GF", "2026-06-10"),
        ("RE", "2026-12-20"),
        ("BL", "2026-10-09"),
        ("MF", "2026-05-28"),
    ],
)
def test_each_territory_has_its_own_day_of_abolition(territory: str, day: str) -> None:
    assert kept(territory, 2026, "Abolition de l'esclavage") == [day]


def test_saint_martin_had_the_27th_until_2018() -> None:
    assert kept("MF", 2018, "Abolition de l'esclavage") == ["2018-05-27"]
    assert kept("MF", 2019, "Abolition de l'esclavage") == ["2019-05-28"]
    assert kept("MF", 2011, "Abolition de l'esclavage") == []


def test_the_dominican_law_moves_holidays_to_mondays_as_the_ministry_announced() -> None:
    # Tuesday and Wednesday to the Monday before, Thursday and Friday to the Monday after.
    assert kept("DO", 2021, "Día de los Santos Reyes") == ["2021-01-04"]  # Wednesday 6
    assert kept("DO", 2021, "Día de Duarte") == ["2021-01-25"]  # Tuesday 26
    assert kept("DO", 2023, "Día de los Santos Reyes") == ["2023-01-09"]  # Friday 6
    assert kept("DO", 2023, "Día de Duarte") == ["2023-01-30"]  # Thursday 26
    assert kept("DO", 2024, "Día del Trabajo") == ["2024-04-29"]  # Wednesday 1 May
    assert kept("DO", 2025, "Día del Trabajo") == ["2025-05-05"]  # Thursday 1 May
    assert kept("DO", 2022, "Día del Trabajo") == ["2022-05-02"]  # Sunday 1 May
    # Moved neither from Wednesday nor from Friday nor, in November, from Sunday.
    assert kept("DO", 2023, "Día de la Restauración") == ["2023-08-16"]
    assert kept("DO", 2022, "Día de la Altagracia") == ["2022-01-21"]
    assert kept("DO", 2022, "Día de la Constitución") == ["2022-11-06"]
    assert kept("DO", 2025, "Corpus Christi") == ["2025-06-19"]


def test_jamaica_moves_sundays_and_labour_day_also_a_saturday() -> None:
    assert kept("JM", 2020, "Emancipation Day") == ["2020-08-01"]  # Saturday stays
    assert kept("JM", 2020, "Labour Day") == ["2020-05-25"]  # Saturday 23
    assert kept("JM", 2021, "Labour Day") == ["2021-05-24"]  # Sunday 23
    assert kept("JM", 2021, "Emancipation Day") == ["2021-08-02"]  # Sunday 1
    assert kept("JM", 2023, "New Year's Day") == ["2023-01-02"]
    # Christmas of 2022 was a Sunday: Monday 26 and Tuesday 27 were kept.
    assert kept("JM", 2022, "Christmas Day") == ["2022-12-27"]
    assert kept("JM", 2022, "Boxing Day") == ["2022-12-26"]
    # Boxing Day on a Sunday is moved by appointment alone.
    assert kept("JM", 2021, "Boxing Day") == ["2021-12-26", "2021-12-27"]
    assert kept("JM", 2027, "Boxing Day") == ["2027-12-26"]
    assert kept("JM", 2025, "National Heroes Day") == ["2025-10-20"]


def test_barbados_keeps_emancipation_on_tuesday_beside_kadooment() -> None:
    # 1 August: 2010 a Sunday, 2016 a Monday, 2020 a Saturday.
    assert kept("BB", 2010, "Emancipation Day") == ["2010-08-03"]
    assert kept("BB", 2010, "Kadooment Day") == ["2010-08-02"]
    assert kept("BB", 2016, "Emancipation Day") == ["2016-08-02"]
    assert kept("BB", 2020, "Emancipation Day") == ["2020-08-01"]
    assert kept("BB", 2020, "Kadooment Day") == ["2020-08-03"]
    assert kept("BB", 2019, "National Heroes Day") == ["2019-04-29"]
    assert kept("BB", 2021, "Boxing Day") == ["2021-12-27"]
    assert kept("BB", 2022, "Christmas Day") == ["2022-12-27"]


def test_haiti_has_two_more_since_the_decree_of_2024() -> None:
    assert kept("HT", 2024, "Fête-Dieu") == ["2024-05-30"]
    assert kept("HT", 2026, "Mardi gras") == ["2026-02-17"]
    assert kept("HT", 2026, "Mercredi des Cendres") == ["2026-02-18"]
    assert kept("HT", 2024, "Jour du Bois-Caïman") == []
    assert kept("HT", 2025, "Jour du Bois-Caïman") == ["2025-08-14"]
    assert len(holiday_days("HT", 2026, with_custom=False)) == 15


@pytest.mark.parametrize("territory", sorted(TERRITORIES))
def test_each_territory_says_its_source_and_what_it_does_not_know(territory: str) -> None:
    assert TERRITORIES[territory].source
    assert TERRITORIES[territory].gaps
    for year in range(2010, 2100):
        days = [one.day for one in public_holidays(territory, year) if one.basis == Basis.LAW]
        assert days == sorted(days)
        assert all(day.year == year for day in days)
        assert len(set(days)) >= 10


@pytest.mark.parametrize(
    ("territory", "year", "said"),
    [
        ("XX", 2026, "territory: 'XX' is none of BB, BL, DO, GF, GP, HT, JM, MF, MQ, RE"),
        ("GP", 2009, "year: 2009 is not in 2010 to 2099"),
        ("GP", 2100, "year: 2100 is not in 2010 to 2099"),
    ],
)
def test_what_no_table_knows_is_refused(territory: str, year: int, said: str) -> None:
    with pytest.raises(IslandError) as refused:
        public_holidays(territory, year)

    assert str(refused.value) == said
