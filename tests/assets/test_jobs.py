"""What persons ask gateways: what is refused, who takes it, how it ends, and the set-point of a
test write."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.assets.choices import DeviceStage, JobStatus, SetpointStatus
from apps.assets.drivers.errors import DeviceSilentError, ReadbackMismatchError
from apps.assets.drivers.jobs import GatewayAsk
from apps.assets.models import Device, GatewayJob, PollShard, Setpoint, Site
from apps.assets.selectors.jobs import job_get
from apps.assets.services import setpoint_request, shard_take, shards_ensure
from apps.assets.services.job_setpoints import REASON
from apps.assets.services.jobs import (
    LONGEST_RUN,
    LOST,
    MOST_WAITING,
    NOBODY,
    PATIENCE,
    WAKE_AFTER,
    job_answer,
    job_finish,
    job_request,
    job_take,
    jobs_sweep,
    jobs_take,
)
from apps.assets.services.setpoint_states import setpoints_active
from apps.assets.tasks import jobs as tasks
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make, pv_make

TEST = {"power_kw": 10.0, "reversion_s": 5}
ANSWER = {
    "asked_kw": 10.0,
    "before_kw": None,
    "readback_kw": 10.0,
    "is_enabled": True,
    "after_reversion_kw": None,
    "is_released": True,
    "measured_kw_before": 0.0,
    "measured_kw_after": 10.0,
}


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The answer tasks that were sent: (schema, job)."""
    messages: list[tuple[str, int]] = []

    def apply_async(args: tuple[int], *_more: Any, headers: Any = None, **_options: Any) -> None:
        messages.append((str((headers or {}).get("operator", connection.schema_name)), args[0]))

    monkeypatch.setattr(tasks.job_answer, "apply_async", apply_async)
    return messages


def ask(device: Device, kind: str = "read", **parameters: Any) -> GatewayJob:
    return job_request(kind=kind, requested_by=None, device=device, parameters=parameters)


def polled(device: Device, worker: str = "w") -> int:
    """The shard of the device, held by a worker."""
    shards_ensure()
    device.refresh_from_db()
    assert device.shard_id is not None
    shard_take(shard_id=device.shard_id, holder=uuid.uuid4(), worker=worker)
    return device.shard_id


# --- asking ---


def test_a_job_is_sent_once_its_row_is_committed(
    operator_a: Operator,
    sent: list[tuple[str, int]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    battery = battery_make(host="192.0.2.1")

    with django_capture_on_commit_callbacks(execute=True):
        job = ask(battery)
        assert sent == []

    assert sent == [("guadeloupe", job.pk)]
    stored = job_get(job.pk)
    assert stored is not None
    assert (stored.host, stored.port, stored.unit_id) == ("192.0.2.1", 502, 1)
    assert (stored.status, stored.parameters) == (JobStatus.QUEUED, {"driver": "sunspec"})


def test_an_address_can_be_asked_before_there_is_a_device(operator_a: Operator) -> None:
    job = job_request(kind="probe", requested_by=None, host="192.0.2.7", port=1502, unit_id=3)

    assert job.device is None
    assert (job.host, job.port, job.unit_id, job.transport) == ("192.0.2.7", 1502, 3, "modbus_tcp")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "reboot"}, "job.kind_unknown"),
        ({"port": 70_000}, "job.address_invalid"),
        ({"unit_id": 256}, "job.address_invalid"),
        ({"transport": "telnet"}, "job.address_invalid"),
        ({"host": "169.254.169.254"}, "device.address_refused"),
        ({"host": "127.0.0.1"}, "device.address_refused"),
        ({"host": ""}, "device.address_invalid"),
        ({"kind": "test_write"}, "job.device_missing"),
    ],
)
def test_what_must_not_be_asked_is_refused_and_leaves_no_job(
    operator_a: Operator, settings: Any, changes: dict[str, Any], code: str
) -> None:
    settings.OUTGOING_LOOPBACK_ALLOWED = False
    good: dict[str, Any] = {"kind": "probe", "host": "192.0.2.7", "port": 502, "unit_id": 1}

    with pytest.raises(DomainError) as refusal:
        job_request(requested_by=None, **{**good, **changes})

    assert refusal.value.code == code
    assert GatewayJob.objects.count() == 0


