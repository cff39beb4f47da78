"""Lists: filters, keyset pages that stay put, and a query budget."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.assets.models import Alarm, Device, SensorLatest, Setpoint
from apps.assets.services import site_register
from cariflex.common.time import utc_now
from tests.assets.api.conftest import API, caller, sensor_of
from tests.assets.conftest import battery_make, pv_make

pytestmark = pytest.mark.usefixtures("operators")
BUDGET = 5
"""SELECTs: the token with its user, two for the permissions, the rows; one to spare."""


def rows_of(client: Client, address: str) -> list[dict[str, Any]]:
    reply = client.get(f"{API}/{address}")
    assert reply.status_code == 200, reply.content
    rows: list[dict[str, Any]] = reply.json()["results"]
    return rows


def all_pages(client: Client, address: str, between: Callable[[], object] = lambda: None) -> Any:
    """Every row, following `next`; `between` runs before each further page."""
    rows, url = [], f"{API}/{address}"
    while url:
        reply = client.get(url)
        assert reply.status_code == 200, reply.content
        rows += reply.json()["results"]
        url = reply.json()["next"]
        between()
    return rows


def setpoint_make(device: Device, n: int) -> Setpoint:
    now = utc_now()
    return Setpoint.objects.create(
        device=device,
        power_kw=float(n),
        source="plan",
        reason=f"slot {n}",
        requested_at=now,
        expires_at=now + timedelta(minutes=5),
        status="superseded",
    )


def alarm_make(device: Device, n: int, **over: Any) -> Alarm:
    return Alarm.objects.create(
        device=device, kind="stale", code=f"s{n}", severity=1, raised_at=utc_now(), **over
    )


def test_a_device_is_shown_with_codes_and_without_its_network_address() -> None:
    battery_make()

    row = caller(Role.ANALYST).get(f"{API}/devices/bat-01").json()

    assert (row["code"], row["site"], row["kind"]) == ("bat-01", "island", "battery")
    assert (row["rated_power_kw"], row["capacity_kwh"]) == (100.0, 200.0)
    assert not {"host", "port", "unit_id"} & row.keys()


def test_an_address_answers_with_and_without_a_slash_at_its_end() -> None:
    battery_make()
    client = caller(Role.ANALYST)

    assert client.get(f"{API}/devices/").json() == client.get(f"{API}/devices").json()
    assert client.get(f"{API}/devices/bat-01/").json()["code"] == "bat-01"


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("devices?kind=pv", ["pv-01"]),
        ("devices?kind=battery", ["bat-01", "bat-02"]),
        ("devices?site=island&kind=meter", []),
        ("devices?site=other", []),
        ("devices?stage=in_service", ["bat-01", "bat-02", "pv-01"]),
        ("devices?stage=new", []),
    ],
)
def test_devices_are_filtered(address: str, codes: list[str]) -> None:
    battery_make()
    battery_make("bat-02", port=504)
    pv_make()

    assert [row["code"] for row in rows_of(caller(Role.ANALYST), address)] == codes


def test_sensors_are_filtered_by_device_quantity_and_channel() -> None:
    battery_make()
    pv_make()

    rows = rows_of(caller(Role.ANALYST), "sensors?device=pv-01&quantity=power_kw&channel=")

    assert [(r["device"], r["quantity"], r["channel"], r["unit"]) for r in rows] == [
        ("pv-01", "power_kw", "", "kW")
    ]


def test_latest_values_carry_their_age_and_old_ones_are_stale() -> None:
    battery, pv = battery_make(), pv_make()
    now = utc_now()
    SensorLatest.objects.create(sensor=sensor_of(battery), at=now, value=12.5, quality=0)
    old = now - timedelta(seconds=60)
    SensorLatest.objects.create(sensor=sensor_of(pv), at=old, value=-3.0, quality=0)
    broken = sensor_of(battery, "soc_percent")
    SensorLatest.objects.create(sensor=broken, at=now, value=float("nan"), quality=2)
    client = caller(Role.ANALYST)

    rows = {
        (row["sensor"]["device"], row["sensor"]["quantity"]): row
        for row in rows_of(client, "latest")
    }

    good = rows["bat-01", "power_kw"]
    assert (good["value"], good["quality"]) == (12.5, "good")
    assert 0 <= good["age_s"] < 2
    stale = rows["pv-01", "power_kw"]
    assert (stale["value"], stale["quality"]) == (-3.0, "stale")
    assert 60 <= stale["age_s"] < 62
    assert rows["bat-01", "soc_percent"]["value"] is None
    assert rows["bat-01", "soc_percent"]["quality"] == "bad"
    assert len(rows_of(client, "latest?device=pv-01")) == 1
    assert len(rows_of(client, "latest?quantity=soc_percent&site=island")) == 1


def test_pages_of_newest_first_stay_put_while_set_points_are_added() -> None:
    battery = battery_make()
    before = [setpoint_make(battery, n).pk for n in range(7)]

    rows = all_pages(caller(Role.ANALYST), "setpoints?limit=3", lambda: setpoint_make(battery, 99))

    assert [row["id"] for row in rows] == before[::-1]


def test_pages_of_oldest_first_take_up_what_is_added_behind() -> None:
    for n in range(5):
        site_register(code=f"site-{n}", name="Site")
    added = iter(["site-5", "site-6"])

    def add() -> None:
        code = next(added, None)
        if code:
            site_register(code=code, name="Site")

    rows = all_pages(caller(Role.ANALYST), "sites?limit=2", add)

    assert [row["code"] for row in rows] == [f"site-{n}" for n in range(7)]


def test_a_page_keeps_its_filters_in_the_next_address() -> None:
    battery, pv = battery_make(), pv_make()
    for n in range(4):
        setpoint_make(battery, n)
        setpoint_make(pv, n)

    rows = all_pages(caller(Role.ANALYST), "setpoints?device=bat-01&status=superseded&limit=1")

    assert [(row["device"], row["power_kw"]) for row in rows] == [
        ("bat-01", 3.0),
        ("bat-01", 2.0),
        ("bat-01", 1.0),
        ("bat-01", 0.0),
    ]


def test_alarms_are_filtered_by_what_is_open_and_seen() -> None:
    battery = battery_make()
    now = utc_now() + timedelta(seconds=1)
    alarm_make(battery, 1)
    alarm_make(battery, 2, cleared_at=now)
    alarm_make(battery, 3, acknowledged_at=now)
    client = caller(Role.ANALYST)

    def codes(query: str) -> list[str]:
        return [row["code"] for row in rows_of(client, f"alarms{query}")]

    assert codes("") == ["s3", "s2", "s1"]
    assert codes("?is_open=true") == ["s3", "s1"]
    assert codes("?is_open=false") == ["s2"]
    assert codes("?is_open=true&is_acknowledged=false") == ["s1"]
    assert codes("?kind=clock") == []


def test_the_first_acknowledgement_stays() -> None:
    alarm = alarm_make(battery_make(), 1)
    address = f"{API}/alarms/{alarm.pk}/acknowledge"
    client = caller(Role.OPERATIONS)

    first = client.post(address, {"note": "on my way"}, content_type="application/json")
    second = client.post(address, {"note": "me too"}, content_type="application/json")

    assert first.status_code == 200
    assert (first.json()["note"], first.json()["acknowledged_by"]) == ("on my way", "operations")
    assert (second.status_code, second.json()["code"]) == (409, "alarm.acknowledged")
    alarm.refresh_from_db()
    assert alarm.note == "on my way"
    unknown = client.post(f"{API}/alarms/9999/acknowledge", {}, content_type="application/json")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "alarm.unknown")


def test_a_set_point_is_asked_by_the_operator_in_the_name_of_the_user() -> None:
    battery_make()
    body = {"device": "bat-01", "power_kw": -25.5, "reason": "storm", "minutes": 30}
    client = caller(Role.OPERATIONS)

    reply = client.post(f"{API}/setpoints", body, content_type="application/json")
    again = client.post(f"{API}/setpoints", body, content_type="application/json")

    assert (reply.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == reply.json()["id"]
    setpoint = Setpoint.objects.get()
    assert (setpoint.power_kw, setpoint.source, setpoint.reason) == (-25.5, "operator", "storm")
    assert setpoint.requested_by is not None
    assert setpoint.requested_by.username == "operations"
    assert 29 * 60 < (setpoint.expires_at - utc_now()).total_seconds() <= 30 * 60
    assert reply.json()["requested_by"] == "operations"
    assert reply.json()["requested_at"].endswith("Z")


def grow(n: int) -> None:
    """One more row in every list."""
    site_register(code=f"more-{n}", name="Site")
    battery = battery_make(f"more-{n}", port=600 + n)
    setpoint_make(battery, n)
    alarm_make(battery, n)
    for sensor in battery.sensors.all():
        SensorLatest.objects.create(sensor=sensor, at=utc_now(), value=1.0, quality=0)


@pytest.mark.parametrize(
    "address", ["sites", "devices", "sensors", "latest", "setpoints", "alarms"]
)
def test_a_list_has_a_query_budget(address: str) -> None:
    client = caller(Role.ANALYST)
    grow(0)
    rows_of(client, address)  # The token's use is noted.

    def selects() -> int:
        with CaptureQueriesContext(connection) as queries:
            rows_of(client, address)
        return sum(q["sql"].lstrip().upper().startswith("SELECT") for q in queries)

    few = selects()
    for n in range(1, 7):
        grow(n)

    assert len(rows_of(client, address)) > 6
    assert selects() == few
    assert few <= BUDGET
