"""A device goes into service after it has answered, and out of it without a further write."""

from datetime import timedelta
from typing import Any

import pytest

from apps.assets.choices import DeviceStage, SetpointStatus
from apps.assets.models import Device, GatewayJob, Setpoint
from apps.assets.services import (
    device_put_in_service,
    device_save,
    device_take_out_of_service,
    setpoint_request,
    shards_ensure,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make


def new_device() -> Device:
    battery = battery_make(host="192.0.2.1")
    Device.objects.update(stage=DeviceStage.NEW)
    battery.refresh_from_db()
    return battery


def job_of(device: Device, **changes: Any) -> GatewayJob:
    fields = {
        "kind": "read",
        "device": device,
        "host": device.host,
        "port": device.port,
        "unit_id": device.unit_id,
        "transport": device.transport,
        "parameters": {"driver": device.driver},
        "answer": {"points": []},
        "status": "done",
        "requested_at": utc_now(),
        **changes,
    }
    return GatewayJob.objects.create(**fields)


def in_service(device: Device) -> bool:
    device.refresh_from_db()
    return device.stage == DeviceStage.IN_SERVICE


@pytest.mark.parametrize(
    "changes",
    [{}, {"kind": "probe", "answer": {"found": [{"driver": "sunspec"}], "tried": []}}],
)
def test_a_device_that_answered_is_put_in_service(
    operator_a: Operator, changes: dict[str, Any]
) -> None:
    device = new_device()
    job_of(device, **changes)

    device_put_in_service(device)

    assert in_service(device)
    assert shards_ensure() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed", "answer": None},
        {"status": "running", "answer": None},
        {"kind": "trace"},
        {"kind": "probe", "answer": {"found": [{"driver": "another"}], "tried": []}},
        {"kind": "probe", "answer": {"found": [], "tried": []}},
        {"parameters": {"driver": "another"}},
        {"unit_id": 2},
        {"port": 503},
    ],
)
def test_a_device_that_never_answered_as_it_is_now_stays_new(
    operator_a: Operator, changes: dict[str, Any]
) -> None:
    device = new_device()
    job_of(device, **changes)

    with pytest.raises(DomainError) as refusal:
        device_put_in_service(device)

    assert refusal.value.code == "device.not_proven"
    assert not in_service(device)


def test_a_device_whose_address_was_changed_has_to_answer_again(operator_a: Operator) -> None:
    device = new_device()
    job_of(device)
    device.host = "192.0.2.9"
    device_save(device=device)

    with pytest.raises(DomainError):
        device_put_in_service(device)


def test_an_import_may_put_a_device_in_service_unasked(operator_a: Operator) -> None:
    device = new_device()

    device_put_in_service(device, is_forced=True)
    device_put_in_service(device)

    assert in_service(device)


@pytest.mark.parametrize(
    ("written", "status"), [(False, SetpointStatus.REFUSED), (True, SetpointStatus.REVERTED)]
)
def test_a_device_out_of_service_is_not_polled_and_holds_no_setpoint(
    operator_a: Operator, *, written: bool, status: str
) -> None:
    battery = battery_make(host="192.0.2.1")
    shards_ensure()
    setpoint = setpoint_request(
        device_id=battery.pk,
        power_kw=20.0,
        source="plan",
        reason="cheap",
        expires_at=utc_now() + timedelta(minutes=5),
    )
    if written:
        Setpoint.objects.update(status=SetpointStatus.APPLIED)

    device = device_take_out_of_service(battery)

    setpoint.refresh_from_db()
    assert (device.stage, device.shard) == (DeviceStage.OUT_OF_SERVICE, None)
    assert (setpoint.status, setpoint.error_code) == (status, "setpoint.not_in_service")
    assert shards_ensure() == 0


def test_taking_out_of_service_twice_is_harmless(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")

    device_take_out_of_service(battery)
    device_take_out_of_service(battery)

    assert not in_service(battery)


def test_the_other_operators_device_is_unknown(operator_a: Operator, operator_b: Operator) -> None:
    device = new_device()

    with operator_context("martinique"):
        for act in (device_put_in_service, device_take_out_of_service):
            with pytest.raises(DomainError) as refusal:
                act(device)
            assert refusal.value.code == "device.unknown"

    assert Device.objects.get().stage == DeviceStage.NEW
