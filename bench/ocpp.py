"""How many events of stations are stored a second, and what a storm of stations does.

    ./run bench ocpp [--seconds 8] [--stations 1,10,50,200,1000] [--port 27700]

The CSMS runs as it does in the product (uvicorn, Channels, PostgreSQL, Redis), the stations in a
process of their own, one call in flight each; every event is stored before it is answered, which
is counted in the database afterwards. The anchor, in the same run, is a bare server of the ocpp
library that checks schemas and keeps nothing. CPU is that of the server process alone.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, in which it would stand for the ocpp package.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402

from apps.chargers.models import Command, Session, SessionEvent  # noqa: E402
from apps.chargers.ocpp.validation import request_violation  # noqa: E402
from apps.chargers.ocpp.versions import OcppVersion  # noqa: E402
from apps.chargers.services import remote_start, station_register, token_register  # noqa: E402
from apps.tenants.choices import OperatorStatus  # noqa: E402
from apps.tenants.directory import forget_operators  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.ocpp_stations import PASSWORD, Station, event  # noqa: E402
from bench.report import report  # noqa: E402

SCHEMA = "bench_ocpp"
LOGS = Path(os.environ.get("CARIFLEX_VAR") or ROOT / "var") / "bench"
STARTS = 100
STORM = 500
RECONNECTS = 50
ORDERS = 50
POOL = 5


def free_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"port {port} is in use: choose another with --port")


@contextlib.contextmanager
def server(words: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    """A server process on a port; gives its pid."""
    free_port(port)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"ocpp-{port}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, **environment}, stdout=said, stderr=said
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not start, see {log}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(15)


def csms(port: int, **environment: str) -> "contextlib.AbstractContextManager[int]":
    """The product's own server for WebSockets."""
    words = [sys.executable, "-m", "uvicorn", "cariflex.asgi:application", "--port", str(port)]
    words += ["--host", "127.0.0.1", "--ws", "websockets-sansio", "--lifespan", "off"]
    # The stations of an island are known: none is asked what it is made of when it comes back.
    known = {"CARIFLEX_PROCESS": "bench", "CARIFLEX_OCPP_ASK_MODEL": "0"}
    return server([*words, "--log-level", "warning"], port, {**known, **environment})


def bare(port: int) -> "contextlib.AbstractContextManager[int]":
    return server([sys.executable, "-m", "bench.ocpp_bare", str(port)], port, {})


def stations(job: str, **words: Any) -> dict[str, Any]:
    """What the stations' process says of a job."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.ocpp_stations", json.dumps({"job": job, **words})],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=600,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def cpu_s(pid: int) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed_loop(name: str, pid: int, address: str, count: int, seconds: float) -> dict[str, Any]:
    """One row: N stations in a closed loop, with the server's CPU."""
    run = f"{name[:1]}{count}-{time.time_ns() % 10**9}"
    before_cpu, began = cpu_s(pid), time.perf_counter()
    result = stations("closed_loop", address=address, stations=count, seconds=seconds, run=run)
    share = (cpu_s(pid) - before_cpu) / (time.perf_counter() - began)
    stored = SessionEvent.objects.filter(session__transaction_id__startswith=f"{run}-").count()
    return {
        "server": name,
        "stations": count,
        "events/s": result["per_s"],
        "p50 ms": result["p50_ms"],
        "p95 ms": result["p95_ms"],
        "p99 ms": result["p99_ms"],
        "answered": result["events"],
        "stored": stored,
        "CPU % of a core": round(100 * share),
    }


def validation_us() -> float:
    """What it takes to check a TransactionEvent against its schema."""
    payload = event("v", Station("", 0), 3, "Updated", 0)
    request_violation(OcppVersion.V201, "TransactionEvent", payload)
    rounds = []
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(2000):
            request_violation(OcppVersion.V201, "TransactionEvent", payload)
        rounds.append((time.perf_counter() - began) / 2000)
    return round(1e6 * statistics.median(rounds), 2)


