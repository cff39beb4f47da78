"""PATCH: absent is not null, and every field is checked."""

from decimal import Decimal
from typing import Any

import pytest

from apps.ocpi import wire
from apps.ocpi.wire import Context, WireError
from cariflex.common.exact_json import exact_dumps

AT = "2026-11-23T16:35:00Z"


def patch(version: str, kind: str, **given: Any) -> dict[str, Any]:
    """Reads a PATCH body of these fields."""
    return wire.decode_patch(version, kind, exact_dumps({"last_updated": AT, **given}))


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
@pytest.mark.parametrize("kind", ["Location", "Evse", "Connector", "Session", "Token"])
def test_last_updated_must_be_there(version: str, kind: str) -> None:
    assert patch(version, kind) == {"last_updated": AT}
    for body in (b"{}", b'{"status": null}'):
        with pytest.raises(WireError) as refused:
            wire.decode_patch(version, kind, body)
        assert refused.value.field == ("last_updated" if body == b"{}" else refused.value.field)
    with pytest.raises(WireError) as refused:
        wire.decode_patch(version, kind, b"{}")
    assert refused.value.is_missing


def test_null_takes_away_and_absent_leaves() -> None:
    given = patch("2.2.1", "Location", name=None, city="Basse-Terre", facilities=None)

    assert given == {
        "last_updated": AT,
        "name": None,
        "city": "Basse-Terre",
        "facilities": None,
    }


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Location", "country_code"),
        ("Location", "coordinates"),
        ("Location", "last_updated"),
        ("Evse", "status"),
        ("Evse", "connectors"),
        ("Connector", "standard"),
        ("Session", "kwh"),
        ("Token", "valid"),
    ],
)
def test_what_must_be_there_cannot_be_taken_away(kind: str, field: str) -> None:
    with pytest.raises(WireError) as refused:
        patch("2.2.1", kind, **{field: None})

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("Evse", {"status": "BROKEN"}, "status"),
        ("Location", {"evses": [{"uid": "1"}]}, "evses[0].status"),
        ("Session", {"total_cost": {"excl_vat": "1"}}, "total_cost.excl_vat"),
        ("Session", {"charging_periods": [{"dimensions": []}]}, "charging_periods[0].dimensions"),
        ("Token", {"uid": "x" * 37}, "uid"),
    ],
)
def test_given_fields_hold_their_rules(kind: str, given: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError) as refused:
        patch("2.2.1", kind, **given)

    assert refused.value.field == field


def test_unknown_fields_change_nothing() -> None:
    assert patch("2.2.1", "Evse", colour="blue") == {"last_updated": AT}


def test_times_are_stored_as_they_are_written() -> None:
    body = b'{"last_updated": "2026-11-23T16:35:00.5", "end_date_time": "2026-11-23T16:34:00"}'

    assert wire.decode_patch("2.2.1", "Session", body) == {
        "last_updated": "2026-11-23T16:35:00.500Z",
        "end_date_time": "2026-11-23T16:34:00Z",
    }


def test_values_of_2_2_1_come_in_the_shape_inside() -> None:
    cost = {"excl_vat": Decimal("1.00"), "incl_vat": Decimal("1.085")}

    given = patch("2.2.1", "Session", total_cost=cost, kwh=Decimal("4.20"))

    assert given["kwh"] == Decimal("4.20")
    assert given["total_cost"] == {
        "before_taxes": Decimal("1.00"),
        "taxes": [{"name": "VAT", "amount": Decimal("0.085")}],
    }


def test_fields_of_2_1_1_have_their_inside_names() -> None:
    assert patch("2.1.1", "Connector", voltage=400, amperage=32, tariff_id="T1") == {
        "last_updated": AT,
        "max_voltage": 400,
        "max_amperage": 32,
        "tariff_ids": ["T1"],
    }
    assert patch("2.1.1", "Connector", tariff_id=None)["tariff_ids"] is None
    assert patch("2.1.1", "Token", auth_id="FRCRF1")["contract_id"] == "FRCRF1"
    assert patch("2.1.1", "Location", type="ON_STREET")["parking_type"] == "ON_STREET"
    assert patch("2.1.1", "Location", type="UNKNOWN")["parking_type"] is None
    ended = patch("2.1.1", "Session", end_datetime=AT, total_cost=Decimal("3.10"))
    assert ended["end_date_time"] == AT
    assert ended["total_cost"] == {"before_taxes": Decimal("3.10")}


def test_2_1_1_cannot_take_away_what_is_wanted_inside() -> None:
    assert patch("2.1.1", "Location", time_zone=None) == {"last_updated": AT}


def test_a_contract_of_2_1_1_is_a_token_of_the_provider() -> None:
    body = exact_dumps({"last_updated": AT, "auth_id": "C1"})

    given = wire.decode_patch("2.1.1", "Session", body, context=Context(emsp=("GP", "CFG")))

    assert given["cdr_token"] == {
        "country_code": "GP",
        "party_id": "CFG",
        "uid": "#NA",
        "contract_id": "C1",
        "type": "OTHER",
    }


def test_objects_that_are_never_patched_are_the_callers_fault() -> None:
    with pytest.raises(KeyError):
        wire.decode_patch("2.2.1", "Cdr", b"{}")
