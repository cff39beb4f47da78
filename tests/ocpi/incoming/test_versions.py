"""The same objects told in 2.1.1 and 2.3.0, and two operators side by side."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.billing.models import PartnerCdr
from apps.ocpi.models import PartnerLocation, PartnerSession, PartnerTariff, PartnerToken
from apps.ocpi.services.pulls import pull_now
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.chargers.conftest import TOKEN
from tests.contracts.ocpi_partner import OcpiPartner
from tests.ocpi.incoming.conftest import A, B, registered, the_partner
from tests.ocpi.incoming.objects import AT, EARLIER, LATER, cdr, location, tariff, token
from tests.ocpi.server import Site


@pytest.fixture
def old_cpo(site: Site) -> Iterator[OcpiPartner]:
    with registered(site, "CPO", version="2.1.1") as platform:
        yield platform


def old_location(at: str = AT) -> dict[str, Any]:
    found = location(at=at)
    for name in ("country_code", "party_id", "publish"):
        del found[name]
    plug = {
        "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE",
        "voltage": 230, "amperage": 32, "tariff_id": "T1", "last_updated": at,
    }  # fmt: skip
    evse = {"uid": "E1", "status": "AVAILABLE", "connectors": [plug], "last_updated": at}
    return {**found, "type": "ON_STREET", "evses": [evse]}


def old_tariff() -> dict[str, Any]:
    component = {"type": "ENERGY", "price": 0.3, "step_size": 1}
    return {
        "id": "T1", "currency": "EUR", "elements": [{"price_components": [component]}],
        "last_updated": AT,
    }  # fmt: skip


def old_cdr() -> dict[str, Any]:
    return {
        "id": "C1", "start_date_time": EARLIER, "stop_date_time": AT, "auth_id": TOKEN,
        "auth_method": "WHITELIST", "location": old_location(), "currency": "EUR",
        "tariffs": [old_tariff()],
        "charging_periods": [
            {"start_date_time": EARLIER, "dimensions": [{"type": "ENERGY", "volume": 10}]}
        ],
        "total_cost": 3.0, "total_energy": 10, "total_time": 1, "last_updated": AT,
    }  # fmt: skip


def test_old_location_and_its_patch(old_cpo: OcpiPartner) -> None:
    url = f"{old_cpo.ours('locations')}/FR/ABC/LOC1"

    made = old_cpo.call("PUT", url, old_location())
    patched = old_cpo.call("PATCH", f"{url}/E1", {"status": "CHARGING", "last_updated": LATER})

    assert [(one.http, one.status_code) for one in (made, patched)] == [(201, 1000), (200, 1000)]
    with operator_context(A):
        row = PartnerLocation.objects.get()
    assert (row.country_code, row.party_id) == ("FR", "ABC")
    plug = row.content["evses"][0]["connectors"][0]
    assert (plug["max_voltage"], plug["tariff_ids"]) == (230, ["T1"])
    got = old_cpo.call("GET", f"{url}/E1/1").data
    assert (got["voltage"], got["tariff_id"]) == (230, "T1")


def test_old_cdr_is_priced(old_cpo: OcpiPartner) -> None:
    reply = old_cpo.call("POST", old_cpo.ours("cdrs"), old_cdr())

    assert (reply.http, reply.status_code) == (201, 1000)
    with operator_context(A):
        row = PartnerCdr.objects.get()
    assert (row.net, row.our_net, row.content["party_id"]) == (3, 3, "ABC")
    assert old_cpo.call("GET", reply.headers["location"]).data["total_cost"] == 3


def test_old_tariff_may_be_patched(old_cpo: OcpiPartner) -> None:
    url = f"{old_cpo.ours('tariffs')}/FR/ABC/T1"
    old_cpo.call("PUT", url, old_tariff())

    changed = {"currency": "XCD", "last_updated": LATER}
    assert old_cpo.call("PATCH", url, changed).status_code == 1000

    assert old_cpo.call("GET", url).data["currency"] == "XCD"


def test_old_session_and_token(old_cpo: OcpiPartner, site: Site) -> None:
    session = {
        "id": "S1", "start_datetime": EARLIER, "kwh": 1, "auth_id": TOKEN,
        "auth_method": "WHITELIST", "location": old_location(), "currency": "EUR",
        "status": "ACTIVE", "last_updated": AT,
    }  # fmt: skip
    url = f"{old_cpo.ours('sessions')}/FR/ABC/S1"
    reply = old_cpo.call("PUT", url, session)
    assert (reply.http, reply.status_code) == (201, 1000), reply.envelope
    with operator_context(A):
        assert PartnerSession.objects.get().content["location_id"] == "LOC1"
    body = {
        "uid": "ABCD1234", "type": "OTHER", "auth_id": "FR-ABC-C1", "issuer": "ABC",
        "valid": True, "whitelist": "NEVER", "last_updated": AT,
    }  # fmt: skip
    with registered(site, "EMSP", version="2.1.1", party=("FR", "XYZ")) as emsp:
        address = f"{emsp.ours('tokens')}/FR/XYZ/ABCD1234"
        assert emsp.call("PUT", address, body).http == 201
        assert emsp.call("GET", address).data == body
        emsp.call("PATCH", address, {"valid": False, "last_updated": LATER})
        with operator_context(A):
            assert not PartnerToken.objects.get().is_valid


def test_old_lists_are_pulled(old_cpo: OcpiPartner) -> None:
    old_cpo.lists = {"locations": [old_location()], "tariffs": [old_tariff()], "cdrs": [old_cdr()]}

    with operator_context(A):
        for kind in ("locations", "tariffs", "cdrs"):
            pull = pull_now(partner=the_partner(), kind=kind, mode="full", clock=utc_now)
            assert (pull.state, pull.stored, pull.note) == ("done", 1, "")
        assert PartnerTariff.objects.get().party_id == "ABC"


def test_newer_location_keeps_what_only_it_has(site: Site) -> None:
    with registered(site, "CPO", version="2.3.0") as platform:
        body = location(help_phone="+590123456")
        url = f"{platform.ours('locations')}/FR/ABC/LOC1"

        platform.call("PUT", url, body)

        assert platform.call("GET", url).data == body


def test_each_operator_has_its_own_copies(site: Site) -> None:
    with registered(site, "CPO", A) as one, registered(site, "CPO", B) as other:
        for platform, price in ((one, 0.3), (other, 0.4)):
            url = f"{platform.ours('tariffs')}/FR/ABC/T1"
            assert platform.call("PUT", url, tariff(price=price)).http == 201
            assert platform.call("POST", platform.ours("cdrs"), cdr()).http == 201
        foreign = one.call("GET", f"{other.ours('tariffs')}/FR/ABC/T1")
        assert foreign.http == 401
        for method, module in (("PUT", "locations"), ("PUT", "tokens"), ("POST", "cdrs")):
            assert one.call(method, f"{other.ours(module)}/FR/ABC/X", token()).http == 401

        for schema, price in ((A, 0.3), (B, 0.4)):
            with operator_context(schema):
                (element,) = PartnerTariff.objects.get().content["elements"]
                assert float(element["price_components"][0]["price"]) == price
                assert PartnerCdr.objects.count() == 1
