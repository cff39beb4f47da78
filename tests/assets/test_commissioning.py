"""A device on its way into service: which step is open, what is chosen, who may write."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import DeviceStage, JobKind, JobStatus
from apps.assets.models import Device, GatewayJob, Setpoint
from apps.assets.selectors.commissioning import device_jobs
from apps.assets.services.commissioning import (
    device_add,
    device_address_change,
    device_code_propose,
    device_commission,
    device_edit,
    device_withdraw,
    job_ask,
    model_choose,
    probes_ask,
)
from apps.assets.services.commissioning_steps import (
    commissioning_steps,
    proposed_test_kw,
    write_verdict,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make, pv_make, site_make

FOUND: dict[str, Any] = {
    "driver": "sunspec",
    "driver_version": 3,
    "vendor": "SunSpec",
    "model": "",
    "manufacturer": "Fronius",
    "model_name": "GEN24",
    "serial_number": "SN-1",
    "models": "1, 103, 123",
    "kinds": ["pv", "battery"],
    "tried_on": "",
    "sensors": [
        {"quantity": "power_kw", "channel": ""},
        {"quantity": "voltage_v", "channel": "l1"},
        {"quantity": "shoe_size", "channel": ""},
    ],
    "can_control": True,
}
POINTS = [
    {
        "name": "W", "quantity": "power_kw", "channel": "", "address": 40072,
        "registers": [0xFFFF, 0x00A0], "value": -12.5, "unit": "kW", "is_in_range": True,
        "words": {},
    },
    {
        "name": "PhVphA", "quantity": "voltage_v", "channel": "l1", "address": 40080,
        "registers": [9999], "value": 999.9, "unit": "V", "is_in_range": False, "words": {},
    },
    {
        "name": "St", "quantity": "", "channel": "", "address": 40108, "registers": [4],
        "value": 4, "unit": "", "is_in_range": None, "words": {"en": "MPPT", "fr": "MPPT actif"},
    },
]  # fmt: skip
PASSED: dict[str, Any] = {
    "asked_kw": 5.0,
    "before_kw": None,
    "readback_kw": 5.0,
    "is_enabled": True,
    "after_reversion_kw": None,
    "is_released": True,
    "measured_kw_before": 0.1,
    "measured_kw_after": 4.9,
}


@pytest.fixture(autouse=True)
def _guadeloupe(operator_a: Operator) -> None:
    site_make()


def new_device(name: str = "Toit 1", host: str = "192.168.1.9", **fields: Any) -> Device:
    return device_add(
        device=Device(site=site_make(), name=name, host=host, port=502, unit_id=1, **fields)
    )


def answered(device: Device, kind: str, answer: dict[str, Any] | None, **fields: Any) -> GatewayJob:
    """A job of the device that is over."""
    now = utc_now()
    return GatewayJob.objects.create(
        kind=kind,
        device=device,
        host=device.host,
        port=device.port,
        unit_id=device.unit_id,
        transport=device.transport,
        status=JobStatus.FAILED if answer is None else JobStatus.DONE,
        answer=answer,
        requested_at=now,
        finished_at=now,
        **{"parameters": {"driver": device.driver}, **fields},
    )


def probed(device: Device, *found: dict[str, Any]) -> GatewayJob:
    return answered(device, JobKind.PROBE, {"found": list(found), "tried": []})


def chosen(device: Device, **choice: Any) -> Device:
    """The found model chosen: a PV plant of 100 kW, read only."""
    return model_choose(
        device_id=device.pk,
        **{
            "driver": "sunspec",
            "kind": "pv",
            "rated_power_kw": 100.0,
            "capacity_kwh": None,
            "control_enabled": False,
            **choice,
        },
    )


def states(device: Device) -> str:
    device = Device.objects.get(pk=device.pk)
    return " ".join(step.state for step in commissioning_steps(device, device_jobs(device)))


def refusal(work: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as error:
        work()
    return error.value.code, error.value.field


# --- the steps ---


def test_steps_open_one_after_the_other_for_a_device_that_is_controlled() -> None:
    device = new_device()
    assert states(device) == "done open locked skipped locked"

    probed(device, FOUND)
    device = chosen(device, control_enabled=True)
    assert states(device) == "done done open locked locked"

    answered(device, JobKind.READ, {"points": POINTS})
    assert states(device) == "done done done open locked"

    answered(device, JobKind.TEST_WRITE, PASSED)
    assert states(device) == "done done done done open"

    device_commission(device_id=device.pk, commissioned_by=None)
    assert states(device) == "done done done done done"


def test_a_read_only_device_needs_no_test_write() -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device)
    answered(device, JobKind.READ, {"points": POINTS})

    assert states(device) == "done done done skipped open"
    device = device_commission(device_id=device.pk, commissioned_by=None)
    assert (device.stage, device.control_enabled) == (DeviceStage.IN_SERVICE, False)


@pytest.mark.parametrize(
    ("answer", "is_passed"),
    [
        ({}, True),
        ({"readback_kw": 4.49}, False),
        # 0.5 % of 100 kW is allowed.
        ({"readback_kw": 4.5}, True),
        ({"readback_kw": None}, False),
        ({"is_enabled": False}, False),
        ({"is_released": False, "after_reversion_kw": 5.0}, False),
    ],
)
def test_a_test_passes_when_the_device_follows_and_lets_go(
    answer: dict[str, Any], *, is_passed: bool
) -> None:
    verdict = write_verdict({**PASSED, **answer}, rated_power_kw=100.0)

    assert verdict.is_passed is is_passed


def test_a_failed_test_keeps_the_device_out_of_service_unless_it_is_read_only() -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device, control_enabled=True)
    answered(device, JobKind.READ, {"points": POINTS})
    answered(device, JobKind.TEST_WRITE, PASSED)
    answered(device, JobKind.TEST_WRITE, None)

    code = refusal(lambda: device_commission(device_id=device.pk, commissioned_by=None))

    assert code == ("commissioning.step_missing", "test")
    device = device_commission(device_id=device.pk, commissioned_by=None, is_read_only=True)
    assert (device.stage, device.control_enabled) == (DeviceStage.IN_SERVICE, False)


def test_nothing_goes_in_service_unread() -> None:
    device = new_device()
    assert refusal(lambda: device_commission(device_id=device.pk, commissioned_by=None)) == (
        "commissioning.step_missing",
        "model",
    )

    probed(device, FOUND)
    chosen(device)
    assert refusal(lambda: device_commission(device_id=device.pk, commissioned_by=None)) == (
        "commissioning.step_missing",
        "values",
    )
    assert Device.objects.get().stage == DeviceStage.NEW


@pytest.mark.parametrize(
    ("kind", "rated_kw", "power_kw"),
    # 5 % of 50; 5 % of 333 = 16.65, three figures; 95 % of 20; 95 % of 1234 = 1172.3.
    [
        ("battery", 50.0, 2.5),
        ("battery", 333.0, 16.7),
        ("pv", 20.0, -19.0),
        ("pv", 1234.0, -1170.0),
    ],
)
def test_the_proposed_test_moves_the_power_by_five_percent(
    kind: str, rated_kw: float, power_kw: float
) -> None:
    assert proposed_test_kw(Device(kind=kind, rated_power_kw=rated_kw)) == pytest.approx(power_kw)


# --- adding ---


def test_an_added_device_is_new_read_only_and_not_polled() -> None:
    device = new_device(control_enabled=True)

    assert (device.stage, device.control_enabled, device.shard_id) == (DeviceStage.NEW, False, None)
    assert device.code == "toit-1"
    assert device.manufacturer == ""


def test_a_code_is_proposed_that_is_free() -> None:
    assert device_code_propose("Éolienne de l'Anse / 3") == "eolienne-de-lanse-3"
    assert device_code_propose("★") == "device"
    new_device()
    assert device_code_propose("Toit 1") == "toit-1-2"
    new_device(host="192.168.1.10")
    assert device_code_propose("Toit 1") == "toit-1-3"


def test_a_device_is_not_added_at_a_forbidden_address() -> None:
    assert refusal(lambda: new_device(host="169.254.169.254")) == (
        "device.address_refused",
        "host",
    )
    assert Device.objects.count() == 0


# --- the model ---


def test_choosing_a_found_model_writes_what_it_says() -> None:
    device = new_device()
    probed(device, FOUND)

    device = chosen(device, kind="battery", capacity_kwh=200.0, control_enabled=True)

    device.refresh_from_db()
    assert (device.driver, device.driver_version, device.kind) == ("sunspec", 3, "battery")
    assert (device.manufacturer, device.model_name) == ("Fronius", "GEN24")
    assert (device.serial_number, device.sunspec_models) == ("SN-1", "1, 103, 123")
    assert (device.rated_power_kw, device.capacity_kwh) == (100.0, 200.0)
    keys = {(s.quantity, s.channel, s.unit) for s in device.sensors.all()}
    assert ("voltage_v", "l1", "V") in keys
    assert ("soc_percent", "", "%") in keys
    assert all(quantity != "shoe_size" for quantity, _c, _u in keys)


def test_what_cannot_be_chosen_is_refused() -> None:
    device = new_device()
    probed(device, {**FOUND, "kinds": ["meter"], "can_control": False})

    assert refusal(lambda: chosen(device)) == ("commissioning.kind_other", "kind")
    assert refusal(lambda: chosen(device, kind="meter", control_enabled=True)) == (
        "commissioning.no_control",
        "control_enabled",
    )
    assert refusal(lambda: chosen(device, driver="shoe")) == (
        "commissioning.driver_unknown",
        "driver",
    )
    probed(device, FOUND)
    assert refusal(lambda: chosen(device, kind="battery")) == (
        "commissioning.capacity_missing",
        "capacity_kwh",
    )
    with pytest.raises(ValidationError):
        chosen(device, rated_power_kw=-1.0)
    assert Device.objects.get().manufacturer == ""


def test_the_model_of_a_device_in_service_is_not_changed_under_way() -> None:
    battery = battery_make()

    assert refusal(lambda: chosen(battery)) == ("commissioning.in_service", None)


# --- another address or model is another device ---


def commissioned() -> Device:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device)
    answered(device, JobKind.READ, {"points": POINTS})
    return device_commission(device_id=device.pk, commissioned_by=None)


def test_a_device_in_service_that_moves_is_new_again() -> None:
    device = commissioned()

    is_new_again = device_address_change(
        device_id=device.pk, host="192.168.1.77", port=502, unit_id=1, transport="modbus_tcp"
    )

    device = Device.objects.get()
    assert is_new_again
    assert (device.stage, device.manufacturer, device.shard_id) == (DeviceStage.NEW, "", None)
    assert states(device) == "done open locked skipped locked"


def test_an_edit_that_does_not_move_the_device_leaves_it_in_service() -> None:
    device = Device.objects.get(pk=commissioned().pk)
    device.name, device.poll_period_s, device.stage = "Other", 5.0, DeviceStage.NEW

    assert device_edit(device=device) is False
    device = Device.objects.get()
    assert (device.name, device.stage) == ("Other", DeviceStage.IN_SERVICE)


def test_control_is_not_switched_on_in_service_before_it_was_tried() -> None:
    device = Device.objects.get(pk=commissioned().pk)
    device.control_enabled = True

    assert refusal(lambda: device_edit(device=device)) == (
        "commissioning.control_untried",
        "control_enabled",
    )
    answered(device, JobKind.TEST_WRITE, PASSED)
    device_edit(device=device)
    assert Device.objects.get().control_enabled


def test_a_device_taken_out_of_service_is_not_polled_and_may_come_back() -> None:
    device = commissioned()

    device_withdraw(device_id=device.pk, withdrawn_by=None)

    assert Device.objects.get().stage == DeviceStage.OUT_OF_SERVICE
    assert refusal(lambda: device_withdraw(device_id=device.pk, withdrawn_by=None)) == (
        "commissioning.not_in_service",
        None,
    )
    device_commission(device_id=device.pk, commissioned_by=None)
    assert Device.objects.get().stage == DeviceStage.IN_SERVICE


# --- jobs ---


def test_two_clicks_ask_once() -> None:
    device = new_device()

    one = job_ask(device_id=device.pk, kind=JobKind.PROBE, requested_by=None)
    other = job_ask(device_id=device.pk, kind=JobKind.PROBE, requested_by=None)

    assert one == other
    assert GatewayJob.objects.count() == 1
    assert (one.host, one.parameters["driver"]) == ("192.168.1.9", "sunspec")


def test_values_are_read_after_the_model_is_chosen() -> None:
    device = new_device()

    assert refusal(lambda: job_ask(device_id=device.pk, kind=JobKind.READ, requested_by=None)) == (
        "commissioning.model_missing",
        None,
    )
    assert GatewayJob.objects.count() == 0


def test_live_values_keep_only_the_newest_answers() -> None:
    device = commissioned()
    for _read in range(5):
        job = job_ask(device_id=device.pk, kind=JobKind.READ, requested_by=None)
        GatewayJob.objects.filter(pk=job.pk).update(status=JobStatus.DONE, answer={"points": []})

    assert GatewayJob.objects.filter(kind=JobKind.READ).count() == 3
    assert GatewayJob.objects.filter(kind=JobKind.PROBE).count() == 1


def test_live_values_wait_for_a_test_write() -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device, control_enabled=True)
    test = job_ask(
        device_id=device.pk,
        kind=JobKind.TEST_WRITE,
        requested_by=None,
        parameters={"power_kw": -95.0, "reversion_s": 10},
    )

    assert job_ask(device_id=device.pk, kind=JobKind.READ, requested_by=None) == test


def test_a_refused_test_write_is_kept_for_the_audit() -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device, control_enabled=True)

    code, _field = refusal(
        lambda: job_ask(
            device_id=device.pk,
            kind=JobKind.TEST_WRITE,
            requested_by=None,
            parameters={"power_kw": -101.0, "reversion_s": 10},
        )
    )

    assert code == "setpoint.power_above_rated"
    assert GatewayJob.objects.filter(kind=JobKind.TEST_WRITE).count() == 0
    assert Setpoint.objects.get().status == "refused"


def test_many_devices_are_probed_at_once_but_not_at_a_forbidden_address() -> None:
    devices = [new_device(f"Toit {n}", f"192.168.1.{n}") for n in range(1, 4)]
    Device.objects.filter(pk=devices[1].pk).update(host="169.254.169.254")

    jobs = probes_ask(device_ids=[device.pk for device in devices], requested_by=None)

    assert [job.device_id for job in jobs] == [devices[0].pk, devices[2].pk]
    assert refusal(lambda: probes_ask(device_ids=range(201), requested_by=None)) == (
        "commissioning.too_many",
        None,
    )


# --- the pages ---


@pytest.fixture
def client_of(operator_b: Operator) -> Callable[..., Client]:
    def sign_in(role: Role = Role.OPERATIONS, schema: str = "guadeloupe") -> Client:
        client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
        with operator_context(schema):
            client.force_login(user_ensure(username="tech", password="pw", role=role))
        return client

    return sign_in


def page_of(device: Device) -> str:
    return f"/admin/assets/device/{device.pk}/commission/"


def test_from_add_to_in_service_without_scripts(client_of: Callable[..., Client]) -> None:
    client = client_of()
    form = {
        "site": site_make().pk, "name": "Batterie 7", "code": "", "host": "192.168.1.7",
        "port": "502", "unit_id": "1", "transport": "modbus_tcp",
    }  # fmt: skip

    reply = client.post("/admin/assets/device/add/", form)
    device = Device.objects.get()
    assert (reply.status_code, reply["Location"]) == (302, page_of(device))
    assert (device.code, device.stage) == ("batterie-7", "new")

    client.post(page_of(device), {"action": "probe"})
    waiting = client.get(page_of(device)).content.decode()
    assert "Waiting…" in waiting
    assert 'http-equiv="refresh"' in waiting

    GatewayJob.objects.update(
        status="done", answer={"found": [FOUND], "tried": [{"driver": "x", "error": "exception 2"}]}
    )
    found = client.get(page_of(device)).content.decode()
    assert "Fronius GEN24" in found
    assert "From documentation, not tried on hardware" in found
    assert "Voltage l1" in found
    assert 'http-equiv="refresh"' not in found

    choice = {
        "action": "choose", "driver": "sunspec", "kind": "battery", "rated_power_kw": "50",
        "capacity_kwh": "", "control_enabled": "on",
    }  # fmt: skip
    assert "A battery needs a capacity." in client.post(page_of(device), choice).content.decode()
    assert client.post(page_of(device), choice | {"capacity_kwh": "100"}).status_code == 302

    client.post(page_of(device), {"action": "read"})
    GatewayJob.objects.filter(kind="read").update(
        status="done", answer={"points": POINTS}, finished_at=utc_now()
    )
    values = client.get(page_of(device)).content.decode()
    for words in ("FFFF 00A0", "40072", "-12.5", "in range", "out of range", "MPPT", "s ago"):
        assert words in values
    assert 'value="2.5"' in values, "5 % of 50 kW"
    assert "The device will really change its power." in values

    client.post(page_of(device), {"action": "test", "power_kw": "2.5", "reversion_s": "10"})
    test = GatewayJob.objects.get(kind="test_write")
    assert (test.parameters["power_kw"], test.parameters["reversion_s"]) == (2.5, 10)
    GatewayJob.objects.filter(pk=test.pk).update(
        status="done", answer={**PASSED, "asked_kw": 2.5, "readback_kw": 2.5}
    )
    tested = client.get(page_of(device)).content.decode()
    assert "as asked" in tested
    assert "let go" in tested

    client.post(page_of(device), {"action": "in_service"})
    device.refresh_from_db()
    assert (device.stage, device.control_enabled) == ("in_service", True)
    client.post(page_of(device), {"action": "withdraw"})
    device.refresh_from_db()
    assert device.stage == "out_of_service"
    history = [(e.user.get_username(), e.change_message) for e in LogEntry.objects.order_by("id")]
    assert history[1:] == [
        ("tech", "Model chosen: sunspec."),
        ("tech", "Test write of 2.5 kW for 10 s."),
        ("tech", "Put in service, controlled."),
        ("tech", "Taken out of service."),
    ]


def test_state_sends_only_what_the_browser_does_not_have(client_of: Callable[..., Client]) -> None:
    client, device = client_of(), commissioned()
    address = f"{page_of(device)}state/"

    whole = client.get(address).json()
    keys = {name: part["key"] for name, part in whole["parts"].items()}
    nothing = client.get(address, headers={"X-Known-Parts": json.dumps(keys)}).json()
    asked = client.post(
        page_of(device),
        {"action": "read"},
        headers={"Accept": "application/json", "X-Known-Parts": json.dumps(keys)},
    ).json()

    assert set(whole["parts"]) == {
        "steps", "address", "model", "reading", "values", "test", "service",
    }  # fmt: skip
    assert nothing == {"parts": {}, "pending": False, "live": True, "error": ""}
    assert (set(asked["parts"]), asked["pending"]) == ({"reading"}, True)


def test_a_refusal_comes_as_words(client_of: Callable[..., Client]) -> None:
    client, device = client_of(), new_device()

    reply = client.post(
        page_of(device), {"action": "in_service"}, headers={"Accept": "application/json"}
    )
    page = client.post(page_of(device), {"action": "read"}, follow=True).content.decode()

    assert reply.json()["error"] == "The step “Model” comes first."
    assert "Please choose the model first." in page


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("nobody answered", "Nobody answered within a minute."),
        ("10.0.0.1:502: cannot connect", "No connection: nothing listens"),
        ("10.0.0.1:502: no answer within 1 s", "Connected, but no answer"),
        ("10.0.0.1:502: exception 11 (gateway target does not respond)", "The gateway answers"),
    ],
)
def test_a_failed_job_says_why(error: str, words: str, client_of: Callable[..., Client]) -> None:
    device = new_device()
    answered(device, JobKind.PROBE, None, error=error)

    page = client_of().get(page_of(device)).content.decode()

    assert "Failed" in page
    assert words in page


def test_an_analyst_looks_but_asks_and_writes_nothing(client_of: Callable[..., Client]) -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device, control_enabled=True)
    answered(device, JobKind.READ, {"points": POINTS})
    jobs = GatewayJob.objects.count()
    client = client_of(Role.ANALYST)

    page = client.get(page_of(device))
    assert page.status_code == 200
    assert 'name="action"' not in page.content.decode()
    assert client.get(f"{page_of(device)}state/").json()["live"] is False
    for action in (
        "address", "probe", "choose", "read", "test", "in_service", "read_only", "withdraw",
    ):  # fmt: skip
        assert client.post(page_of(device), {"action": action}).status_code == 403, action
    assert client.post(f"/admin/assets/device/{device.pk}/trace/").status_code == 403
    assert GatewayJob.objects.count() == jobs
    assert Device.objects.get().stage == "new"


def test_a_test_write_needs_the_right_to_ask_for_set_points(
    client_of: Callable[..., Client],
) -> None:
    device = new_device()
    probed(device, FOUND)
    device = chosen(device, control_enabled=True)
    answered(device, JobKind.READ, {"points": POINTS})
    client = client_of()
    Group.objects.get(name=Role.OPERATIONS).permissions.remove(
        Permission.objects.get(codename="add_setpoint")
    )

    assert 'value="test"' not in client.get(page_of(device)).content.decode()
    form = {"action": "test", "power_kw": "-95", "reversion_s": "10"}
    assert client.post(page_of(device), form).status_code == 403
    assert GatewayJob.objects.filter(kind="test_write").count() == 0


@pytest.mark.parametrize("path", ["commission/", "commission/state/", "trace/", "trace.txt"])
def test_another_operator_finds_no_page(path: str, client_of: Callable[..., Client]) -> None:
    device = new_device()
    answered(device, JobKind.TRACE, {"entries": []})
    address = f"/admin/assets/device/{device.pk}/{path}"

    assert client_of().get(address).status_code == 200
    other = client_of(schema="martinique")
    assert other.get(address).status_code == 404
    assert other.post(address, {"action": "probe"}).status_code == 404
    with operator_context("guadeloupe"):
        assert GatewayJob.objects.count() == 1


@pytest.mark.parametrize("path", ["commission/", "commission/state/", "trace/", "trace.txt"])
def test_nobody_looks_without_signing_in(path: str, operator_b: Operator) -> None:
    device = new_device()

    reply = Client(headers={"host": "guadeloupe.localhost"}).get(
        f"/admin/assets/device/{device.pk}/{path}"
    )

    assert reply.status_code == 302
    assert "/admin/login/" in reply["Location"]


def test_the_page_has_a_query_budget(client_of: Callable[..., Client]) -> None:
    client, device = client_of(), commissioned()
    client.get(page_of(device))

    def selects(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return sum(1 for q in queries if q["sql"].lstrip().upper().startswith("SELECT"))

    # Session, user, permissions (2), device, jobs (2); the page adds the navigation's.
    assert selects(f"{page_of(device)}state/") <= 8
    for _job in range(6):
        answered(device, JobKind.READ, {"points": POINTS * 30})
    assert selects(page_of(device)) <= 10


# --- trace and bulk probe ---


def test_the_trace_is_shown_and_given_as_text(client_of: Callable[..., Client]) -> None:
    client, device = client_of(), new_device()
    address = f"/admin/assets/device/{device.pk}/trace/"
    assert client.get(f"/admin/assets/device/{device.pk}/trace.txt").status_code == 404

    client.post(address)
    entry = {
        "at": "2026-03-10T16:00:01.250000+00:00", "is_request": True, "unit_id": 1,
        "frame_hex": "000100000006010300009c", "words": "read holding 0 x 156",
    }  # fmt: skip
    GatewayJob.objects.filter(kind="trace").update(
        status="done", answer={"entries": [entry]}, finished_at=utc_now()
    )
    page = client.get(address).content.decode()
    text = client.get(f"/admin/assets/device/{device.pk}/trace.txt")

    # 16:00 UTC is noon in Guadeloupe.
    for words in (
        "12:00:01",
        "→ asked",
        "00 01 00 00 00 06 01 03 00 00 9c",
        "read holding 0 x 156",
    ):
        assert words in page
    assert text["Content-Disposition"] == 'attachment; filename="trace-toit-1.txt"'
    assert text.content.decode().splitlines()[1] == (
        "2026-03-10T16:00:01.250000+00:00\t>\t1\t00 01 00 00 00 06 01 03 00 00 9c"
        "\tread holding 0 x 156"
    )


def test_selected_devices_are_probed_and_the_answers_listed(
    client_of: Callable[..., Client],
) -> None:
    devices = [new_device(f"Toit {n}", f"192.168.1.{n}") for n in range(1, 4)]
    client = client_of()
    form = {"action": "probe_selected", "_selected_action": [device.pk for device in devices]}

    reply = client.post("/admin/assets/device/", form)
    address = reply["Location"]
    jobs = list(GatewayJob.objects.order_by("id"))
    assert reply.status_code == 302
    GatewayJob.objects.filter(pk=jobs[0].pk).update(status="done", answer={"found": [FOUND]})
    GatewayJob.objects.filter(pk=jobs[1].pk).update(status="done", answer={"found": []})
    page = client.get(address).content.decode()

    assert "2 of 3 answered or failed." in page
    assert "Fronius GEN24" in page
    assert "Not recognised" in page
    assert 'http-equiv="refresh"' in page
    client_of(Role.ANALYST).post("/admin/assets/device/", form)
    assert GatewayJob.objects.count() == 3
    other = client_of(schema="martinique").get(address).content.decode()
    assert "No device was probed." in other
    assert "Toit" not in other


def test_a_pv_plant_that_runs_is_looked_at_like_any_other(client_of: Callable[..., Client]) -> None:
    page = client_of().get(page_of(pv_make())).content.decode()

    assert "Take out of service" in page
    assert "Choose this model" not in page