def test_too_many_waiting_jobs_are_refused(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")
    first = ask(battery)
    copies = []
    for _ in range(MOST_WAITING - 1):
        copy = GatewayJob.objects.get(pk=first.pk)
        copy.pk = None
        copies.append(copy)
    GatewayJob.objects.bulk_create(copies)

    with pytest.raises(DomainError) as refusal:
        ask(battery)

    assert refusal.value.code == "job.too_many"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"power_kw": 10.0},
        {"power_kw": "10", "reversion_s": 5},
        {"power_kw": float("nan"), "reversion_s": 5},
        {"power_kw": 10.0, "reversion_s": 0},
        {"power_kw": 10.0, "reversion_s": 61},
        {"power_kw": True, "reversion_s": 5},
    ],
)
def test_a_test_write_needs_a_power_and_a_short_timer(
    operator_a: Operator, parameters: dict[str, Any]
) -> None:
    with pytest.raises(DomainError) as refusal:
        ask(battery_make(host="192.0.2.1"), "test_write", **parameters)

    assert refusal.value.code == "job.parameters_invalid"
    assert Setpoint.objects.count() == 0


# --- what may be written ---


@pytest.mark.parametrize(
    ("device", "site", "power_kw", "code"),
    [
        ({"control_enabled": False}, {}, 10.0, "setpoint.control_disabled"),
        ({"hands_off": True}, {}, 10.0, "setpoint.hands_off"),
        ({}, {"hands_off": True}, 10.0, "setpoint.hands_off"),
        ({}, {}, 100.1, "setpoint.power_above_rated"),
        ({}, {"grid_import_limit_kw": 5.0}, 10.0, "setpoint.grid_import_limit"),
    ],
)
def test_a_forbidden_test_write_is_refused_and_kept_for_the_audit(
    operator_a: Operator, device: dict[str, Any], site: dict[str, Any], power_kw: float, code: str
) -> None:
    battery = battery_make(host="192.0.2.1")
    Device.objects.update(**device)
    if site:
        Site.objects.update(**site)
    battery = Device.objects.get()

    with pytest.raises(DomainError) as refusal:
        ask(battery, "test_write", power_kw=power_kw, reversion_s=5)

    assert refusal.value.code == code
    assert GatewayJob.objects.count() == 0
    kept = Setpoint.objects.get()
    assert (kept.status, kept.error_code) == (SetpointStatus.REFUSED, code)
    assert (kept.reason, kept.source, kept.power_kw) == (REASON, "operator", power_kw)


def test_a_pv_plant_is_not_tested_with_consumption(operator_a: Operator) -> None:
    with pytest.raises(DomainError) as refusal:
        ask(pv_make(host="192.0.2.1"), "test_write", **TEST)

    assert refusal.value.code == "setpoint.pv_must_not_consume"


def test_a_test_write_goes_to_the_devices_own_address(operator_a: Operator) -> None:
    """Else it would reach a device whose owner never enabled control."""
    with pytest.raises(DomainError) as refusal:
        job_request(
            kind="test_write",
            requested_by=None,
            device=battery_make(host="192.0.2.1"),
            host="192.0.2.2",
            parameters=TEST,
        )

    assert refusal.value.code == "job.address_invalid"


@pytest.mark.parametrize("source", ["plan", "grid", "operator"])
def test_a_test_write_does_not_disturb_a_setpoint_in_force(
    operator_a: Operator, source: str
) -> None:
    battery = battery_make(host="192.0.2.1")
    setpoint_request(
        device_id=battery.pk,
        power_kw=20.0,
        source=source,
        reason="held",
        expires_at=utc_now() + timedelta(minutes=5),
    )

    with pytest.raises(DomainError, match=f"a set-point of source {source} is in force") as refusal:
        ask(battery, "test_write", **TEST)

    assert refusal.value.code == "job.setpoint_active"
    assert Setpoint.objects.filter(status=SetpointStatus.REQUESTED).get().power_kw == 20.0


