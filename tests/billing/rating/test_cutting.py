"""Charging periods begin wherever the price changes, and nowhere else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.billing.rating import Dimension, periods_cut, rate
from tests.billing.rating.examples import component
from tests.billing.rating.meters import (
    DEFAULT,
    ISLAND,
    START,
    codes,
    cut,
    rows,
    sample,
    tariff,
    when,
)


def test_one_price_is_one_period_whatever_the_samples() -> None:
    told = [sample(n, str(1000 + n), power_kw=n, current_a=n) for n in range(61)]

    session = cut(tariff(([DEFAULT], {})), *told)

    (period,) = session.charging_periods
    assert (period.start_date_time, period.energy_kwh) == (START, Decimal(60))
    assert (period.time_h, period.parking_time_h) == (Decimal(1), None)
    # What is told at the very end holds for nothing.
    assert (period.min_power_kw, period.max_power_kw) == (Decimal(0), Decimal(59))
    assert (period.min_current_a, period.max_current_a) == (Decimal(0), Decimal(59))
    assert period.tariff_id == "T1"
    assert session.notes == ()


def test_a_time_of_day_is_local_and_its_energy_lies_on_the_line() -> None:
    # 17:00 to 17:45 on the island is minute 60 to 105; 12 kWh in two hours.
    session = cut(
        when(start_time="17:00", end_time="17:45"),
        sample(0, "100"),
        sample(120, "112"),
        minutes=120,
    )

    assert rows(session) == [("0", "6"), ("3600", "4.5"), ("6300", "1.5")]
    assert codes(session) == ["cut.energy_interpolated"]
    assert session.notes[0].text == (
        "At 2 change(s) of the price the register was not read: the energy lies on a straight line"
        " between readings up to 2:00:00 apart."
    )


def test_a_register_read_at_the_border_needs_no_line() -> None:
    told = [sample(0, "100"), sample(60, "103"), sample(120, "112")]

    session = cut(when(start_time="17:00"), *told, minutes=120)

    assert rows(session) == [("0", "3"), ("3600", "9")]
    assert session.notes == ()


@pytest.mark.parametrize(
    "rules",
    [
        {"day_of_week": ["WEDNESDAY"]},
        {"start_date": "2026-03-11"},
        {"end_time": "16:00"},
        {"start_time": "00:00", "end_time": "02:00", "day_of_week": ["WEDNESDAY"]},
    ],
)
def test_a_day_begins_at_local_midnight(rules: dict[str, object]) -> None:
    # Midnight on the island is 8 hours after 16:00.
    session = cut(when(**rules), sample(0, "0"), sample(540, "9"), minutes=540)

    assert rows(session) == [("0", "8"), ("28800", "1")]


def test_an_energy_on_the_line_is_rounded_down() -> None:
    # A third of a kWh by 16:20: never above what was charged.
    session = cut(when(start_time="16:20"), sample(0, "0"), sample(60, "1"))

    assert rows(session) == [("0", "0.3333"), ("1200", "0.6667")]


def test_a_threshold_and_a_time_of_day_in_one_second_are_one_cut() -> None:
    bands = tariff(
        ([component("ENERGY", "0.10")], {"max_kwh": 1}),
        ([component("ENERGY", "0.20")], {"start_time": "16:09"}),
        ([DEFAULT], {}),
    )

    # 6.67 kWh in an hour: 1 after 539.73 s, so by 16:09.
    session = cut(bands, sample(0, "0"), sample(60, "6.67"))

    assert rows(session) == [("0", "1"), ("540", "5.67")]


def test_a_night_over_midnight_is_one_period() -> None:
    session = cut(
        when(start_time="22:00", end_time="06:00"), sample(0, "0"), sample(960, "16"), minutes=960
    )

    assert rows(session) == [("0", "6"), ("21600", "8"), ("50400", "2")]


def test_a_threshold_of_energy_is_crossed_on_the_line_between_two_readings() -> None:
    # 1 kWh until minute 20, then 6 kWh in 40 minutes: the 5th after 4/6 of them, at 46:40.
    session = cut(when(min_kwh=5), sample(0, "200"), sample(20, "201"), sample(60, "207"))

    assert rows(session) == [("0", "5"), ("2800", "2")]
    assert [note.text for note in session.notes] == [
        "5 kWh were reached at 2026-03-10 20:46:40 UTC, on a straight line between readings 0:40:00"
        " apart."
    ]


def test_a_threshold_between_two_seconds_is_crossed_at_the_next_one() -> None:
    # 7 kWh in an hour: 2 after 1028.57 s.
    session = cut(when(max_kwh=2), sample(0, "0"), sample(60, "7"))

    assert rows(session) == [("0", "2"), ("1029", "5")]


def test_a_threshold_that_is_just_reached_and_one_that_is_not() -> None:
    told = sample(0, "0"), sample(30, "5"), sample(60, "5")

    assert rows(cut(when(min_kwh=5), *told)) == [("0", "5"), ("1800", "0")]
    assert rows(cut(when(min_kwh=Decimal("5.001")), *told)) == [("0", "5")]
    assert rows(cut(when(min_kwh=0), *told)) == [("0", "5")]


def test_two_thresholds_in_one_second_keep_their_energy_apart() -> None:
    bands = tariff(
        ([component("ENERGY", "0.10")], {"max_kwh": 1}),
        ([component("ENERGY", "0.20")], {"max_kwh": Decimal("1.001")}),
        ([DEFAULT], {}),
    )
    # 60 kWh in an hour: 1 and 1.001 are both reached by second 61.
    session = cut(bands, sample(0, "0"), sample(0.5, "0.5"), sample(60.5, "60.5"), minutes=60.5)

    assert rows(session) == [("0", "1"), ("60", "0.001"), ("61", "59.499")]
    assert [line.volume for line in rate(bands, session.session).lines] == [
        Decimal(1),
        Decimal("0.001"),
        Decimal("59.499"),
    ]


def test_a_duration_counts_from_the_start() -> None:
    session = cut(when(min_duration=1800, max_duration=2400), sample(0, "0"), sample(60, "6"))

    assert rows(session) == [("0", "3"), ("1800", "1"), ("2400", "2")]


def test_power_holds_until_the_next_sample_and_cuts_at_a_band_only() -> None:
    told = [
        sample(0, "0", power_kw=4),
        sample(10, "1", power_kw="15.9"),
        sample(20, "3", power_kw=16),
        sample(30, "6", power_kw=22),
        sample(40, "9", power_kw="15.9"),
        sample(60, "12"),
    ]

    session = cut(when(max_power=16), *told)

    assert rows(session) == [("0", "3"), ("1200", "6"), ("2400", "3")]
    assert [(one.min_power_kw, one.max_power_kw) for one in session.charging_periods] == [
        (Decimal(4), Decimal("15.9")),
        (Decimal(16), Decimal(22)),
        (Decimal("15.9"), Decimal("15.9")),
    ]


def test_current_cuts_like_power() -> None:
    told = [sample(0, "0", current_a=10), sample(30, "3", current_a=32), sample(60, "9")]

    session = cut(when(min_current=32), *told)

    assert rows(session) == [("0", "3"), ("1800", "6")]
    assert [one.max_current_a for one in session.charging_periods] == [Decimal(10), Decimal(32)]


def test_power_that_nobody_told_is_the_mean_between_readings() -> None:
    told = [sample(0, "0"), sample(30, "3"), sample(60, "13")]

    session = cut(when(min_power=16), *told)

    # 3 kWh and 10 kWh in half an hour each.
    assert rows(session) == [("0", "3"), ("1800", "10")]
    assert [one.max_power_kw for one in session.charging_periods] == [Decimal(6), Decimal(20)]
    assert codes(session) == ["samples.power_derived"]


def test_current_that_nobody_told_is_no_band() -> None:
    session = cut(when(max_current=32), sample(0, "0"), sample(60, "6"))

    assert rows(session) == [("0", "6")]
    assert session.charging_periods[0].max_current_a is None
    assert codes(session) == ["samples.current_unknown"]


def test_parking_is_cut_where_it_begins_and_ends() -> None:
    told = [
        sample(0, "0", power_kw=7),
        sample(30, "3", is_parking=True),
        sample(45, "3.01", is_parking=False, power_kw=5),
        sample(60, "4", is_parking=True),
    ]

    session = cut(when(min_power=100), *told, minutes=90)

    assert rows(session) == [("0", "3"), ("1800", "0.01"), ("2700", "0.99"), ("3600", "0")]
    first, parked, again, last = session.charging_periods
    assert (first.time_h, first.parking_time_h) == (Decimal("0.5"), None)
    assert (parked.time_h, parked.parking_time_h) == (None, Decimal("0.25"))
    assert (parked.max_power_kw, again.max_power_kw) == (Decimal(0), Decimal(5))
    assert (last.time_h, last.parking_time_h) == (None, Decimal("0.5"))


def test_parking_is_cut_only_where_its_own_price_changes() -> None:
    free = tariff(
        ([component("TIME", "1"), component("PARKING_TIME", "0")], {"max_duration": 3600}),
        ([component("TIME", "1"), component("PARKING_TIME", "6")], {}),
    )

    charging = cut(free, sample(0, "0"), sample(120, "9"), minutes=120)
    parked = cut(free, sample(0, "0", is_parking=True), minutes=120)

    assert [row[0] for row in rows(charging)] == ["0", "3600"]
    assert [row[0] for row in rows(parked)] == ["0", "3600"]
    same = replace(free, elements=(free.elements[1], free.elements[1]))
    assert [row[0] for row in rows(cut(same, sample(0, "0"), minutes=120))] == ["0"]


def test_parking_without_a_price_is_a_period_of_its_own() -> None:
    told = [sample(0, "0", power_kw=6, current_a=9), sample(30, "3", is_parking=True)]

    session = cut(tariff(([DEFAULT], {})), *told)

    assert [(one.time_h, one.parking_time_h) for one in session.charging_periods] == [
        (Decimal("0.5"), None),
        (None, Decimal("0.5")),
    ]


def test_hours_that_fill_a_step_never_begin_another() -> None:
    by_time = tariff(([component("TIME", "6", step_size=300)], {}))

    session = cut(by_time, sample(0, "0"), minutes=10)
    line = rate(by_time, session.session).lines[0]

    # 600 s are two steps, and 600.0000012 s would be three.
    assert session.charging_periods[0].time_h == Decimal("0.166666666")
    assert line.excl_vat == Decimal(1)


def test_a_reservation_before_the_session_is_cut_too() -> None:
    rules = {"reservation": "RESERVATION"}
    booked = tariff(
        ([component("TIME", "3"), component("FLAT", "1")], rules | {"end_time": "15:30"}),
        ([component("TIME", "6")], rules),
        ([DEFAULT], {}),
    )

    session = periods_cut(
        [sample(0, "0"), sample(60, "6")],
        booked,
        START,
        START + timedelta(hours=1),
        ISLAND,
        reserved_from=START - timedelta(hours=1),
    )
    rating = rate(booked, session.session)

    assert session.session.start_date_time == START - timedelta(hours=1)
    assert [one.reservation_time_h for one in session.charging_periods] == [
        Decimal("0.5"),
        Decimal("0.5"),
        None,
    ]
    reserved = rating.dimensions[Dimension.RESERVATION_TIME]
    # Half an hour at 3 and half an hour at 6.
    assert reserved.excl_vat == Decimal("4.5")
    assert rating.total_cost.excl_vat == Decimal("4.5") + 1 + Decimal("1.8")


def test_a_reservation_that_expired_has_no_charging_period() -> None:
    booked = tariff(
        ([component("TIME", "3")], {"reservation": "RESERVATION"}),
        ([component("FLAT", "4")], {"reservation": "RESERVATION_EXPIRES"}),
        ([component("FLAT", "9")], {}),
    )

    session = periods_cut(
        [], booked, START, START, ISLAND, reserved_from=START - timedelta(hours=1)
    )

    assert [one.reservation_time_h for one in session.charging_periods] == [Decimal(1)]
    assert rate(booked, session.session).total_cost.excl_vat == Decimal(7)


def test_the_fee_of_an_expired_reservation_may_come_later_than_the_first() -> None:
    booked = tariff(
        ([component("FLAT", "1")], {"reservation": "RESERVATION"}),
        ([component("FLAT", "4")], {"reservation": "RESERVATION_EXPIRES", "start_time": "15:30"}),
    )

    session = periods_cut(
        [], booked, START, START, ISLAND, reserved_from=START - timedelta(hours=1)
    )

    assert len(session.charging_periods) == 2
    assert rate(booked, session.session).total_cost.excl_vat == Decimal(5)


def test_moments_are_whole_seconds() -> None:
    start = datetime(2026, 3, 10, 20, 0, 0, 900_000, tzinfo=UTC)
    end = datetime(2026, 3, 10, 21, 0, 1, 100_000, tzinfo=UTC)

    session = periods_cut([], when(start_time="17:00"), start, end, ISLAND)

    assert [one.start_date_time.microsecond for one in session.charging_periods] == [0, 0]
    assert session.session.end_date_time == datetime(2026, 3, 10, 21, 0, 1, tzinfo=UTC)
