"""The operator's list of tokens over HTTP."""

import json
from typing import Any

import pytest

from apps.accounts.roles import Role
from apps.chargers.models import IdToken, TokenGroup
from apps.chargers.services import token_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.api.conftest import API, caller

TOKENS = f"{API}/tokens"


@pytest.fixture
def known(operator_a: Operator, operator_b: Operator) -> int:
    """A token of Guadeloupe; Martinique has one with the same text."""
    with operator_context("martinique"):
        token_register(id_token="04A2B3C4", note="of Martinique")
    with operator_context("guadeloupe"):
        TokenGroup.objects.create(group_id="FLEET", name="Fleet")
        return token_register(id_token="04A2B3C4", note="blue card").pk


def send(client: Any, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def test_what_each_role_may(known: int) -> None:
    one = f"{TOKENS}/{known}"
    calls = (
        ("GET", TOKENS, None), ("GET", one, None), ("POST", TOKENS, {"id_token": "NEW-1"}),
        ("PATCH", one, {"note": "seen"}), ("DELETE", one, None),
    )  # fmt: skip
    table = {
        None: (401,) * 5,
        Role.PARTNER_API: (403,) * 5,
        Role.ANALYST: (200, 200, 403, 403, 403),
        Role.BILLING: (200, 200, 403, 403, 403),
        Role.OPERATIONS: (200, 200, 201, 200, 403),
        # NEW-1 is there already.
        Role.OPERATOR_ADMIN: (200, 200, 409, 200, 204),
    }

    for role, statuses in table.items():
        client = caller(role)
        told = tuple(send(client, *call).status_code for call in calls)
        assert told == statuses, role
    assert [token.id_token for token in IdToken.objects.all()] == ["NEW-1"]


def test_a_token_is_added_found_changed_and_removed(known: int) -> None:
    client = caller(Role.OPERATOR_ADMIN)
    body = {
        "id_token": "FR-CFX-C12345678-X", "type": "eMAID", "group": "FLEET", "note": "van",
        "expires_at": "2027-01-01T00:00:00+01:00", "charging_priority": 3,
    }  # fmt: skip

    added = send(client, "POST", TOKENS, body)
    assert added.status_code == 201, added.content
    told = added.json()
    assert (told["id_token_masked"], told["group"], told["status"]) == (
        "•••678X",
        "FLEET",
        "Accepted",
    )
    assert told["expires_at"] == "2026-12-31T23:00:00Z"
    # The hyphens of a contract mean nothing (ISO 15118-2 annex H).
    row = IdToken.objects.get(pk=told["id"])
    assert row.id_token == "FRCFXC12345678X"
    for query in ("id_token=frcfxc12345678x", "group=FLEET", "type=eMAID"):
        assert [one["id"] for one in client.get(f"{TOKENS}?{query}").json()["results"]] == [row.pk]
    blocked = send(client, "PATCH", f"{TOKENS}/{row.pk}", {"status": "Blocked", "group": None})
    assert (blocked.json()["status"], blocked.json()["group"]) == ("Blocked", None)
    assert blocked.json()["note"] == "van", "what was left out stays"
    assert client.get(f"{TOKENS}?status=Blocked").json()["results"] == [blocked.json()]
    assert send(client, "DELETE", f"{TOKENS}/{row.pk}").status_code == 204
    assert client.get(f"{TOKENS}/{row.pk}").status_code == 404
    pages = client.get(f"{TOKENS}?limit=1").json()
    assert (len(pages["results"]), pages["next"]) == (1, None)
    assert "04A2B3C4" not in json.dumps(pages)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "required", "id_token"),
        ({"id_token": "04a2b3c4"}, 409, "chargers.token_exists", "id_token"),
        ({"id_token": "x" * 37}, 400, "max_length", "id_token"),
        ({"id_token": "a\tb"}, 400, "chargers.token_invalid", "id_token"),
        ({"id_token": "N", "group": "NOPE"}, 400, "does_not_exist", "group"),
        ({"id_token": "N", "charging_priority": 10}, 400, "max_value", "charging_priority"),
        ({"id_token": "N", "expires_at": "2027-01-01T00:00:00"}, 400, "naive", "expires_at"),
        (
            {"id_token": "N", "valid_from": "2027-01-02T00:00:00Z",
             "expires_at": "2027-01-01T00:00:00Z"},
            400, "chargers.token_never_valid", "expires_at",
        ),
        ({"id_token": "N", "colour": "blue"}, 400, "unknown_field", "colour"),
    ],
)  # fmt: skip
def test_a_token_that_cannot_be_is_refused(
    known: int, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    reply = send(caller(Role.OPERATIONS), "POST", TOKENS, body)

    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (status, code, field)
    assert IdToken.objects.count() == 1


def test_the_text_of_a_token_stays(known: int) -> None:
    reply = send(caller(Role.OPERATIONS), "PATCH", f"{TOKENS}/{known}", {"id_token": "OTHER"})

    assert (reply.status_code, reply.json()["code"]) == (400, "unknown_field")
    assert IdToken.objects.get().id_token == "04A2B3C4"


def test_another_operators_token_is_not_found(known: int) -> None:
    with operator_context("martinique"):
        theirs = IdToken.objects.get()
        IdToken.objects.filter(pk=theirs.pk).update(id=10**9)
    client = caller(Role.OPERATOR_ADMIN, "martinique")
    one = f"{TOKENS}/{known}"

    statuses = [
        send(client, method, one, body).status_code
        for method, body in (("GET", None), ("PATCH", {"note": "stolen"}), ("DELETE", None))
    ]

    assert statuses == [404, 404, 404]
    assert [row["note"] for row in client.get(TOKENS).json()["results"]] == ["of Martinique"]
    with operator_context("guadeloupe"):
        assert IdToken.objects.get(pk=known).note == "blue card"
