"""What two versions can both say survives the way there and back; what is lost is documented."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ocpi import wire
from apps.ocpi.objects.places import BusinessDetails
from apps.ocpi.objects.talk import CommandResult, CredentialsRole
from apps.ocpi.v2_1_1 import schemas as v2_1_1
from apps.ocpi.v2_2_1 import schemas as v2_2_1
from apps.ocpi.v2_3_0 import schemas as v2_3_0
from apps.ocpi.wire import Context, WireError
from apps.ocpi.wire.kinds import KINDS
from tests.ocpi.wire.examples import read
from tests.ocpi.wire.strategies import HERE, of

STRUCTS = {
    version: sorted(set(KINDS[version]) - {"Versions", "ChargingPreferencesResponse"})
    for version in KINDS
}
CONTEXT = Context(owner=("FR", "CRF"), emsp=("NL", "TNM"), role="CPO")


def again(version: str, kind: str, struct: Any) -> Any:
    """Written and read once more: it holds all rules of the version."""
    return wire.decode(version, kind, wire.encode(struct))


@pytest.mark.parametrize(
    ("version", "kind"), [(version, kind) for version in KINDS for kind in STRUCTS[version]]
)
@HERE
@given(st.data())
def test_what_is_written_is_read_as_it_was(version: str, kind: str, data: st.DataObject) -> None:
    struct = data.draw(of(KINDS[version][kind], open_words=True))

    assert again(version, kind, struct) == struct


@pytest.mark.parametrize("kind", STRUCTS["2.2.1"])
@HERE
@given(st.data())
def test_2_2_1_goes_inside_and_back_whole(kind: str, data: st.DataObject) -> None:
    struct = data.draw(of(KINDS["2.2.1"][kind]))

    inside = wire.to_inside("2.2.1", struct)

    assert wire.inside_of(kind, wire.inside_dict(inside)) == inside
    assert wire.from_inside("2.2.1", inside) == struct


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1"])
@pytest.mark.parametrize("kind", STRUCTS["2.3.0"])
@HERE
@given(st.data())
def test_anything_inside_is_said_by_the_rules_of_the_version_or_refused(
    version: str, kind: str, data: st.DataObject
) -> None:
    inside = data.draw(of(KINDS["2.3.0"][kind], open_words=True))

    try:
        outside = wire.from_inside(version, inside, context=CONTEXT)
    except WireError:
        assert version == "2.1.1"
        assert kind in ("CancelReservation", "ReserveNow", "Tariff", "Cdr", "VersionDetails")
        return
    if kind not in KINDS[version]:
        return

    assert again(version, kind, outside) == outside


@pytest.mark.parametrize("kind", ["Connector", "Evse", "Location", "Tariff", "Token", "Cdr"])
@HERE
@given(st.data())
def test_2_1_1_loses_nothing_when_it_comes_in_and_goes_out_again(
    kind: str, data: st.DataObject
) -> None:
    struct = data.draw(of(KINDS["2.1.1"][kind]))
    if kind == "Cdr" and not struct.location.evses:
        with pytest.raises(WireError, match="location.evses"):
            wire.to_inside("2.1.1", struct, context=CONTEXT)
        return
    inside = wire.to_inside("2.1.1", struct, context=CONTEXT)

    assert wire.inside_of(kind, wire.inside_dict(inside)) == inside
    back = wire.from_inside("2.1.1", inside)

    assert _without_loss(kind, back) == _without_loss(kind, struct)


def _without_loss(kind: str, struct: Any) -> Any:
    plain = wire.inside_dict(struct)
    _drop_lost(plain)
    if kind == "Cdr":
        # Its location is told anew from the CDR (`mapping`); a FLAT dimension is not kept.
        place = plain.pop("location")
        plain["place"] = (place["id"], place["evses"][0]["uid"], place["city"])
        for period in plain["charging_periods"]:
            period["dimensions"] = [
                one for one in period["dimensions"] if one["type"] != "FLAT"
            ] or [{"type": "TIME", "volume": Decimal(0)}]
    return plain


def _drop_lost(value: Any) -> None:
    """What is unsaid inside: UNKNOWN and OTHER are no parking; UTC where no zone was told."""
    if isinstance(value, list):
        for one in value:
            _drop_lost(one)
    if isinstance(value, dict):
        if "postal_code" in value:
            value["time_zone"] = value.get("time_zone") or "Etc/UTC"
            known = ("ON_STREET", "PARKING_GARAGE", "UNDERGROUND_GARAGE", "PARKING_LOT")
            value["type"] = value["type"] if value["type"] in known else "UNKNOWN"
        if "period_begin" not in value and {"regular_hours", "twentyfourseven"} & set(value):
            value.setdefault("twentyfourseven", False)
        for name in ("opening_times",):
            if name in value:
                value[name].setdefault("twentyfourseven", False)
        for inner in value.values():
            _drop_lost(inner)


def session(**more: Any) -> v2_3_0.Session:
    """The specification's session, inside."""
    given_one = wire.decode(
        "2.2.1", "Session", read("2.2.1", "session_example_1_simple_start.json")
    )
    return msgspec.structs.replace(wire.to_inside("2.2.1", given_one), **more)


