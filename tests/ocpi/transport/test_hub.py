"""The hub that an operator may be, and the hub that a partner may be (2.2.1 §4.3, §15)."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Exchange, OcpiSettings, Partner, PartnerRole, Party
from apps.ocpi.tasks.hub import broadcast_send
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner
from tests.ocpi.server import Site, connect, partner_of

A = "guadeloupe"
AT = "2026-11-01T10:00:00Z"
TARIFF = {
    "country_code": "FR", "party_id": "CPO", "id": "T1", "currency": "EUR", "last_updated": AT,
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3, "step_size": 1}]}],
}  # fmt: skip


@pytest.fixture
def cpo(site: Site) -> Iterator[OcpiPartner]:
    """A charge point operator behind our hub."""
    with ocpi_partner(role="CPO", party=("FR", "CPO")) as platform:
        with operator_context(A):
            OcpiSettings.objects.create(pk=1, is_hub=True)
            Party.objects.create(role="CPO", country_code="GP", party_id="CFG", name="G")
            Party.objects.create(role="HUB", country_code="GP", party_id="HUB", name="Hub")
            partner_of(platform, timeout_s=2.0)
        connect(platform, site, A)
        yield platform


@pytest.fixture
def emsp(site: Site, cpo: OcpiPartner) -> Iterator[OcpiPartner]:
    """A mobility provider behind our hub."""
    with ocpi_partner(role="EMSP", party=("DE", "EMS")) as platform:
        with operator_context(A):
            partner_of(platform)
        connect(platform, site, A)
        yield platform


def test_message_for_another_partner_goes_on(cpo: OcpiPartner, emsp: OcpiPartner) -> None:
    reply = cpo.call("PUT", cpo.ours("tariffs") + "/FR/CPO/T1", TARIFF, to=("de", "ems"))

    assert (reply.http, reply.status_code) == (201, 1000), reply.body
    assert reply.headers["ocpi-from-party-id"] == "ems"
    assert reply.headers["ocpi-to-party-id"] == "CPO"
    assert emsp.received["tariffs"] == {"FR/CPO/T1": TARIFF}
    seen = emsp.requests[-1].headers
    assert seen["ocpi-from-party-id"] == "CPO"
    assert seen["ocpi-to-party-id"].upper() == "EMS"
    assert seen["x-correlation-id"] == reply.headers["x-correlation-id"]
    assert seen["x-request-id"] != reply.headers["x-request-id"]
    with operator_context(A):
        hops = Exchange.objects.filter(correlation_id=reply.headers["x-correlation-id"])
        assert sorted(hop.direction for hop in hops) == ["in", "out"]


def test_pages_of_another_partner_lead_through_us(cpo: OcpiPartner, emsp: OcpiPartner) -> None:
    cpo.lists["tariffs"] = [{**TARIFF, "id": f"T{nth}"} for nth in range(5)]
    base = emsp.ours("tariffs", "SENDER")

    reply = emsp.call("GET", f"{base}?limit=2", to=("FR", "CPO"))

    assert [one["id"] for one in reply.data] == ["T0", "T1"]
    assert reply.headers["x-total-count"] == "5"
    assert reply.headers["link"].startswith(f"<{base}?")
    following = reply.headers["link"].partition(">")[0].removeprefix("<")
    assert [one["id"] for one in emsp.call("GET", following, to=("FR", "CPO")).data] == ["T2", "T3"]


def test_errors_of_the_hub(cpo: OcpiPartner, emsp: OcpiPartner) -> None:
    url = emsp.ours("tariffs", "SENDER")

    def code(to: tuple[str, str]) -> tuple[int, int]:
        reply = emsp.call("GET", url, to=to)
        return reply.http, reply.status_code

    assert code(("XX", "YYY")) == (200, 4001)
    assert code(("DE", "EMS")) == (200, 4001)
    cpo.fault = Fault(slow_s=2.5)
    assert code(("FR", "CPO")) == (200, 4002)
    cpo.fault = Fault(drop=True)
    assert code(("FR", "CPO")) == (200, 4003)
    cpo.fault = Fault(status=500)
    assert code(("FR", "CPO")) == (200, 4000)
    cpo.fault = Fault()
    with operator_context(A):
        Partner.objects.filter(role="CPO").update(state=PartnerState.SUSPENDED)
    assert code(("FR", "CPO")) == (200, 4003)


def test_push_to_the_hub_goes_to_all_who_listen(
    cpo: OcpiPartner, emsp: OcpiPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Any, ...]] = []
    task = SimpleNamespace(enqueue=lambda *args: sent.append(args))
    monkeypatch.setattr("apps.ocpi.tasks.hub.broadcast_send", task)

    reply = cpo.call("PUT", cpo.ours("tariffs") + "/FR/CPO/T1", TARIFF, to=("GP", "HUB"))
    assert reply.status_code == 1000, reply.body
    cpo.call("GET", cpo.ours("tariffs") + "/FR/CPO/T1", to=("GP", "HUB"))

    assert len(sent) == 1
    with operator_context(A):
        broadcast_send(*sent[0])
    assert emsp.received["tariffs"] == {"FR/CPO/T1": TARIFF}
    assert emsp.requests[-1].headers["x-correlation-id"] == reply.headers["x-correlation-id"]


def test_clients_of_our_hub_are_listed(cpo: OcpiPartner, emsp: OcpiPartner) -> None:
    url = emsp.ours("hubclientinfo", "SENDER")
    reply = emsp.call("GET", url)
    assert [(one["role"], one["party_id"], one["status"]) for one in reply.data] == [
        ("CPO", "CFG", "CONNECTED"), ("CPO", "CPO", "CONNECTED"),
    ]  # fmt: skip
    assert reply.headers["x-total-count"] == "2"
    page = emsp.call("GET", f"{url}?limit=1")
    assert "offset=1" in page.headers["link"]
    assert emsp.call("GET", f"{url}?date_from=2999-01-01T00:00:00Z").data == []
    with operator_context(A):
        Partner.objects.filter(role="CPO").update(state=PartnerState.SUSPENDED)
    assert emsp.call("GET", url).data[1]["status"] == "SUSPENDED"


def test_credentials_of_a_hub_name_the_hub_alone(cpo: OcpiPartner) -> None:
    told = cpo.call("GET", cpo.ours("credentials")).data
    assert [(one["role"], one["party_id"]) for one in told["roles"]] == [("HUB", "HUB")]
    newer = cpo.ours("credentials").replace("2.2.1", "2.3.0")
    told = cpo.call("GET", newer).data
    assert told["hub_party_id"] == "GPHUB"
    assert [(one["role"], one["party_id"]) for one in told["roles"]] == [("CPO", "CFG")]


def client(status: str, at: str = AT, party_id: str = "CLI") -> dict[str, str]:
    return {
        "country_code": "NL", "party_id": party_id, "role": "CPO", "status": status,
        "last_updated": at,
    }  # fmt: skip


def test_a_hub_tells_us_its_clients(site: Site) -> None:
    with ocpi_partner(role="HUB", party=("FR", "007")) as hub:
        with operator_context(A):
            partner_of(hub)
        connect(hub, site, A)
        url = hub.ours("hubclientinfo") + "/NL/CLI"

        assert hub.call("GET", url).http == 404
        assert hub.call("PUT", url, client("CONNECTED")).http == 201
        assert hub.call("PUT", url, client("OFFLINE", "2026-11-02T00:00:00Z")).http == 200
        # Older news changes nothing.
        assert hub.call("PUT", url, client("PLANNED", "2026-10-01T00:00:00Z")).http == 200
        assert hub.call("GET", url).data == client("OFFLINE", "2026-11-02T00:00:00Z")
        assert hub.call("PUT", url, client("CONNECTED", party_id="OTH")).status_code == 2001
        assert hub.call("PUT", url, client("ASLEEP")).status_code == 2001
        with operator_context(A):
            assert PartnerRole.objects.exclude(hub_status="").count() == 1

        # In the name of a client, but of no other.
        tariff = {**TARIFF, "country_code": "NL", "party_id": "CLI"}
        names = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "CLI"}
        tariffs = hub.ours("tariffs")
        reply = hub.call("PUT", f"{tariffs}/NL/CLI/T1", tariff, headers=names)
        assert (reply.http, reply.status_code) == (201, 1000), reply.body
        tariff = {**TARIFF, "country_code": "NL", "party_id": "OTH"}
        reply = hub.call("PUT", f"{tariffs}/NL/OTH/T1", tariff, headers=names)
        assert (reply.http, reply.status_code) == (404, 2001)


def test_only_a_hub_tells_of_clients(cpo: OcpiPartner) -> None:
    reply = cpo.call("PUT", cpo.ours("hubclientinfo") + "/NL/CLI", client("CONNECTED"))
    assert reply.http == 404
    with operator_context(A):
        assert PartnerRole.objects.count() == 1


def test_a_hub_without_client_list_is_believed_whom_it_names(site: Site) -> None:
    with ocpi_partner(role="HUB", party=("FR", "007")) as hub:
        with operator_context(A):
            partner = partner_of(hub)
            partner.endpoints.filter(identifier="hubclientinfo").delete()
        connect(hub, site, A)
        tariffs = hub.ours("tariffs")
        names = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "CLI"}
        for party_id, http_status in (("CLI", 201), ("OTH", 404)):
            tariff = {**TARIFF, "country_code": "NL", "party_id": party_id}
            reply = hub.call("PUT", f"{tariffs}/NL/{party_id}/T1", tariff, headers=names)
            assert reply.http == http_status, reply.body
