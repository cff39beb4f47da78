"""A person's questions answered over the connection that polling holds open."""

import threading
from typing import Any

import pytest

from apps.assets.choices import DeviceStage, JobStatus, SetpointStatus
from apps.assets.drivers.poller import Poller
from apps.assets.models import Device, GatewayJob, Reading, Setpoint
from apps.assets.services.jobs import LOST, job_answer, job_request
from apps.assets.services.polling import shard_poll
from apps.assets.tasks import jobs as tasks
from tests.assets.conftest import DeviceLoop, battery_make, battery_server
from tests.assets.polling import FLUSH_S, PERIOD_S, eventually, polling, the_shard
from tests.contracts.modbus_tap import ModbusTap

pytestmark = pytest.mark.usefixtures("live_operators", "unsent")

WSET_ENABLE = 40299
"""704 lies at 40277 in the simulated battery; WSetEna is its 22nd register."""


@pytest.fixture
def unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer tasks go nowhere: who polls must answer, or the test itself does."""
    monkeypatch.setattr(tasks.job_answer, "apply_async", lambda *_args, **_options: None)


@pytest.fixture
def tapped(guadeloupe: str, devices: DeviceLoop) -> tuple[Device, ModbusTap]:
    """A battery behind a tap."""
    tap = devices.tap(devices.start(battery_server()).port)
    return battery_make(port=tap.port, poll_period_s=PERIOD_S), tap


def ask(device: Device, kind: str, **parameters: Any) -> GatewayJob:
    return job_request(kind=kind, requested_by=None, device=device, parameters=parameters)


def ended(job: GatewayJob) -> bool:
    job.refresh_from_db()
    return job.status in (JobStatus.DONE, JobStatus.FAILED)


def test_a_polled_device_is_read_over_its_open_connection(
    tapped: tuple[Device, ModbusTap], poller: Poller
) -> None:
    battery, tap = tapped

    with polling(poller):
        eventually(lambda: Reading.objects.exists())
        jobs = [ask(battery, "read"), ask(battery, "probe"), ask(battery, "trace")]
        for job in jobs:
            eventually(lambda job=job: ended(job))
        links = len(tap._links)

    read, probe, trace = jobs
    assert [(job.status, job.error) for job in jobs] == [(JobStatus.DONE, "")] * 3
    assert links == 1
    points = {point["quantity"]: point for point in read.answer["points"] if point["quantity"]}
    assert points["soc_percent"]["value"] == pytest.approx(50.0, abs=0.5)
    assert [found["driver"] for found in probe.answer["found"]][0] == "sunspec"
    assert len(trace.answer["entries"]) > 2
    assert tap.writes == []


def test_a_test_write_comes_between_polls_and_is_let_go_by_the_devices_timer(
    tapped: tuple[Device, ModbusTap], poller: Poller
) -> None:
    battery, tap = tapped

    with polling(poller):
        eventually(lambda: Reading.objects.exists())
        job = ask(battery, "test_write", power_kw=10.0, reversion_s=1)
        eventually(lambda: ended(job))
        before = Reading.objects.count()
        eventually(lambda: Reading.objects.count() > before)

    assert (job.status, job.error) == (JobStatus.DONE, "")
    assert (job.answer["readback_kw"], job.answer["is_released"]) == (10.0, True)
    setpoint = Setpoint.objects.get()
    assert (setpoint.status, setpoint.readback_kw) == (SetpointStatus.EXPIRED, 10.0)
    # Enabled once, by the test; the poll loop wrote nothing of its own.
    assert [w.values for w in tap.writes if w.address == WSET_ENABLE] == [(1,)]


def test_a_run_does_not_end_in_the_middle_of_a_test_write(
    tapped: tuple[Device, ModbusTap], poller: Poller
) -> None:
    """The run is 0.3 s, the test takes a reversion of 1 s and two more."""
    battery, _tap = tapped
    shard_id = the_shard()
    job = ask(battery, "test_write", power_kw=10.0, reversion_s=1)

    assert shard_poll(
        shard_id=shard_id, stop=threading.Event(), poller=poller, run_s=0.3, flush_s=FLUSH_S
    )

    assert ended(job)
    assert (job.status, job.error) == (JobStatus.DONE, "")


def test_a_worker_that_is_told_to_end_fails_what_it_has_begun(
    tapped: tuple[Device, ModbusTap], poller: Poller
) -> None:
    battery, _tap = tapped

    with polling(poller):
        job = ask(battery, "test_write", power_kw=10.0, reversion_s=60)
        eventually(lambda: Setpoint.objects.exists())

    assert ended(job)
    assert (job.status, job.error) == (JobStatus.FAILED, LOST)
    assert Setpoint.objects.get().error_code == "setpoint.lost"


def test_a_new_device_that_nobody_polls_is_asked_over_a_connection_of_its_own(
    tapped: tuple[Device, ModbusTap], poller: Poller
) -> None:
    battery, tap = tapped
    Device.objects.update(stage=DeviceStage.NEW)
    job = ask(battery, "probe")

    assert job_answer(job_id=job.pk, ask_once=poller.ask_once)

    assert ended(job)
    assert [found["driver"] for found in job.answer["found"]][0] == "sunspec"
    eventually(lambda: not tap._links)
    assert tap.writes == []


def test_a_silent_unit_is_reported(guadeloupe: str, devices: DeviceLoop, poller: Poller) -> None:
    """Nothing listens at the port any more."""
    server = devices.start(battery_server())
    battery = battery_make(port=server.port)
    devices.run(server.stop())
    Device.objects.update(stage=DeviceStage.NEW)
    job = ask(battery, "read")

    assert job_answer(job_id=job.pk, ask_once=poller.ask_once)

    assert ended(job)
    assert job.status == JobStatus.FAILED
    assert "cannot connect" in job.error
