"""Stations, sessions and orders over HTTP: who may, what is refused, pages, query budgets."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.chargers.models import ChargingStation, Command, CommandBatch, Session
from apps.chargers.ocpp.device_model import VariableValue
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import connection_open, intents, station_register
from apps.chargers.services.command_batches import batch_start
from apps.chargers.services.device_model import variables_store
from apps.chargers.tasks import command_batch_run
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.api.conftest import API, caller
from tests.chargers.conftest import STATION_ID
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_sessions import apply

ADMIN, OPERATIONS = Role.OPERATOR_ADMIN, Role.OPERATIONS
BILLING, ANALYST, PARTNER = Role.BILLING, Role.ANALYST, Role.PARTNER_API
NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
JSON = "application/json"
COLUMNS = (None, ADMIN, OPERATIONS, BILLING, ANALYST, PARTNER)
READ = (401, 200, 200, 200, 200, 403)
GIVE = (401, 201, 201, 403, 403, 403)
TABLE: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("GET", "/stations", READ),
    ("GET", "/stations/CS-001", READ),
    ("GET", "/stations/CS-001/variables", READ),
    ("GET", "/stations/CS-001/commands", READ),
    ("POST", "/stations/CS-001/commands", GIVE),
    ("GET", "/sessions", (401, 200, 200, 200, 200, 200)),
    ("GET", "/sessions/{session}", (401, 200, 200, 200, 200, 200)),
    ("GET", "/commands/{command}", READ),
    ("GET", "/command-batches", READ),
    ("POST", "/command-batches", GIVE),
    ("GET", "/command-batches/{batch}", READ),
    ("GET", "/command-batches/{batch}/commands", READ),
    ("GET", "/stations/NOPE", (401, 404, 404, 404, 404, 403)),
    ("POST", "/stations/NOPE/commands", (401, 404, 404, 403, 403, 403)),
    ("DELETE", "/stations/CS-001", (401, 405, 405, 405, 405, 405)),
)
CASES = [
    pytest.param(method, address, role, status, id=f"{method} {address} {role}")
    for method, address, statuses in TABLE
    for role, status in zip(COLUMNS, statuses, strict=True)
]
ORDER = {"action": "ClearCache", "reason": "test"}


@pytest.fixture
def scene(operator_a: Operator, operator_b: Operator, station: ChargingStation) -> dict[str, int]:
    """CS-001 of Guadeloupe, online, with a session, a variable, an order and a bulk order."""
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=OcppVersion.V201)
    for payload in charging_of_five_events():
        apply(station, payload)
    value = VariableValue("ChargingStation", "Model", "Wall 22")
    variables_store(station_pk=station.pk, values=[value], told_at=NOW)
    command = intents.cache_clear(station_id=STATION_ID)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)
    command_batch_run(batch.pk)
    return {
        "session": Session.objects.get().pk,
        "command": command.pk,
        "batch": batch.pk,
    }


def send(client: Any, method: str, address: str, scene: dict[str, int], body: Any = None) -> Any:
    path = API + address.format(**scene)
    if method == "GET":
        return client.get(path)
    if body is None:
        body = {**ORDER, "all": True} if "batches" in address else ORDER
    return client.generic(method, path, json.dumps(body), content_type=JSON)


@pytest.mark.parametrize(("method", "address", "role", "status"), CASES)
def test_a_role_may_what_the_table_says(
    scene: dict[str, int], method: str, address: str, role: Role | None, status: int
) -> None:
    reply = send(caller(role), method, address, scene)

    assert reply.status_code == status, reply.content
    if status >= 400:
        assert set(reply.json()) == {"code", "message", "field"}


@pytest.mark.parametrize(
    "address",
    [
        "/stations/CS-001", "/stations/CS-001/commands", "/stations/CS-001/variables",
        "/sessions/{session}", "/commands/{command}", "/command-batches/{batch}",
        "/command-batches/{batch}/commands",
    ],
)  # fmt: skip
def test_another_operators_admin_finds_nothing_of_it(scene: dict[str, int], address: str) -> None:
    assert send(caller(ADMIN, "martinique"), "GET", address, scene).status_code == 404


@pytest.mark.parametrize("address", ["/stations", "/sessions", "/command-batches"])
def test_another_operators_lists_are_its_own(scene: dict[str, int], address: str) -> None:
    reply = send(caller(ADMIN, "martinique"), "GET", address, scene)

    assert reply.json() == {"results": [], "next": None}


def test_an_order_to_another_operators_station_is_not_found(scene: dict[str, int]) -> None:
    reply = send(caller(ADMIN, "martinique"), "POST", "/stations/CS-001/commands", scene)

    assert (reply.status_code, reply.json()["code"]) == (404, "chargers.station_unknown")
    with operator_context("martinique"):
        assert Command.objects.count() == 0


def test_a_station_and_a_session_as_they_stand(scene: dict[str, int]) -> None:
    client = caller(ANALYST)

    station = client.get(f"{API}/stations/CS-001").json()
    assert (station["station_id"], station["ocpp_version"]) == ("CS-001", "2.0.1")
    assert [evse["evse_id"] for evse in station["evses"]] == [1]
    assert "password_hash" not in station
    session = client.get(f"{API}/sessions?transaction_id=tx-1").json()["results"][0]
    assert (session["energy_kwh"], session["state"]) == ("9.00055", "ended")
    assert session["id_token_masked"] == "•••B3C4"
    assert "04A2B3C4" not in json.dumps(session)
    variables = client.get(f"{API}/stations/CS-001/variables").json()["results"]
    assert [(row["variable"], row["value"]) for row in variables] == [("Model", "Wall 22")]


def test_an_order_says_who_and_why(scene: dict[str, int]) -> None:
    body = {"action": "Reset", "payload": {"type": "OnIdle"}, "reason": "after the storm"}

    reply = send(caller(OPERATIONS), "POST", "/stations/CS-001/commands", scene, body)

    (command,) = reply.json()["commands"]
    assert (command["action"], command["payload"]) == ("Reset", {"type": "OnIdle"})
    assert (command["status"], command["reason"]) == ("queued", "after the storm")
    assert (command["requested_by"], command["latency_s"]) == ("operations", None)
    assert Command.objects.get(pk=command["id"]).requested_by is not None


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"action": "Reset", "payload": {"type": "Now"}}, "command.payload_invalid",
         "payload.type"),
        ({"action": "Heartbeat"}, "command.not_for_stations", "action"),
        ({"action": "Dance"}, "command.action_unknown", "action"),
        ({"action": "Reset", "payload": []}, "not_a_dict", "payload"),
        ({"payload": {}}, "required", "action"),
        ({"action": "x" * 41}, "max_length", "action"),
        ({"action": "ClearCache", "reason": "x" * 201}, "max_length", "reason"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["/stations/CS-001/commands", "/command-batches"])
def test_an_order_that_makes_no_sense_is_refused(
    scene: dict[str, int], address: str, body: dict[str, Any], code: str, field: str
) -> None:
    before = Command.objects.count(), CommandBatch.objects.count()
    if "batches" in address:
        body = {**body, "all": True}

    reply = send(caller(OPERATIONS), "POST", address, scene, body)

    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (400, code, field)
    assert (Command.objects.count(), CommandBatch.objects.count()) == before


@pytest.mark.parametrize(
    ("stations", "code"),
    [
        ({}, "required"),
        ({"all": True, "station_ids": ["CS-001"]}, "required"),
        ({"station_ids": []}, "empty"),
        ({"station_ids": ["CS-001", "NOPE"]}, "chargers.station_unknown"),
    ],
)
def test_a_bulk_order_names_its_stations_or_all(
    scene: dict[str, int], stations: dict[str, Any], code: str
) -> None:
    body = {**ORDER, **stations}

    reply = send(caller(OPERATIONS), "POST", "/command-batches", scene, body)

    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert reply.json()["field"] == "station_ids"


def test_a_bulk_order_and_its_results(scene: dict[str, int]) -> None:
    client = caller(OPERATIONS)
    station_register(station_id="CS-002", rated_power_kw=22.0)
    body = {**ORDER, "station_ids": ["CS-001", "CS-002"]}

    batch = send(client, "POST", "/command-batches", scene, body).json()
    assert (batch["stations"], batch["waiting"], batch["is_ended"]) == (2, 2, False)
    command_batch_run(batch["id"])

    seen = client.get(f"{API}/command-batches/{batch['id']}").json()
    assert (seen["waiting"], seen["queued"], seen["failed"], seen["ended"]) == (0, 1, 1, 1)
    failed = client.get(f"{API}/command-batches/{batch['id']}/commands?status=failed").json()
    assert [(row["station"], row["error"]) for row in failed["results"]] == [
        ("CS-002", "The station is not connected.")
    ]


@pytest.mark.parametrize(
    ("address", "budget"),
    [
        ("stations", 6),
        ("stations/CS-001/commands", 5),
        ("stations/CS-001/variables", 5),
        ("sessions", 4),
        ("command-batches", 5),
        ("command-batches/{batch}/commands", 5),
    ],
)
def test_a_list_keeps_its_query_budget_and_its_pages(
    scene: dict[str, int], address: str, budget: int
) -> None:
    station = ChargingStation.objects.get(station_id=STATION_ID)
    for n in range(4):
        station_register(station_id=f"MORE-{n}", rated_power_kw=22.0, evses=2)
        intents.cache_clear(station_id=STATION_ID)
        batch_start(action="ClearCache", payload={}, station_ids=None)
        event = {**charging_of_five_events()[0]}
        event["transactionInfo"] = {"transactionId": f"tx-{n + 2}"}
        apply(station, event)
        value = VariableValue("EVSE", f"V{n}", "1")
        variables_store(station_pk=station.pk, values=[value], told_at=NOW)
    command_batch_run(scene["batch"])
    Command.objects.update(batch=scene["batch"])
    client = caller(ANALYST)
    path = f"{API}/{address.format(**scene)}"

    with CaptureQueriesContext(
        connection,
    ) as queries:
        whole = client.get(path).json()["results"]
    pages, url = [], f"{path}?limit=2"
    while url:
        page = client.get(url).json()
        assert len(page["results"]) <= 2
        pages += page["results"]
        url = page["next"]

    assert len(whole) >= 5
    assert pages == whole
    selects = [q["sql"] for q in queries.captured_queries if q["sql"].startswith("SELECT")]
    assert len(selects) <= budget, selects
