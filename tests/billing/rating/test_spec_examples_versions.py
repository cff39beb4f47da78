"""2.1.1 and 2.3.0 through the same core."""

from decimal import Decimal

import pytest

from apps.billing.rating import tariff_parse, tariff_version
from tests.billing.rating.examples import (
    charging,
    component,
    example,
    parking,
    priced,
    session,
    tariff,
)


def test_the_cdr_of_2_1_1_costs_what_it_says() -> None:
    cdr = example("2.1.1/mod_cdrs__01.json")

    rating = priced(cdr["tariffs"][0], cdr)

    assert rating["total_cost"] == {"excl_vat": "4.00", "incl_vat": "4.00"}
    # The example writes its price as a text.
    assert [note["code"] for note in rating["notes"]] == ["number.as_text"]


@pytest.mark.parametrize("number", ["03", "04", "05"])
def test_the_simple_tariffs_of_2_1_1(number: str) -> None:
    rating = priced(example(f"2.1.1/mod_tariffs__{number}.json"), session(charging(91)))

    # 91 min in steps of 5 min are 95 min, at 2/h.
    assert rating["lines"][0]["billed_volume"] == "1.583333333333"
    assert rating["total_cost"]["excl_vat"] == "3.166666666667"
    assert rating["notes"] == []


def test_the_complex_tariff_of_2_1_1_has_bands_of_power() -> None:
    """Monday 09:30, 165 min below 32 kW, then 42 min of parking: as in 2.2.1, without taxes."""
    charged = session(charging(165, MAX_POWER=16), parking(42))

    rating = priced(example("2.1.1/mod_tariffs__06.json"), charged)

    # 2.50 + 2.75 h x 1.00 + 45 min x 5.00/h
    assert rating["total_cost"] == {"excl_vat": "9.00", "incl_vat": "9.00"}
    assert rating["notes"] == []


def test_the_free_tariff_of_2_1_1() -> None:
    rating = priced(example("2.1.1/mod_tariffs__07.json"), session(charging(60, "20")))

    assert rating["total_cost"] == {"excl_vat": "0.00", "incl_vat": "0.00"}
    assert rating["dimensions"]["ENERGY"]["volume"] == "20"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("2.1.1/mod_tariffs__03.json", "2.1.1"),
        ("2.1.1/mod_tariffs__06.json", "2.1.1"),
        ("2.2.1/tariff_4_complex.json", "2.2.1"),
        ("2.2.1/tariff_put_example.json", "2.2.1"),
        ("2.3.0/tariff_6_025kwh_start_max_price.json", "2.3.0"),
        ("2.3.0/tariff_19_simple_north_american_exclusive.json", "2.3.0"),
    ],
)
def test_the_version_is_concluded_from_the_content(name: str, version: str) -> None:
    assert tariff_version(example(name)) == version


def test_taxes_in_the_price_are_taken_out_of_it() -> None:
    content = tariff([component("ENERGY", "0.3255", 1, "8.5")]) | {"tax_included": "YES"}

    rating = priced(content, session(charging(60, "10")))

    # 3.255 with 8.5 %: 3.255 / 1.085 = 3
    assert rating["total_cost"] == {"excl_vat": "3.00", "incl_vat": "3.255"}
    assert rating["taxes"] == [{"name": "VAT", "percent": "8.5", "base": "3.00", "amount": "0.255"}]


def test_a_tax_that_does_not_divide_is_rounded_once_at_the_line() -> None:
    content = tariff([component("ENERGY", "1", 1, "7")]) | {"tax_included": "YES"}

    rating = priced(content, session(charging(60, "1")))

    # 1 / 1.07 = 0.934579439252336...
    assert rating["total_cost"] == {"excl_vat": "0.934579439252", "incl_vat": "1.00"}


def test_no_tax_is_applied_where_none_is_applicable() -> None:
    content = tariff([component("ENERGY", "0.30", 1, "8.5")]) | {"tax_included": "N/A"}

    rating = priced(content, session(charging(60, "10")))

    assert rating["total_cost"] == {"excl_vat": "3.00", "incl_vat": "3.00"}
    assert [note["code"] for note in rating["notes"]] == ["tax.contradictory"]


def test_bounds_of_2_3_0_have_their_own_names() -> None:
    content = tariff([component("ENERGY", "0.30", 1, "10")]) | {
        "tax_included": "NO",
        "max_price": {"before_taxes": Decimal(2), "after_taxes": Decimal("2.10")},
    }

    rating = priced(content, session(charging(60, "10")))

    assert rating["total_cost"] == {"excl_vat": "2.00", "incl_vat": "2.10"}
    assert rating["notes"] == []


def test_a_field_of_another_version_is_used_and_told() -> None:
    content = example("2.1.1/mod_tariffs__03.json")
    content["elements"][0]["price_components"][0]["vat"] = Decimal(10)

    read, notes = tariff_parse(content, "2.1.1")

    assert read.elements[0].price_components[0].vat == 10
    assert [(note.code, note.where) for note in notes] == [
        ("field.other_version", "elements[0].price_components[0].vat")
    ]
