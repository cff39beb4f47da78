"""step_size, as mod_tariffs (PriceComponent, tariff 14) and mod_cdrs (step_size) work it out."""

from decimal import Decimal

import pytest

from tests.billing.rating.examples import (
    Json,
    Stretch,
    billed,
    charging,
    component,
    example,
    hours,
    parking,
    priced,
    printed,
    session,
    tariff,
)


@pytest.mark.parametrize(
    ("step_size", "wh", "cost"),
    [
        (1, "115.2", "0.029"),
        (25, "115.2", "0.031"),
        (25, "101", "0.031"),
        (25, "125", "0.031"),
        (500, "1", "0.125"),
        (500, "500", "0.125"),
    ],
)
def test_energy_is_billed_in_blocks(step_size: int, wh: str, cost: str) -> None:
    """PriceComponent, step_size: "If someone charges their EV with 115.2 Wh ..."."""
    kwh = str(Decimal(wh) / 1000)

    rating = priced(tariff([component("ENERGY", "0.25", step_size)]), session(charging(60, kwh)))

    assert printed(rating["total_cost"]["excl_vat"], cost) == cost


@pytest.mark.parametrize(("kind", "minutes"), [("TIME", 6), ("PARKING_TIME", 8)])
def test_time_is_billed_in_blocks(kind: str, minutes: int) -> None:
    """6 minutes of charging, or 8 of parking, in blocks of 5 are 10."""
    charged = session(Stretch(minutes, {kind: hours(minutes)}))

    rating = priced(tariff([component(kind, "6", 300)]), charged)

    # 10 min x 6.00/h
    assert rating["total_cost"]["excl_vat"] == "1.00"


# the session of tariff 14, its total, its lines (dimension, quantity in minutes, cost)
SWITCHES = (
    (
        session(charging(5), charging(5), parking(2), start="2019-02-04T16:55"),
        "0.55",
        [("TIME", 5, "0.10"), ("TIME", 5, "0.20"), ("PARKING_TIME", 15, "0.25")],
    ),
    (
        session(charging(25), charging(10), start="2019-02-04T16:35"),
        "1.30",
        [("TIME", 25, "0.50"), ("TIME", 20, "0.80")],
    ),
    (
        session(charging(12), parking(8), parking(12), start="2019-02-04T19:40"),
        "0.73",
        [("TIME", 12, "0.48"), ("PARKING_TIME", 15, "0.25")],
    ),
)


@pytest.mark.parametrize(("charged", "total", "lines"), SWITCHES)
@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_switching_to_another_element(
    version: str, charged: Json, total: str, lines: list[tuple[str, int, str]]
) -> None:
    rating = priced(example(f"{version}/tariff_14_step_size.json"), charged)

    assert printed(rating["total_cost"]["excl_vat"], total) == total
    assert [
        (
            line["dimension"],
            # The hours of the session have four decimals.
            round(Decimal(line["billed_volume"]) * 60),
            printed(line["excl_vat"], "0.00"),
        )
        for line in rating["lines"]
    ] == lines


def test_charging_is_not_rounded_when_parking_follows() -> None:
    """21 minutes of charging and 7 of parking, blocks of 5: 21 and 10."""
    components = [component("TIME", "1", 300), component("PARKING_TIME", "2", 300)]

    rating = priced(tariff(components), session(charging(21), parking(7)))

    assert billed(rating, "TIME")[0][0] == "0.35"
    assert rating["dimensions"]["PARKING_TIME"]["billed_volume"] == "0.166666666667"


def test_parking_is_rounded_by_itself() -> None:
    """21 minutes of charging and 16 of parking, blocks of 10: 20 of parking."""
    components = [component("TIME", "1.00", 600), component("PARKING_TIME", "2.00", 600)]

    rating = priced(tariff(components), session(charging(21), parking(16)))

    # 21 min x 1/h + 20 min x 2/h; the quotient is rounded at the twelfth decimal.
    assert billed(rating, "TIME") == [("0.35", "0.35", "0.35")]
    assert billed(rating, "PARKING_TIME") == [
        ("0.333333333333", "0.666666666667", "0.666666666667")
    ]


def _by_clock(kind: str, before: str, after: str, step_size: int) -> Json:
    content = tariff([component(kind, before, step_size)], start_time="00:00", end_time="17:00")
    content["elements"].append({"price_components": [component(kind, after, step_size)]})
    return content


def test_energy_is_rounded_as_a_whole() -> None:
    """4.3 kWh before 17:00 and 1.1 kWh after it, blocks of 500 Wh: 5.5 kWh."""
    charged = session(charging(30, "4.3"), charging(30, "1.1"), start="2019-02-04T16:30")

    rating = priced(_by_clock("ENERGY", "0.20", "0.27", 500), charged)

    assert rating["dimensions"]["ENERGY"]["billed_volume"] == "5.5"
    # 4.3 x 0.20 and 1.2 x 0.27
    assert billed(rating, "ENERGY") == [("4.3", "0.86", "0.86"), ("1.2", "0.324", "0.324")]


def test_time_is_rounded_as_a_whole() -> None:
    """6 minutes before 17:00 and 22 after it, blocks of 10: 24 minutes after 17:00."""
    charged = session(charging(6), charging(22), start="2019-02-04T16:54")

    rating = priced(_by_clock("TIME", "5", "7", 600), charged)

    first, second = billed(rating, "TIME")
    assert first == ("0.1", "0.50", "0.50")
    # 24 min x 7/h
    assert second == ("0.4", "2.80", "2.80")


def test_parking_takes_the_step_also_when_charging_follows() -> None:
    components = [component("TIME", "1", 600), component("PARKING_TIME", "2", 600)]

    rating = priced(tariff(components), session(parking(4), charging(21)))

    assert billed(rating, "TIME")[0][0] == "0.35"
    assert printed(billed(rating, "PARKING_TIME")[0][1], "0.33") == "0.33"


def test_free_parking_leaves_the_step_to_charging() -> None:
    rating = priced(tariff([component("TIME", "6", 600)]), session(charging(21), parking(7)))

    assert billed(rating, "TIME") == [("0.5", "3.00", "3.00")]
    assert rating["dimensions"]["PARKING_TIME"] == {
        "volume": "0.1167",
        "billed_volume": "0",
        "excl_vat": "0.00",
        "incl_vat": "0.00",
    }


def test_a_step_of_zero_rounds_nothing_and_a_step_of_one_to_the_next_unit() -> None:
    charged = session(charging(60, "1.23456"))

    exact = priced(tariff([component("ENERGY", "1", 0)]), charged)
    by_wh = priced(tariff([component("ENERGY", "1", 1)]), charged)

    assert exact["total_cost"]["excl_vat"] == "1.23456"
    assert by_wh["total_cost"]["excl_vat"] == "1.235"


def test_the_last_component_that_was_used_sets_the_step() -> None:
    """A last period without energy does not count as used."""
    content = _by_clock("ENERGY", "0.20", "0.27", 500)
    content["elements"][1]["price_components"][0]["step_size"] = 1000
    charged = session(charging(30, "4.3"), Stretch(30, {"ENERGY": 0}), start="2019-02-04T16:30")

    rating = priced(content, charged)

    assert billed(rating, "ENERGY") == [("4.5", "0.90", "0.90")]


def test_a_step_that_is_barely_begun_is_told() -> None:
    """40 minutes written as 0.6667 h are 2400.12 s."""
    rating = priced(tariff([component("TIME", "6", 600)]), session(charging(40)))

    assert billed(rating, "TIME")[0][0] == "0.833333333333"
    assert [note["code"] for note in rating["notes"]] == ["step.barely_begun"]