def number(text: str) -> Decimal:
    """Short for a Decimal."""
    return Decimal(text)


def test_a_price_has_its_taxes_as_one_sum_in_2_2_1() -> None:
    gst = v2_3_0.TaxAmount(name="GST", amount=number("0.50"), percentage=number("5"))
    qst = v2_3_0.TaxAmount(name="QST", amount=number("0.9975"), account_number="12")
    price = v2_3_0.Price(before_taxes=number("10.00"), taxes=[gst, qst])

    outside = wire.from_inside("2.2.1", session(total_cost=price)).total_cost

    assert outside == v2_2_1.Price(excl_vat=number("10.00"), incl_vat=number("11.4975"))
    assert wire.to_inside("2.2.1", outside) == v2_3_0.Price(
        before_taxes=number("10.00"),
        taxes=[v2_3_0.TaxAmount(name="VAT", amount=number("1.4975"))],
    )


def test_no_word_about_taxes_is_not_the_same_as_no_taxes() -> None:
    said_nothing = v2_3_0.Price(before_taxes=number("1"))
    has_none = v2_3_0.Price(before_taxes=number("1"), taxes=[])

    assert wire.from_inside("2.2.1", said_nothing) == v2_2_1.Price(excl_vat=number("1"))
    assert wire.from_inside("2.2.1", has_none) == v2_2_1.Price(
        excl_vat=number("1"), incl_vat=number("1")
    )


def test_prices_with_taxes_are_told_without_them_in_2_2_1() -> None:
    raw = read("2.3.0", "tariff_20_simple_north_american_inclusive.json")
    tariff = wire.decode("2.3.0", "Tariff", raw)
    first = tariff.elements[0].price_components[0]
    first.price, first.vat = number("0.217"), number("8.5")

    component = wire.from_inside("2.2.1", tariff).elements[0].price_components[0]

    assert (component.price, component.vat) == (number("0.2"), number("8.5"))
    first.vat = None
    unknown = wire.from_inside("2.2.1", tariff).elements[0].price_components[0]
    assert unknown.price == number("0.217"), "without a rate nothing can be taken out"


def test_a_hub_is_a_role_in_2_2_1_and_a_field_in_2_3_0() -> None:
    ours = CredentialsRole(
        role="CPO", business_details=BusinessDetails(name="A"), country_code="GP", party_id="CFG"
    )
    credentials = v2_3_0.Credentials(
        token="x", url="https://x.io/ocpi", roles=[ours], hub_party_id="FR007"
    )

    outside = wire.from_inside("2.2.1", credentials)

    roles = [(one.role, one.country_code, one.party_id) for one in outside.roles]
    assert roles == [("CPO", "GP", "CFG"), ("HUB", "FR", "007")]
    assert wire.to_inside("2.2.1", outside).hub_party_id == "FR007"


def test_a_session_of_2_1_1_has_the_place_and_the_contract() -> None:
    given_one = wire.decode("2.1.1", "Session", read("2.1.1", "mod_sessions__03.json"))

    inside = wire.to_inside("2.1.1", given_one, context=CONTEXT)

    assert (inside.country_code, inside.party_id) == ("FR", "CRF")
    assert (inside.location_id, inside.evse_uid, inside.connector_id) == ("LOC1", "3256", "1")
    token = inside.cdr_token
    assert (token.country_code, token.party_id, token.uid) == ("NL", "TNM", "#NA")
    assert token.contract_id == "DE8ACC12E46L89"
    assert inside.total_cost == v2_3_0.Price(before_taxes=number("8.50"))


