"""How fast and how punctual polling is: 20, 200 and 1,000 simulated devices.

    ./run bench polling [--seconds 12] [--port 20000]

Throughput: all devices read as fast as they answer, once through our connection and driver (decoded
to a measurement) and once by a bare pymodbus loop that makes the same requests and throws the
registers away; in turn, over connections that stay open, the median of the rounds.

Timed: the real shard loop, which decodes, stores every reading in PostgreSQL and renews its leases.
A poll is late when it starts more than 10 % of its period after its instant, lost when it is left
out or fails. With bad devices among them, late and lost are those of the healthy ones. CPU is that
of this process, PostgreSQL and the devices apart.

The devices run in a process of their own that answers from precomputed registers.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
# Not beside it: the folder of this script holds names that packages have too.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from pymodbus.client import AsyncModbusTcpClient  # noqa: E402

from apps.assets.choices import DeviceKind, DeviceStage  # noqa: E402
from apps.assets.drivers.blocks import Span  # noqa: E402
from apps.assets.drivers.modbus import ConnectionPool  # noqa: E402
from apps.assets.drivers.poll_grid import ON_TIME_SHARE, PollStatistics  # noqa: E402
from apps.assets.drivers.poller import Poller  # noqa: E402
from apps.assets.drivers.registry import DeviceSpec, driver_build  # noqa: E402
from apps.assets.drivers.sunspec_device import SunspecDevice  # noqa: E402
from apps.assets.models import Device, PollShard, Reading, Sensor  # noqa: E402
from apps.assets.services import partitions_ensure, shards_ensure, site_register  # noqa: E402
from apps.assets.services.device_specs import device_spec  # noqa: E402
from apps.assets.services.devices import QUANTITIES  # noqa: E402
from apps.assets.services.polling import shard_poll  # noqa: E402
from apps.tenants.context import current_schema, operator_context  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.report import report  # noqa: E402
from cariflex.common.time import utc_now  # noqa: E402

SIZES = (20, 200, 1000)
PERIODS_S = {20: 1.0, 200: 2.0, 1000: 10.0}
SILENT_SHARE, FLAPPING_SHARE = 0.10, 0.05
GATEWAY_UNITS = 10
WANTED_SHARE = 0.85
WANTED_PICK_UP_S = 10.0
SETTLE_S = 7.0
"""Scans and staggered connects of 1,000 devices take this long; not counted."""
PATIENCE_S = 60.0


class Devices:
    """The simulated devices, in a process of their own; numbered from 0."""

    def __init__(self, *, port: int, count: int, units: int = 1, is_rtu: bool = False) -> None:
        words = ["--port", str(port), "--count", str(count), "--units", str(units)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.simulation.devices.light", *words]
            + (["--rtu"] if is_rtu else []),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def order(self, fault: str | None, devices: Iterable[int]) -> None:
        """Break these devices in that way, or repair them."""
        assert self._process.stdin is not None
        order = {"fault": fault, "devices": list(devices)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._expect("done")

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != word:
            raise SystemExit(f"the simulated devices did not say {word!r}")


# --- throughput ---

Row = dict[str, object]
Poll = Callable[[], Awaitable[object]]


async def closed_loop(polls: Sequence[tuple[int, Poll]], seconds: float) -> int:
    """Call each poll as often as it returns, all at once; how many reads that were."""
    ends_at_s, count = time.perf_counter() + seconds, 0

    async def one(reads: int, poll: Poll) -> None:
        nonlocal count
        while time.perf_counter() < ends_at_s:
            await poll()
            count += reads

    await asyncio.gather(*(one(reads, poll) for reads, poll in polls))
    return count


def bare_poll(client: AsyncModbusTcpClient, spec: DeviceSpec, spans: Sequence[Span]) -> Poll:
    """A poll that reads these registers and throws them away."""

    async def poll() -> None:
        for span in spans:
            await client.read_holding_registers(
                span.address, count=span.count, device_id=spec.unit_id
            )

    return poll


async def throughput(specs: list[DeviceSpec], seconds: float, rounds: int) -> Row:
    """Reads per second of both loops, and CPU per read."""
    pool = ConnectionPool()
    drivers = [driver_build(pool.get(s.host, s.port, s.transport), s) for s in specs]
    await asyncio.gather(*(driver.measure() for driver in drivers))
    clients = []
    loops: dict[str, list[tuple[int, Poll]]] = {"bare": [], "ours": []}
    for spec, driver in zip(specs, drivers, strict=True):
        spans = cast(SunspecDevice, driver).fast_spans
        client = AsyncModbusTcpClient(spec.host, port=spec.port, timeout=5)
        await client.connect()
        clients.append(client)
        loops["bare"].append((len(spans), bare_poll(client, spec, spans)))
        loops["ours"].append((len(spans), driver.measure))
    rates: dict[str, list[float]] = {name: [] for name in loops}
    cpu_us: dict[str, list[float]] = {name: [] for name in loops}
    for _round in range(rounds):
        for name, polls in loops.items():
            wall, cpu = time.perf_counter(), time.process_time()
            count = await closed_loop(polls, seconds)
            rates[name].append(count / (time.perf_counter() - wall))
            cpu_us[name].append((time.process_time() - cpu) / count * 1e6)
    for client in clients:
        client.close()
    await pool.close()
    share = statistics.median(o / b for o, b in zip(rates["ours"], rates["bare"], strict=True))
    return {
        "devices": len(specs),
        "bare reads/s": round(statistics.median(rates["bare"])),
        "ours reads/s": round(statistics.median(rates["ours"])),
        "ours / bare %": round(100 * share, 1),
        "bare us CPU/read": round(statistics.median(cpu_us["bare"]), 1),
        "ours us CPU/read": round(statistics.median(cpu_us["ours"]), 1),
    }


# --- the real shard loop ---


@dataclass(slots=True)
class Run:
    """What a timed run came to."""

    name: str
    counted: PollStatistics
    cpu_share: float
    stored: int

    def row(self, healthy: set[int]) -> Row:
        """The run's figures; those of the healthy devices where devices differ."""
        s = self.counted
        slowest = max((s.slowest_of[n] for n in healthy if n in s.slowest_of), default=0.0)
        return {
            "run": self.name,
            "polls": s.polls,
            "late": sum(s.late_of[n] for n in healthy),
            "lost": sum(s.missed_of[n] + s.failed_of[n] for n in healthy),
            "worst start ms": round(1000 * s.worst_late_s, 1),
            "slowest answer ms": round(1000 * slowest, 1),
            "bad devices' failures": sum(
                count for n, count in s.failed_of.items() if n not in healthy
            ),
            "readings": self.stored,
            "CPU % of a core": round(100 * self.cpu_share, 1),
        }


