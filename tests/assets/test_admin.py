"""The back office of assets: states in words, set-points through the service, no rewriting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.models import Device, Sensor, Setpoint
from apps.assets.services import ReadingRow, readings_store, setpoint_request
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make, pv_make, site_make

DEVICES = "/admin/assets/device/"
SETPOINTS = "/admin/assets/setpoint/"
AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def client_of(operator_a: Operator, operator_b: Operator) -> Callable[..., Client]:
    def sign_in(role: Role = Role.OPERATIONS, schema: str = "guadeloupe") -> Client:
        client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
        with operator_context(schema):
            client.force_login(user_ensure(username="somebody", password="pw", role=role))
        return client

    return sign_in


def ask(client: Client, device: Device, power_kw: str, **fields: str) -> object:
    form = {"device": device.pk, "power_kw": power_kw, "reason": "storm", "minutes": "30"} | fields
    return client.post(f"{SETPOINTS}add/", form)


def test_device_list_shows_power_and_state_in_words(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    rows = {"power_kw": 12.5, "soc_percent": 47.0}
    readings_store(
        [
            ReadingRow(Sensor.objects.get(device=battery, quantity=q).pk, AT, v)
            for q, v in rows.items()
        ]
    )
    Device.objects.update(connection_state="silent")

    page = client_of().get(DEVICES).content.decode()

    assert "12.5 kW" in page
    assert "47 %" in page
    assert "Does not answer" in page
    assert "Controlled" in page


def test_device_list_costs_no_query_per_row(client_of: Callable[..., Client]) -> None:
    client = client_of()
    battery_make("bat-00", port=600)
    client.get(DEVICES)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(DEVICES).status_code == 200
        return len([q for q in captured if "SET search_path" not in q["sql"]])

    one = asked()
    for n in range(1, 12):
        battery_make(f"bat-{n:02d}", port=600 + n)

    assert asked() == one


@pytest.mark.parametrize("path", ["site", "device", "setpoint", "pollshard"])
def test_each_list_and_search_opens(client_of: Callable[..., Client], path: str) -> None:
    battery_make()

    client = client_of()

    assert client.get(f"/admin/assets/{path}/").status_code == 200
    assert client.get(f"/admin/assets/{path}/?q=bat").status_code == 200


def test_device_added_in_the_admin_gets_its_sensors(client_of: Callable[..., Client]) -> None:
    form = {
        "site": site_make().pk,
        "code": "bat-77",
        "name": "Batterie 77",
        "kind": "battery",
        "driver": "sunspec",
        "host": "192.0.2.7",
        "port": "502",
        "unit_id": "1",
        "poll_period_s": "2",
        "rated_power_kw": "50",
        "capacity_kwh": "100",
        "soc_min_percent": "10",
        "soc_max_percent": "90",
        "charging_efficiency": "0.95",
        "discharging_efficiency": "0.95",
    }

    answer = client_of().post(f"{DEVICES}add/", form)

    assert answer.status_code == 302
    device = Device.objects.get(code="bat-77")
    assert sorted(device.sensors.values_list("quantity", flat=True)) == [
        "energy_kwh",
        "power_kw",
        "soc_percent",
    ]
    assert not device.control_enabled


def test_setpoint_is_asked_by_the_operator(client_of: Callable[..., Client]) -> None:
    battery = battery_make()

    answer = ask(client_of(), battery, "-25.5")

    assert answer.status_code == 302  # type: ignore[attr-defined]
    setpoint = Setpoint.objects.get()
    assert (setpoint.power_kw, setpoint.source) == (-25.5, SetpointSource.OPERATOR)
    assert (setpoint.reason, setpoint.status) == ("storm", SetpointStatus.REQUESTED)
    assert setpoint.requested_by is not None
    assert setpoint.requested_by.get_username() == "somebody"
    assert 29 * 60 < (setpoint.expires_at - utc_now()).total_seconds() <= 30 * 60


def test_refused_setpoint_is_explained_at_its_field_and_kept(
    client_of: Callable[..., Client],
) -> None:
    pv = pv_make()

    answer = ask(client_of(), pv, "5")

    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert "A PV plant takes a power of 0 or less" in answer.content.decode()  # type: ignore[attr-defined]
    assert Setpoint.objects.get().status == SetpointStatus.REFUSED


def test_read_only_device_is_not_offered(client_of: Callable[..., Client]) -> None:
    battery = battery_make(control_enabled=False)

    answer = ask(client_of(), battery, "5")

    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert Setpoint.objects.count() == 0


def test_analyst_reads_but_asks_nothing(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    client = client_of(Role.ANALYST)

    assert client.get(SETPOINTS).status_code == 200
    assert ask(client, battery, "5").status_code == 403  # type: ignore[attr-defined]
    assert Setpoint.objects.count() == 0


def test_nobody_changes_or_deletes_the_audit(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    setpoint = setpoint_request(
        device_id=battery.pk,
        power_kw=1.0,
        source="plan",
        reason="x",
        expires_at=utc_now() + timedelta(hours=1),
    )
    client = client_of(Role.OPERATOR_ADMIN)

    assert client.get(f"{SETPOINTS}{setpoint.pk}/change/").status_code == 200
    assert client.post(f"{SETPOINTS}{setpoint.pk}/change/", {"power_kw": "9"}).status_code == 403
    assert client.post(f"{SETPOINTS}{setpoint.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{DEVICES}{battery.pk}/delete/", {"post": "yes"}).status_code == 403
    setpoint.refresh_from_db()
    assert setpoint.power_kw == 1.0


def test_another_operator_sees_none_of_it(client_of: Callable[..., Client]) -> None:
    battery_make("bat-secret")

    page = client_of(schema="martinique").get(DEVICES)

    assert page.status_code == 200
    assert "bat-secret" not in page.content.decode()
