"""The store of readings at 3 and at 30 million rows: reads, roll-ups, and dropping a month.

    ./run bench readings [--rows 30000000] [--runs 15]

40 devices, one power reading a minute each, loaded by SQL month by month; a tenth of the rows
first, then all. Each read is timed from the roll-ups and from the readings themselves, with the
time Python takes for the answer. The anchor of dropping a month is the DELETE of the same month.
Before that: what readings_store takes in, and what the roller makes of it, at a 2 s poll.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402

from apps.assets.models import HourRollup, Sensor  # noqa: E402
from apps.assets.selectors import power_by_kind, readings_page, rollup_backlog, series  # noqa: E402
from apps.assets.selectors.slot_sql import (  # noqa: E402
    HOURS,
    MINUTES,
    QUARTERS,
    RollupTable,
    power_by_kind_sql,
)
from apps.assets.services import (  # noqa: E402
    ReadingRow,
    device_register,
    partitions_ensure,
    readings_store,
    retention_apply,
    retention_save,
    rollups_update,
    site_register,
)
from apps.assets.services.partitions import (  # noqa: E402
    minute_partitions_ensure_for,
    month_start,
)
from bench.ingest import backend_cpu_s, backend_pid, bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

DEVICES = 40
START = datetime(2024, 1, 1, tzinfo=UTC)
LIVE_START = datetime(2023, 10, 2, tzinfo=UTC)
PERIOD_S = 2
LIVE_HOURS = 1
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ROWS_A_DAY = DEVICES * 1440
# Medians in ms. The day of 1,440 roll-ups is shown beside: it carries nine figures a minute.
WANTED = {
    "sensor-day, readings": 5.0,
    "sensor-day, roll-ups of 15 min": 5.0,
    "fleet-day by the hour, roll-ups": 70.0,
}
MONTH_DROP_MS = 100.0
Row = dict[str, object]


def devices_make() -> tuple[list[int], list[int]]:
    """The power sensors and the counters of 40 PV plants."""
    site = site_register(code="bench", name="Bench")
    for n in range(DEVICES):
        device_register(
            site=site,
            code=f"pv-{n:02d}",
            name=f"PV {n}",
            kind="pv",
            host="192.0.2.1",
            port=1000 + n,
            poll_period_s=PERIOD_S,
            rated_power_kw=100,
        )
    sensors = Sensor.objects.order_by("id")
    return (
        list(sensors.filter(quantity="power_kw").values_list("id", flat=True)),
        list(sensors.filter(quantity="energy_export_kwh").values_list("id", flat=True)),
    )


def timed(work: Callable[[], object]) -> float:
    """How long a piece of work takes, in ms."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


# --- what comes in ---


def polled(
    power: list[int], counters: list[int], start: datetime, seconds: int
) -> list[ReadingRow]:
    """What polling 40 devices every 2 s gives over some seconds: power and a counter each."""
    rows = []
    for second in range(0, seconds, PERIOD_S):
        at = start + timedelta(seconds=second)
        grown = (at - LIVE_START).total_seconds() / 3600 * 60
        for n, (power_id, counter_id) in enumerate(zip(power, counters, strict=True)):
            rows.append(ReadingRow(power_id, at, -60.0 + (second + n) % 7))
            rows.append(ReadingRow(counter_id, at, 1000.0 + grown))
    return rows


def incoming(power: list[int], counters: list[int]) -> list[Row]:
    """An hour of polls stored and rolled up at once, then live: 10 s stored, then a run."""
    pid = backend_pid()
    partitions_ensure(now=LIVE_START)
    batches = [
        polled(power, counters, LIVE_START + timedelta(minutes=m), 60)
        for m in range(LIVE_HOURS * 60)
    ]
    count = sum(len(batch) for batch in batches)
    cpu, backend, started = time.process_time(), backend_cpu_s(pid) or 0.0, time.perf_counter()
    for batch in batches:
        readings_store(batch)
    wall_s = time.perf_counter() - started
    cpu_s = time.process_time() - cpu + (backend_cpu_s(pid) or 0.0) - backend
    roll_s = timed(lambda: roll_all(LIVE_START)) / 1000
    assert HourRollup.objects.count() == 2 * DEVICES * LIVE_HOURS
    ticks = []
    live = LIVE_START + LIVE_HOURS * HOUR
    for tick in range(18):
        readings_store(polled(power, counters, live + timedelta(seconds=10 * tick), 10))
        ticks.append(timed(lambda: rollups_update(now=live)))
    return [
        {
            "what": f"readings_store, {len(batches[0])} rows a call",
            "rows": count,
            "ms": round(wall_s * 1000),
            "rows/s": round(count / wall_s),
            "rows/s CPU-bound": round(count / cpu_s),
        },
        {
            "what": "rollups_update of that hour, 80 sensors",
            "rows": count,
            "ms": round(roll_s * 1000),
            "rows/s": round(count / roll_s),
            "rows/s CPU-bound": "-",
        },
        {
            "what": "rollups_update after each 10 s of polls (median)",
            "rows": 10 // PERIOD_S * 2 * DEVICES,
            "ms": round(statistics.median(ticks), 1),
            "rows/s": "-",
            "rows/s CPU-bound": "-",
        },
    ]


