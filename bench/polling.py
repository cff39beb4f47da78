"""How punctual polling is, and what it costs: 20 devices at 1 Hz through the real shard loop.

    ./run bench polling [--seconds 60] [--port 27900]

The simulated devices of one island run in a process of their own; the shard loop of this process
reads them, decodes, stores every reading in PostgreSQL and renews its lease, lease after lease.
The anchor is a bare pymodbus loop that makes the same requests at the same rate and throws the
registers away. A poll is on time when it starts within 10 % of its period; one that was left out
counts as late. CPU is that of this process, PostgreSQL and the devices apart.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from pymodbus.client import AsyncModbusTcpClient  # noqa: E402

from apps.assets.drivers.blocks import Span  # noqa: E402
from apps.assets.drivers.modbus import ModbusConnection  # noqa: E402
from apps.assets.drivers.poller import (  # noqa: E402
    ON_TIME_SHARE,
    Poller,
    PollStatistics,
    grid_phase_s,
)
from apps.assets.drivers.sunspec import MeasurementReader, scan  # noqa: E402
from apps.assets.models import Device, Reading  # noqa: E402
from apps.assets.services import device_register, shards_ensure, site_register  # noqa: E402
from apps.assets.services.polling import shard_poll  # noqa: E402
from apps.simulation.island import load_island  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

PERIOD_S = 1.0
WANTED_ON_TIME = 0.999
WANTED_CPU = 0.20
FIRST_DEVICE_PORT = 20


def devices_start(port: int) -> "subprocess.Popen[bytes]":
    """The simulated island on `port` + 20 and up."""
    folder = tempfile.mkdtemp(prefix="bench-polling-")
    process = subprocess.Popen(
        [sys.executable, "-m", "apps.simulation.devices"],
        cwd=ROOT,
        env={**os.environ, "CARIFLEX_PORT": str(port), "CARIFLEX_VAR": folder},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the simulated devices ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port + FIRST_DEVICE_PORT + 19), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    process.terminate()
    raise SystemExit("the simulated devices did not start within 20 s")


def devices_register(port: int) -> list[Device]:
    site = site_register(code="bench", name="Bench")
    return [
        device_register(
            site=site,
            code=asset.code,
            name=asset.name,
            kind=asset.kind,
            host="127.0.0.1",
            port=port + FIRST_DEVICE_PORT + asset.port_offset,
            unit_id=asset.unit_id,
            rated_power_kw=asset.rated_power_kw,
            capacity_kwh=asset.capacity_kwh,
            poll_period_s=PERIOD_S,
        )
        for asset in load_island("guadeloupe").devices
    ]


def shard_loop(seconds: float) -> tuple[PollStatistics, float]:
    """Statistics and CPU share of the shard loop, lease after lease."""
    shards_ensure()
    shard_id = Device.objects.values_list("shard_id", flat=True).distinct().get()
    poller, stop = Poller(), threading.Event()
    ends_at_s, wall, cpu = time.monotonic() + seconds, time.perf_counter(), time.process_time()
    while (left_s := ends_at_s - time.monotonic()) > 0:
        if not shard_poll(shard_id=shard_id, stop=stop, run_s=min(20.0, left_s), poller=poller):
            raise SystemExit("the lease was lost")
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    poller.close()
    return poller.statistics, share


async def _spans(device: Device) -> tuple[Span, ...]:
    connection = ModbusConnection(device.host, device.port)
    try:
        found = await scan(lambda address, count: connection.read(device.unit_id, address, count))
    finally:
        await connection.close()
    return MeasurementReader(found).spans


async def bare_loop(devices: list[Device], seconds: float) -> tuple[PollStatistics, float]:
    """The same reads without decoding, storing or leases."""
    statistics = PollStatistics()
    spans = [await _spans(device) for device in devices]
    wall, cpu = time.perf_counter(), time.process_time()
    ends_at_s = time.time() + seconds

    async def one(device: Device, wanted: tuple[Span, ...]) -> None:
        client = AsyncModbusTcpClient(device.host, port=device.port, timeout=1)
        await client.connect()
        phase_s = grid_phase_s(device.pk, PERIOD_S)
        index = int((time.time() - phase_s) // PERIOD_S) + 1
        while (due_s := phase_s + index * PERIOD_S) < ends_at_s:
            await asyncio.sleep(max(0.0, due_s - time.time()))
            statistics.started(late_s=time.time() - due_s, period_s=PERIOD_S, missed=0)
            for span in wanted:
                await client.read_holding_registers(
                    span.address, count=span.count, device_id=device.unit_id
                )
            index += 1
        client.close()

    await asyncio.gather(*(one(d, s) for d, s in zip(devices, spans, strict=True)))
    share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    return statistics, share


def row(name: str, statistics: PollStatistics, cpu_share: float) -> dict[str, object]:
    due = statistics.polls + statistics.missed
    return {
        "loop": name,
        "polls": statistics.polls,
        "left out": statistics.missed,
        "failed": statistics.failed,
        "on time %": round(100 * statistics.on_time / due, 3),
        "worst late ms": round(1000 * statistics.worst_late_s, 1),
        "CPU % of a core": round(100 * cpu_share, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="How punctual polling is, and what it costs.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=27_900, help="first port of the devices")
    options = parser.parse_args()
    process = devices_start(options.port)
    try:
        with bench_operator("bench_polling"):
            devices = devices_register(options.port)
            bare = asyncio.run(bare_loop(devices, options.seconds))
            loop = shard_loop(options.seconds)
            stored = Reading.objects.count()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    rows = [row("bare pymodbus", *bare), row("shard loop with storage", *loop)]
    rows[0]["readings stored"], rows[1]["readings stored"] = 0, stored
    report(
        "polling",
        rows,
        wanted=(
            f"shard loop >= {100 * WANTED_ON_TIME:g} % on time (start within"
            f" {100 * ON_TIME_SHARE:g} % of {PERIOD_S:g} s) at < {100 * WANTED_CPU:g} % of a core"
        ),
    )
    on_time = loop[0].on_time / (loop[0].polls + loop[0].missed)
    return 0 if on_time >= WANTED_ON_TIME and loop[1] < WANTED_CPU else 1


if __name__ == "__main__":
    sys.exit(main())