def test_control_switched_off_before_the_start_stops_the_test_write(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")
    job = ask(battery, "test_write", **TEST)
    Device.objects.update(control_enabled=False)

    assert job_take(job_id=job.pk, now=utc_now()) is None

    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert "read only" in job.error
    assert Setpoint.objects.get().error_code == "setpoint.control_disabled"


def test_a_plan_that_came_before_the_start_stops_the_test_write(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")
    job = ask(battery, "test_write", **TEST)
    setpoint_request(
        device_id=battery.pk,
        power_kw=20.0,
        source="plan",
        reason="cheap",
        expires_at=utc_now() + timedelta(minutes=5),
    )

    assert job_take(job_id=job.pk, now=utc_now()) is None

    job.refresh_from_db()
    assert "a set-point of source plan is in force" in job.error
    assert Setpoint.objects.filter(source="plan").get().status == SetpointStatus.REQUESTED


# --- the set-point of a test ---


def started(device: Device) -> tuple[GatewayJob, Setpoint]:
    job = ask(device, "test_write", **TEST)
    assert job_take(job_id=job.pk, now=utc_now()) is not None
    job.refresh_from_db()
    return job, Setpoint.objects.get(pk=job.parameters["setpoint_id"])


def test_while_a_test_runs_the_device_is_the_tests(operator_a: Operator) -> None:
    """A plan is outranked, and the poll loop writes nothing: not even the test's own set-point."""
    battery = battery_make(host="192.0.2.1")
    _job, setpoint = started(battery)

    with pytest.raises(DomainError) as refusal:
        setpoint_request(
            device_id=battery.pk,
            power_kw=20.0,
            source="plan",
            reason="cheap",
            expires_at=utc_now() + timedelta(minutes=5),
        )

    assert refusal.value.code == "setpoint.outranked"
    assert (setpoint.status, setpoint.source) == (SetpointStatus.REQUESTED, "operator")
    assert setpoints_active(device_ids=[battery.pk]) == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, SetpointStatus.EXPIRED, ""),
        (
            {"is_released": False, "after_reversion_kw": 10.0},
            SetpointStatus.FAILED,
            "setpoint.not_reverted",
        ),
        ({"is_enabled": False}, SetpointStatus.FAILED, "setpoint.not_enabled"),
    ],
)
def test_the_answer_ends_the_setpoint(
    operator_a: Operator, changes: dict[str, Any], status: str, code: str
) -> None:
    job, setpoint = started(battery_make(host="192.0.2.1"))

    assert job_finish(job_id=job.pk, answer={**ANSWER, **changes}, now=utc_now())

    job.refresh_from_db()
    setpoint.refresh_from_db()
    assert (job.status, job.answer) == (JobStatus.DONE, {**ANSWER, **changes})
    assert (setpoint.status, setpoint.error_code) == (status, code)
    assert (setpoint.applied_kw, setpoint.readback_kw) == (10.0, 10.0)
    assert setpoint.written_at == job.started_at
    assert setpoint.ended_at is not None


def test_another_value_read_back_fails_the_setpoint(operator_a: Operator) -> None:
    job, setpoint = started(battery_make(host="192.0.2.1"))

    job_finish(
        job_id=job.pk, error=ReadbackMismatchError("shows -10", readback_kw=-10.0), now=utc_now()
    )

    setpoint.refresh_from_db()
    assert (setpoint.error_code, setpoint.readback_kw) == ("setpoint.readback", -10.0)


def test_a_silent_device_fails_the_setpoint_unwritten(operator_a: Operator) -> None:
    job, setpoint = started(battery_make(host="192.0.2.1"))

    job_finish(job_id=job.pk, error=DeviceSilentError("no answer within 1 s"), now=utc_now())

    job.refresh_from_db()
    setpoint.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "no answer within 1 s")
    assert (setpoint.status, setpoint.written_at) == (SetpointStatus.FAILED, None)