def devices_register(
    name: str, count: int, port: int, *, units: int = 1, transport: str = "modbus_tcp"
) -> list[Device]:
    """`count` devices as `Devices` serves them, none in service; in bulk, to begin sooner."""
    site = site_register(code="bench", name="Bench")
    partitions_ensure(now=utc_now())
    devices = Device.objects.bulk_create(
        Device(
            site=site,
            code=f"{name}-{n:04d}",
            name=f"{name} {n}",
            kind="pv" if n % 2 else "battery",
            host="127.0.0.1",
            port=port + n // units,
            unit_id=n % units + 1,
            transport=transport,
            rated_power_kw=100.0,
            capacity_kwh=None if n % 2 else 200.0,
            stage=DeviceStage.OUT_OF_SERVICE,
        )
        for n in range(count)
    )
    Sensor.objects.bulk_create(
        Sensor(device=device, quantity=quantity, unit=quantity.unit)
        for device in devices
        for quantity in QUANTITIES[DeviceKind(device.kind)]
    )
    return devices


@contextlib.contextmanager
def shard_loops(devices: Sequence[Device], period_s: float) -> Iterator[Poller]:
    """Poll these devices in the shard loops of this process, a thread a shard, until the end."""
    Device.objects.update(stage=DeviceStage.OUT_OF_SERVICE, shard=None)
    PollShard.objects.all().delete()
    Device.objects.filter(pk__in=[device.pk for device in devices]).update(
        stage=DeviceStage.IN_SERVICE, poll_period_s=period_s
    )
    shards_ensure()
    shard_ids = list(PollShard.objects.values_list("id", flat=True))
    schema, stop, poller = current_schema(), threading.Event(), Poller()

    def work(shard_id: int) -> None:
        with operator_context(schema):
            while not stop.is_set():
                shard_poll(shard_id=shard_id, stop=stop, run_s=20.0, poller=poller)
        connection.close()

    threads = [threading.Thread(target=work, args=(shard_id,)) for shard_id in shard_ids]
    for thread in threads:
        thread.start()
    try:
        yield poller
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        poller.close()


def timed(name: str, poller: Poller, seconds: float) -> Run:
    """Let everything settle, then count for `seconds`."""
    time.sleep(SETTLE_S)
    stored = Reading.objects.count()
    poller.statistics = PollStatistics()
    wall, cpu = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    counted, poller.statistics = poller.statistics, PollStatistics()
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    return Run(name, counted, share, Reading.objects.count() - stored)


