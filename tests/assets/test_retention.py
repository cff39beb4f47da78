"""Months that are kept no longer go whole; what is not rolled up yet or in use stays."""

import logging
import threading
from datetime import UTC, datetime

import pytest
from celery import current_app
from django.core.exceptions import ValidationError
from django.db import connection

from apps.assets.models import HourRollup, MinuteRollup, Reading, Retention, RollupDue, Sensor
from apps.assets.selectors import retention_get, rollup_backlog, storage
from apps.assets.services import (
    ReadingRow,
    partitions_ensure,
    readings_store,
    retention,
    retention_apply,
    rollups_update,
)
from apps.assets.services.partitions import month_start
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from apps.tenants.tasking import HEADER
from tests.assets.conftest import battery_make

NOW = datetime(1983, 8, 15, 12, 0, tzinfo=UTC)
"""Before anything else that the database of the tests holds."""


def months() -> list[str]:
    """The partitions of the year of this test."""
    return [part.name for part in storage() if part.start and part.start.year == NOW.year]


def sensor_make() -> int:
    battery_make()
    return Sensor.objects.get(quantity="power_kw").pk


def store_monthly(sensor: int, first: int, last: int) -> None:
    """A reading in the middle of each month of the year."""
    readings_store(
        [
            ReadingRow(sensor, datetime(NOW.year, month, 15, tzinfo=UTC), float(month))
            for month in range(first, last + 1)
        ]
    )


def test_months_before_those_kept_are_dropped(operator_a: Operator) -> None:
    """Kept: August and two whole months before it. Roll-ups of 1 minute: three; the others all."""
    sensor = sensor_make()
    Retention.objects.create(readings_months=2, minutes_months=3)
    store_monthly(sensor, 3, 8)
    rollups_update(now=NOW)

    dropped = retention_apply(now=NOW)

    assert dropped == [
        "assets_reading_y1983m03",
        "assets_reading_y1983m04",
        "assets_reading_y1983m05",
        "assets_rollup_1m_y1983m03",
        "assets_rollup_1m_y1983m04",
    ]
    assert [reading.at.month for reading in Reading.objects.order_by("at")] == [6, 7, 8]
    assert [row.start.month for row in MinuteRollup.objects.order_by("start")] == [5, 6, 7, 8]
    assert HourRollup.objects.count() == 6
    assert retention_get().readings_dropped_until == datetime(NOW.year, 6, 1, tzinfo=UTC)


def test_dropping_twice_drops_once(operator_a: Operator) -> None:
    Retention.objects.create(readings_months=2, minutes_months=3)
    store_monthly(sensor_make(), 3, 3)
    rollups_update(now=NOW)

    assert len(retention_apply(now=NOW)) == 2
    assert retention_apply(now=NOW) == []


def test_an_operator_that_never_said_keeps_six_months(operator_a: Operator) -> None:
    store_monthly(sensor_make(), 1, 3)
    rollups_update(now=NOW)

    assert retention_apply(now=NOW) == ["assets_reading_y1983m01"]
    assert retention_get().readings_months == 6


def test_a_month_that_is_not_rolled_up_yet_stays(
    operator_a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = sensor_make()
    store_monthly(sensor, 1, 1)

    with caplog.at_level(logging.WARNING):
        assert retention_apply(now=NOW) == []

    assert "retention waits for the roll-ups table=assets_reading_y1983m01" in caplog.text
    rollups_update(now=NOW)
    assert retention_apply(now=NOW) == ["assets_reading_y1983m01"]


def test_what_was_dropped_is_logged(operator_a: Operator, caplog: pytest.LogCaptureFixture) -> None:
    store_monthly(sensor_make(), 1, 1)
    rollups_update(now=NOW)

    with caplog.at_level(logging.INFO):
        retention_apply(now=NOW)

    (line,) = [r.getMessage() for r in caplog.records if "readings dropped" in r.getMessage()]
    assert "table=assets_reading_y1983m01" in line
    assert "size_bytes=" in line


def test_a_late_reading_of_a_dropped_month_changes_no_roll_up_and_goes_again(
    operator_a: Operator,
) -> None:
    sensor = sensor_make()
    store_monthly(sensor, 1, 1)
    rollups_update(now=NOW)
    retention_apply(now=NOW)

    store_monthly(sensor, 1, 1)
    readings_store([ReadingRow(sensor, datetime(NOW.year, 1, 15, 0, 0, 2, tzinfo=UTC), 99.0)])
    rollups_update(now=NOW)

    assert RollupDue.objects.count() == 0
    assert [(row.mean, row.count) for row in HourRollup.objects.all()] == [(1.0, 1)]
    assert retention_apply(now=NOW) == ["assets_reading_y1983m01"]
    assert [(row.mean, row.count) for row in HourRollup.objects.all()] == [(1.0, 1)]


def test_retention_touches_one_operator(operator_a: Operator, operator_b: Operator) -> None:
    store_monthly(sensor_make(), 1, 1)
    rollups_update(now=NOW)

    with operator_context(operator_b.schema_name):
        assert retention_apply(now=NOW) == []
        assert Retention.objects.count() == 0

    assert months() == ["assets_reading_y1983m01", "assets_rollup_1m_y1983m01"]


def test_roll_ups_must_outlive_readings(operator_a: Operator) -> None:
    with pytest.raises(ValidationError, match="at least as long"):
        Retention(readings_months=7, minutes_months=6).full_clean()


def test_the_start_of_a_month() -> None:
    at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)

    assert month_start(at) == datetime(2026, 1, 1, tzinfo=UTC)
    assert month_start(at, -1) == datetime(2025, 12, 1, tzinfo=UTC)
    assert month_start(at, 12) == datetime(2027, 1, 1, tzinfo=UTC)


