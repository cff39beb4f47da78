"""The real FlexMeasures of the stack: provisioning of an operator, log-in, a battery's schedule."""

import asyncio
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.stack

ACCOUNT = {
    "name": "Marie-Galante",
    "email": "service@marie-galante.cariflex.energy",
    "username": "cariflex-marie-galante",
    "password": "first-password-of-the-service-user",
}


def post(
    servers: Stack, path: str, body: object, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["X-Cariflex-Token"] = token
    link = http.client.HTTPConnection("127.0.0.1", servers.ports.flexmeasures, timeout=60)
    try:
        link.request("POST", path, json.dumps(body), headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        link.close()


def provision(servers: Stack, **changes: object) -> tuple[int, dict[str, Any]]:
    token = servers.secrets["FLEXMEASURES_PROVISION_TOKEN"]
    return post(servers, "/cariflex/accounts", {**ACCOUNT, **changes}, token)


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_provisioning_refuses_a_wrong_token(servers: Stack, token: str | None) -> None:
    status, answer = post(servers, "/cariflex/accounts", ACCOUNT, token)

    assert status == 403
    assert "account_id" not in answer


@pytest.mark.parametrize(
    "changes",
    [{"email": "not an address"}, {"password": ""}, {"name": "x" * 101}, {"username": None}],
)
def test_provisioning_refuses_unusable_fields(servers: Stack, changes: dict[str, object]) -> None:
    status, answer = provision(servers, **changes)

    assert status == 422
    assert answer["error"]


def test_provisioning_makes_one_account_however_often_it_is_asked(servers: Stack) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: provision(
                    servers,
                    name="Saba",
                    email="service@saba.cariflex.energy",
                    username="cariflex-saba",
                ),
                range(4),
            )
        )

    assert [status for status, _ in answers] == [200] * 4
    assert len({answer["account_id"] for _, answer in answers}) == 1
    assert sorted(answer["created"] for _, answer in answers) == [False, False, False, True]


def test_a_changed_password_is_taken_over(servers: Stack) -> None:
    provision(servers)
    provision(servers, password="second-password-of-the-service-user")

    old = {"email": ACCOUNT["email"], "password": ACCOUNT["password"]}
    new = {"email": ACCOUNT["email"], "password": "second-password-of-the-service-user"}
    assert post(servers, "/api/requestAuthToken", old)[0] == 401
    status, answer = post(servers, "/api/requestAuthToken", new)
    assert status == 200
    assert answer["auth_token"]


def test_a_user_of_another_account_is_not_moved(servers: Stack) -> None:
    provision(servers)

    status, answer = provision(servers, name="Another operator")

    assert status == 422
    assert "another account" in answer["error"]


def test_a_battery_charges_when_energy_is_cheap(servers: Stack) -> None:
    _status, account = provision(servers)

    schedule = asyncio.run(_plan_a_battery(servers, account["account_id"]))

    # Eight quarter hours at 10 EUR/MWh, then eight at 200: 10 kWh bought cheap are sold dear.
    values = schedule["values"]
    assert len(values) == 16
    assert all(power_kw >= 0 for power_kw in values[:8])
    assert all(power_kw <= 0 for power_kw in values[8:])
    assert sum(values[:8]) * 0.25 == pytest.approx(10, abs=0.1)
    assert sum(values[8:]) * 0.25 == pytest.approx(-10, abs=0.1)


def test_more_triggers_than_the_default_limit_are_accepted(servers: Stack) -> None:
    _status, account = provision(servers)

    jobs = asyncio.run(_trigger_often(servers, account["account_id"], 12))

    assert len(jobs) == 12


def _client(servers: Stack) -> Any:
    from flexmeasures_client import FlexMeasuresClient

    return FlexMeasuresClient(
        email=ACCOUNT["email"],
        password=ACCOUNT["password"],
        host=f"127.0.0.1:{servers.ports.flexmeasures}",
    )


async def _battery(client: Any, account_id: int, name: str) -> tuple[int, int, dict[str, Any]]:
    types = {entry["name"]: entry["id"] for entry in await client.get_asset_types()}
    asset = await client.add_asset(
        name=name,
        account_id=account_id,
        latitude=16.24,
        longitude=-61.53,
        generic_asset_type_id=types["battery"],
    )
    power = await client.add_sensor(
        name="power",
        event_resolution="PT15M",
        unit="kW",
        generic_asset_id=asset["id"],
        timezone="America/Guadeloupe",
    )
    model = {
        "sensor": power["id"],
        "soc-at-start": "5 kWh",
        "soc-min": "5 kWh",
        "soc-max": "15 kWh",
        "power-capacity": "10 kW",
        "roundtrip-efficiency": "100%",
    }
    return asset["id"], power["id"], model


START = "2026-03-02T00:00:00-04:00"
DEAR_FROM = "2026-03-02T02:00:00-04:00"
END = "2026-03-02T04:00:00-04:00"


async def _plan_a_battery(servers: Stack, account_id: int) -> dict[str, Any]:
    client = _client(servers)
    try:
        asset_id, sensor_id, model = await _battery(client, account_id, "battery")
        price = [
            {"start": START, "end": DEAR_FROM, "value": "10 EUR/MWh"},
            {"start": DEAR_FROM, "end": END, "value": "200 EUR/MWh"},
        ]
        context = {
            "consumption-price": price,
            "production-price": price,
            "site-power-capacity": "100 kW",
        }
        schedules = await client.trigger_and_get_schedule(
            start=START,
            duration="PT4H",
            flex_model=[model],
            flex_context=context,
            asset_id=asset_id,
            timeout=120,
            polling_interval=1,
        )
    finally:
        await client.close()
    entries: list[dict[str, Any]] = schedules if isinstance(schedules, list) else [schedules]
    return next(entry for entry in entries if entry.get("sensor") in (sensor_id, None))


async def _trigger_often(servers: Stack, account_id: int, times: int) -> list[str]:
    client = _client(servers)
    try:
        asset_id, _sensor_id, model = await _battery(client, account_id, "often")
        return [
            await client.trigger_schedule(
                start=START,
                duration="PT1H",
                flex_model=[{**model, "soc-at-start": f"{5 + number / 10} kWh"}],
                flex_context={"consumption-price": "10 EUR/MWh", "site-power-capacity": "100 kW"},
                asset_id=asset_id,
            )
            for number in range(times)
        ]
    finally:
        await client.close()
