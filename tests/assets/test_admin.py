"""The back office of assets: states in words, set-points through the service, no rewriting."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.models import Device, DeviceImport, Sensor, Setpoint
from apps.assets.services import ReadingRow, readings_store, setpoint_request
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make, pv_make, site_make

DEVICES = "/admin/assets/device/"
SETPOINTS = "/admin/assets/setpoint/"
IMPORTS = "/admin/assets/deviceimport/"
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


@pytest.mark.parametrize("path", ["site", "device", "setpoint", "pollshard", "deviceimport"])
def test_each_list_and_search_opens(client_of: Callable[..., Client], path: str) -> None:
    battery_make()

    client = client_of()

    assert client.get(f"/admin/assets/{path}/").status_code == 200
    assert client.get(f"/admin/assets/{path}/?q=bat").status_code == 200


CHANGE = {
    "code": "bat-01",
    "name": "Battery bat-01",
    "kind": "battery",
    "driver": "sunspec",
    "transport": "modbus_tcp",
    "host": "192.168.1.7",
    "port": "502",
    "unit_id": "1",
    "poll_period_s": "0.5",
    "rated_power_kw": "100",
    "capacity_kwh": "200",
    "soc_min_percent": "10",
    "soc_max_percent": "90",
    "charging_efficiency": "0.96",
    "discharging_efficiency": "0.96",
}


def change(client: Client, device: Device, **fields: str) -> Any:
    """Post the change form of a battery; what it has already unless given."""
    form = {"site": str(device.site_id)} | CHANGE | fields
    return client.post(f"{DEVICES}{device.pk}/change/", form, follow=True)


def test_a_device_is_added_with_its_address_only(client_of: Callable[..., Client]) -> None:
    form = {
        "site": site_make().pk,
        "name": "Batterie 77",
        "code": "",
        "host": "192.0.2.7",
        "port": "502",
        "unit_id": "1",
        "transport": "modbus_tcp",
    }

    answer = client_of().post(f"{DEVICES}add/", form)

    device = Device.objects.get(code="batterie-77")
    assert answer.status_code == 302
    assert answer["Location"] == f"{DEVICES}{device.pk}/commission/"
    assert (device.stage, device.control_enabled) == ("new", False)
    page = client_of().get(DEVICES).content.decode()
    assert "Commission</a>" in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "169.254.169.254", "No device may have this address."),
        ("host", "no host", "This is no host name and no IP address."),
        ("port", "0", "Ensure this value is greater than or equal to 1."),
        ("unit_id", "256", "Ensure this value is less than or equal to 255."),
        ("code", "é", "slug"),
        ("name", "", "This field is required."),
    ],
)
def test_a_bad_address_is_explained_at_its_field(
    field: str, value: str, words: str, client_of: Callable[..., Client]
) -> None:
    form = {
        "site": site_make().pk, "name": "Toit", "code": "", "host": "192.0.2.7", "port": "502",
        "unit_id": "1", "transport": "modbus_tcp",
    }  # fmt: skip

    answer = client_of().post(f"{DEVICES}add/", form | {field: value})

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Device.objects.count() == 0


def test_an_address_is_given_once(client_of: Callable[..., Client]) -> None:
    battery_make(host="192.0.2.7")
    form = {
        "site": site_make().pk, "name": "Toit", "code": "", "host": "192.0.2.7", "port": "502",
        "unit_id": "1", "transport": "modbus_tcp",
    }  # fmt: skip

    answer = client_of().post(f"{DEVICES}add/", form)

    assert answer.status_code == 200
    assert "Host, Port and Unit id already exists" in answer.content.decode()


def test_a_changed_device_stays_in_service(client_of: Callable[..., Client]) -> None:
    battery = battery_make(host="192.168.1.7", control_enabled=False)

    change(
        client_of(), battery, name="Other", timeout_s="2.5", inter_frame_delay_s="0.1",
        ramp_kw_per_s="3",
    )  # fmt: skip

    battery.refresh_from_db()
    assert (battery.name, battery.stage) == ("Other", "in_service")
    assert (battery.timeout_s, battery.inter_frame_delay_s) == (2.5, 0.1)
    assert battery.ramp_kw_per_s == 3.0


@pytest.mark.parametrize(("field", "value"), [("host", "192.168.1.8"), ("unit_id", "2")])
def test_a_device_that_moved_must_be_commissioned_again(
    field: str, value: str, client_of: Callable[..., Client]
) -> None:
    battery = battery_make(host="192.168.1.7", control_enabled=False)

    page = change(client_of(), battery, **{field: value}).content.decode()

    battery.refresh_from_db()
    assert battery.stage == "new"
    assert "The device is new again: please commission it." in page


def test_control_is_not_switched_on_untried(client_of: Callable[..., Client]) -> None:
    battery = battery_make(host="192.168.1.7", control_enabled=False)

    page = change(client_of(), battery, control_enabled="on").content.decode()

    battery.refresh_from_db()
    assert not battery.control_enabled
    assert "Nobody tried its control" in page


def test_a_battery_without_capacity_is_refused(client_of: Callable[..., Client]) -> None:
    battery = battery_make(host="192.168.1.7", control_enabled=False)

    assert (
        "A battery needs a capacity."
        in change(client_of(), battery, capacity_kwh="").content.decode()
    )


def test_the_device_model_is_one_that_is_known(client_of: Callable[..., Client]) -> None:
    battery = battery_make(host="192.168.1.7", control_enabled=False)

    page = change(client_of(), battery, driver="shoe").content.decode()

    battery.refresh_from_db()
    assert battery.driver == "sunspec"
    assert "shoe is not one of the available choices" in page


# --- lists of devices ---


def send(client: Client, text: str) -> Any:
    file = SimpleUploadedFile("list.csv", text.encode(), content_type="text/csv")
    return client.post(f"{IMPORTS}add/", {"file": file}, follow=True)


LIST = (
    "code;name;site;kind;host;rated_power_kw\n"
    "pv-1;Toit <b>1</b>;island;pv;192.168.1.1;12,5\n"
    "pv-2;Toit 2;mars;pv;192.168.1.2;5\n"
)


def test_a_list_is_checked_looked_at_and_stored(client_of: Callable[..., Client]) -> None:
    site_make()
    client = client_of()

    page = send(client, LIST)
    device_import = DeviceImport.objects.get()
    address = f"{IMPORTS}{device_import.pk}/change/"
    text = page.content.decode()
    assert page.redirect_chain == [(address, 302)]
    for words in ("1 line is valid, 1 refused.", "there is no site “mars”", "Toit &lt;b&gt;1"):
        assert words in text
    assert Device.objects.count() == 0
    assert "pv-1" not in client.get(f"{address}?only=refused").content.decode()

    stored = [client.post(address, follow=True).content.decode() for _again in range(2)]
    assert "1 device is imported: it must be commissioned." in stored[0]
    assert "1 device was imported, 1 lines were refused." in stored[0]
    assert Device.objects.get().stage == "new"
    assert str(DeviceImport.objects.get().received_from) == "somebody"


def test_a_file_that_is_no_list_is_explained(client_of: Callable[..., Client]) -> None:
    page = send(client_of(), "code;colour\nx;red")

    assert "These columns are not known: colour." in page.content.decode()
    assert DeviceImport.objects.count() == 0
    assert "This field is required." in client_of().post(f"{IMPORTS}add/", {}).content.decode()


def test_the_template_opens_in_a_spreadsheet(client_of: Callable[..., Client]) -> None:
    reply = client_of().get(f"{IMPORTS}template.csv")

    assert reply["Content-Disposition"] == 'attachment; filename="devices.csv"'
    assert reply.content.startswith(b"\xef\xbb\xbfcode;name;site;kind;")


def test_an_analyst_looks_at_lists_but_sends_and_stores_none(
    client_of: Callable[..., Client],
) -> None:
    site_make()
    send(client_of(), LIST)
    address = f"{IMPORTS}{DeviceImport.objects.get().pk}/change/"
    analyst = client_of(Role.ANALYST)

    page = analyst.get(address)
    assert page.status_code == 200
    assert "Import the valid lines" not in page.content.decode()
    assert analyst.get(f"{IMPORTS}add/").status_code == 403
    assert send(analyst, LIST).status_code == 403
    assert analyst.post(address).status_code == 403
    assert (Device.objects.count(), DeviceImport.objects.count()) == (0, 1)


def test_a_list_of_another_operator_is_not_found(client_of: Callable[..., Client]) -> None:
    site_make()
    send(client_of(), LIST)
    address = f"{IMPORTS}{DeviceImport.objects.get().pk}/change/"
    other = client_of(schema="martinique")

    assert other.get(address).status_code == 404
    assert other.post(address).status_code == 404
    with operator_context("guadeloupe"):
        assert Device.objects.count() == 0


def test_a_long_list_is_shown_in_pages_for_as_many_queries(
    client_of: Callable[..., Client],
) -> None:
    site_make()
    client = client_of()
    head = LIST.splitlines()[0]
    lines = [f"pv-{n};Toit;island;pv;10.0.{n // 200}.{n % 200 + 1};5" for n in range(450)]
    send(client, "\n".join([head, *lines[:3]]))
    send(client, "\n".join([head, *lines]))
    long, short = DeviceImport.objects.order_by("-id")

    def asked(device_import: DeviceImport) -> int:
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"{IMPORTS}{device_import.pk}/change/").content.decode()
        assert page.count('<td class="is-raw">') == min(200, device_import.lines_count)
        return sum(1 for q in queries if q["sql"].lstrip().upper().startswith("SELECT"))

    asked(short)
    assert asked(long) == asked(short)


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
