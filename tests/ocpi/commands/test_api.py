"""Commands and charging profiles between platforms over our own API."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.ocpi.models import OcpiSettings, PartnerLocation, PartnerSession, RemoteCommand
from cariflex.common.time import format_rfc3339, utc_now
from tests.assets.api.conftest import API, caller
from tests.chargers.server import A, B, at
from tests.contracts.ocpi_partner import OcpiPartner
from tests.ocpi.commands.conftest import OUR_UID
from tests.ocpi.server import Site

COMMANDS, PROFILES = f"{API}/roaming/commands", f"{API}/roaming/charging-profiles"
JSON = "application/json"
ROLES = (None, *Role)


@pytest.fixture
def keys(network: OcpiPartner, site: Site) -> dict[str, int]:
    """Ids of what the partner told us of; our address as partners reach it."""

    def write() -> dict[str, int]:
        root = site.root_url(A).removesuffix("/ocpi")
        OcpiSettings.objects.create(pk=1, public_url=root)
        location, session = PartnerLocation.objects.get(), PartnerSession.objects.get()
        return {"location": location.pk, "session": session.pk}

    return at(A, write)


def post(client: Client, url: str, body: dict[str, Any]) -> Any:
    return client.post(url, json.dumps(body), content_type=JSON)


def test_a_command_is_given_and_its_result_read(network: OcpiPartner, keys: dict[str, int]) -> None:
    client = caller(Role.OPERATIONS)

    reply = post(
        client,
        COMMANDS,
        {
            "kind": "START_SESSION", "location": keys["location"], "id_token": OUR_UID.lower(),
            "evse_uid": "EVSE1", "connector_id": "1",
        },
    )  # fmt: skip
    told = reply.json()
    ((_kind, body),) = network.commands
    network.call("POST", body["response_url"], {"result": "EVSE_OCCUPIED"})
    one = client.get(f"{COMMANDS}/{told['id']}").json()
    listed = client.get(f"{COMMANDS}?direction=out&kind=START_SESSION").json()

    assert reply.status_code == 201
    assert (told["response"], told["result"], told["timeout_s"]) == ("ACCEPTED", "", 30)
    assert (told["asked_by"], told["partner_name"]) == ("operations", "CPO CPO")
    assert (one["result"], one["ended_at"] is not None) == ("EVSE_OCCUPIED", True)
    assert listed == {"results": [one], "next": None}
    assert client.get(f"{COMMANDS}?direction=in").json()["results"] == []
    assert "key" not in one
    assert "response_url" not in one


def test_every_command_can_be_given(network: OcpiPartner, keys: dict[str, int]) -> None:
    client = caller(Role.OPERATOR_ADMIN)
    until = format_rfc3339(utc_now() + timedelta(hours=1))
    place = {"location": keys["location"], "evse_uid": "EVSE1"}

    reserved = post(
        client, COMMANDS,
        {"kind": "RESERVE_NOW", "id_token": OUR_UID, "expires_at": until, **place},
    ).json()  # fmt: skip
    replies = [
        post(client, COMMANDS, {"kind": "CANCEL_RESERVATION", "command": reserved["id"]}),
        post(client, COMMANDS, {"kind": "STOP_SESSION", "session": keys["session"]}),
        post(client, COMMANDS, {"kind": "UNLOCK_CONNECTOR", "connector_id": "1", **place}),
    ]

    assert [reply.status_code for reply in replies] == [201, 201, 201]
    assert [kind for kind, _body in network.commands] == [
        "RESERVE_NOW", "CANCEL_RESERVATION", "STOP_SESSION", "UNLOCK_CONNECTOR",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"kind": "START_SESSION"}, 400, "required", "location"),
        ({"kind": "START_SESSION", "location": 999}, 400, "unknown", "location"),
        ({"kind": "START_SESSION", "location": 0, "id_token": "X"}, 400, "min_value", "location"),
        ({"kind": "STOP_SESSION", "session": 999}, 400, "unknown", "session"),
        ({"kind": "CANCEL_RESERVATION", "command": 999}, 400, "unknown", "command"),
        ({"kind": "DANCE"}, 400, "invalid_choice", "kind"),
    ],
)
def test_a_command_that_cannot_be_given_is_refused_by_name(
    network: OcpiPartner, keys: dict[str, int], body: dict[str, Any], status: int, code: str,
    field: str,
) -> None:  # fmt: skip
    reply = post(caller(Role.OPERATIONS), COMMANDS, body)

    told = reply.json()
    assert (reply.status_code, told["code"], told["field"]) == (status, code, field)
    assert network.commands == []


def test_a_partner_that_is_away_is_a_conflict(network: OcpiPartner, keys: dict[str, int]) -> None:
    at(A, lambda: PartnerSession.objects.get().partner.endpoints.all().delete())

    reply = post(
        caller(Role.OPERATIONS), COMMANDS, {"kind": "STOP_SESSION", "session": keys["session"]}
    )

    assert (reply.status_code, reply.json()["code"]) == (409, "ocpi.endpoint_missing")


def test_charging_profiles_are_ordered_and_listed(
    network: OcpiPartner, keys: dict[str, int]
) -> None:
    client = caller(Role.OPERATIONS)
    network.command_response = {"result": "ACCEPTED", "timeout": 30}

    none = post(client, PROFILES, {"method": "PUT", "session": keys["session"]})
    wrong = post(client, PROFILES, {"method": "GET", "session": 999, "duration_s": 60})
    cleared = post(client, PROFILES, {"method": "DELETE", "session": keys["session"]})

    assert (none.status_code, none.json()["field"]) == (400, "charging_profile")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "session")
    assert cleared.status_code == 201
    told = cleared.json()
    assert (told["method"], told["session_id"]) == ("DELETE", "SES1")
    assert client.get(PROFILES).json()["results"] == [told]
    assert client.get(f"{PROFILES}/{told['id']}").json() == told


@pytest.mark.parametrize(
    ("method", "url", "statuses"),
    [
        ("GET", COMMANDS, (401, 200, 200, 200, 200, 403)),
        ("GET", f"{COMMANDS}/1", (401, 404, 404, 404, 404, 403)),
        ("POST", COMMANDS, (401, 400, 400, 403, 403, 403)),
        ("GET", PROFILES, (401, 200, 200, 200, 200, 403)),
        ("POST", PROFILES, (401, 400, 400, 403, 403, 403)),
    ],
)
def test_who_may(parties: None, method: str, url: str, statuses: tuple[int, ...]) -> None:
    found = [caller(role).generic(method, url, "{}", JSON).status_code for role in ROLES]

    assert tuple(found) == statuses


def test_another_operator_sees_and_sends_nothing(
    network: OcpiPartner, keys: dict[str, int]
) -> None:
    post(caller(Role.OPERATIONS), COMMANDS, {"kind": "STOP_SESSION", "session": keys["session"]})
    theirs = caller(Role.OPERATIONS, B)

    sent = post(theirs, COMMANDS, {"kind": "STOP_SESSION", "session": keys["session"]})

    assert (sent.status_code, sent.json()["field"]) == (400, "session")
    assert theirs.get(COMMANDS).json()["results"] == []
    assert theirs.get(f"{COMMANDS}/1").status_code == 404
    assert at(B, RemoteCommand.objects.count) == 0
    assert len(network.commands) == 1
