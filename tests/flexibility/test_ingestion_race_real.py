"""The ingestion race on the real FlexMeasures: shown as it is, and shown not to reach a plan.

An additional worker on its queue `ingestion` makes FlexMeasures save posted values in the
background. It is held by SIGSTOP, so that "in a moment" lasts.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
import redis
from django.utils import translation

from apps.flexibility.choices import PlanReason, PlanStatus, SensorRole
from apps.flexibility.clients import flexmeasures
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from apps.markets.models import SeriesValue
from cariflex.common.http import HttpClient
from cariflex.common.units import QUARTER_HOUR
from cariflex.runtime.environment import base_environment
from cariflex.runtime.flexmeasures import environment, launcher
from cariflex.runtime.procfs import ProcessId, identify, wait_until
from cariflex.runtime.redis_server import FLEXMEASURES_DATABASE
from tests.flexibility.conftest import NOW, SLOT, Island, price_of, report
from tests.stack import Stack

pytestmark = pytest.mark.stack
HOURS_24: Final = timedelta(hours=24)
CHEAP, DEAR = Decimal(20), Decimal(200)


class IngestionWorker:
    """A second launcher beside the stack's FlexMeasures that runs nothing but this worker."""

    def __init__(self, stack: Stack, connection: redis.Redis) -> None:
        self.redis = connection
        layout = stack.layout
        log = layout.log("ingestion")
        with log.open("w") as output:
            self.launcher = subprocess.Popen(
                [str(layout.flexmeasures_python), str(launcher(layout))],
                env={
                    **base_environment(os.environ, layout),
                    **environment(layout),
                    "CARIFLEX_FLEXMEASURES_PARTS": "ingestion",
                },
                cwd=layout.flexmeasures_data,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        assert wait_until(lambda: "ingestion is pid" in log.read_text(), 60)
        pid = log.read_text().split("ingestion is pid ")[1].split()[0]
        self.worker = identify(int(pid))
        assert wait_until(lambda: bool(self.names()), 30)

    def names(self) -> list[str]:
        return [str(name) for name in self.redis.smembers("rq:workers:ingestion")]

    def waiting(self) -> int:
        """How many posts are not even begun."""
        return int(self.redis.llen("rq:queue:ingestion"))

    def hold(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def die(self) -> None:
        """As by the kernel's hand: nobody tells FlexMeasures."""
        if self.launcher.returncode is None:
            self.launcher.kill()
            self.launcher.wait()
        worker = self.worker
        assert wait_until(lambda: worker is None or not worker.alive, 10)

    def forget(self) -> None:
        """Leave FlexMeasures as it was: no worker on the queue, nothing in it."""
        self.die()
        for name in self.names():
            self.redis.srem("rq:workers", name)
            self.redis.delete(name)
        self.redis.delete("rq:workers:ingestion", "rq:queue:ingestion")

    @property
    def _pid(self) -> int:
        assert isinstance(self.worker, ProcessId)
        return self.worker.pid


@pytest.fixture
def there(servers: Stack) -> FlexmeasuresServer:
    return FlexmeasuresServer(
        f"http://127.0.0.1:{servers.ports.flexmeasures}",
        servers.secrets["FLEXMEASURES_PROVISION_TOKEN"],
    )


@pytest.fixture
def connection(servers: Stack) -> Iterator[redis.Redis]:
    """The Redis of FlexMeasures."""
    with redis.Redis(
        port=servers.ports.redis,
        password=servers.secrets["REDIS_PASSWORD"],
        db=FLEXMEASURES_DATABASE,
        decode_responses=True,
    ) as opened:
        yield opened


@pytest.fixture
def worker(servers: Stack, connection: redis.Redis) -> Iterator[IngestionWorker]:
    running = IngestionWorker(servers, connection)
    yield running
    running.forget()


def turned(slot: Any) -> Decimal:
    """Dear when it was cheap and cheap when it was dear."""
    return {CHEAP: DEAR, DEAR: CHEAP}.get(price_of(slot), price_of(slot))


def publish_turned_prices() -> None:
    rows = list(SeriesValue.objects.all())
    for row in rows:
        row.value = turned(row.start)
    SeriesValue.objects.bulk_update(rows, ["value"])


class Careless:
    """Who posts and triggers at once, as one reads it in FlexMeasures' tutorial."""

    def __init__(self, server: FlexmeasuresServer, account: FlexmeasuresAccount) -> None:
        self.http = HttpClient(
            system="flexmeasures", base_url=server.base_url, read_timeout_s=60, own_network=True
        )
        self.token = ""
        answer = self.call(
            "POST", "requestAuthToken", {"email": account.email, "password": account.password}
        )
        self.token = answer["auth_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        start = "/api/" if path == "requestAuthToken" else "/api/v3_0/"
        headers = {"Authorization": self.token} if self.token else {}
        answer = self.http.request(method, start + path, headers=headers, json_body=body)
        assert answer.status in (200, 202), answer.text
        return answer.json()

    def prices_post(self, sensor_id: int) -> str:
        """Post the turned prices; gives the job that will save them some day."""
        values = [float(turned(SLOT + n * QUARTER_HOUR)) for n in range(96)]
        body = {"start": SLOT.isoformat(), "duration": "PT24H", "values": values, "unit": "EUR/MWh"}
        return str(self.call("POST", f"sensors/{sensor_id}/data", body)["job"])

    def schedule(self, battery: FlexmeasuresSensor, price_id: int) -> list[float]:
        """Ask for 24 hours of a battery of 50 kW and 80 kWh, half full: kW, charging positive."""
        entry = {
            "sensor": battery.sensor_id,
            "consumption": {"sensor": battery.sensor_id},
            "soc-at-start": "40 kWh",
            "soc-min": "0 kWh",
            "soc-max": "80 kWh",
            "power-capacity": "50 kW",
        }
        body = {
            "start": SLOT.isoformat(),
            "duration": "PT24H",
            "flex-model": [entry],
            "flex-context": {
                "consumption-price": {"sensor": price_id},
                "production-price": {"sensor": price_id},
                "site-power-capacity": "500 kW",
            },
            "force-new-job-creation": True,
        }
        asset_id = battery.asset.asset_id
        job_id = self.call("POST", f"assets/{asset_id}/schedules/trigger", body)["job"]
        assert wait_until(lambda: self.status(job_id) == "FINISHED", 120, 1.0)
        path = f"sensors/{battery.sensor_id}/schedules/{job_id}?duration=PT24H"
        return [float(value) for value in self.call("GET", path)["values"]]

    def status(self, job_id: str) -> str:
        return str(self.call("GET", f"jobs/{job_id}")["status"])


def evening_kwh(powers_kw: list[float]) -> float:
    """What the battery takes (feeds: negative) from 18:00 to 21:00 UTC, of 96 slots from 12:00."""
    return sum(powers_kw[24:36]) / 4


def planned(plan: Plan, island: Island) -> list[float]:
    """The plan's powers of a battery, from noon on."""
    slots = PlanSlot.objects.filter(plan=plan, device=island.bat_1).order_by("start")
    powers = list(slots.values_list("power_kw", flat=True))
    return [0.0] * ((plan.start - SLOT) // QUARTER_HOUR) + powers


@pytest.mark.usefixtures("priced")
def test_a_held_ingestion_worker_fools_a_careless_client_and_not_us(
    island: Island,
    there: FlexmeasuresServer,
    worker: IngestionWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The evening is dear: both plan to feed what the batteries hold then.
    account = provision(server=there, now=NOW).account
    price = FlexmeasuresSensor.objects.get(role=SensorRole.CONSUMPTION_PRICE)
    battery = FlexmeasuresSensor.objects.get(
        role=SensorRole.PLANNED_POWER, asset__device=island.bat_2
    )
    (first,) = plan_refresh(server=there, now=NOW)
    assert (first.status, first.reason_code) == (PlanStatus.ACCEPTED, "")
    assert evening_kwh(planned(first, island)) < -30

    # The race: the evening becomes cheap, the post is answered, the schedule is of the old price.
    worker.hold()
    careless = Careless(there, account)
    job_id = careless.prices_post(price.sensor_id)
    fooled = careless.schedule(battery, price.sensor_id)
    assert careless.status(job_id) == "QUEUED"
    assert evening_kwh(fooled) == pytest.approx(-80, abs=1)

    # We are not: no trigger, and words.
    publish_turned_prices()
    monkeypatch.setattr(flexmeasures, "INGESTION_TIMEOUT_S", 3.0)
    now = NOW + QUARTER_HOUR
    report(island, now)
    (late,) = plan_refresh(server=there, now=now)
    assert (late.status, late.reason_code) == (PlanStatus.FAILED, PlanReason.INGESTION_LATE)
    assert late.job_id == ""
    with translation.override("en"):
        assert late.reason == "FlexMeasures has not taken in the latest values yet"

    # It goes on: the next attempt uses the new price.
    worker.go_on()
    assert wait_until(lambda: careless.status(job_id) == "FINISHED", 60, 0.5)
    monkeypatch.setattr(flexmeasures, "INGESTION_TIMEOUT_S", 30.0)
    assert late.retry_at is not None
    (made,) = plan_refresh(server=there, now=late.retry_at)
    assert (made.status, made.reason_code) == (PlanStatus.ACCEPTED, "")
    assert evening_kwh(planned(made, island)) > 30
    assert evening_kwh(careless.schedule(battery, price.sensor_id)) > 30
    sys.stdout.write(
        f"\nevening 18:00-21:00 UTC of a battery: careless {evening_kwh(fooled):+.1f} kWh of the"
        f" old price; ours {late.reason_code} after {late.duration_s:.1f} s, then"
        f" {evening_kwh(planned(made, island)):+.1f} kWh of the new one\n"
    )


@pytest.mark.usefixtures("priced")
def test_a_dead_ingestion_worker_is_noticed_within_a_minute(
    island: Island, there: FlexmeasuresServer, worker: IngestionWorker
) -> None:
    provision(server=there, now=NOW)
    worker.die()

    (late,) = plan_refresh(server=there, now=NOW)

    assert (late.status, late.reason_code) == (PlanStatus.FAILED, PlanReason.INGESTION_LATE)
    assert late.job_id == ""
    assert late.duration_s is not None
    assert late.duration_s < 60
    assert worker.waiting() > 0
    worker.forget()
    assert late.retry_at is not None
    (made,) = plan_refresh(server=there, now=late.retry_at)
    assert (made.status, made.reason_code) == (PlanStatus.ACCEPTED, "")
