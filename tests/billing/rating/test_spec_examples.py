"""Every figure that the texts of 2.2.1 and 2.3.0 print for their tariffs.

Sections: "Examples" of mod_tariffs; the numbers are those of the file names.
"""

from typing import Any

import pytest

from tests.billing.rating.examples import (
    charging,
    example,
    parking,
    priced,
    printed,
    reserved,
    session,
)

VERSIONS = ("2.2.1", "2.3.0")
KWH_20 = charging(60, "20")
EXPIRED = {"reservation_expired": True}
# file, session, before taxes, with taxes
PRINTED: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("tariff_8_simple_025kwh", session(KWH_20), "5.00", "5.50"),
    ("tariff_9_025kwh_start", session(KWH_20), "5.50", "6.10"),
    ("tariff_12_025kwh_min_price", session(KWH_20), "5.00", "5.50"),
    ("tariff_12_025kwh_min_price", session(charging(60, "1.9")), "0.50", "0.55"),
    ("tariff_12_025kwh_min_price", session(charging(60, "0")), "0.50", "0.55"),
    ("tariff_10_025kwh_parking_start", session(KWH_20, parking(40)), "7.00", "7.90"),
    ("tariff_6_025kwh_start_max_price", session(charging(60, "50")), "10.00", "11.00"),
    ("tariff_6_025kwh_start_max_price", session(charging(60, "30")), "8.00", "8.85"),
    ("tariff_1_simple_2hour", session(charging(150)), "5.00", "5.50"),
    ("tariff_1_simple_2hour", session(charging(150), parking(60)), "5.00", "5.50"),
    ("tariff_13_simple_3hour_5parking", session(charging(150), parking(42)), "11.25", "12.75"),
    ("tariff_2_alt_text", session(charging(150)), "4.75", "5.00"),
    ("tariff_3_alt_url", session(charging(60, "20.45")), "5.63", "6.24"),
    (
        "tariff_4_complex",
        session(charging(165, MAX_CURRENT=16), parking(42)),
        "9.00",
        "10.30",
    ),
    ("tariff_5_free_of_charge", session(KWH_20, parking(90)), "0.00", "0.00"),
    (
        "tariff_15_reservation_5_euro_per_hour",
        session(reserved(15), KWH_20),
        "6.75",
        "7.60",
    ),
    (
        "tariff_16_reservation_2_euro_fee_5_euro_per_hour",
        session(reserved(13), KWH_20),
        "8.75",
        "10.00",
    ),
    ("tariff_17_reservation_with_expire_fee", session(reserved(22), KWH_20), "6.50", "7.30"),
    ("tariff_17_reservation_with_expire_fee", session(reserved(60), **EXPIRED), "6.00", "7.20"),
    ("tariff_18_reservation_with_expire_time", session(reserved(22), KWH_20), "7.00", "7.90"),
    ("tariff_18_reservation_with_expire_time", session(reserved(90), **EXPIRED), "9.00", "10.80"),
    (
        "tariffrestriction_example_max_power",
        session(
            charging(10, "1", MAX_POWER=6),
            charging(50, "40", MAX_POWER=48, MIN_POWER=48),
            charging(8, "0.5", MAX_POWER=4),
        ),
        "20.30",
        # The text prints no price with its 20 % of VAT: 20.30 x 1.20.
        "24.36",
    ),
    (
        "tariffrestriction_example_max_duration",
        session(charging(30, "5"), charging(10, "1.2")),
        "0.30",
        "0.36",
    ),
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "charged", "excl", "incl"), PRINTED)
def test_the_totals_that_are_printed(
    version: str, name: str, charged: dict[str, Any], excl: str, incl: str
) -> None:
    rating = priced(example(f"{version}/{name}.json"), charged)

    total = rating["total_cost"]
    assert printed(total["excl_vat"], excl) == excl
    assert printed(total["incl_vat"], incl) == incl
    assert rating["notes"] == []


# file, session, dimension, quantity (hours, kWh), before taxes, with taxes: the printed tables
BREAKDOWNS = (
    ("tariff_3_alt_url", session(charging(60, "20.45")), "FLAT", "1", "0.50", "0.60"),
    ("tariff_3_alt_url", session(charging(60, "20.45")), "ENERGY", "20.5", "5.13", "5.64"),
    *(
        ("tariff_4_complex", session(charging(165, MAX_CURRENT=16), parking(42)), *row)
        for row in (
            ("FLAT", "1", "2.50", "2.875"),
            ("TIME", "2.75", "2.75", "3.30"),
            ("PARKING_TIME", "0.75", "3.75", "4.125"),
        )
    ),
    *(
        ("tariff_15_reservation_5_euro_per_hour", session(reserved(15), KWH_20), *row)
        for row in (
            ("FLAT", "1", "0.50", "0.60"),
            ("ENERGY", "20", "5.00", "5.50"),
            ("RESERVATION_TIME", "0.25", "1.25", "1.50"),
        )
    ),
    *(
        ("tariff_16_reservation_2_euro_fee_5_euro_per_hour", session(reserved(13), KWH_20), *row)
        for row in (
            ("RESERVATION_FLAT", "1", "2.00", "2.40"),
            ("RESERVATION_TIME", "0.25", "1.25", "1.50"),
            ("FLAT", "1", "0.50", "0.60"),
            ("ENERGY", "20", "5.00", "5.50"),
        )
    ),
    *(
        ("tariff_17_reservation_with_expire_fee", session(reserved(22), KWH_20), *row)
        for row in (
            ("RESERVATION_TIME", "0.5", "1.00", "1.20"),
            ("FLAT", "1", "0.50", "0.60"),
            ("ENERGY", "20", "5.00", "5.50"),
        )
    ),
    *(
        ("tariff_17_reservation_with_expire_fee", session(reserved(60), **EXPIRED), *row)
        for row in (
            ("RESERVATION_FLAT", "1", "4.00", "4.80"),
            ("RESERVATION_TIME", "1", "2.00", "2.40"),
        )
    ),
    *(
        ("tariff_18_reservation_with_expire_time", session(reserved(22), KWH_20), *row)
        for row in (
            ("RESERVATION_TIME", "0.5", "1.50", "1.80"),
            ("FLAT", "1", "0.50", "0.60"),
            ("ENERGY", "20", "5.00", "5.50"),
        )
    ),
    (
        "tariff_18_reservation_with_expire_time",
        session(reserved(90), **EXPIRED),
        "RESERVATION_TIME",
        "1.5",
        "9.00",
        "10.80",
    ),
)


