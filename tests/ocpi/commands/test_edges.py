"""Commands in every version, behind a hub, and between two operators."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.chargers.models import Command, Reservation
from apps.ocpi.choices import HubStatus, PartyRole
from apps.ocpi.models import PartnerRole, RemoteCommand
from apps.tenants.context import operator_context
from tests.chargers.conftest import STATION_ID
from tests.chargers.server import A, B, Station, at
from tests.contracts.ocpi_partner import Reply, ocpi_partner
from tests.ocpi.commands.conftest import Provider, answer, ended
from tests.ocpi.server import Site, connect, partner_of

CLIENTS = (("FR", "AAA"), ("DE", "BBB"))


@pytest.fixture(params=["2.1.1", "2.2.1", "2.3.0"])
def versioned(request: Any, parties: None, site: Site) -> Iterator[Provider]:
    """A provider of each version."""
    with ocpi_partner(role="EMSP", party=("FR", "ABC"), version=request.param) as platform:
        with operator_context(A):
            partner = partner_of(platform)
        connect(platform, site, A)
        yield Provider(platform, partner)


def test_a_start_in_every_version(station: Station, versioned: Provider) -> None:
    version = versioned.platform.version
    token: dict[str, Any] = versioned.token(type="RFID")
    if version == "2.1.1":
        token = {
            "uid": token["uid"], "type": "RFID", "auth_id": "FR-ABC-C12345678", "issuer": "ABC",
            "valid": True, "whitelist": "NEVER", "last_updated": "2026-03-10T12:00:00Z",
        }  # fmt: skip

    reply = versioned.start(token=token)
    request = answer(station, "RequestStartTransaction", {"status": "Rejected"})
    ended("START_SESSION")

    assert (reply.http, reply.status_code, reply.data["result"]) == (200, 1000, "ACCEPTED")
    assert request["idToken"] == {"idToken": token["uid"], "type": "ISO14443"}
    assert versioned.results() == [("START_SESSION", "REJECTED")]
    row = at(A, RemoteCommand.objects.get)
    assert (row.request["token"]["country_code"], row.request["token"]["party_id"]) == ("FR", "ABC")


def test_2_1_1_cancels_no_reservations(station: Station, versioned: Provider) -> None:
    reply = versioned.command("CANCEL_RESERVATION", reservation_id="1")

    if versioned.platform.version == "2.1.1":
        assert reply.http == 404
    else:
        assert reply.data["result"] == "REJECTED"
    assert at(A, Command.objects.count) == 0


# --- behind a hub ---


@pytest.fixture
def hub(parties: None, site: Site) -> Iterator[Provider]:
    """A hub with two providers behind it."""
    with ocpi_partner(role="HUB", party=("FR", "HUB")) as platform:
        with operator_context(A):
            partner = partner_of(platform)
            for country_code, party_id in CLIENTS:
                PartnerRole.objects.create(
                    partner=partner, role=PartyRole.EMSP, country_code=country_code,
                    party_id=party_id, hub_status=HubStatus.CONNECTED,
                )  # fmt: skip
        connect(platform, site, A)
        yield Provider(platform, partner)


def by(hub: Provider, client: tuple[str, str], kind: str, **body: Any) -> Reply:
    """A command of a client of the hub."""
    country_code, party_id = client
    if "token" in body:
        body["token"] = {**body["token"], "country_code": country_code, "party_id": party_id}
    headers = {"OCPI-from-country-code": country_code, "OCPI-from-party-id": party_id}
    return hub.command(kind, headers=headers, **body)


def reserve(hub: Provider, client: tuple[str, str], evse_uid: str) -> Reply:
    return by(
        hub, client, "RESERVE_NOW", token=hub.token(), location_id=STATION_ID, evse_uid=evse_uid,
        reservation_id="SAME", expiry_date="2099-01-01T00:00:00Z",
    )  # fmt: skip


def test_the_same_reservation_id_of_two_clients_is_two_reservations(
    station: Station, hub: Provider
) -> None:
    first, second = CLIENTS
    for client, evse_uid in ((first, "CS-001-1"), (second, "CS-001-2")):
        assert reserve(hub, client, evse_uid).data["result"] == "ACCEPTED"
        answer(station, "ReserveNow", {"status": "Accepted"})
        ended("RESERVE_NOW")

    cancelled = by(hub, second, "CANCEL_RESERVATION", reservation_id="SAME")
    told = answer(station, "CancelReservation", {"status": "Accepted"})
    ended("CANCEL_RESERVATION")

    assert cancelled.data["result"] == "ACCEPTED"
    assert told == {"reservationId": 2}
    statuses = at(A, lambda: list(Reservation.objects.order_by("pk").values_list("status")))
    assert statuses == [("accepted",), ("cancelled",)]
    hub.deliver()
    receivers = [
        request.headers["ocpi-to-party-id"]
        for request in hub.platform.requests
        if "/sender/commands/" in request.path
    ]
    assert receivers == ["AAA", "BBB", "BBB"]


def test_a_client_uses_no_token_of_another_client(station: Station, hub: Provider) -> None:
    token = {**hub.token(), "country_code": "DE", "party_id": "BBB"}
    headers = {"OCPI-from-country-code": "FR", "OCPI-from-party-id": "AAA"}

    reply = hub.command(
        "START_SESSION", headers=headers, token=token, location_id=STATION_ID,
        evse_uid="CS-001-1",
    )  # fmt: skip

    assert reply.data["result"] == "REJECTED"
    assert at(A, Command.objects.count) == 0


def test_the_hubs_token_goes_to_the_hub_alone(station: Station, hub: Provider) -> None:
    elsewhere = "https://203.0.113.7/results"

    reply = by(
        hub, CLIENTS[0], "START_SESSION", token=hub.token(), location_id=STATION_ID,
        response_url=elsewhere,
    )  # fmt: skip

    assert reply.status_code == 2001
    assert "response_url" in reply.envelope["status_message"]
    assert at(A, RemoteCommand.objects.count) == 0


# --- two operators ---


def test_a_partner_of_one_operator_commands_nothing_at_the_other(
    station: Station, provider: Provider, site: Site
) -> None:
    connect(provider.platform, site, B)

    reply = provider.start()

    assert reply.http == 401
    for schema_name in (A, B):
        assert at(schema_name, RemoteCommand.objects.count) == 0
        assert at(schema_name, Command.objects.count) == 0
