"""Every rule of a field: what it takes, what it refuses, and that the field is named."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.ocpi import wire
from apps.ocpi.wire import WireError
from cariflex.common.exact_json import exact_dumps, exact_loads
from tests.ocpi.wire.examples import read

Change = Callable[[dict[str, Any]], None]


def location(change: Change = lambda _content: None) -> bytes:
    """The specification's location, changed."""
    content = exact_loads(read("2.2.1", "location_example.json"))
    change(content)
    return exact_dumps(content).encode()


def put(path: str, value: Any) -> Change:
    """Sets `evses[0].uid` and the like; numbers are indices."""
    *way, last = path.replace("[", ".").replace("]", "").split(".")

    def change(content: Any) -> None:
        for step in way:
            content = content[int(step) if step.isdigit() else step]
        content[int(last) if last.isdigit() else last] = value

    return change


REFUSED = [
    ("country_code", "BEL", "length <= 2"),
    ("country_code", "B", "length >= 2"),
    ("party_id", "BE", "length >= 3"),
    ("id", "", "length >= 1"),
    ("id", "x" * 37, "length <= 36"),
    ("id", "LOC\u00e91", "only printable ASCII is allowed"),
    ("id", "LOC\n1", "only printable ASCII is allowed"),
    ("id", "LOC1\n", "only printable ASCII is allowed"),
    ("id", 1, "Expected `str`, got `int`"),
    ("publish", "true", "Expected `bool`, got `str`"),
    ("publish", None, "Expected `bool`, got `null`"),
    ("name", "x" * 256, "length <= 255"),
    ("name", "a\tb", "only printable characters are allowed"),
    ("name", "a\u0000b", "only printable characters are allowed"),
    ("city", "x" * 46, "length <= 45"),
    ("country", "BELG", "length <= 3"),
    ("coordinates.latitude", "51,047599", "decimal degrees such as 16.24125 were expected"),
    ("coordinates.latitude", "51.04", "decimal degrees such as 16.24125 were expected"),
    ("coordinates.longitude", "+3.72994", "decimal degrees such as -61.53361 were expected"),
    ("coordinates.latitude", Decimal("51.047599"), "Expected `str`, got `float`"),
    ("evses[0].uid", "x" * 37, "length <= 36"),
    ("evses[0].status", "BROKEN", "Invalid enum value 'BROKEN'"),
    ("evses[0].evse_id", "x" * 49, "length <= 48"),
    ("evses[0].connectors", [], "length >= 1"),
    ("evses[0].connectors[0].format", "HOSE", "Invalid enum value 'HOSE'"),
    ("evses[0].connectors[0].power_type", "AC", "Invalid enum value 'AC'"),
    ("evses[0].connectors[0].max_voltage", "230", "a whole number was expected"),
    ("evses[0].connectors[0].max_voltage", Decimal("230.5"), "a whole number was expected"),
    ("evses[0].connectors[0].max_voltage", True, "a whole number was expected"),
    ("evses[0].connectors[0].max_voltage", 2**31, "a whole number of 32 bits was expected"),
    ("evses[0].connectors[0].tariff_ids", ["x" * 37], "length <= 36"),
    ("evses[0].connectors[0].terms_and_conditions", "www.example.com", "an absolute http"),
    ("evses[0].connectors[0].terms_and_conditions", "javascript:alert(1)", "an absolute http"),
    ("evses[0].connectors[0].terms_and_conditions", "https://x/" + "y" * 250, "length <= 255"),
    ("evses[0].capabilities", "RFID_READER", "Expected `array | null`, got `str`"),
    ("last_updated", "2019-06-24", "a date-time in UTC"),
    ("last_updated", "2019-06-24T12:39:09+00:00", "a date-time in UTC"),
    ("last_updated", "2019-06-24T12:39:09+02:00", "a date-time in UTC"),
    ("last_updated", "2019-06-24t12:39:09z", "a date-time in UTC"),
    ("last_updated", "2019-06-24 12:39:09Z", "a date-time in UTC"),
    ("last_updated", "2019-06-24T12:39Z", "a date-time in UTC"),
    ("last_updated", "2019-06-24T12:39:09.1234Z", "a date-time in UTC"),
    ("last_updated", "2019-06-31T12:39:09Z", "day"),
    ("last_updated", "2019-06-24T12:39:60Z", "second"),
    ("last_updated", "\u0662019-06-24T12:39:09Z", "a date-time in UTC"),
    ("last_updated", 1561379949, "a date-time in UTC"),
    ("opening_times", {"twentyfourseven": "yes"}, "Expected `bool`"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "rule"), REFUSED)