@pytest.mark.parametrize(("name", "charged", "dimension", "quantity", "excl", "incl"), BREAKDOWNS)
def test_the_lines_that_are_printed(
    name: str, charged: dict[str, Any], dimension: str, quantity: str, excl: str, incl: str
) -> None:
    rating = priced(example(f"2.2.1/{name}.json"), charged)

    [line] = [one for one in rating["lines"] if one["dimension"] == dimension]
    assert line["billed_volume"] == quantity
    assert printed(line["excl_vat"], excl) == excl
    assert printed(line["incl_vat"], incl) == incl
    assert rating["dimensions"][dimension] == {
        name: line[name] for name in ("volume", "billed_volume", "excl_vat", "incl_vat")
    }


def test_a_start_fee_and_the_price_of_the_day_instead_of_the_tariffs() -> None:
    tariff = example("2.2.1/tariff_3_alt_url.json")
    tariff["elements"][0]["price_components"][1]["price"] = "0.22"

    rating = priced(tariff, session(charging(60, "20.45")))

    [energy] = [line for line in rating["lines"] if line["dimension"] == "ENERGY"]
    assert printed(energy["excl_vat"], "4.51") == "4.51"
    assert printed(energy["incl_vat"], "4.96") == "4.96"
    assert printed(rating["total_cost"]["excl_vat"], "5.01") == "5.01"
    assert printed(rating["total_cost"]["incl_vat"], "5.56") == "5.56"


def test_the_ad_hoc_text_of_example_11_is_its_prices_with_taxes() -> None:
    rating = priced(example("2.2.1/tariff_11_not_possible_alt_text.json"), session(charging(60)))

    lines = {line["dimension"]: line["incl_vat"] for line in rating["lines"]}
    assert printed(lines["TIME"], "2.00") == "2.00"
    assert lines["FLAT"] == "0.50"


def test_the_slip_of_the_complex_tariff_is_priced_exactly() -> None:
    """The text prints 12.28 and 13.861 for Saturday at 43 A: 2.28 for 114 min at 1.25/h."""
    charged = session(charging(114, MIN_CURRENT=43), parking(71), start="2019-02-09T13:30")

    rating = priced(example("2.2.1/tariff_4_complex.json"), charged)

    # 114 min x 1.25/h = 2.375; x 1.20 = 2.85. 2.50 + 2.375 + 7.50; 2.875 + 2.85 + 8.25.
    assert rating["total_cost"] == {"excl_vat": "12.375", "incl_vat": "13.975"}
    lines = {line["dimension"]: (line["excl_vat"], line["incl_vat"]) for line in rating["lines"]}
    assert lines == {
        "FLAT": ("2.50", "2.875"),
        "TIME": ("2.375", "2.85"),
        "PARKING_TIME": ("7.50", "8.25"),
    }


@pytest.mark.parametrize("name", ["2.2.1/cdr_example.json", "2.3.0/cdr_example.json"])
def test_the_cdr_examples_cost_what_they_say(name: str) -> None:
    cdr = example(name)

    rating = priced(cdr["tariffs"][0], cdr)

    # 1.973 h in steps of 300 s are 2 h.
    assert rating["total_cost"] == {"excl_vat": "4.00", "incl_vat": "4.40"}
    assert rating["dimensions"]["TIME"]["billed_volume"] == "2"
    assert rating["notes"] == []


def test_north_american_taxes_are_told_to_be_unknown() -> None:
    without = priced(
        example("2.3.0/tariff_19_simple_north_american_exclusive.json"), session(charging(150))
    )
    contained = priced(
        example("2.3.0/tariff_20_simple_north_american_inclusive.json"), session(charging(150))
    )

    assert without["total_cost"]["excl_vat"] == "5.00"
    assert contained["total_cost"]["incl_vat"] == "5.25"
    assert [note["code"] for note in without["notes"]] == ["tax.rate_unknown"]
    assert [note["code"] for note in contained["notes"]] == ["tax.rate_unknown"]


def test_the_example_of_a_put_is_priced_though_it_lacks_a_required_field() -> None:
    rating = priced(example("2.2.1/tariff_put_example.json"), session(charging(61)))

    # 61 min in steps of 5 min: 65 min x 2.00/h.
    assert printed(rating["total_cost"]["excl_vat"], "2.1667") == "2.1667"
    assert [note["where"] for note in rating["notes"]] == ["tariff.last_updated"]
