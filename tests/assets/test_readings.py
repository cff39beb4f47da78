"""Readings: COPY-upsert, repeat, quality, partitions, newest values."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from apps.assets.choices import Quality
from apps.assets.events import ReadingsStored
from apps.assets.models import Reading, Sensor, SensorLatest
from apps.assets.services import ReadingRow, partitions_ensure, readings_store
from apps.assets.services.partitions import MOST_MONTHS_AT_ONCE
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.assets.conftest import battery_make

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("operator_a")


def sensor_id(quantity: str = "power_kw", code: str = "bat-01") -> int:
    battery_make(code, port=502 + int(code[-2:]))
    return Sensor.objects.get(device__code=code, quantity=quantity).pk


def stored() -> list[tuple[int, datetime, float, int]]:
    return list(
        Reading.objects.order_by("sensor_id", "at").values_list(
            "sensor_id", "at", "value", "quality"
        )
    )


def test_store_keeps_rows_and_the_newest() -> None:
    sensor = sensor_id()
    rows = [ReadingRow(sensor, AT + timedelta(seconds=n), 10.0 + n) for n in (0, 2, 1)]

    count = readings_store(rows)

    assert count == 3
    assert [(at, value) for _s, at, value, _q in stored()] == [
        (AT, 10.0),
        (AT + timedelta(seconds=1), 11.0),
        (AT + timedelta(seconds=2), 12.0),
    ]
    latest = SensorLatest.objects.get(sensor_id=sensor)
    assert (latest.at, latest.value, latest.quality) == (AT + timedelta(seconds=2), 12.0, 0)


def test_storing_the_same_rows_again_changes_nothing() -> None:
    rows = [ReadingRow(sensor_id(), AT + timedelta(seconds=n), float(n)) for n in range(50)]
    readings_store(rows)
    before = stored()

    readings_store(rows)

    assert stored() == before
    assert len(before) == 50


def test_a_repeat_writes_no_row_again() -> None:
    """Not even as a dead copy: the rows stay where they are in the table."""
    rows = [
        ReadingRow(sensor_id(), AT + timedelta(seconds=n), value)
        for n, value in enumerate([1.0, float("nan"), -2.5])
    ]
    readings_store(rows)

    def places() -> list[tuple[str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text FROM assets_reading ORDER BY at")
            return list(cursor.fetchall())

    before = places()
    readings_store(rows)

    assert places() == before
    assert len(before) == 3


def test_a_batch_of_known_and_new_rows_of_known_and_new_months() -> None:
    """The longer way meets a missing partition too."""
    sensor = sensor_id()
    known = ReadingRow(sensor, AT, 1.0)
    readings_store([known])
    late = datetime(2043, 2, 1, tzinfo=UTC)

    readings_store(
        [ReadingRow(sensor, AT - timedelta(seconds=1), 0.5), known, ReadingRow(sensor, late, 2.0)]
    )

    assert [(at, value) for _s, at, value, _q in stored()] == [
        (AT - timedelta(seconds=1), 0.5),
        (AT, 1.0),
        (late, 2.0),
    ]


def test_a_batch_that_is_known_new_and_double_at_once() -> None:
    """Each remedy once: a new month, a row that is there, the same row twice in the batch."""
    sensor = sensor_id()
    known = ReadingRow(sensor, AT, 1.0)
    readings_store([known])
    late = datetime(2044, 2, 1, tzinfo=UTC)

    readings_store([known, ReadingRow(sensor, late, 2.0), ReadingRow(sensor, late, 3.0)])

    assert [(at, value) for _s, at, value, _q in stored()] == [(AT, 1.0), (late, 3.0)]


def test_two_stores_in_one_transaction() -> None:
    sensor = sensor_id()
    rows = [ReadingRow(sensor, AT + timedelta(seconds=n), float(n)) for n in range(3)]

    with transaction.atomic():
        readings_store(rows[:2])
        readings_store(rows)
        readings_store([rows[0]._replace(value=9.0)])

    assert [value for _s, _at, value, _q in stored()] == [9.0, 1.0, 2.0]


def test_a_later_value_for_the_same_instant_wins() -> None:
    sensor = sensor_id()
    readings_store([ReadingRow(sensor, AT, 1.0)])

    readings_store([ReadingRow(sensor, AT, 2.0, Quality.SUBSTITUTED)])

    assert stored() == [(sensor, AT, 2.0, 3)]
    assert SensorLatest.objects.get(sensor_id=sensor).value == 2.0


def test_the_same_instant_twice_in_one_batch_keeps_the_later_row() -> None:
    sensor = sensor_id()

    readings_store([ReadingRow(sensor, AT, 1.0), ReadingRow(sensor, AT, 2.0)])

    assert stored() == [(sensor, AT, 2.0, 0)]
    assert SensorLatest.objects.get(sensor_id=sensor).value == 2.0


def test_an_older_reading_does_not_replace_the_newest() -> None:
    sensor = sensor_id()
    readings_store([ReadingRow(sensor, AT, 5.0)])

    readings_store([ReadingRow(sensor, AT - timedelta(hours=1), 1.0)])

    assert SensorLatest.objects.get(sensor_id=sensor).value == 5.0
    assert len(stored()) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_what_is_no_number_or_beyond_all_measure_is_kept_as_bad(value: float) -> None:
    sensor = sensor_id()

    readings_store([ReadingRow(sensor, AT, value)])

    assert [quality for *_rest, quality in stored()] == [Quality.BAD]
    assert repr(stored()[0][2]) == repr(value)
    assert SensorLatest.objects.get(sensor_id=sensor).quality == Quality.BAD


def test_times_of_other_zones_are_the_same_instant() -> None:
    from zoneinfo import ZoneInfo

    sensor = sensor_id()

    readings_store([ReadingRow(sensor, AT.astimezone(ZoneInfo("America/Guadeloupe")), 1.0)])

    assert stored() == [(sensor, AT, 1.0, 0)]


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        readings_store([ReadingRow(sensor_id(), datetime(2026, 3, 10), 1.0)])  # noqa: DTZ001
    assert stored() == []


def test_microseconds_and_large_values_survive() -> None:
    sensor = sensor_id()
    at = AT.replace(microsecond=123457)

    readings_store([ReadingRow(sensor, at, 0.1 + 0.2), ReadingRow(sensor, AT, -1e99)])

    assert stored() == [(sensor, AT, -1e99, 0), (sensor, at, 0.30000000000000004, 0)]


def test_event_names_the_devices_and_the_newest_instant(
    django_capture_on_commit_callbacks: object,
) -> None:
    first, second = sensor_id(), sensor_id(code="bat-02")
    seen: list[ReadingsStored] = []
    subscribe(ReadingsStored, seen.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            readings_store(
                [ReadingRow(second, AT, 1.0), ReadingRow(first, AT + timedelta(seconds=1), 1.0)]
            )
    finally:
        unsubscribe(ReadingsStored, seen.append)

    devices = tuple(
        Sensor.objects.filter(pk__in=(first, second))
        .order_by("device_id")
        .values_list("device_id", flat=True)
    )
    assert seen == [
        ReadingsStored(schema="guadeloupe", device_ids=devices, at=AT + timedelta(seconds=1))
    ]


# --- partitions ---


def partitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent IN ('assets_reading'::regclass, 'assets_rollup_1m'::regclass)"
        )
        return [name for (name,) in cursor.fetchall()]


def test_partitions_are_made_ahead_and_once() -> None:
    now = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)

    created = partitions_ensure(now=now, months_ahead=2)
    again = partitions_ensure(now=now, months_ahead=2)

    assert created == [
        "assets_reading_y2031m11",
        "assets_reading_y2031m12",
        "assets_reading_y2032m01",
        "assets_rollup_1m_y2031m11",
        "assets_rollup_1m_y2031m12",
        "assets_rollup_1m_y2032m01",
    ]
    assert again == []
    assert set(created) <= set(partitions())


def test_a_reading_of_a_month_without_partition_is_not_lost() -> None:
    sensor = sensor_id()
    first = datetime(2035, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)
    second = datetime(2035, 6, 1, tzinfo=UTC)

    readings_store([ReadingRow(sensor, first, 1.0), ReadingRow(sensor, second, 2.0)])

    assert stored() == [(sensor, first, 1.0, 0), (sensor, second, 2.0, 0)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, value FROM assets_reading ORDER BY at")
        assert cursor.fetchall() == [
            ("assets_reading_y2035m05", 1.0),
            ("assets_reading_y2035m06", 2.0),
        ]


def test_a_batch_over_too_many_months_is_refused() -> None:
    sensor = sensor_id()
    rows = [
        ReadingRow(sensor, datetime(2040 + n // 12, n % 12 + 1, 1, tzinfo=UTC), 1.0)
        for n in range(MOST_MONTHS_AT_ONCE + 1)
    ]

    with pytest.raises(DomainError) as error:
        readings_store(rows)

    assert error.value.code == "readings.too_many_months"
    assert stored() == []


def test_each_partition_has_the_key_and_the_brin_index() -> None:
    partitions_ensure(now=datetime(2033, 1, 1, tzinfo=UTC), months_ahead=0)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'assets_reading_y2033m01'"
            " AND schemaname = current_schema()"
        )
        definitions = " ".join(definition for (definition,) in cursor.fetchall())

    assert "btree (sensor_id, at)" in definitions
    assert "brin (at)" in definitions


# --- two operators ---


def test_readings_stay_with_their_operator(operator_b: Operator) -> None:
    sensor = sensor_id()

    readings_store([ReadingRow(sensor, AT, 1.0)])

    with operator_context(operator_b.schema_name):
        assert Reading.objects.count() == 0
        assert SensorLatest.objects.count() == 0


def test_readings_without_operator_are_refused() -> None:
    sensor = sensor_id()
    connection.set_schema_to_public()

    with pytest.raises(OperatorMissing):
        readings_store([ReadingRow(sensor, AT, 1.0)])


def test_partition_of_one_operator_is_not_the_others(operator_b: Operator) -> None:
    now = datetime(2036, 1, 15, tzinfo=UTC)
    partitions_ensure(now=now, months_ahead=0)

    with operator_context(operator_b.schema_name):
        assert partitions_ensure(now=now, months_ahead=0) == [
            "assets_reading_y2036m01",
            "assets_rollup_1m_y2036m01",
        ]