def picked_up(device: Device, repair: Callable[[], None]) -> float:
    """Seconds from the repair of a device to its first reading."""
    repair()
    began_s = time.time()
    began = datetime.fromtimestamp(began_s, UTC)
    sensor_ids = list(device.sensors.values_list("id", flat=True))
    while time.time() - began_s < PATIENCE_S:
        latest = (
            Reading.objects.filter(sensor_id__in=sensor_ids, at__gte=began)
            .order_by("at")
            .values_list("at", flat=True)
            .first()
        )
        if latest is not None:
            return latest.timestamp() - began_s
        time.sleep(0.2)
    return float("inf")


# --- the bench ---


def throughput_rows(devices: Sequence[Device], options: argparse.Namespace) -> list[Row]:
    rows = []
    for size in SIZES:
        specs = [device_spec(device) for device in devices[:size]]
        rows.append(asyncio.run(throughput(specs, options.burst, options.rounds)))
    return rows


def good_rows(devices: Sequence[Device], seconds: float) -> list[Row]:
    rows = []
    for size in SIZES:
        period_s = PERIODS_S[size]
        with shard_loops(devices[:size], period_s) as poller:
            run = timed(f"{size} at {period_s:g} s", poller, max(seconds, 2 * period_s))
        rows.append(run.row({device.pk for device in devices[:size]}))
    return rows


def bad_rows(
    devices: Sequence[Device], simulated: Devices, seconds: float
) -> tuple[list[Row], list[Row]]:
    """1,000 devices with silent and flapping ones among them; then two that come late."""
    count = len(devices)
    silent = set(range(3, count, round(1 / SILENT_SHARE)))
    flapping = set(range(7, count, round(1 / FLAPPING_SHARE)))
    closed, mute = 0, 1
    simulated.order("silent", [*silent, mute])
    simulated.order("flap", flapping)
    simulated.order("refuse", [closed])
    period_s = PERIODS_S[count]
    with shard_loops(devices, period_s) as poller:
        run = timed(f"{count} at {period_s:g} s, bad ones", poller, max(seconds, 2 * period_s))
        late: list[Row] = []
        for words, n in (("opens its port late", closed), ("was silent and answers", mute)):
            waited_s = picked_up(devices[n], partial(simulated.order, None, [n]))
            late.append({"a device that": words, "first reading after s": round(waited_s, 1)})
    simulated.order(None, [*silent, *flapping])
    bad = silent | flapping | {closed, mute}
    return [run.row({devices[n].pk for n in range(count) if n not in bad})], late


def gateway_row(port: int, seconds: float) -> Row:
    """200 units behind 20 RTU gateways, one unit of each dead."""
    count = 200
    simulated = Devices(port=port, count=count, units=GATEWAY_UNITS, is_rtu=True)
    try:
        devices = devices_register(
            "rtu", count, port, units=GATEWAY_UNITS, transport="rtu_over_tcp"
        )
        dead = set(range(4, count, GATEWAY_UNITS))
        simulated.order("silent", dead)
        with shard_loops(devices, 2.0) as poller:
            run = timed("200 at 2 s behind 20 RTU gateways, a dead unit each", poller, seconds)
    finally:
        simulated.close()
    return run.row({devices[n].pk for n in range(count) if n not in dead})


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast and how punctual polling is.")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each timed run")
    parser.add_argument("--burst", type=float, default=3.0, help="seconds of a throughput round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=20_000, help="first port of the devices")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # Alarms of the bad devices, by the hundred.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    simulated = Devices(port=options.port, count=max(SIZES))
    try:
        with bench_operator("bench_polling"):
            devices = devices_register("dev", max(SIZES), options.port)
            speeds = throughput_rows(devices, options)
            report("polling-throughput", speeds, wanted=f"ours >= {100 * WANTED_SHARE:g} % of bare")
            runs = good_rows(devices, options.seconds)
            bad, late = bad_rows(devices, simulated, options.seconds)
            runs += [*bad, gateway_row(options.port + max(SIZES), options.seconds)]
            report(
                "polling",
                runs,
                wanted=f"no healthy poll late (> {100 * ON_TIME_SHARE:g} % of its period) or lost",
            )
            report("polling-late", late, wanted=f"picked up within {WANTED_PICK_UP_S:g} s")
    finally:
        simulated.close()
    is_fast = all(float(str(row["ours / bare %"])) >= 100 * WANTED_SHARE for row in speeds)
    is_punctual = all(row["late"] == 0 and row["lost"] == 0 for row in runs)
    is_soon = all(float(str(row["first reading after s"])) <= WANTED_PICK_UP_S for row in late)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if is_fast and is_punctual and is_soon else 1


if __name__ == "__main__":
    sys.exit(main())