# --- what is stored ---


def test_storage_shows_each_month_with_its_size(operator_a: Operator) -> None:
    partitions_ensure(now=NOW, months_ahead=0)

    part = next(part for part in storage() if part.name == "assets_reading_y1983m08")

    assert (part.table, part.rows_estimate) == ("assets_reading", None)
    assert part.start == datetime(1983, 8, 1, tzinfo=UTC)
    assert part.end == datetime(1983, 9, 1, tzinfo=UTC)
    assert part.size_bytes > 0
    hours = next(part for part in storage() if part.name == "assets_rollup_1h")
    assert (hours.table, hours.start, hours.end) == ("assets_rollup_1h", None, None)


def test_the_backlog_of_the_roller(operator_a: Operator) -> None:
    sensor = sensor_make()
    store_monthly(sensor, 2, 3)

    backlog = rollup_backlog()

    assert backlog.rows == 2
    assert backlog.oldest == datetime(NOW.year, 2, 15, tzinfo=UTC)
    assert backlog.newest == datetime(NOW.year, 3, 15, tzinfo=UTC)
    rollups_update(now=NOW)
    assert rollup_backlog().rows == 0


# --- tasks ---


def run(name: str, schema: str) -> None:
    current_app.tasks[name].apply(headers={HEADER: schema}).get()


def test_the_tasks_work_for_the_operator_in_their_header(
    operator_a: Operator, operator_b: Operator
) -> None:
    sensor = sensor_make()
    readings_store([ReadingRow(sensor, datetime(2001, 1, 15, tzinfo=UTC), 1.0)])

    run("assets.rollups_update", "martinique")
    assert HourRollup.objects.count() == 0

    run("assets.rollups_update", "guadeloupe")
    assert HourRollup.objects.count() == 1

    run("assets.retention_apply", "martinique")
    assert Reading.objects.count() == 1

    run("assets.retention_apply", "guadeloupe")
    assert Reading.objects.count() == 0
    assert HourRollup.objects.count() == 1


# --- beside others ---


def test_a_long_reader_delays_a_drop_and_no_store(
    live_operators: tuple[Operator, Operator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody reads, the drop gives up; stores come through; then the drop succeeds."""
    monkeypatch.setattr(retention, "LOCK_TIMEOUT_MS", 50)
    # A year of its own: what is committed here must not be found by the other tests.
    now = NOW.replace(year=1984)
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        try:
            with operator_context("guadeloupe"), connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT count(*) FROM assets_reading")
                reading.set()
                done.wait(20)
                cursor.execute("COMMIT")
        finally:
            connection.close()

    with operator_context("guadeloupe"):
        sensor = sensor_make()
        readings_store([ReadingRow(sensor, datetime(1984, 1, 15, tzinfo=UTC), 1.0)])
        rollups_update(now=now)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert reading.wait(10)
            while_read = retention_apply(now=now, pause_s=0.0)
            stored = readings_store([ReadingRow(sensor, now, 1.0)])
        finally:
            done.set()
            reader.join(10)
        after = retention_apply(now=now, pause_s=0.0)

    assert while_read == []
    assert stored == 1
    assert after == ["assets_reading_y1984m01"]
