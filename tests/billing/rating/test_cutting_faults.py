"""Samples that are late, sparse, wrong or missing; clocks that change; sessions without end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest

from apps.billing.rating import MeterSample, RatingProblem, periods_cut, rate
from tests.billing.rating import reference
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
from tests.billing.rating.wire import session_dump

FLAT_RATE = tariff(([DEFAULT], {}))
EVENING = when(start_time="16:30")


def test_late_samples_are_put_in_order() -> None:
    told = [sample(0, "0"), sample(30, "2"), sample(40, "5", is_parking=True), sample(60, "5")]
    in_order = cut(EVENING, *told)

    for one in permutations(told):
        late = cut(EVENING, *one)
        assert late.charging_periods == in_order.charging_periods
        assert ("samples.out_of_order" in codes(late)) == (list(one) != told)


def test_sparse_samples_are_a_straight_line() -> None:
    session = cut(EVENING, sample(0, "10"), sample(60, "11"))

    assert rows(session) == [("0", "0.5"), ("1800", "0.5")]
    assert codes(session) == ["cut.energy_interpolated"]


def test_a_register_that_was_set_back_is_counted_on() -> None:
    # 5 kWh, then 3 after the reset; what came between 45 and 2 nobody knows.
    told = [sample(0, "40"), sample(10, "45"), sample(20, "2"), sample(30, "3"), sample(60, "5")]

    session = cut(FLAT_RATE, *told)

    assert session.energy_kwh == Decimal(8)
    assert codes(session) == ["samples.register_reset"]
    assert session.notes[0].where == "samples[2]"
    assert session.notes[0].text.startswith("The register fell from 45 to 2 kWh: it was set back.")


def test_a_single_low_value_is_left_out() -> None:
    told = [sample(0, "40"), sample(10, "45"), sample(20, "0"), sample(30, "46"), sample(60, "48")]

    session = cut(FLAT_RATE, *told)

    assert session.energy_kwh == Decimal(8)
    assert codes(session) == ["samples.register_dipped"]


def test_a_rounded_register_did_not_fall() -> None:
    session = cut(FLAT_RATE, sample(0, "40"), sample(30, "45.0006"), sample(60, "45"))

    assert session.energy_kwh == Decimal("5.0006")
    assert session.notes == ()


def test_a_reset_at_the_end_adds_nothing() -> None:
    session = cut(FLAT_RATE, sample(0, "40"), sample(30, "45"), sample(60, "0"))

    assert session.energy_kwh == Decimal(5)
    assert codes(session) == ["samples.register_reset"]


def test_no_value_at_the_start_bills_from_the_first_one() -> None:
    session = cut(EVENING, sample(15, "40"), sample(45, "46"), sample(60, "47"))

    # 40 to 43 until 16:30, 43 to 47 after it.
    assert rows(session) == [("0", "3"), ("1800", "4")]
    assert codes(session) == ["samples.start_missing", "cut.energy_interpolated"]
    assert "0:15:00 later" in session.notes[0].text


def test_no_value_at_the_end_bills_to_the_last_one() -> None:
    session = cut(EVENING, sample(0, "40"), sample(20, "44"))

    assert rows(session) == [("0", "4"), ("1800", "0")]
    assert codes(session) == ["samples.end_missing"]


def test_values_beside_the_session_stand_for_its_ends() -> None:
    told = [sample(-90, "37"), sample(-1, "40"), sample(61, "47")]

    session = cut(EVENING, *told)

    assert rows(session) == [("0", "3.5"), ("1800", "3.5")]
    assert codes(session) == ["samples.outside_session", "cut.energy_interpolated"]


def test_a_value_at_the_start_wins_over_one_before_it() -> None:
    session = cut(FLAT_RATE, sample(-1, "39"), sample(0, "40"), sample(60, "47"))

    assert session.energy_kwh == Decimal(7)


def test_no_energy_is_billed_by_time_and_told() -> None:
    session = cut(FLAT_RATE, sample(0, "40"), sample(60, "40"))

    (period,) = session.charging_periods
    assert (period.energy_kwh, period.time_h) == (Decimal(0), Decimal(1))
    assert codes(session) == ["samples.zero_energy"]


def test_no_sample_at_all() -> None:
    session = cut(when(min_power=5, min_kwh=1, start_time="16:30"))

    assert session.energy_kwh == Decimal(0)
    assert sum(one.time_h or 0 for one in session.charging_periods) == Decimal(1)
    assert codes(session) == ["samples.no_energy", "samples.power_derived"]


def test_a_session_without_length() -> None:
    session = cut(EVENING, sample(0, "40"), sample(0, "41"), minutes=0)

    (period,) = session.charging_periods
    assert (period.energy_kwh, period.time_h) == (Decimal(1), Decimal(0))
    assert rate(EVENING, session.session).total_cost.excl_vat == Decimal("0.3")


@pytest.mark.parametrize("end", ["7.123456789", "0.000000001", "6.9999", "123456.7"])
def test_energies_add_up_to_the_metered_one_to_the_last_digit(end: str) -> None:
    # Cuts each 7 minutes, none of which divides anything evenly.
    bands = tariff(
        *(([component("ENERGY", f"0.{n}")], {"max_duration": n * 7 * 60}) for n in range(1, 9)),
        ([DEFAULT], {}),
    )

    session = cut(bands, sample(0, "0"), sample(60, end))

    energies = [one.energy_kwh or Decimal(0) for one in session.charging_periods]
    assert sum(energies) == Decimal(end) == session.energy_kwh
    assert len(energies) == 9


def test_clocks_put_forward() -> None:
    # Paris, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC; 02:30 never comes.
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    night = when(start_time="02:30", end_time="04:00")

    session = periods_cut([], night, start, start + timedelta(hours=3), "Europe/Paris")

    begins = [f"{one.start_date_time:%H:%M}" for one in session.charging_periods]
    assert begins == ["00:30", "01:00", "02:00"]
    assert [one.time_h for one in session.charging_periods] == [
        Decimal("0.5"),
        Decimal(1),
        Decimal("1.5"),
    ]


def test_clocks_put_back() -> None:
    # Paris, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC; 02:30 comes twice.
    start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    night = when(start_time="02:30", end_time="04:00")
    told = [
        MeterSample(start, Decimal(0)),
        MeterSample(start + timedelta(hours=4), Decimal(8)),
    ]

    session = periods_cut(told, night, start, start + timedelta(hours=4), "Europe/Paris")

    # 02:30 summer time, back to 02:00, 02:30 winter time, 04:00.
    begins = [f"{one.start_date_time:%H:%M}" for one in session.charging_periods]
    assert begins == ["23:30", "00:30", "01:00", "01:30", "03:00"]
    assert [str(one.energy_kwh) for one in session.charging_periods] == ["2", "1", "1", "3", "1"]


def test_a_session_of_400_days() -> None:
    start, days = datetime(2026, 1, 5, 12, 0, tzinfo=UTC), 400
    weekday = {"start_time": "09:00", "end_time": "18:00", "day_of_week": ["MONDAY", "FRIDAY"]}
    prices = when(**weekday)
    told = [
        MeterSample(start, Decimal("0.1")),
        MeterSample(start + timedelta(days=days), Decimal("9876.5432109")),
    ]

    session = periods_cut(told, prices, start, start + timedelta(days=days), "Europe/Paris")
    rating = rate(prices, session.session)

    # It begins on a Monday at 13:00, 57 weeks and a day long: 58 Mondays and 57 Fridays.
    assert len(session.charging_periods) == 2 * (58 + 57)
    assert sum(one.energy_kwh or 0 for one in session.charging_periods) == Decimal("9876.4432109")
    expected = reference.price(
        {
            "currency": "EUR",
            "elements": [
                {"price_components": [component("ENERGY", "0.50")], "restrictions": weekday},
                {"price_components": [DEFAULT, component("PARKING_TIME", "2")]},
            ],
        },
        session_dump(session.session),
    )
    assert Fraction(rating.total_cost.excl_vat) == expected.excl_vat
    assert rating.notes == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": START - timedelta(seconds=1)}, "session.ends_before_start"),
        ({"end": START.replace(tzinfo=None)}, "time.naive"),
        ({"end": START + timedelta(days=4000)}, "session.too_long"),
        ({"start": START.replace(tzinfo=None)}, "time.naive"),
        ({"time_zone": "Europe/Pointe-à-Pitre"}, "time_zone.unknown"),
        ({"samples": [MeterSample(START.replace(tzinfo=None))]}, "time.naive"),
        ({"samples": [MeterSample(START, Decimal("NaN"))]}, "number.invalid"),
        ({"samples": [MeterSample(START, power_kw=Decimal("Infinity"))]}, "number.invalid"),
        ({"reserved_from": START + timedelta(minutes=1)}, "session.ends_before_start"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_words(changes: dict[str, object], code: str) -> None:
    asked = {
        "samples": [],
        "tariff": FLAT_RATE,
        "start": START,
        "end": START + timedelta(hours=1),
        "time_zone": ISLAND,
    } | changes

    with pytest.raises(RatingProblem) as refused:
        periods_cut(**asked)  # type: ignore[arg-type]

    assert refused.value.code == code