def roll_all(now: datetime) -> None:
    """Roll up until nothing is due."""
    while rollup_backlog().rows:
        rollups_update(now=now)


# --- the loaded months ---


def months_from(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) cut at the borders of months."""
    while start < end:
        stop = min(month_start(start, 1), end)
        yield start, stop
        start = stop


def load(power: list[int], start: datetime, end: datetime) -> None:
    """A reading a minute of each sensor in [start, end), and the roll-ups of 15 min and 1 h.

    A new month is filled before it is attached: its index is built once. The roll-ups of 1 minute
    are made where they are read, in the last days.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for first, last in months_from(start, end):
            name = f"assets_reading_y{first:%Y}m{first:%m}"
            cursor.execute("SELECT to_regclass(%s) IS NULL", [name])
            is_new = cursor.fetchone()[0]
            if is_new:
                cursor.execute(
                    f"CREATE TABLE {name}"
                    " (LIKE assets_reading INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                )
            cursor.execute(
                f"INSERT INTO {name} (sensor_id, at, value, quality)"
                " SELECT s, t, -(s %% 97)::float8, 0"
                " FROM generate_series(%s, %s - interval '1 minute', interval '1 minute') t,"
                " unnest(%s::bigint[]) s",
                [first, last, power],
            )
            if is_new:
                cursor.execute(
                    f"ALTER TABLE assets_reading ATTACH PARTITION {name} FOR VALUES"
                    f" FROM ('{month_start(first):%Y-%m-%d}T00:00:00Z')"
                    f" TO ('{month_start(first, 1):%Y-%m-%d}T00:00:00Z')"
                )
            fill(cursor, name, QUARTERS, first, last)
            fill(cursor, name, HOURS, first, last)
            # A month that grew has parts that its BRIN index does not know yet.
            cursor.execute(f"{'ANALYZE' if is_new else 'VACUUM (ANALYZE)'} {name}")
        minute_partitions_ensure_for([end - 2 * DAY, end - DAY])
        for first, last in months_from(end - 2 * DAY, end):
            fill(cursor, "assets_reading", MINUTES, first, last)
        cursor.execute("ANALYZE assets_rollup_1m")
        cursor.execute("VACUUM (ANALYZE) assets_rollup_15m")
        cursor.execute("VACUUM (ANALYZE) assets_rollup_1h")


def fill(
    cursor: CursorWrapper, source: str, table: RollupTable, first: datetime, last: datetime
) -> None:
    """The roll-ups of whole slots, in one statement: the roller would take longer for years."""
    cursor.execute(
        f"INSERT INTO {table.name} SELECT sensor_id,"
        f" date_bin(interval '{table.step_s} seconds', at, '2000-01-01Z'::timestamptz),"
        f" avg(value), min(value), max(value), avg(value) * {table.step_s / 3600}, count(*), 0, 1"
        f" FROM {source} WHERE at >= %s AND at < %s GROUP BY 1, 2 ORDER BY 2, 1"
        " ON CONFLICT DO NOTHING",
        [first, last],
    )


# --- what is asked ---


def reads(power: list[int], end: datetime, runs: int, label: str) -> list[Row]:
    """Medians of the two questions, from roll-ups and from readings."""
    day = end - DAY

    def fleet_raw() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                power_by_kind_sql(None, HOUR), {"start": day, "end": end, "slot_s": 3600.0}
            )
            return len(cursor.fetchall())

    questions: dict[str, tuple[str, Callable[[int], int]]] = {
        "sensor-day, roll-ups of 1 min": (
            "1440",
            lambda s: len(series([s], day, end, timedelta(minutes=1))),
        ),
        "sensor-day, roll-ups of 15 min": (
            "96",
            lambda s: len(series([s], day, end, timedelta(minutes=15))),
        ),
        "sensor-day, readings": ("1440", lambda s: len(readings_page(s, day, end, None, 10_000))),
        "fleet-day by the hour, roll-ups": (
            "24",
            lambda _s: len(power_by_kind(start=day, end=end, resolution=HOUR)),
        ),
        "fleet-day by the hour, readings": ("24", lambda _s: fleet_raw()),
    }
    rows: list[Row] = []
    for name, (expected, ask) in questions.items():
        answered = ask(power[0])
        assert str(answered) == expected, (name, answered)
        times = [timed(partial(ask, power[n % DEVICES])) for n in range(runs)]
        rows.append(
            {
                "question": name,
                "table": label,
                "answer": answered,
                "ms median": round(statistics.median(times), 2),
                "ms worst": round(max(times), 2),
            }
        )
    return rows