def test_a_broken_rule_names_its_field(path: str, value: Any, rule: str) -> None:
    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Location", location(put(path, value)))

    assert refused.value.field.startswith(path)
    assert rule in refused.value.rule
    assert str(refused.value) == f"{refused.value.field}: {refused.value.rule}"
    assert not refused.value.is_missing
    assert not refused.value.is_malformed


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2015-06-29T20:39:09Z", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2015-06-29T20:39:09", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2016-12-29T17:45:09.2Z", datetime(2016, 12, 29, 17, 45, 9, 200000, UTC)),
        ("2016-12-29T17:45:09.2", datetime(2016, 12, 29, 17, 45, 9, 200000, UTC)),
        ("2018-01-01T01:08:01.123Z", datetime(2018, 1, 1, 1, 8, 1, 123000, UTC)),
        ("2018-01-01T01:08:01.123", datetime(2018, 1, 1, 1, 8, 1, 123000, UTC)),
    ],
)
def test_date_times_of_the_specification(text: str, at: datetime) -> None:
    assert wire.decode("2.2.1", "Location", location(put("last_updated", text))).last_updated == at


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("0.1", "0.1"),
        ("12.50", "12.50"),
        ("1e2", "1E+2"),
        ("-3", "-3"),
        ("0.123456789012345", "0.123456789012345"),
        ("999999999999999.5", "999999999999999.5"),
    ],
)
def test_a_number_keeps_its_digits(number: str, kept: str) -> None:
    raw = b'{"excl_vat": %s}' % number.encode()
    session = exact_loads(read("2.2.1", "session_example_1_simple_start.json"))
    text = exact_dumps(session | {"total_cost": "HERE"}).replace('"HERE"', raw.decode())

    cost = wire.decode("2.2.1", "Session", text).total_cost

    assert str(cost.excl_vat) == kept
    assert wire.encode(cost) == b'{"excl_vat":%s}' % kept.encode()


@pytest.mark.parametrize(
    "number",
    ['"1.0"', "1e400", "1e99999999999999999999", "1e-16", "1" * 16, "9" * 5000, "true", "[]"],
)
def test_what_is_no_number_is_refused(number: str) -> None:
    session = read("2.2.1", "session_example_1_simple_start.json").decode()

    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Session", session.replace('"kwh": 0.0', f'"kwh": {number}'))

    assert refused.value.field == "kwh"
    assert not refused.value.is_malformed


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1.", ".5", "01", "1,5"])
def test_what_is_no_json_is_malformed(number: str) -> None:
    session = read("2.2.1", "session_example_1_simple_start.json").decode()

    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Session", session.replace('"kwh": 0.0', f'"kwh": {number}'))

    assert refused.value.is_malformed


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null x",
        b'{"id": 1, "name": ',
        b"[] {}",
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_malformed_texts_say_so(raw: bytes) -> None:
    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Location", raw)

    assert refused.value.is_malformed
    assert refused.value.field == ""


def test_the_whole_message_has_the_wrong_shape() -> None:
    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Location", b"[]")

    assert (refused.value.field, refused.value.is_malformed) == ("", False)
    assert str(refused.value) == "Expected `object`, got `array`"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("last_updated", "last_updated"),
        ("evses[0].uid", "evses[0].uid"),
        ("evses[1].connectors[0].standard", "evses[1].connectors[0].standard"),
        ("coordinates.latitude", "coordinates.latitude"),
    ],
)
def test_a_missing_field_is_named_and_marked(path: str, field: str) -> None:
    def drop(content: Any) -> None:
        *way, last = path.replace("[", ".").replace("]", "").split(".")
        for step in way:
            content = content[int(step) if step.isdigit() else step]
        del content[last]

    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Location", location(drop))

    assert (refused.value.field, refused.value.rule) == (field, "required")
    assert refused.value.is_missing


