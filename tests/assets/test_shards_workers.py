"""Two real Celery workers share the shards of simulated devices; then one is killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django.db import connection

from apps.assets.models import Device, PollShard, PollWorker, Reading, Sensor
from apps.assets.services.shards import LEASE_S
from apps.tenants.tasking import HEADER
from cariflex.common.time import utc_now
from cariflex.runtime.layout import ROOT
from tests.assets.conftest import DeviceLoop, battery_make, battery_server
from tests.assets.polling import PERIOD_S, eventually

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("live_operators")]

SHARDS = 4
PATIENCE_S = 90.0
BROKER_DATABASE = 9


class Workers:
    """Poll workers as processes of their own, and somebody who dispatches as beat does."""

    def __init__(self, folder: Path) -> None:
        broker = f"{settings.REDIS_URL.rsplit('/', 1)[0]}/{BROKER_DATABASE}"
        database = connection.settings_dict
        self._folder = folder
        self._environment = {
            **os.environ,
            "CARIFLEX_TESTING": "0",
            "CARIFLEX_SECRET_KEY": "two workers of a test",
            "REDIS_URL": broker,
            "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        }
        self._app = Celery(broker=broker, set_as_current=False)
        self._app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        self._app.control.purge()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        words = ["worker", "-n", f"{name}@%h", "-Q", "poll,dispatch", "--pool", "threads"]
        words += ["-c", "12", "--without-gossip", "--without-mingle"]
        with (self._folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "cariflex", *words],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def wait_for(self, holds: Callable[[], Any]) -> None:
        """Dispatch each two seconds until it holds."""
        sent_at_s = 0.0

        def look() -> Any:
            nonlocal sent_at_s
            if time.monotonic() - sent_at_s > 2.0:
                sent_at_s = time.monotonic()
                self._app.send_task(
                    "assets.poll_dispatch",
                    queue="dispatch",
                    expires=2.0,
                    headers={HEADER: "guadeloupe"},
                )
            return holds()

        eventually(look, PATIENCE_S)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        self._app.control.purge()
        self._app.close()


@pytest.fixture
def workers(guadeloupe: str, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    workers.stop()


def holders() -> Counter[int]:
    """Shards held now by process id."""
    held = PollShard.objects.filter(lease_until__gt=utc_now(), holder__isnull=False)
    return Counter(int(shard.worker.rpartition(":")[2]) for shard in held)


def longest_gap_s(code: str) -> float:
    sensor = Sensor.objects.get(device__code=code, quantity="power_kw", channel="")
    at: list[datetime] = list(
        Reading.objects.filter(sensor_id=sensor.pk).order_by("at").values_list("at", flat=True)
    )
    return max((b - a).total_seconds() for a, b in zip(at, at[1:], strict=False))


def test_shards_spread_over_a_second_worker_and_come_back_when_it_is_killed(
    workers: Workers, devices: DeviceLoop
) -> None:
    codes = [f"bat-{n}" for n in range(SHARDS)]
    for code in codes:
        port = devices.start(battery_server()).port
        battery = battery_make(code, port=port, poll_period_s=PERIOD_S)
        Device.objects.filter(pk=battery.pk).update(shard=PollShard.objects.create(key=code))

    first = workers.start("first")
    workers.wait_for(lambda: holders() == {first.pid: SHARDS})
    workers.wait_for(lambda: Reading.objects.exists())
    second = workers.start("second")
    workers.wait_for(lambda: holders() == {first.pid: SHARDS // 2, second.pid: SHARDS // 2})
    lost = {s.pk: s for s in PollShard.objects.filter(worker__endswith=f":{first.pid}")}

    first.send_signal(signal.SIGKILL)
    killed_at = utc_now()
    workers.wait_for(lambda: holders() == {second.pid: SHARDS})
    moved_at = utc_now()
    workers.wait_for(
        lambda: all(
            Reading.objects.filter(
                at__gt=moved_at, sensor_id__in=Sensor.objects.filter(device__code=code)
            ).exists()
            for code in codes
        )
    )

    for shard in PollShard.objects.filter(pk__in=lost):
        assert shard.taken_at is not None
        # The heir stood ready when the lease was over; a second for a busy machine.
        assert (shard.taken_at - killed_at).total_seconds() < LEASE_S + 1.0
    # Polled five times a second: what is missing is a lease, not more.
    assert max(longest_gap_s(code) for code in codes) < LEASE_S + 2.0
    second.terminate()
    second.wait(30)
    assert holders() == {}
    assert not PollWorker.objects.filter(name__endswith=f":{second.pid}").exists()
