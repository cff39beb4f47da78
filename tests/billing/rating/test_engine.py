"""Which component applies when, and what is told about a session."""

from decimal import Decimal

import pytest

from tests.billing.rating.examples import (
    ISLAND,
    NIGHT,
    billed,
    charging,
    codes,
    component,
    parking,
    priced,
    reserved,
    session,
    tariff,
    two,
)


@pytest.mark.parametrize(
    ("start", "price"),
    [
        ("2026-03-02T21:59", "0.3"),
        ("2026-03-02T22:00", "0.1"),
        ("2026-03-03T00:00", "0.1"),
        ("2026-03-03T05:59", "0.1"),
        ("2026-03-03T06:00", "0.3"),
    ],
)
def test_a_night_wraps_over_midnight_on_the_local_clock(start: str, price: str) -> None:
    rating = priced(NIGHT, session(charging(1, "1"), start=start, zone=ISLAND))

    assert [line["price"] for line in rating["lines"]] == [price]
    assert codes(rating) == []


@pytest.mark.parametrize(
    ("start_time", "end_time", "clock", "applies"),
    [
        ("17:00", "00:00", "23:59", True),
        ("17:00", "00:00", "00:00", False),
        ("00:00", "00:00", "12:00", True),
        ("08:00", "08:00", "03:00", True),
        (None, "08:00", "07:59", True),
        (None, "08:00", "08:00", False),
        ("08:00", None, "08:00", True),
        ("08:00", None, "07:59", False),
    ],
)
def test_ends_of_the_day(
    start_time: str | None, end_time: str | None, clock: str, applies: bool
) -> None:
    given = {"start_time": start_time, "end_time": end_time}
    content = tariff([component("ENERGY", "1")], **{k: v for k, v in given.items() if v})

    rating = priced(content, session(charging(1, "1"), start=f"2026-03-02T{clock}"))

    assert bool(rating["lines"]) is applies


def test_a_weekday_is_that_of_the_moment_also_after_midnight() -> None:
    """Friday 22:00 to 06:00 with FRIDAY: the hours after midnight are Saturday's."""
    content = two(
        component("ENERGY", "0.10"),
        component("ENERGY", "0.30"),
        start_time="22:00",
        end_time="06:00",
        day_of_week=["FRIDAY"],
    )

    friday = priced(content, session(charging(1, "1"), start="2026-03-06T23:00", zone=ISLAND))
    saturday = priced(content, session(charging(1, "1"), start="2026-03-07T01:00", zone=ISLAND))

    assert friday["lines"][0]["price"] == "0.1"
    assert saturday["lines"][0]["price"] == "0.3"


def test_the_day_is_the_islands_and_not_that_of_utc() -> None:
    content = tariff([component("ENERGY", "1")], day_of_week=["SUNDAY"])
    # Sunday 21:00 in Guadeloupe is Monday 01:00 UTC.
    rating = priced(content, session(charging(1, "1"), start="2026-03-08T21:00", zone=ISLAND))

    assert len(rating["lines"]) == 1


def test_dates_are_local_the_first_inclusive_the_last_exclusive() -> None:
    content = tariff([component("ENERGY", "1")], start_date="2026-03-02", end_date="2026-03-03")
    lines = [
        len(priced(content, session(charging(1, "1"), start=start, zone=ISLAND))["lines"])
        for start in (
            "2026-03-01T23:59",
            "2026-03-02T00:00",
            "2026-03-02T23:58",
            "2026-03-03T00:00",
        )
    ]

    assert lines == [0, 1, 1, 0]


def test_dimensions_are_looked_up_apart() -> None:
    content = two(
        component("TIME", "2"), component("ENERGY", "0.30"), start_time="08:00", end_time="18:00"
    )

    rating = priced(content, session(charging(60, "10"), start="2026-03-02T09:00"))

    assert [(line["element"], line["dimension"]) for line in rating["lines"]] == [
        (1, "ENERGY"),
        (0, "TIME"),
    ]
    assert rating["total_cost"]["excl_vat"] == "5.00"


def test_no_element_that_applies_means_no_cost() -> None:
    content = tariff([component("ENERGY", "1")], start_time="08:00", end_time="09:00")

    rating = priced(content, session(charging(60, "10"), start="2026-03-02T12:00"))

    assert rating["total_cost"] == {"excl_vat": "0.00", "incl_vat": "0.00"}
    assert rating["lines"] == []
    assert rating["dimensions"]["ENERGY"]["volume"] == "10"


def test_energy_bands_look_at_what_was_used_before() -> None:
    content = two(component("ENERGY", "0.20"), component("ENERGY", "0.40"), max_kwh=10)

    rating = priced(content, session(charging(30, "10"), charging(30, "5")))

    assert billed(rating, "ENERGY") == [("10", "2.00", "2.00"), ("5", "2.00", "2.00")]
    assert codes(rating) == []