def test_fields_that_nobody_knows_are_ignored() -> None:
    def add(content: Any) -> None:
        content["gireve_id"] = {"any": [1, 2.5, None]}
        content["evses"][0]["colour"] = "blue"

    changed = wire.decode("2.2.1", "Location", location(add))

    assert changed == wire.decode("2.2.1", "Location", location())
    assert b"colour" not in wire.encode(changed)


def test_null_is_absent_where_a_field_is_optional() -> None:
    def nulls(content: Any) -> None:
        content |= {
            "name": None,
            "facilities": None,
            "opening_times": None,
            "related_locations": None,
        }  # noqa: E501

    assert wire.decode("2.2.1", "Location", location(nulls)).name is None


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("evses[0].capabilities", ["RESERVABLE", "TELEPORT"]),
        ("evses[0].parking_restrictions", ["FLYING_CARS"]),
        ("evses[0].connectors[0].standard", "MEGA_PLUG"),
        ("facilities", ["HELIPAD"]),
        ("parking_type", "ROOFTOP"),
        ("images", [{"url": "https://x.io/a.png", "category": "SELFIE", "type": "png"}]),
        ("energy_mix", {"is_green_energy": True, "energy_sources": [{"source": "GEOTHERMAL", "percentage": 100}]}),  # noqa: E501
    ],
)  # fmt: skip
def test_new_words_of_open_lists_do_not_cost_a_location(
    version: str, path: str, value: Any
) -> None:
    read_one = wire.decode(version, "Location", location(put(path, value)))

    inside = wire.to_inside(version, read_one)
    kept = exact_loads(wire.encode(inside))
    assert exact_loads(location(put(path, value)))["id"] == kept["id"]
    for step in path.replace("[", ".").replace("]", "").split("."):
        kept = kept[int(step) if step.isdigit() else step]
    assert kept == value


def test_words_about_money_and_identity_are_strict() -> None:
    for version, name, kind, field, old, new in (
        ("2.2.1", "token_put_example.json", "Token", "type", '"RFID"', '"EMAID"'),
        ("2.2.1", "token_put_example.json", "Token", "whitelist", '"ALWAYS"', '"SOMETIMES"'),
        ("2.2.1", "tariff_1_simple_2hour.json", "Tariff",
         "elements[0].price_components[0].type", '"TIME"', '"WEATHER"'),
        ("2.2.1", "cdr_example.json", "Cdr", "auth_method", '"WHITELIST"', '"GUESS"'),
        ("2.2.1", "credentials_example.json", "Credentials", "roles[0].role", '"CPO"', '"KING"'),
    ):  # fmt: skip
        text = read(version, name).decode()
        assert old in text, name
        with pytest.raises(WireError) as refused:
            wire.decode(version, kind, text.replace(old, new))
        assert refused.value.field == field
        assert "Invalid enum value" in refused.value.rule


def test_a_type_of_token_is_open_in_2_3_0() -> None:
    text = read("2.3.0", "token_put_example.json").decode().replace('"RFID"', '"EMAID"')

    token = wire.decode("2.3.0", "Token", text)

    assert token.type == "EMAID"
    assert wire.from_inside("2.2.1", token).type == "OTHER"


@pytest.mark.parametrize(
    ("token", "is_good"),
    [("x", True), ("!" * 64, True), ("", False), ("x" * 65, False), ("a b", False), ("é", False)],
)
def test_a_credentials_token_is_visible_ascii(token: str, is_good: bool) -> None:
    content = exact_loads(read("2.2.1", "credentials_example.json")) | {"token": token}
    if is_good:
        assert wire.convert("2.2.1", "Credentials", content).token == token
        return
    with pytest.raises(WireError) as refused:
        wire.convert("2.2.1", "Credentials", content)
    assert refused.value.field == "token"
    assert not token or token not in refused.value.rule


