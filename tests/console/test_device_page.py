"""The page of one device: identity, sensors, hands off, set-points, alarms."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.assets.choices import AlarmKind
from apps.assets.models import Device, HandsOffChange, Sensor, Setpoint, Site
from apps.assets.services import ReadingRow, readings_store
from apps.assets.services.alarms import alarm_raise
from apps.tenants.context import operator_context
from tests.console.scene import island_build

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def scene(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.console.views.devices.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        island_build(now=now)


def address(code: str) -> str:
    return f"/devices/{Device.objects.get(code=code).pk}/"


def sensor_id(code: str, quantity: str) -> int:
    return Sensor.objects.get(device__code=code, quantity=quantity).pk


def test_a_device_says_what_it_is_and_measures(scene: None, signed_in: SignIn) -> None:
    Device.objects.filter(code="bat-01").update(
        manufacturer="Maker", model_name="Model 5", serial_number="SN-1", driver_version=3
    )

    text = signed_in("guadeloupe").get(address("bat-01")).content.decode()

    for words in ("Device bat-01", "Maker", "Model 5", "SN-1", "sunspec v3", "127.0.0.1:7002 / 1",
                  "In service", "Controlled", "4.0\u00a0kW", "50.0\u00a0%", "100\u00a0kWh",
                  "250\u00a0kWh", "Good", "0 s ago"):  # fmt: skip
        assert words in text, words


def test_a_plants_power_is_production(scene: None, signed_in: SignIn) -> None:
    text = signed_in("guadeloupe").get(address("pv-01")).content.decode()

    assert "Production" in text
    assert "3.0\u00a0kW" in text
    assert "\u22123.0\u00a0kW" not in text


def test_old_values_and_missing_ones_say_so(
    scene: None, signed_in: SignIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = now + timedelta(minutes=5)
    monkeypatch.setattr("apps.console.views.devices.utc_now", lambda: later)
    device = Device.objects.get(code="pv-01")
    Sensor.objects.create(device=device, quantity="temperature_c", unit="°C")

    text = signed_in("guadeloupe").get(address("pv-01")).content.decode()

    assert "Stale" in text
    assert "5 min ago" in text
    assert "Not read yet" in text
    assert "never" in text


@pytest.mark.parametrize("is_site", [False, True])
def test_hands_off_is_said_with_its_reason(
    is_site: bool, scene: None, signed_in: SignIn, now: datetime
) -> None:
    device = Device.objects.get(code="bat-01")
    HandsOffChange.objects.create(
        device=None if is_site else device, site=device.site if is_site else None,
        is_on=True, reason="Works on the roof", changed_at=now,
    )  # fmt: skip
    if is_site:
        Site.objects.update(hands_off=True)
    else:
        Device.objects.filter(pk=device.pk).update(hands_off=True)

    text = signed_in("guadeloupe").get(address("bat-01")).content.decode()

    assert ("Hands off the whole site" in text) is is_site
    assert ("Hands off this device" in text) is not is_site
    assert "Works on the roof" in text
    assert "Nothing is written to it" in text
    assert 'data-state="hands_off"' in text


def test_the_last_twenty_set_points_are_shown(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    device = Device.objects.get(code="bat-01")
    for n in range(25):
        Setpoint.objects.create(
            device=device, power_kw=float(n), source="operator", reason=f"Reason {n:02d}",
            requested_at=now, expires_at=now, status="expired", readback_kw=n + 0.5,
        )  # fmt: skip

    text = signed_in("guadeloupe").get(address("bat-01")).content.decode()

    assert "Reason 24" in text
    assert "24.5\u00a0kW" in text
    assert "Reason 05" in text
    assert "Reason 04" not in text


def test_its_alarms_stand_on_its_page_and_no_others(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    for code in ("bat-01", "bat-02"):
        alarm_raise(
            device_id=Device.objects.get(code=code).pk, kind=AlarmKind.DEVICE_FAULT, code="f1",
            severity=2, now=now, words={"en": f"Hot {code}"},
        )  # fmt: skip

    text = signed_in("guadeloupe").get(address("bat-01")).content.decode()

    assert "Hot bat-01" in text
    assert "Hot bat-02" not in text


def test_a_device_without_sensors_has_a_page(scene: None, signed_in: SignIn) -> None:
    Sensor.objects.filter(device__code="pv-01").delete()

    text = signed_in("guadeloupe").get(address("pv-01")).content.decode()

    assert "The device has no sensors yet." in text


def test_sensors_of_parts_stand_apart(scene: None, signed_in: SignIn) -> None:
    device = Device.objects.get(code="pv-01")
    for channel in ("l1", "l2"):
        Sensor.objects.create(device=device, quantity="voltage_v", channel=channel, unit="V")

    text = signed_in("guadeloupe").get(address("pv-01")).content.decode()

    whole, _details, parts = text.partition('id="sensor-parts"')
    assert "2 sensors of parts of the device" in parts
    assert parts.count("data-sensor=") == 2
    assert whole.count("data-sensor=") == 2


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ANALYST, Role.BILLING])
def test_a_page_of_a_device_keeps_its_budget(
    role: Role,
    scene: None,
    signed_in: SignIn,
    now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    path = address("bat-01")
    for n in range(12):
        alarm_raise(
            device_id=Device.objects.get(code="bat-01").pk, kind=AlarmKind.DEVICE_FAULT,
            code=f"f{n}", severity=2, now=now,
        )  # fmt: skip
    client = signed_in("guadeloupe", role)

    # Operator, session, user, rights 3; device, sensors, set-points, alarms 2, the chart.
    with queries_at_most(12):
        assert client.get(path).status_code == 200


def test_a_part_of_the_page_is_a_fragment(scene: None, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").get(address("bat-01"), headers={"X-Fragment": "device"})

    assert "<html" not in reply.content.decode()
    assert "Sensors" in reply.content.decode()


def test_a_page_of_a_device_has_nothing_inline(scene: None, signed_in: SignIn) -> None:
    text = signed_in("guadeloupe").get(address("bat-01")).content.decode()

    assert " style=" not in text
    assert "<script>" not in text


def test_another_operators_device_is_not_found(scene: None, signed_in: SignIn) -> None:
    path = address("bat-01")
    series = f"{path}series?sensor={sensor_id('bat-01', 'power_kw')}"

    assert signed_in("guadeloupe").get(series).status_code == 200
    assert signed_in("martinique").get(path).status_code == 404
    assert signed_in("martinique").get(series).status_code == 404


@pytest.mark.parametrize("path", ["/devices/1/", "/devices/1/series?sensor=1"])
def test_a_stranger_sees_nothing(path: str, scene: None, signed_in: SignIn) -> None:
    stranger = Client(headers={"host": "guadeloupe.localhost"})

    assert stranger.get(path).status_code == 302
    assert signed_in("guadeloupe", Role.PARTNER_API).get(path).status_code == 403
    assert signed_in("guadeloupe").post(path).status_code == 405


def test_the_series_comes_as_json_in_few_queries(
    scene: None,
    signed_in: SignIn,
    now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    wanted = sensor_id("bat-01", "power_kw")
    readings_store([ReadingRow(wanted, now - timedelta(seconds=s), 2.0) for s in (2, 4, 6)])
    path = f"{address('bat-01')}series?sensor={wanted}&range=hour"
    client = signed_in("guadeloupe")

    # Operator, session, user, roles; the sensor, its readings.
    with queries_at_most(6):
        reply = client.get(path)

    document = json.loads(reply.content)
    assert reply.headers["Cache-Control"] == "no-store"
    assert (document["unit"], document["quantity"], document["range"]) == ("kW", "power_kw", "hour")
    assert document["mean"] == [None, 2.0, 2.0, 2.0]
    assert len(document["gaps"]) == 1


@pytest.mark.parametrize(
    "query", ["", "sensor=", "sensor=x", "sensor=-1", "sensor=999999", "sensor=" + "9" * 30]
)
def test_a_sensor_that_is_not_there(query: str, scene: None, signed_in: SignIn) -> None:
    path = f"{address('bat-01')}series?{query}"

    assert signed_in("guadeloupe").get(path).status_code == 404


def test_a_sensor_of_another_device_is_not_there(scene: None, signed_in: SignIn) -> None:
    other = sensor_id("pv-01", "power_kw")

    assert (
        signed_in("guadeloupe").get(f"{address('bat-01')}series?sensor={other}").status_code == 404
    )


def test_the_file_is_offered_to_who_may_read_the_api(scene: None, signed_in: SignIn) -> None:
    path = address("bat-01")

    text = signed_in("guadeloupe").get(path).content.decode()
    assert "/api/v1/readings?sensor=" in text
    assert "format=csv" in text
    assert (
        "/api/v1/readings" not in signed_in("guadeloupe", Role.BILLING).get(path).content.decode()
    )


def test_the_file_has_the_values_of_the_chart(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    wanted = sensor_id("bat-01", "power_kw")
    readings_store([ReadingRow(wanted, now - timedelta(seconds=s), 2.0) for s in (2, 4)])
    client = signed_in("guadeloupe")
    chart = json.loads(client.get(f"{address('bat-01')}series?sensor={wanted}").content)

    reply = client.get(f"/api/v1/readings?{chart['api_query']}")

    assert reply.status_code == 200
    text = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.count("2026-11-23T15:07:2") == 2
