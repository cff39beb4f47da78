"""Who may do what: method, address and role -> status, at both operators."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.models import ApiToken
from apps.accounts.roles import Role
from apps.assets.models import Alarm, PushGrant, Reading, Sensor, Setpoint
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import format_rfc3339, utc_now
from tests.assets.api.conftest import API, caller, sensor_of, user_of
from tests.assets.conftest import battery_make, pv_make

ADMIN, OPERATIONS = Role.OPERATOR_ADMIN, Role.OPERATIONS
BILLING, ANALYST, PARTNER = Role.BILLING, Role.ANALYST, Role.PARTNER_API
JSON = "application/json"
SECRET = "a" * 32
"""What the browser's own page would have as its CSRF token."""

# method, address, and the status for each role in the order of COLUMNS.
COLUMNS = (None, ADMIN, OPERATIONS, BILLING, ANALYST, PARTNER)
READ = (401, 200, 200, 403, 200, 403)
TABLE: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("GET", "/sites", READ),
    ("GET", "/sites/island", READ),
    ("GET", "/devices", READ),
    ("GET", "/devices/bat-01", READ),
    ("GET", "/sensors", (401, 200, 200, 403, 200, 200)),
    ("GET", "/latest", READ),
    ("GET", "/readings?{range}", READ),
    ("GET", "/readings?{range}&format=csv", READ),
    ("GET", "/setpoints", READ),
    ("GET", "/setpoints/{setpoint}", READ),
    ("GET", "/alarms", READ),
    ("GET", "/schema", (401, 200, 200, 200, 200, 200)),
    ("GET", "/nothing", (401, 404, 404, 404, 404, 404)),
    ("POST", "/nothing", (401, 404, 404, 404, 404, 404)),
    ("GET", "/devices/unknown", (401, 404, 404, 403, 404, 403)),
    ("POST", "/setpoints", (401, 201, 201, 403, 403, 403)),
    ("POST", "/readings", (401, 200, 200, 403, 403, 200)),
    ("POST", "/alarms/{alarm}/acknowledge", (401, 200, 200, 403, 403, 403)),
    ("DELETE", "/sites/island", (401, 405, 405, 405, 405, 405)),
    ("PUT", "/readings", (401, 405, 405, 405, 405, 405)),
    ("POST", "/sensors", (401, 405, 405, 405, 405, 405)),
)
CASES = [
    pytest.param(method, address, role, status, id=f"{method} {address} {role}")
    for method, address, statuses in TABLE
    for role, status in zip(COLUMNS, statuses, strict=True)
]
BODIES = {
    "/setpoints": {"device": "bat-01", "power_kw": 5.0, "reason": "test", "minutes": 5},
    "/readings": [{"device": "bat-01", "quantity": "power_kw", "at": "{now}", "value": 1.5}],
}


@pytest.fixture
def scene(operators: tuple[Operator, Operator]) -> dict[str, Any]:
    """A battery with a set-point and an alarm at Guadeloupe, whose readings the partner sends."""
    battery = battery_make()
    now = utc_now()
    setpoint = Setpoint.objects.create(
        device=battery,
        power_kw=1.0,
        source="plan",
        reason="plan",
        requested_at=now,
        expires_at=now,
        status="expired",
    )
    alarm = Alarm.objects.create(device=battery, kind="communication", severity=2, raised_at=now)
    PushGrant.objects.create(user=user_of(PARTNER), device=battery)
    sensor = sensor_of(battery).pk
    return {
        "setpoint": setpoint.pk,
        "alarm": alarm.pk,
        "range": f"sensor={sensor}&start=2026-03-10T00:00:00Z&end=2026-03-11T00:00:00Z",
    }


def send(client: Client, method: str, address: str, scene: dict[str, Any]) -> Any:
    body = BODIES.get(address)
    if address == "/readings" and body is not None:
        body = [{**row, "at": format_rfc3339(utc_now())} for row in body]  # type: ignore[arg-type]
    path = API + address.format(**scene)
    if method == "GET":
        return client.get(path)
    return client.generic(method, path, _json(body), content_type=JSON)


