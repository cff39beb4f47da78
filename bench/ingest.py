"""How fast readings are stored: readings_store beside bulk_create, plain COPY and a repeat.

    ./run bench ingest [--rows 100000] [--rounds 5]

"CPU-bound" is rows per second if this process and its PostgreSQL backend shared one core:
rows / (our CPU time + the backend's CPU time). Wall figures depend on what else the machine does.
"""

import argparse
import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from apps.assets.models import Device, Reading, Sensor  # noqa: E402
from apps.assets.services import (  # noqa: E402
    ReadingRow,
    device_register,
    partitions_ensure,
    readings_store,
    site_register,
)
from apps.tenants.choices import OperatorStatus  # noqa: E402
from apps.tenants.context import operator_context  # noqa: E402
from apps.tenants.directory import forget_operators  # noqa: E402
from apps.tenants.models import Operator  # noqa: E402
from apps.tenants.services import operators_migrate  # noqa: E402
from bench.report import report  # noqa: E402

SENSORS = 60
WANTED_ROWS_PER_S = 150_000
START = datetime(2026, 3, 2, tzinfo=UTC)
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bench_operator(schema_name: str) -> Iterator[Operator]:
    """An operator of our own, suspended so that no worker takes it up; removed afterwards."""
    _remove(schema_name)
    with schema_context("public"):
        operator = Operator.objects.create(
            schema_name=schema_name, name=schema_name, status=OperatorStatus.SUSPENDED
        )
    forget_operators()
    try:
        failed = [result for result in operators_migrate() if result.error]
        if failed:
            raise SystemExit(f"migration failed: {failed}")
        with operator_context(schema_name) as operator:
            yield operator
    finally:
        _remove(schema_name)


def _remove(schema_name: str) -> None:
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {connection.ops.quote_name(schema_name)} CASCADE")
        cursor.execute("SELECT to_regclass('public.tenants_operator') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute("DELETE FROM tenants_operator WHERE schema_name = %s", [schema_name])
        else:
            operators_migrate()
    forget_operators()


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def backend_cpu_s(pid: int) -> float | None:
    """CPU time of a PostgreSQL backend; None when it is on another machine."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def sensors_make() -> list[int]:
    """The sensors of 20 batteries."""
    site = site_register(code="bench", name="Bench")
    for n in range(SENSORS // 3):
        device_register(
            site=site,
            code=f"bat-{n:02d}",
            name=f"Battery {n}",
            kind="battery",
            host="192.0.2.1",
            port=1000 + n,
            rated_power_kw=100,
            capacity_kwh=200,
        )
    partitions_ensure(now=START)
    assert Device.objects.count() == SENSORS // 3
    return list(Sensor.objects.order_by("id").values_list("id", flat=True))


def rows_make(sensors: list[int], count: int, offset: int) -> list[ReadingRow]:
    """`count` readings, time by time, all sensors at each; `offset` keeps rounds apart."""
    rows = []
    for n in range(offset, offset + count):
        at = START + timedelta(seconds=n // len(sensors), microseconds=n % 1000)
        rows.append(ReadingRow(sensors[n % len(sensors)], at, n * 0.37 % 200 - 100))
    return rows


def bulk_create(rows: list[ReadingRow]) -> None:
    Reading.objects.bulk_create(
        [Reading(sensor_id=r.sensor_id, at=r.at, value=r.value, quality=r.quality) for r in rows],
        batch_size=1000,
    )


def plain_copy(rows: list[ReadingRow]) -> None:
    text = "".join([f"{s}\t{at.isoformat()}\t{v!r}\t{q}\n" for s, at, v, q in rows])
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY assets_reading (sensor_id, at, value, quality) FROM STDIN",
            io.BytesIO(text.encode()),
        )


def measured(
    store: Callable[[list[ReadingRow]], object], batches: list[list[ReadingRow]], pid: int
) -> tuple[float, float, float | None]:
    """(wall, our CPU, backend CPU) in microseconds per row."""
    count = sum(len(batch) for batch in batches)
    wall, cpu, backend = time.perf_counter(), time.process_time(), backend_cpu_s(pid)
    for batch in batches:
        store(batch)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = backend_cpu_s(pid)
    backend_s = None if backend is None or after is None else after - backend
    return wall / count * 1e6, cpu / count * 1e6, backend_s and backend_s / count * 1e6


def row_of(name: str, rounds: list[tuple[float, float, float | None]]) -> dict[str, object]:
    """The round with the least CPU: other work on the machine only adds."""
    wall, cpu, backend = min(rounds, key=lambda r: r[1] + (r[2] or 0.0))
    total = cpu + (backend or 0.0)
    return {
        "method": name,
        "rows/s wall": round(1e6 / wall),
        "us/row ours": round(cpu, 2),
        "us/row postgres": "-" if backend is None else round(backend, 2),
        "rows/s CPU-bound": round(1e6 / total),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast readings are stored.")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each round")
    parser.add_argument("--batch", type=int, default=10_000, help="rows of one call")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with bench_operator("bench_ingest"):
        sensors, pid = sensors_make(), backend_pid()
        methods: dict[str, Callable[[list[ReadingRow]], object]] = {
            "bulk_create, 1000 a statement": bulk_create,
            "plain COPY (not repeatable)": plain_copy,
            "readings_store, new rows": readings_store,
        }
        results: dict[str, list[tuple[float, float, float | None]]] = {}
        offset, stored = 0, 0
        for _round in range(options.rounds):
            for name, store in methods.items():
                batches = [
                    rows_make(sensors, options.batch, offset + n)
                    for n in range(0, options.rows, options.batch)
                ]
                offset += options.rows
                stored += options.rows
                results.setdefault(name, []).append(measured(store, batches, pid))
            # The rows of the last readings_store once more: every one of them is there already.
            results.setdefault("readings_store, same rows again", []).append(
                measured(readings_store, batches, pid)
            )
            # The worst case: the first half of each batch is new, so COPY fails in its middle.
            half = options.batch // 2
            mixed = []
            for known in batches:
                mixed.append(rows_make(sensors, options.batch - half, offset) + known[:half])
                offset += options.batch - half
            stored += (options.batch - half) * len(batches)
            results.setdefault("readings_store, half known", []).append(
                measured(readings_store, mixed, pid)
            )
        kept = Reading.objects.count()
        if kept != stored:
            print(f"stored {stored} rows, the table has {kept}")
            return 1
    rows = [row_of(name, rounds) for name, rounds in results.items()]
    anchor = float(str(rows[0]["rows/s CPU-bound"]))
    for row in rows:
        row["x bulk_create"] = round(float(str(row["rows/s CPU-bound"])) / anchor, 1)
    load = os.getloadavg()[0]
    print(f"load average {load:.1f} on {os.cpu_count()} cores (a busy machine: more CPU per row)")
    report("ingest", rows, wanted=f"readings_store >= {WANTED_ROWS_PER_S} rows/s CPU-bound")
    return 0 if float(str(rows[2]["rows/s CPU-bound"])) >= WANTED_ROWS_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