def test_whole_numbers_may_have_a_point() -> None:
    text = location(put("evses[0].connectors[0].max_voltage", Decimal("230.0")))

    assert wire.decode("2.2.1", "Location", text).evses[0].connectors[0].max_voltage == 230


def test_a_kind_that_the_version_lacks_is_the_callers_fault() -> None:
    with pytest.raises(KeyError):
        wire.decode("2.1.1", "CancelReservation", b"{}")
    with pytest.raises(KeyError):
        wire.decode("2.0", "Token", b"{}")


def test_times_of_our_clock_are_cut_to_milliseconds() -> None:
    token = wire.decode("2.2.1", "Token", read("2.2.1", "token_put_example.json"))
    token.last_updated = datetime(2026, 11, 23, 16, 35, 7, 123987, UTC)
    token.issuer = 'T2026-11-23T16:35:07.123987Z"'

    text = wire.encode([token])

    (back,) = exact_loads(text)
    assert back["last_updated"] == "2026-11-23T16:35:07.123Z"
    assert back["issuer"] == token.issuer


def test_an_envelope_has_its_four_parts() -> None:
    now = datetime(2026, 11, 23, 16, 35, 7, tzinfo=UTC)

    assert wire.envelope(b"[1]", 1000, now=now) == (
        b'{"data":[1],"status_code":1000,"timestamp":"2026-11-23T16:35:07Z"}'
    )
    assert exact_loads(wire.envelope(None, 2001, 'a "field"', now=now)) == {
        "status_code": 2001,
        "status_message": 'a "field"',
        "timestamp": "2026-11-23T16:35:07Z",
    }


def test_ids_are_the_same_whatever_their_case() -> None:
    assert wire.same_id("Loc-1", "LOC-1")
    assert not wire.same_id("LOC-1", "LOC-2")


def test_a_credit_cdr_names_the_cdr_that_it_takes_back() -> None:
    content = exact_loads(read("2.2.1", "cdr_example.json"))
    assert wire.convert("2.2.1", "Cdr", content | {"credit": False}).credit is False
    with pytest.raises(WireError) as refused:
        wire.convert("2.2.1", "Cdr", content | {"credit": True})
    assert (refused.value.field, refused.value.is_missing) == ("credit_reference_id", True)
    with pytest.raises(WireError) as refused:
        wire.decode("2.2.1", "Cdr", exact_dumps(content | {"id": "x" * 37}))
    assert refused.value.field == "id"

    credit = {"credit": True, "credit_reference_id": content["id"], "id": "x" * 39}

    assert wire.convert("2.2.1", "Cdr", content | credit).credit is True


def test_an_answer_of_one_word_is_read() -> None:
    kind = "ChargingPreferencesResponse"

    assert wire.decode("2.2.1", kind, b'"ACCEPTED"') == "ACCEPTED"
    with pytest.raises(WireError):
        wire.decode("2.2.1", kind, b'"PERHAPS"')


@pytest.mark.parametrize("sign", ["\ud800", "\u0000", "\u202e"])
def test_a_rule_can_be_logged_and_stored(sign: str) -> None:
    content = exact_loads(read("2.2.1", "location_example.json"))
    with pytest.raises(WireError) as refused:
        wire.convert("2.2.1", "Evse", content["evses"][0] | {"status": f"A{sign}B"})

    assert refused.value.rule.isprintable()
    assert refused.value.rule.isascii()


def test_half_a_character_is_refused() -> None:
    content = exact_loads(read("2.2.1", "location_example.json"))
    for name in ("name", "address"):
        with pytest.raises(WireError) as refused:
            wire.convert("2.2.1", "Location", content | {name: "A\ud800"})
        assert refused.value.field == name


def test_reading_and_writing_need_no_django() -> None:
    code = "import sys, apps.ocpi.wire; sys.exit(any(n.startswith('django') for n in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