def two_processes(port: int) -> dict[str, Any]:
    """A station on one live process, its orders given by another (this one)."""
    job = {"job": "commanded", "address": address_of(port), "orders": ORDERS}
    with subprocess.Popen(
        [sys.executable, "-m", "bench.ocpp_stations", json.dumps(job)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        assert waiting.stdout is not None
        assert waiting.stdout.readline().strip() == "ready"
        latencies = []
        for _ in range(ORDERS):
            began = time.perf_counter()
            command = remote_start(station_id="CS-0000", id_token="BENCHTOKEN")
            while Command.objects.get(pk=command.pk).status in ("queued", "sent"):
                if time.perf_counter() - began > 10:
                    raise SystemExit("an order was not answered within 10 s")
                time.sleep(0.002)
            latencies.append(time.perf_counter() - began)
        waiting.wait(30)
    accepted = Command.objects.filter(status="accepted").count()
    return {
        "orders": ORDERS,
        "accepted": accepted,
        "p50 ms": round(1000 * statistics.median(latencies), 1),
        "slowest ms": round(1000 * max(latencies), 1),
    }


def address_of(port: int) -> str:
    return f"ws://127.0.0.1:{port}/ocpp/{SCHEMA}"


def prepare(count: int) -> None:
    for number in range(count):
        station_register(station_id=f"CS-{number:04d}", password=PASSWORD, rated_power_kw=22.0)
    token_register(id_token="BENCHTOKEN")


def main() -> int:
    parser = argparse.ArgumentParser(description="Events of stations stored a second; storms.")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--stations", default="1,10,50,200,1000")
    parser.add_argument("--port", type=int, default=27_700)
    options = parser.parse_args()
    counts = [int(word) for word in options.stations.split(",")]
    port, rows, storms = options.port, [], []
    with bench_operator(SCHEMA) as operator:
        operator.status = OperatorStatus.ACTIVE
        operator.save()
        forget_operators()
        prepare(max(*counts, STORM))
        with bare(port + 1) as pid:
            for count in counts:
                bare_at = f"ws://127.0.0.1:{port + 1}"
                rows.append(closed_loop("bare library", pid, bare_at, count, options.seconds))
        with csms(port) as pid:
            address = address_of(port)
            for count in counts:
                rows.append(closed_loop("Cariflex", pid, address, count, options.seconds))
            for spread_s in (30.0, 3.0):
                storms.append(
                    {
                        "storm": f"{STORM} in {spread_s:g} s",
                        **stations("storm", address=address, stations=STORM, spread_s=spread_s),
                    }
                )
            again = stations("reconnects", address=address, times=RECONNECTS)
            with csms(port + 2):
                orders = two_processes(port + 2)
        with csms(port, CARIFLEX_LIVE_THREADS=str(POOL)):
            run = f"starts-{time.time_ns()}"
            starts = stations("simultaneous", address=address, stations=STARTS, run=run)
            starts["stored"] = Session.objects.filter(transaction_id__startswith=run).count()
        connection.close()
    report(
        "ocpp",
        rows,
        wanted="at 50 stations >= 600 stored events/s and p95 <= 200 ms; at 1 station p50 <= 5 ms",
    )
    report("ocpp_storm", storms, wanted="all back, 0 refused, boot answer p99 <= 2000 ms")
    report("ocpp_reconnects", [again], wanted="all old sockets closed, the neighbour always served")
    report(
        "ocpp_starts",
        [starts],
        wanted=f"all {STARTS} answered in < 2000 ms with {POOL} connections",
    )
    report("ocpp_orders", [orders], wanted="all accepted")
    report("ocpp_validation", [{"TransactionEvent us": validation_us()}], wanted="<= 150 us")
    ours = {row["stations"]: row for row in rows if row["server"] == "Cariflex"}
    fifty = ours.get(50, {"events/s": 600, "p95 ms": 0})
    return 0 if fifty["events/s"] >= 600 and fifty["p95 ms"] <= 200 else 1


if __name__ == "__main__":
    sys.exit(main())