def test_a_job_ends_once(operator_a: Operator) -> None:
    job = ask(battery_make(host="192.0.2.1"))
    job_take(job_id=job.pk, now=utc_now())

    assert job_finish(job_id=job.pk, answer={"points": []}, now=utc_now())
    assert not job_finish(job_id=job.pk, error="late", now=utc_now())

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.DONE, "")


# --- who takes it ---


def test_the_worker_that_polls_the_gateway_takes_its_jobs_once(operator_a: Operator) -> None:
    battery, other = battery_make(host="192.0.2.1"), battery_make("bat-02", host="192.0.2.2")
    shard_id = polled(battery)
    Device.objects.filter(pk=other.pk).update(shard=PollShard.objects.create(key="other"))
    read, probe = ask(battery), ask(battery, "probe")
    ask(other)

    asks = jobs_take(shard_id=shard_id, now=utc_now())

    assert [(a.job_id, a.kind, a.host) for a in asks] == [
        (read.pk, "read", "192.0.2.1"),
        (probe.pk, "probe", "192.0.2.1"),
    ]
    assert asks[0].spec is not None
    assert (asks[0].spec.device_id, asks[0].driver) == (battery.pk, "sunspec")
    assert jobs_take(shard_id=shard_id, now=utc_now()) == []


def test_a_unit_that_is_no_device_is_asked_over_the_connection_of_its_gateway(
    operator_a: Operator,
) -> None:
    """Its neighbour behind the same gateway is polled."""
    battery = battery_make(host="192.0.2.1", unit_id=1)
    shard_id = polled(battery)
    job = job_request(kind="probe", requested_by=None, host="192.0.2.1", port=502, unit_id=2)

    assert job_take(job_id=job.pk, now=utc_now()) is None
    (ask_,) = jobs_take(shard_id=shard_id, now=utc_now())

    assert (ask_.job_id, ask_.unit_id, ask_.spec) == (job.pk, 2, None)


@pytest.mark.parametrize("stage", [DeviceStage.NEW, DeviceStage.OUT_OF_SERVICE])
def test_a_gateway_that_nobody_polls_is_asked_by_the_task(operator_a: Operator, stage: str) -> None:
    battery = battery_make(host="192.0.2.1")
    shard_id = polled(battery)
    Device.objects.update(stage=stage)
    job = ask(battery)

    assert jobs_take(shard_id=shard_id, now=utc_now()) == []
    taken = job_take(job_id=job.pk, now=utc_now())

    assert isinstance(taken, GatewayAsk)
    assert job_take(job_id=job.pk, now=utc_now()) is None