def test_durations_begin_with_charging_and_not_with_the_reservation() -> None:
    content = two(component("TIME", "6"), component("TIME", "12"), max_duration=1800)

    rating = priced(content, session(reserved(60), charging(30), charging(30)))

    assert [line["price"] for line in rating["lines"]] == ["6", "12"]


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ({"MAX_POWER": "15"}, "0.2"),
        ({"MIN_POWER": "16"}, "0.35"),
        ({"MIN_POWER": "4", "MAX_POWER": "31"}, "0.35"),
        ({"MIN_POWER": "32", "MAX_POWER": "40"}, "0.5"),
        ({"POWER": "10"}, "0.2"),
        ({}, "0.2"),
    ],
)
def test_bands_of_power(given: dict[str, str], price: str) -> None:
    content = two(component("ENERGY", "0.20"), component("ENERGY", "0.50"), max_power=16)
    content["elements"].insert(
        1, {"price_components": [component("ENERGY", "0.35")], "restrictions": {"max_power": 32}}
    )

    rating = priced(content, session(charging(60, "10", **given)))

    assert [line["price"] for line in rating["lines"]] == [price]
    # Without any power the mean is taken: 10 kWh in an hour.
    assert ("period.power_derived" in codes(rating)) is (not given)


def test_an_unknown_current_is_in_no_band() -> None:
    content = two(component("TIME", "1"), component("TIME", "2"), max_current=32)

    unknown = priced(content, session(charging(60)))
    idle = priced(tariff([component("PARKING_TIME", "1")], max_current=32), session(parking(60)))

    assert unknown["lines"][0]["price"] == "2"
    assert codes(unknown) == ["period.current_unknown"]
    assert idle["total_cost"]["excl_vat"] == "1.00"
    assert codes(idle) == []


def test_a_fee_is_taken_once() -> None:
    content = tariff([component("FLAT", "0.5")], start_time="08:00", end_time="12:00")
    content["elements"].append({"price_components": [component("FLAT", "2")]})

    rating = priced(
        content, session(charging(60), charging(240), charging(60), start="2026-03-02T11:00")
    )

    assert [(line["element"], line["excl_vat"]) for line in rating["lines"]] == [(0, "0.50")]


def test_an_expired_reservation_pays_both_fees_and_no_start_fee() -> None:
    content = tariff([component("FLAT", "0.5")])
    content["elements"] += [
        {
            "price_components": [component("FLAT", "2"), component("TIME", "3")],
            "restrictions": {"reservation": "RESERVATION"},
        },
        {
            "price_components": [component("FLAT", "4")],
            "restrictions": {"reservation": "RESERVATION_EXPIRES"},
        },
    ]

    expired = priced(content, session(reserved(60), reservation_expired=True))
    concluded = priced(content, session(reserved(60)))
    cancelled = priced(content, session(reserved(60), reservation_expired=False))
    used = priced(content, session(reserved(60), charging(60)))

    assert expired["total_cost"]["excl_vat"] == "9.00"
    assert expired["dimensions"]["RESERVATION_FLAT"]["excl_vat"] == "6.00"
    assert concluded["total_cost"] == expired["total_cost"]
    assert codes(concluded) == ["reservation.expired_concluded"]
    assert cancelled["total_cost"]["excl_vat"] == "5.00"
    assert used["total_cost"]["excl_vat"] == "5.50"


# ---- bounds


def test_bounds_hold_before_and_after_taxes_each_for_itself() -> None:
    """Two rates: after taxes the bound is reached first."""
    content = tariff([component("FLAT", "1", vat="20"), component("ENERGY", "1", vat="5")])
    content["max_price"] = {"excl_vat": 10, "incl_vat": Decimal("10.2")}

    before = priced(content, session(charging(60, "8.9")))
    both = priced(content, session(charging(60, "20")))

    # 1.20 + 8.9 x 1.05 = 10.545
    assert before["total_cost"] == {"excl_vat": "9.90", "incl_vat": "10.20"}
    assert both["total_cost"] == {"excl_vat": "10.00", "incl_vat": "10.20"}
    line = both["lines"][-1]
    assert (line["dimension"], line["excl_vat"]) == ("MAX_PRICE", "-11.00")
    assert "MAX_PRICE" not in both["dimensions"]


@pytest.mark.parametrize(("vat", "incl"), [(None, "10.00"), ("10", "22.00")])
def test_a_bound_before_taxes_only(vat: str | None, incl: str) -> None:
    content = tariff([component("ENERGY", "1", vat=vat)])
    content["max_price"] = {"excl_vat": 10}

    rating = priced(content, session(charging(60, "20")))

    assert rating["total_cost"] == {"excl_vat": "10.00", "incl_vat": incl}
    assert codes(rating) == ([] if vat is None else ["limit.without_taxes"])


def test_a_minimum_with_taxes_holds_against_a_maximum_that_tells_none() -> None:
    content = tariff([component("ENERGY", "1")])
    content["min_price"] = {"excl_vat": 4, "incl_vat": 11}
    content["max_price"] = {"excl_vat": 10}

    rating = priced(content, session(charging(60, "20")))

    assert rating["total_cost"] == {"excl_vat": "10.00", "incl_vat": "11.00"}


def test_a_minimum_before_taxes_is_never_above_the_total_with_taxes() -> None:
    content = tariff([component("ENERGY", "1", vat="10")])
    content["min_price"] = {"excl_vat": 10}

    rating = priced(content, session(charging(60, "1")))

    assert rating["total_cost"] == {"excl_vat": "10.00", "incl_vat": "10.00"}
