"""Reading tariffs and sessions: nothing is dropped in silence, nothing ends in a traceback."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.rating import (
    Dimension,
    PriceLimit,
    RatingProblem,
    TaxIncluded,
    json_read,
    json_write,
    session_parse,
    tariff_dump,
    tariff_parse,
)
from tests.billing.rating.examples import (
    TARIFF_FILES,
    Json,
    charging,
    component,
    example,
    priced,
    session,
    tariff,
)

TARIFFS = TARIFF_FILES


def changed(content: Any, path: str, value: object) -> Any:
    """The content with the value at a path like "elements.0.restrictions"."""
    *way, last = path.split(".")
    inner = content
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if isinstance(inner, list):
        inner[int(last)] = value
    else:
        inner[last] = value
    return content


def refused(content: object) -> tuple[str, str]:
    with pytest.raises(RatingProblem) as caught:
        tariff_parse(content)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("name", TARIFFS)
def test_the_specifications_tariffs_are_read_without_a_note_and_written_as_they_were(
    name: str,
) -> None:
    content = example(name)

    read, notes = tariff_parse(content)

    # One example lacks last_updated.
    expected = ["field.expected"] if name.endswith("tariff_put_example.json") else []
    written = tariff_dump(read, name[:5])  # type: ignore[arg-type]
    assert [note.code for note in notes if note.code != "tax.rate_unknown"] == expected
    assert json_read(json_write(written)) == content


@pytest.mark.parametrize(
    ("path", "value", "where", "meant"),
    [
        ("elments", [], "elments", "elements"),
        ("elements.0.price_components.0.vatt", 20, "elements[0].price_components[0].vatt", "vat"),
        ("elements.0.restriction", {}, "elements[0].restriction", "restrictions"),
        ("elements.0.restrictions.max_KWh", 3, "elements[0].restrictions.max_KWh", "max_kwh"),
        ("minPrice", {"excl_vat": 1}, "minPrice", "min_price"),
        ("x_brand", "ours", "x_brand", None),
        ("min_price.inclvat", 1, "min_price.inclvat", "incl_vat"),
        ("tariff_alt_text.0.txt", "a", "tariff_alt_text[0].txt", "text"),
    ],
)
def test_an_unknown_field_is_told_with_its_path(
    path: str, value: object, where: str, meant: str | None
) -> None:
    content = tariff([component("ENERGY", "1")], max_kwh=100) | {
        "min_price": {"excl_vat": 1, "incl_vat": 1},
        "tariff_alt_text": [{"language": "en", "text": "one"}],
    }

    _, notes = tariff_parse(changed(content, path, value))

    [note] = notes
    assert (note.code, note.where) == ("field.unknown", where)
    assert (f'"{meant}"?' in note.text) is (meant is not None)


@pytest.mark.parametrize(
    ("path", "value", "code", "where"),
    [
        ("currency", None, "field.missing", "currency"),
        ("currency", "euro", "currency.invalid", "currency"),
        ("currency", "eur", "currency.invalid", "currency"),
        ("elements", None, "field.missing", "elements"),
        ("elements", [], "field.empty", "elements"),
        ("elements", {}, "field.invalid", "elements"),
        ("elements.0", "x", "field.invalid", "elements[0]"),
        ("elements.0.price_components", [], "field.empty", "elements[0].price_components"),
        ("elements.0.price_components", None, "field.missing", "elements[0].price_components"),
        ("elements.0.restrictions", [], "field.invalid", "elements[0].restrictions"),
        ("id", 12, "field.invalid", "id"),
        ("min_price", {"incl_vat": 1}, "field.missing", "min_price"),
        ("min_price", {"excl_vat": 2, "incl_vat": 1}, "limit.contradictory", "min_price"),
        ("min_price", {"excl_vat": 2, "before_taxes": 1}, "limit.contradictory", "min_price"),
        ("min_price", {"excl_vat": "much"}, "number.invalid", "min_price.excl_vat"),
        ("start_date_time", "yesterday", "field.invalid", "start_date_time"),
        ("start_date_time", "2026-02-30T00:00:00Z", "field.invalid", "start_date_time"),
        ("start_date_time", "1970-1-1T00:00:00Z", "field.invalid", "start_date_time"),
        ("start_date_time", "9999-12-31T23:59:59Z", "field.invalid", "start_date_time"),
        ("tax_included", "yes", "field.invalid", "tax_included"),
    ],
)
def test_what_cannot_be_priced_is_refused_by_name(
    path: str, value: object, code: str, where: str
) -> None:
    content = changed(tariff([component("ENERGY", "1")], max_kwh=9), path, value)

    assert refused(content) == (code, where)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("type", None, "field.missing"),
        ("type", "ENERGYY", "field.invalid"),
        ("type", "energy", "field.invalid"),
        ("type", "RESERVATION_TIME", "field.invalid"),
        ("type", 3, "field.invalid"),
        ("price", None, "field.missing"),
        ("price", True, "number.invalid"),
        ("price", "1,50", "number.invalid"),
        ("price", [], "number.invalid"),
        ("price", Decimal("NaN"), "number.out_of_range"),
        ("price", Decimal("1E+400"), "number.out_of_range"),
        ("price", Decimal("1E-13"), "number.out_of_range"),
        ("price", 10**13, "number.out_of_range"),
        ("step_size", None, "field.missing"),
        ("step_size", -1, "number.invalid"),
        ("step_size", Decimal("1.5"), "number.invalid"),
        ("vat", -1, "vat.invalid"),
        ("vat", 101, "vat.invalid"),
    ],
)
def test_a_component_that_cannot_be_priced(key: str, value: object, code: str) -> None:
    content = tariff([component("ENERGY", "1") | {key: value}])

    assert refused(content) == (code, f"elements[0].price_components[0].{key}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("start_time", "8:00"),
        ("start_time", "24:00"),
        ("end_time", "12:60"),
        ("end_time", 12),
        ("start_date", "2026-13-01"),
        ("start_date", "2026-02-30"),
        ("end_date", "02.03.2026"),
        ("max_kwh", "lots"),
        ("min_duration", Decimal("0.5")),
        ("day_of_week", "MONDAY"),
        ("day_of_week", ["Monday"]),
        ("day_of_week", [1]),
        ("reservation", "RESERVED"),
        ("booking", "BOOKING"),
    ],
)
def test_a_restriction_that_cannot_be_read(key: str, value: object) -> None:
    _, where = refused(tariff([component("TIME", "1")], **{key: value}))

    assert where.startswith(f"elements[0].restrictions.{key}")


def test_contradictory_bounds_and_times_are_refused() -> None:
    content = tariff([component("ENERGY", "1")])
    crossed = content | {"min_price": {"excl_vat": 3}, "max_price": {"excl_vat": 2}}
    over = content | {
        "start_date_time": "2026-03-02T00:00:00Z",
        "end_date_time": "2026-03-01T00:00:00Z",
    }

    assert refused(crossed) == ("limit.contradictory", "min_price")
    assert refused(over) == ("tariff.never_valid", "end_date_time")
    assert refused([]) == ("field.invalid", "")


def test_a_misspelled_required_field_is_named_in_the_refusal() -> None:
    content = tariff([component("ENERGY", "1")])
    content["elements"][0]["price_component"] = content["elements"][0].pop("price_components")

    with pytest.raises(RatingProblem, match='"price_component": was that meant') as caught:
        tariff_parse(content)

    assert caught.value.field == "elements[0].price_components"


def test_small_liberties_are_taken_and_told() -> None:
    content = tariff([component("FLAT", "1")], end_time="24:00")
    del content["elements"][0]["price_components"][0]["step_size"]
    content["max_price"] = 5
    content["elements"].append({"price_components": [component("FLAT", "2")], "restrictions": {}})

    read, notes = tariff_parse(content)

    assert read.max_price == PriceLimit(Decimal(5))
    assert {note.code for note in notes} == {
        "time.midnight",
        "limit.plain_number",
        "restrictions.empty",
    }


def test_floats_of_other_readers_of_json_are_taken_by_their_shortest_digits() -> None:
    read, notes = tariff_parse(tariff([component("ENERGY", "1") | {"price": 0.1}]))

    assert read.elements[0].price_components[0].price == Decimal("0.1")
    assert notes == ()


# ---- sessions


@pytest.mark.parametrize(
    ("path", "value", "code", "where"),
    [
        ("start_date_time", None, "field.missing", "start_date_time"),
        ("end_date_time", None, "field.missing", "end_date_time"),
        ("end_date_time", "2019-02-04T08:00:00Z", "session.ends_before_start", "end_date_time"),
        ("end_date_time", 5, "field.invalid", "end_date_time"),
        ("charging_periods", [], "field.empty", "charging_periods"),
        ("charging_periods.0", 7, "field.invalid", "charging_periods[0]"),
        (
            "charging_periods.0.start_date_time",
            None,
            "field.missing",
            "charging_periods[0].start_date_time",
        ),
        ("charging_periods.0.dimensions", [], "field.empty", "charging_periods[0].dimensions"),
        (
            "charging_periods.0.dimensions.0.type",
            "TIM",
            "field.invalid",
            "charging_periods[0].dimensions[0].type",
        ),
        (
            "charging_periods.0.dimensions.0.type",
            "ENERGY",
            "dimension.twice",
            "charging_periods[0].dimensions[1].type",
        ),
        (
            "charging_periods.0.dimensions.0.volume",
            None,
            "field.missing",
            "charging_periods[0].dimensions[0].volume",
        ),
        ("time_zone", "Guadeloupe", "time_zone.unknown", "time_zone"),
        ("time_zone", 4, "field.invalid", "time_zone"),
        ("reservation_expired", "no", "field.invalid", "reservation_expired"),
    ],
)
def test_a_session_that_cannot_be_priced(path: str, value: object, code: str, where: str) -> None:
    content = changed(session(charging(60, "1")), path, value)

    with pytest.raises(RatingProblem) as caught:
        session_parse(content)

    assert (caught.value.code, caught.value.field) == (code, where)


def test_unknown_parts_of_a_session_are_told() -> None:
    content = session(charging(60, "1", SOLAR="1", ENERGY_IMPORT="1"), note="hello")
    content["charging_periods"][0]["tarif_id"] = "1"

    _, notes = session_parse(content)

    assert {(note.code, note.where) for note in notes} == {
        ("field.unknown", "note"),
        ("field.unknown", "charging_periods[0].tarif_id"),
        ("dimension.unknown", "charging_periods[0].dimensions[2].type"),
        ("dimension.not_priced", "charging_periods[0].dimensions[3].type"),
    }


def test_times_without_z_are_utc_and_offsets_are_converted_and_told() -> None:
    content = session(charging(60, "1"))
    content["start_date_time"] = "2019-02-04T08:30:00.5"
    content["end_date_time"] = "2019-02-04T10:30:00+01:00"

    read, notes = session_parse(content)

    assert read.start_date_time == datetime(2019, 2, 4, 8, 30, 0, 500_000, tzinfo=UTC)
    assert read.end_date_time == datetime(2019, 2, 4, 9, 30, tzinfo=UTC)
    assert [(note.code, note.where) for note in notes] == [("time.offset", "end_date_time")]


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ({"country": "GLP"}, "America/Guadeloupe"),
        ({"country": "MQ"}, "America/Martinique"),
        ({"country": "BEL"}, "Europe/Brussels"),
        ({"country": "FRA"}, None),
        ({"country": "FRA", "postal_code": "97110"}, "America/Guadeloupe"),
        ({"country": "FRA", "postal_code": "97200"}, "America/Martinique"),
        ({"country": "FRA", "postal_code": "97150"}, "America/Marigot"),
        ({"country": "FRA", "postal_code": "97300"}, "America/Cayenne"),
        ({"country": "FRA", "postal_code": "75001"}, "Europe/Paris"),
        ({"country": "FRA", "postal_code": "98800"}, None),
        ({"country": "USA"}, None),
        ({"country": "FRA", "time_zone": "Indian/Reunion"}, "Indian/Reunion"),
        ({}, None),
    ],
)
def test_the_time_zone_of_a_cdr_comes_from_its_place(place: Json, zone: str | None) -> None:
    content = example("2.2.1/cdr_example.json")
    content["cdr_location"] = place

    assert session_parse(content)[0].time_zone == zone
    assert session_parse(content, "Europe/Vienna")[0].time_zone == "Europe/Vienna"


def test_the_callers_time_zone_wins_and_the_difference_is_told() -> None:
    read, notes = session_parse(session(charging(60, "1")), "America/Martinique")

    assert read.time_zone == "America/Martinique"
    assert [note.code for note in notes] == ["time_zone.differs"]


def test_what_a_cdr_claims_is_compared() -> None:
    cdr = example("2.2.1/cdr_example.json")
    cdr |= {
        "total_cost": {"excl_vat": 5, "incl_vat": Decimal("4.40")},
        "total_time": 3,
        "total_energy": 9,
    }
    cdr["charging_periods"][0]["dimensions"].append({"type": "ENERGY", "volume": 8})

    rating = priced(cdr["tariffs"][0], cdr)

    assert [note["code"] for note in rating["notes"]] == [
        "cdr.total_energy_differs",
        "cdr.total_time_differs",
        "cdr.total_cost_differs",
    ]


def test_a_credit_cdr_is_compared_without_its_sign() -> None:
    cdr = example("2.2.1/cdr_example.json")
    cdr |= {"credit": True, "credit_reference_id": "1", "total_cost": {"excl_vat": -4}}

    rating = priced(cdr["tariffs"][0], cdr)

    assert [note["code"] for note in rating["notes"]] == ["cdr.credit"]
    assert rating["total_cost"]["excl_vat"] == "4.00"


# ---- writing


def test_an_older_version_refuses_what_it_cannot_say() -> None:
    reserved, _ = tariff_parse(tariff([component("TIME", "1")], reservation="RESERVATION"))
    inclusive, _ = tariff_parse(
        tariff([component("ENERGY", "1", vat="10")]) | {"tax_included": "YES"}
    )

    for read, version, where in (
        (reserved, "2.1.1", "elements[0].restrictions.reservation"),
        (inclusive, "2.2.1", "tax_included"),
        (inclusive, "2.1.1", "tax_included"),
    ):
        with pytest.raises(RatingProblem) as caught:
            tariff_dump(read, version)  # type: ignore[arg-type]
        assert caught.value.field == where


def test_a_tariff_of_2_2_1_is_written_as_2_3_0() -> None:
    read, _ = tariff_parse(example("2.2.1/tariff_6_025kwh_start_max_price.json"))

    assert tariff_dump(read, "2.3.0") == example("2.3.0/tariff_6_025kwh_start_max_price.json")
    assert read.tax_included is TaxIncluded.NO
    assert read.elements[0].price_components[0].type is Dimension.FLAT


def test_numbers_are_written_with_exactly_their_digits() -> None:
    assert json_write({"a": Decimal("0.10"), "b": [Decimal(20), Decimal("1E+3")]}) == (
        '{"a": 0.1, "b": [20, 1000]}'
    )
    with pytest.raises(RatingProblem):
        json_write(Decimal("123456789012.123456789012"))