def _json(body: object) -> bytes:
    return json.dumps(body if body is not None else {}).encode()


@pytest.mark.parametrize(("method", "address", "role", "status"), CASES)
def test_a_role_may_what_the_table_says(
    scene: dict[str, Any], method: str, address: str, role: Role | None, status: int
) -> None:
    reply = send(caller(role), method, address, scene)

    assert reply.status_code == status, getattr(reply, "content", b"")
    if status >= 400:
        assert reply["Content-Type"] == JSON
        assert set(reply.json()) >= {"code", "message", "field"}


@pytest.mark.parametrize("address", ["/sites/island", "/devices/bat-01", "/setpoints/{setpoint}"])
def test_another_operators_admin_finds_nothing_of_it(scene: dict[str, Any], address: str) -> None:
    reply = send(caller(ADMIN, "martinique"), "GET", address, scene)

    assert reply.status_code == 404


@pytest.mark.parametrize("address", ["/sites", "/devices", "/sensors", "/latest", "/setpoints"])
def test_another_operators_lists_are_its_own(scene: dict[str, Any], address: str) -> None:
    reply = send(caller(ADMIN, "martinique"), "GET", address, scene)

    assert reply.json() == {"results": [], "next": None}


@pytest.mark.parametrize("role", [ADMIN, OPERATIONS, ANALYST, PARTNER])
def test_a_token_of_one_operator_is_nothing_at_another(scene: dict[str, Any], role: Role) -> None:
    with operator_context("martinique"):
        user_of(role, "martinique")
    client = caller(role)

    at_home = client.get(f"{API}/sensors")
    abroad = client.get(f"{API}/sensors", headers={"host": "martinique.localhost"})

    assert at_home.status_code == 200
    assert abroad.status_code == 401
    assert abroad.json()["code"] == "authentication_failed"


def test_the_rows_of_a_token_are_in_its_operators_schema_alone(
    operators: tuple[Operator, Operator],
) -> None:
    caller(ANALYST)
    with operator_context("guadeloupe"):
        assert ApiToken.objects.count() == 1
    with operator_context("martinique"):
        assert ApiToken.objects.count() == 0


def test_a_session_reads_and_needs_the_csrf_token_to_write(scene: dict[str, Any]) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"}, enforce_csrf_checks=True)
    with operator_context("guadeloupe"):
        client.force_login(user_of(OPERATIONS))

    assert client.get(f"{API}/sites").status_code == 200
    refused = send(client, "POST", "/setpoints", scene)
    assert refused.status_code == 403
    assert refused.json()["code"] == "permission_denied"
    assert Setpoint.objects.filter(source="operator").count() == 0

    client.cookies[settings.CSRF_COOKIE_NAME] = SECRET
    client.defaults["HTTP_X_CSRFTOKEN"] = SECRET
    assert send(client, "POST", "/setpoints", scene).status_code == 201


def test_a_session_needs_the_csrf_token_to_send_readings(scene: dict[str, Any]) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"}, enforce_csrf_checks=True)
    with operator_context("guadeloupe"):
        client.force_login(user_of(OPERATIONS))

    assert send(client, "POST", "/readings", scene).status_code == 403
    assert Reading.objects.count() == 0


def test_a_partner_sees_the_sensors_of_its_devices_alone(scene: dict[str, Any]) -> None:
    pv_make()

    rows = caller(PARTNER).get(f"{API}/sensors").json()["results"]

    assert {row["device"] for row in rows} == {"bat-01"}
    assert len(rows) == Sensor.objects.filter(device__code="bat-01").count()


def test_a_partner_sends_readings_of_its_devices_alone(scene: dict[str, Any]) -> None:
    pv = pv_make()
    at = format_rfc3339(datetime.now(UTC))
    rows = [{"sensor": sensor_of(pv).pk, "at": at, "value": -1.0}]

    reply = caller(PARTNER).post(f"{API}/readings", rows, content_type=JSON)

    assert reply.status_code == 400
    assert reply.json()["errors"][0]["code"] == "sensor_unknown"
    assert Reading.objects.count() == 0
