"""Readings with real commits: unknown sensors, and several threads at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection

from apps.assets.models import Reading, Sensor
from apps.assets.services import ReadingRow, partitions_ensure, readings_store
from apps.assets.services.partitions import TABLES
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def without_partitions(year: int) -> None:
    """A database that is used again has the partitions of its last run."""
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema), connection.cursor() as cursor:
            for month in range(1, 13):
                for table in TABLES:
                    cursor.execute(f"DROP TABLE IF EXISTS {table}_y{year}m{month:02d}")


def test_no_rows_is_no_work(operator_a: Operator) -> None:
    assert readings_store([]) == 0
    assert Reading.objects.count() == 0


def test_an_unknown_sensor_stores_nothing(live_operators: tuple[Operator, Operator]) -> None:
    with operator_context("guadeloupe"):
        battery_make()
        known = Sensor.objects.get(quantity="power_kw").pk

        with pytest.raises(IntegrityError):
            readings_store([ReadingRow(known, AT, 1.0), ReadingRow(987654, AT, 1.0)])

        assert Reading.objects.count() == 0


def test_threads_store_side_by_side_into_a_new_month(
    live_operators: tuple[Operator, Operator],
) -> None:
    """Four writers of two operators race for the same missing partition and the same rows."""
    at = datetime(2037, 7, 1, tzinfo=UTC)
    without_partitions(2037)
    sensors = {}
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            battery_make()
            sensors[schema] = Sensor.objects.get(quantity="power_kw").pk
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def store(schema: str) -> None:
        try:
            barrier.wait(10)
            with operator_context(schema):
                for _ in range(5):
                    readings_store(
                        [
                            ReadingRow(sensors[schema], at + timedelta(seconds=n), float(n))
                            for n in range(200)
                        ]
                    )
        except Exception as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=store, args=(schema,))
        for schema in ("guadeloupe", "martinique") * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            assert Reading.objects.count() == 200


def test_partitions_made_at_once_by_two_threads(
    live_operators: tuple[Operator, Operator],
) -> None:
    now = datetime(2038, 2, 1, tzinfo=UTC)
    without_partitions(2038)
    created: list[str] = []
    barrier = threading.Barrier(2)

    def ensure() -> None:
        try:
            barrier.wait(10)
            with operator_context("guadeloupe"):
                created.extend(partitions_ensure(now=now, months_ahead=3))
        finally:
            connection.close()

    threads = [threading.Thread(target=ensure) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    expected = [f"{table}_y2038m{month:02d}" for table in TABLES for month in (2, 3, 4, 5)]
    assert sorted(created) == expected
    with operator_context("guadeloupe"):
        assert partitions_ensure(now=now, months_ahead=3) == []