def test_a_gateway_whose_worker_died_is_asked_by_the_task(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")
    polled(battery)
    job = ask(battery)
    assert job_take(job_id=job.pk, now=utc_now()) is None

    PollShard.objects.update(lease_until=utc_now() - timedelta(seconds=1))

    assert job_take(job_id=job.pk, now=utc_now()) is not None


def test_two_workers_at_once_run_each_job_once(
    live_operators: tuple[Operator, Operator],
) -> None:
    with operator_context("guadeloupe"):
        battery = battery_make(host="192.0.2.1")
        shard_id = polled(battery)
        expected = sorted(ask(battery).pk for _ in range(6))
    barrier, taken = threading.Barrier(4), []

    def take() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(10)
                for _ in range(3):
                    taken.extend(a.job_id for a in jobs_take(shard_id=shard_id, now=utc_now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(taken) == expected


def test_the_jobs_of_an_operator_are_its_own(operator_a: Operator, operator_b: Operator) -> None:
    """Both poll a gateway of the same address, with equal ids."""
    ours = battery_make(host="192.0.2.1")
    shard_id = polled(ours)
    job = ask(ours)
    with operator_context("martinique"):
        theirs = battery_make(host="192.0.2.1")
        PollShard.objects.create(pk=shard_id, key="s")
        Device.objects.filter(pk=theirs.pk).update(shard=shard_id)

        assert jobs_take(shard_id=shard_id, now=utc_now()) == []
        assert job_take(job_id=job.pk, now=utc_now()) is None
        assert job_get(job.pk) is None
        assert jobs_sweep(now=utc_now() + PATIENCE) == []

    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED


# --- answered by the task ---


def test_the_task_stores_the_answer(operator_a: Operator) -> None:
    job = ask(battery_make(host="192.0.2.1"))

    assert job_answer(job_id=job.pk, ask_once=lambda a: {"asked": a.job_id})

    job.refresh_from_db()
    assert (job.status, job.answer) == (JobStatus.DONE, {"asked": job.pk})
    assert job.started_at is not None
    assert job.finished_at is not None


def test_the_task_stores_why_there_is_no_answer(operator_a: Operator) -> None:
    def fail(_ask: GatewayAsk) -> dict[str, Any]:
        raise DeviceSilentError("no answer within 1 s")

    job = ask(battery_make(host="192.0.2.1"))

    assert job_answer(job_id=job.pk, ask_once=fail)

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "no answer within 1 s")


def test_an_unforeseen_fault_still_ends_the_job(operator_a: Operator) -> None:
    def fail(_ask: GatewayAsk) -> dict[str, Any]:
        raise ZeroDivisionError

    job = ask(battery_make(host="192.0.2.1"))

    with pytest.raises(ZeroDivisionError):
        job_answer(job_id=job.pk, ask_once=fail)

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "failed: ZeroDivisionError")


# --- nobody answered ---


def test_a_job_that_nobody_took_fails(operator_a: Operator) -> None:
    job = ask(battery_make(host="192.0.2.1"))

    assert jobs_sweep(now=job.requested_at + PATIENCE - timedelta(seconds=1)) == [job.pk]
    assert jobs_sweep(now=job.requested_at + PATIENCE) == []

    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, NOBODY)
    assert job_take(job_id=job.pk, now=utc_now()) is None


def test_a_young_job_is_left_to_who_polls_its_gateway(operator_a: Operator) -> None:
    job = ask(battery_make(host="192.0.2.1"))

    assert jobs_sweep(now=job.requested_at + WAKE_AFTER / 2) == []


def test_a_test_write_whose_worker_was_killed_is_never_run_again(operator_a: Operator) -> None:
    job, setpoint = started(battery_make(host="192.0.2.1"))
    assert job.started_at is not None
    just_before = job.started_at + LONGEST_RUN - timedelta(seconds=1)

    assert jobs_sweep(now=just_before) == []
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING
    assert jobs_sweep(now=job.started_at + LONGEST_RUN) == []

    job.refresh_from_db()
    setpoint.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, LOST)
    assert (setpoint.status, setpoint.error_code) == (SetpointStatus.FAILED, "setpoint.lost")
    assert job_take(job_id=job.pk, now=utc_now()) is None


def test_old_jobs_are_forgotten_waiting_ones_are_not(operator_a: Operator) -> None:
    battery = battery_make(host="192.0.2.1")
    done, waiting = ask(battery), ask(battery)
    job_finish(job_id=done.pk, answer={}, now=utc_now() - timedelta(days=91))

    jobs_sweep(now=utc_now())

    assert list(GatewayJob.objects.values_list("pk", flat=True)) == [waiting.pk]


def test_the_sweep_task_sends_what_waits(operator_a: Operator, sent: list[tuple[str, int]]) -> None:
    job = ask(battery_make(host="192.0.2.1"))
    GatewayJob.objects.update(requested_at=utc_now() - timedelta(seconds=10))
    sent.clear()

    tasks.jobs_sweep()

    assert sent == [("guadeloupe", job.pk)]


def test_a_process_answers_only_some_jobs_beside_its_polls(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(battery_make(host="192.0.2.1"))
    monkeypatch.setattr(tasks, "_room", threading.BoundedSemaphore(1))
    tasks._room.acquire()

    tasks.job_answer(job.pk)

    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
