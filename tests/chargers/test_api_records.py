"""Messages, meter values, states of connectors and availability over HTTP."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.chargers.choices import MessageDirection
from apps.chargers.models import ChargingStation, ConnectionChange, Session
from apps.chargers.ocpp.events import ConnectorReport
from apps.chargers.services import (
    LoggedFrame,
    connector_status_set,
    messages_store,
    station_register,
)
from apps.tenants.models import Operator
from tests.assets.api.conftest import API, caller
from tests.chargers.events import charging_of_five_events
from tests.chargers.test_sessions import apply

ROLES = (Role.OPERATOR_ADMIN, Role.OPERATIONS, Role.BILLING, Role.ANALYST)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = "start=2026-03-10T00:00:00Z&end=2026-03-11T00:00:00Z"
LISTS = (
    "/messages", "/connectors", f"/availability?{DAY}", "/stations/CS-001/status-changes",
    "/sessions/{session}/meter-values",
)  # fmt: skip


def frame(n: int, *, action: str = "Authorize", error: str = "") -> LoggedFrame:
    pk = ChargingStation.objects.get(station_id="CS-001").pk
    text = f'[2,"{n}","{action}",{{"idToken":{{"idToken":"04A2B3C4","type":"Central"}}}}]'
    # Two and two at the same instant: a page may end between them.
    at = NOON + timedelta(minutes=n // 2)
    return LoggedFrame(pk, MessageDirection.IN, 2, str(n), action, text, error, at)


def status(station: ChargingStation, value: str, at: datetime, error_code: str = "") -> None:
    report = ConnectorReport(evse_id=1, connector_id=1, status=value, at=at, error_code=error_code)
    connector_status_set(station_pk=station.pk, report=report)


@pytest.fixture
def scene(station: ChargingStation, operator_b: Operator) -> dict[str, int]:
    """CS-001: online since noon, available for an hour, faulted for one, available again."""
    for payload in charging_of_five_events():
        apply(station, payload)
    messages_store(
        [frame(n) for n in range(4)] + [frame(4, action="Boom", error="FormatViolation")]
    )
    ConnectionChange.objects.create(station=station, is_online=True, at=NOON)
    status(station, "Available", NOON)
    status(station, "Faulted", NOON + HOUR, "GroundFailure")
    status(station, "Available", NOON + 2 * HOUR)
    return {"session": Session.objects.get().pk}


def rows(client: Any, address: str) -> list[dict[str, Any]]:
    reply = client.get(API + address)
    assert reply.status_code == 200, reply.content
    found: list[dict[str, Any]] = reply.json()["results"]
    return found


def test_who_may_read_and_whose_rows_they_are(scene: dict[str, int]) -> None:
    clients = {role: caller(role) for role in ROLES}
    partner, nobody, other = (
        caller(Role.PARTNER_API), caller(), caller(Role.OPERATOR_ADMIN, "martinique"),
    )  # fmt: skip

    for address in LISTS:
        path = API + address.format(**scene)
        for role, client in clients.items():
            assert client.get(path).status_code == 200, (role, path)
        assert partner.get(path).status_code == 403, path
        assert nobody.get(path).status_code == 401, path
        assert clients[Role.OPERATIONS].post(path).status_code == 405, path
        told = other.get(path)
        if "{session}" in address or "/stations/" in address:
            assert told.status_code == 404, path
        else:
            assert told.json() == {"results": [], "next": None}, path


def test_the_message_log_is_searched_and_paged_without_secrets(scene: dict[str, int]) -> None:
    client = caller(Role.OPERATIONS)

    whole = rows(client, "/messages")
    assert [row["message_id"] for row in whole] == ["4", "3", "2", "1", "0"]
    assert whole[0]["station"] == "CS-001"
    assert "04A2B3C4" not in json.dumps(whole)
    pages, url = [], f"{API}/messages?limit=2"
    while url:
        page = client.get(url).json()
        pages += page["results"]
        url = page["next"]
    assert pages == whole

    def found(query: str) -> list[str]:
        return [row["message_id"] for row in rows(client, f"/messages?{query}")]

    assert found("action=Boom") == found("error=violation") == found("has_error=true") == ["4"]
    assert found("station=CS-002") == found("direction=out") == []
    assert found("start=2026-03-10T12:01:00Z&end=2026-03-10T12:02:00Z") == ["3", "2"]
    assert found("after=999999999") == [], "it was deleted for its age"


@pytest.mark.parametrize(
    ("address", "code", "field"),
    [
        ("/messages?station_id=CS-001", "unknown_parameter", "station_id"),
        ("/messages?direction=up", "invalid_choice", "direction"),
        ("/messages?start=2026-03-10T12:00:00", "naive", "start"),
        (
            "/messages?start=2026-03-11T00:00:00Z&end=2026-03-10T00:00:00Z", "invalid", "end",
        ),
        ("/availability", "required", "start"),
        (
            "/availability?start=2024-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", "invalid", "end",
        ),
        (f"/availability?{DAY}&limit=201", "max_value", "limit"),
        ("/connectors?status=Sleeping", "invalid_choice", "status"),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(
    scene: dict[str, int], address: str, code: str, field: str
) -> None:
    reply = caller(Role.ANALYST).get(API + address)

    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (400, code, field)


def test_the_meter_rows_of_a_session(scene: dict[str, int]) -> None:
    client = caller(Role.BILLING)
    address = f"/sessions/{scene['session']}/meter-values"

    whole = rows(client, address)
    energy = rows(client, f"{address}?measurand=Energy.Active.Import.Register")

    assert {row["measurand"] for row in energy} == {"Energy.Active.Import.Register"}
    assert len(energy) <= len(whole)
    assert [row["seq_no"] for row in energy] == sorted(row["seq_no"] for row in energy)
    session = rows(client, "/sessions")[0]
    first, last = (float(energy[n]["value"]) for n in (0, -1))
    assert last - first == pytest.approx(float(session["energy_kwh"]))
    assert (session["doubts"], session["checked_at"]) == ([], None)


def test_sessions_are_found_by_when_they_began(scene: dict[str, int]) -> None:
    client = caller(Role.PARTNER_API)
    began = Session.objects.get().started_at

    at, later = began.isoformat(), (began + HOUR).isoformat()
    query = {"start": at, "end": later}

    assert len(client.get(f"{API}/sessions", query).json()["results"]) == 1
    assert client.get(f"{API}/sessions", {"start": later}).json()["results"] == []
    assert client.get(f"{API}/sessions", {"end": at}).json()["results"] == []


def test_connectors_and_the_states_they_were_in(scene: dict[str, int]) -> None:
    client = caller(Role.ANALYST)

    (connector,) = rows(client, "/connectors?station=CS-001")
    assert (connector["evse_id"], connector["connector_id"]) == (1, 1)
    assert (connector["status"], connector["connection_state"]) == ("Available", "offline")
    assert rows(client, "/connectors?status=Faulted") == []
    changes = rows(client, "/stations/CS-001/status-changes")
    assert [(row["status"], row["error_code"]) for row in changes] == [
        ("Available", ""), ("Faulted", "GroundFailure"), ("Available", ""),
    ]  # fmt: skip
    only = "?start=2026-03-10T12:30:00Z&end=2026-03-10T13:30:00Z"
    assert [row["at"] for row in rows(client, f"/stations/CS-001/status-changes{only}")] == [
        "2026-03-10T13:00:00Z"
    ]


def test_availability_of_a_station_and_its_connectors(scene: dict[str, int]) -> None:
    period = "start=2026-03-10T12:00:00Z&end=2026-03-10T16:00:00Z"

    (told,) = rows(caller(Role.OPERATIONS), f"/availability?{period}&station=CS-001")

    # Four hours, one of them faulted: 3/4.
    (connector,) = told["connectors"]
    for one in (told["whole"], connector):
        assert (one["availability_percent"], one["up_s"], one["faulted_s"]) == (75, 10800, 3600)
        assert (one["outages"], one["mean_time_to_recover_s"]) == (1, 3600)
    assert (connector["evse_id"], connector["connector_id"]) == (1, 1)


def test_a_station_of_which_nothing_is_known(station: ChargingStation) -> None:
    (told,) = rows(caller(Role.OPERATIONS), f"/availability?{DAY}")

    assert told["whole"]["availability_percent"] is None
    assert told["whole"]["unknown_s"] == 24 * 3600
    assert told["whole"]["plug_in_success_percent"] is None


def test_each_list_has_a_query_budget_and_pages(scene: dict[str, int]) -> None:
    client = caller(Role.ANALYST)

    def selects(ask: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as queries:
            ask()
        return sum(q["sql"].startswith("SELECT") or "WITH" in q["sql"] for q in queries)

    few = {one: selects(lambda one=one: rows(client, one.format(**scene))) for one in LISTS}
    for n in range(5):
        station_register(station_id=f"MORE-{n}", rated_power_kw=22.0, evses=2)
        status(ChargingStation.objects.get(station_id="CS-001"), "Occupied", NOON + (n + 3) * HOUR)
    messages_store([frame(n) for n in range(10, 15)])
    for address in LISTS:
        path = address.format(**scene)
        assert selects(lambda path=path: rows(client, path)) <= few[address], address
        limit = "&limit=2" if "?" in path else "?limit=2"
        if "meter-values" in path:
            limit += "&measurand=Energy.Active.Import.Register"
            path_whole = f"{path}?measurand=Energy.Active.Import.Register"
        else:
            path_whole = path
        pages: list[dict[str, Any]] = []
        url = API + path + limit
        while url:
            page = client.get(url).json()
            pages += page["results"]
            url = page["next"]
        assert pages == rows(client, path_whole), address
        assert len(pages) > 2, address