def test_the_provider_is_read_from_the_contract_when_nobody_says_it() -> None:
    given_one = wire.decode("2.1.1", "Session", read("2.1.1", "mod_sessions__03.json"))

    token = wire.to_inside("2.1.1", given_one).cdr_token

    assert (token.country_code, token.party_id) == ("DE", "8AC")


def test_a_session_goes_to_2_1_1_with_its_location() -> None:
    location = wire.to_inside(
        "2.2.1", wire.decode("2.2.1", "Location", read("2.2.1", "location_example.json"))
    )
    evse = location.evses[1]
    inside = session(
        location_id=location.id.lower(),
        evse_uid=evse.uid,
        connector_id=evse.connectors[0].id,
        status="RESERVATION",
        auth_method="COMMAND",
    )

    outside = wire.from_inside("2.1.1", inside, context=Context(location=location))

    assert (outside.status, outside.auth_method) == ("PENDING", "AUTH_REQUEST")
    assert [one.uid for one in outside.location.evses] == [evse.uid]
    assert outside.location.evses[0].connectors[0].voltage == evse.connectors[0].max_voltage
    bare = wire.from_inside("2.1.1", inside)
    assert (bare.location.id, bare.location.evses) == (location.id.lower(), None)


def test_a_credit_cdr_says_so_in_its_remark_in_2_1_1() -> None:
    cdr = wire.to_inside("2.2.1", wire.decode("2.2.1", "Cdr", read("2.2.1", "cdr_example.json")))
    credit = msgspec.structs.replace(cdr, credit=True, credit_reference_id="12345", remark="why")

    outside = wire.from_inside("2.1.1", credit)

    assert outside.remark == "Credit of CDR 12345. why"
    assert outside.total_cost == cdr.total_cost.before_taxes
    assert outside.auth_id == cdr.cdr_token.contract_id


def test_elements_that_2_1_1_cannot_limit_are_left_out() -> None:
    raw = read("2.2.1", "tariff_16_reservation_2_euro_fee_5_euro_per_hour.json")
    tariff = wire.to_inside("2.2.1", wire.decode("2.2.1", "Tariff", raw))

    outside = wire.from_inside("2.1.1", tariff)

    assert len(outside.elements) == sum(
        1 for one in tariff.elements if one.restrictions is None or not one.restrictions.reservation
    )
    tariff.elements = [one for one in tariff.elements if one.restrictions]
    with pytest.raises(WireError) as refused:
        wire.from_inside("2.1.1", tariff)
    assert refused.value.field == "elements"


def test_endpoints_of_2_1_1_get_the_roles_of_their_party() -> None:
    urls = {"locations": "https://x.io/l", "tokens": "https://x.io/t"}
    details = v2_1_1.VersionDetails(
        version="2.1.1",
        endpoints=[v2_1_1.Endpoint(identifier=name, url=url) for name, url in urls.items()],
    )

    def roles(role: str) -> list[tuple[str, str]]:
        inside = wire.to_inside("2.1.1", details, context=Context(role=role))
        return [(one.identifier, one.role) for one in inside.endpoints]

    assert roles("CPO") == [("locations", "SENDER"), ("tokens", "RECEIVER")]
    assert roles("EMSP") == [("locations", "RECEIVER"), ("tokens", "SENDER")]
    assert len(roles("OTHER")) == 4
    everything = wire.to_inside("2.1.1", details)
    assert wire.from_inside("2.1.1", everything) == details


def test_answers_to_commands_have_fewer_words_in_2_1_1() -> None:
    timeout = v2_1_1.CommandResponse(result="TIMEOUT")
    assert wire.to_inside("2.1.1", timeout, context=Context(timeout_s=60)).result == "REJECTED"
    assert wire.from_inside("2.1.1", CommandResult(result="EVSE_OCCUPIED")).result == "REJECTED"
    assert wire.from_inside("2.1.1", CommandResult(result="TIMEOUT")).result == "TIMEOUT"


def test_a_list_is_mapped_one_by_one() -> None:
    token = wire.decode("2.2.1", "Token", read("2.2.1", "token_put_example.json"))

    assert wire.from_inside("2.2.1", wire.to_inside("2.2.1", [token, token])) == [token, token]