def month_drop(first: datetime, newest: datetime, label: str, count: int) -> list[Row]:
    """Drop the oldest months as the hourly task does, then DELETE the next one (taken back).

    The time of a drop is the median of `count` months, each on its own. The DELETE comes last: a
    month that somebody has just rewritten is not what retention finds.
    """
    drops = [drop_ms(month_start(first, n), newest) for n in range(count)]
    with transaction.atomic(), connection.cursor() as cursor:
        delete_ms = timed(
            lambda: cursor.execute(
                "DELETE FROM assets_reading WHERE at >= %s AND at < %s",
                [month_start(first, count), month_start(first, count + 1)],
            )
        )
        rows = cursor.rowcount
        transaction.set_rollback(True)
    return [
        {"way": way, "table": label, "rows": rows, "ms": round(ms, 1)}
        for way, ms in (("DELETE (anchor)", delete_ms), ("month drop", statistics.median(drops)))
    ]


def drop_ms(month: datetime, newest: datetime) -> float:
    """How long retention_apply takes when exactly this month is to go."""
    kept_from = month_start(month, 1)
    months = (newest.year - kept_from.year) * 12 + newest.month - kept_from.month
    retention_save(readings_months=months, minutes_months=240)
    dropped: list[str] = []
    ms = timed(lambda: dropped.extend(retention_apply(now=newest)))
    assert dropped == [f"assets_reading_y{month:%Y}m{month:%m}"], dropped
    return ms


def main() -> int:
    parser = argparse.ArgumentParser(description="The store of readings at 3 and 30 million rows.")
    parser.add_argument("--rows", type=int, default=30_000_000)
    parser.add_argument("--runs", type=int, default=15, help="of each question")
    options = parser.parse_args()
    # The month that is dropped, and the one after it, must be whole.
    small = START + max(61, options.rows // 10 // ROWS_A_DAY) * DAY
    asked: list[Row] = []
    drops: list[Row] = []
    with bench_operator("bench_readings"):
        power, counters = devices_make()
        report("readings_incoming", incoming(power, counters))
        # Its own month must not be what retention finds.
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM assets_rollupdue")
            for month in (10, 11, 12):
                cursor.execute(
                    f"DROP TABLE assets_reading_y2023m{month}, assets_rollup_1m_y2023m{month}"
                )
        Sensor.objects.update(period_s=60.0)
        big = START + (31 + options.rows // ROWS_A_DAY) * DAY
        # A month goes in between: what is left at the end is all the rows asked for.
        for start, end, oldest, most in (
            (START, small, START, 1),
            (small, big, month_start(START, 1), 3),
        ):
            started = time.perf_counter()
            load(power, start, end)
            label = f"{rows_estimate() / 1e6:.1f} M"
            print(f"{label} rows after {time.perf_counter() - started:.0f} s", flush=True)
            asked += reads(power, end, options.runs, label)
            newest = end - timedelta(seconds=1)
            months = sum(month_start(oldest, n + 2) <= month_start(newest) for n in range(most))
            drops += month_drop(oldest, newest, label, months)
    report("readings", asked, wanted="sensor-day <= 5 ms, fleet-day <= 70 ms")
    report("readings_drop", drops, wanted="<= 100 ms, at all rows <= 2 x that at a tenth")
    return 0 if is_as_wanted(asked, drops) else 1


def rows_estimate() -> int:
    """Rows of the table by what VACUUM counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(c.reltuples) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'assets_reading'::regclass AND c.reltuples > 0"
        )
        return int(cursor.fetchone()[0])


def is_as_wanted(asked: list[Row], drops: list[Row]) -> bool:
    """The questions are answered in time, and a month goes in time whatever the table's size."""
    in_time = all(
        float(str(row["ms median"])) <= wanted
        for row in asked
        if (wanted := WANTED.get(str(row["question"])))
    )
    few, many = (float(str(row["ms"])) for row in drops if row["way"] == "month drop")
    return in_time and few <= MONTH_DROP_MS and many <= 2 * few


if __name__ == "__main__":
    sys.exit(main())
