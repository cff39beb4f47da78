"""Series, pages, totals: figures by hand, gaps, and readings that no roll-up holds yet."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.assets.choices import Quality
from apps.assets.models import Reading, Retention, RollupDue, Sensor
from apps.assets.selectors import (
    EnergyTotal,
    KindSlot,
    ReadingPoint,
    SeriesPoint,
    energy_between,
    power_by_kind,
    readings_page,
    series,
    slot_means,
)
from apps.assets.selectors.series import stretches
from apps.assets.selectors.slot_sql import HOURS, MINUTES, QUARTERS
from apps.assets.services import ReadingRow, readings_store, rollups_update
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make
from tests.assets.test_selectors import queries

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("operator_a")


def sensor_make(quantity: str = "power_kw") -> int:
    """A sensor of a battery that is read once a minute."""
    battery_make(poll_period_s=60.0)
    return Sensor.objects.get(quantity=quantity).pk


def store(sensor: int, *values: tuple[float, float], quality: int = Quality.GOOD) -> None:
    """Store (minutes from AT, value) pairs and roll them up."""
    readings_store([ReadingRow(sensor, AT + m * MINUTE, v, quality) for m, v in values])
    rollups_update(now=AT)


# --- series ---


def test_a_series_of_quarters_shows_its_gap() -> None:
    """5 minutes at 60 kW: 5 kWh, a third of the quarter; the second quarter is a gap."""
    sensor = sensor_make()
    store(sensor, *[(n, 60.0) for n in range(5)], (30, 10.0))

    with queries(1):
        points = series([sensor], AT, AT + HOUR, QUARTER)

    assert points == [
        SeriesPoint(sensor, AT, 60.0, 60.0, 60.0, pytest.approx(5.0), 5, 0, pytest.approx(1 / 3)),
        SeriesPoint(
            sensor, AT + 2 * QUARTER, 10.0, 10.0, 10.0, pytest.approx(1 / 6), 1, 0,
            pytest.approx(1 / 15),
        ),
    ]  # fmt: skip


def test_a_series_of_two_hours_a_slot_joins_its_hours() -> None:
    """An hour at 10 kW and half an hour at 40 kW: 30 kWh in 1.5 measured hours, mean 20 kW."""
    sensor = sensor_make()
    store(sensor, *[(n, 10.0) for n in range(60)], *[(60 + n, 40.0) for n in range(30)])

    (point,) = series([sensor], AT, AT + 2 * HOUR, 2 * HOUR)

    assert (point.start, point.mean, point.minimum, point.maximum) == (AT, 20.0, 10.0, 40.0)
    assert (point.energy_kwh, point.count, point.coverage) == (30.0, 90, 0.75)


def test_slots_of_five_minutes_come_from_minutes() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0), (4, 20.0), (5, 99.0))

    first, second = series([sensor], AT, AT + 10 * MINUTE, 5 * MINUTE)

    assert (first.mean, first.coverage) == (15.0, 0.4)
    assert (second.start, second.mean) == (AT + 5 * MINUTE, 99.0)


def test_a_local_day_that_begins_beside_the_hour() -> None:
    """Slots are counted from `start`: half past, as in zones with half hours."""
    sensor = sensor_make()
    start = AT + 30 * MINUTE
    store(sensor, (29, 1.0), (30, 2.0), (89, 4.0), (90, 8.0))

    (point,) = series([sensor], start, start + HOUR, HOUR)

    assert (point.start, point.mean, point.count) == (start, 3.0, 2)


def test_a_series_is_by_sensor_and_time_and_knows_no_others() -> None:
    sensor = sensor_make()
    other = Sensor.objects.get(quantity="soc_percent").pk
    store(sensor, (0, 1.0), (1, 2.0))
    store(other, (0, 50.0))

    points = series([sensor, other], AT, AT + HOUR, MINUTE)

    keys = [(point.sensor_id, point.start) for point in points]
    assert keys == sorted([(sensor, AT), (sensor, AT + MINUTE), (other, AT)])
    assert [p.sensor_id for p in series([other], AT, AT + HOUR, MINUTE)] == [other]
    assert series([], AT, AT + HOUR, MINUTE) == []


@pytest.mark.parametrize(
    ("start", "resolution"),
    [(AT, timedelta(seconds=90)), (AT + timedelta(seconds=1), MINUTE), (AT, timedelta(0))],
)
def test_a_series_is_of_whole_minutes(start: datetime, resolution: timedelta) -> None:
    with pytest.raises(ValueError, match="resolution"):
        series([1], start, AT + HOUR, resolution)


# --- energy ---


def test_energy_between_reads_each_part_from_the_coarsest_table() -> None:
    start, end = AT - 2 * MINUTE, AT + 2 * HOUR + 16 * MINUTE

    assert stretches(start, end) == [
        (MINUTES, start, AT),
        (MINUTES, AT + 2 * HOUR + QUARTER, end),
        (QUARTERS, AT + 2 * HOUR, AT + 2 * HOUR + QUARTER),
        (HOURS, AT, AT + 2 * HOUR),
    ]
    assert stretches(AT + MINUTE, AT + 3 * MINUTE) == [(MINUTES, AT + MINUTE, AT + 3 * MINUTE)]
    assert stretches(AT, AT) == []


@given(start=st.integers(0, 400), length=st.integers(0, 400))
def test_the_parts_cover_the_time_once(start: int, length: int) -> None:
    first, last = AT + start * MINUTE, AT + (start + length) * MINUTE

    parts = sorted((begin, stop) for _table, begin, stop in stretches(first, last))

    edges = [at for part in parts for at in part]
    assert edges == ([] if not length else [first, *edges[1:-1], last])
    assert all(edges[n] == edges[n + 1] for n in range(1, len(edges) - 1, 2))
    for table, begin, stop in stretches(first, last):
        assert not (begin - AT) % table.step
        assert not (stop - AT) % table.step


def test_energy_of_a_counter_and_of_a_power() -> None:
    """The counter: 100 at 12:00 to 112 at 14:00. The power: 30 kW for the first half hour."""
    counter = sensor_make("energy_import_kwh")
    power = Sensor.objects.get(quantity="power_kw").pk
    store(counter, (0, 100.0), (60, 107.0), (120, 112.0))
    store(power, *[(n, 30.0) for n in range(30)])

    with queries(1):
        totals = energy_between([counter, power], AT, AT + 2 * HOUR + MINUTE)

    assert totals == sorted(
        [
            EnergyTotal(counter, 12.0, pytest.approx(3 / 121)),
            EnergyTotal(power, pytest.approx(15.0), pytest.approx(30 / 121)),
        ],
        key=lambda total: total.sensor_id,
    )
    (first_hour,) = energy_between([counter], AT, AT + HOUR + MINUTE)
    assert first_hour.energy_kwh == 7.0
    assert energy_between([counter], AT + 3 * HOUR, AT + 4 * HOUR) == []
    assert energy_between([counter], AT, AT) == []


def test_energy_between_takes_whole_minutes() -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        energy_between([1], AT, AT + timedelta(seconds=30))


# --- single readings ---


def test_readings_come_in_pages_without_a_gap_or_a_double() -> None:
    sensor = sensor_make()
    store(sensor, *[(n, float(n)) for n in range(7)])

    found: list[ReadingPoint] = []
    after = None
    while page := readings_page(sensor, AT, AT + 6 * MINUTE, after, 4):
        found += page
        after = page[-1].at

    assert [point.value for point in found] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert found[0] == ReadingPoint(sensor, AT, 0.0, "good")


def test_every_quality_is_kept_and_told() -> None:
    sensor = sensor_make()
    for n, quality in enumerate(Quality):
        store(sensor, (n, 1.0), quality=quality)
    store(sensor, (4, float("nan")))

    points = readings_page(sensor, AT, AT + HOUR)

    assert [point.quality for point in points] == ["good", "stale", "bad", "substituted", "bad"]
    assert points[-1].value is None


def test_a_page_has_at_least_one_reading() -> None:
    with pytest.raises(ValueError, match="limit"):
        readings_page(1, AT, AT + HOUR, None, 0)


# --- roll-ups as far as they are up to date, readings after that ---


def test_a_reading_counts_in_slot_means_before_it_is_rolled_up() -> None:
    """The roll-up says 10; the late reading is stored and not rolled up: (10 + 30) / 2."""
    sensor = sensor_make()
    store(sensor, (0, 10.0), (20, 7.0))
    readings_store([ReadingRow(sensor, AT + 2 * MINUTE, 30.0)])

    means = slot_means(sensor_ids=[sensor], start=AT, end=AT + HOUR, resolution=QUARTER)

    assert [(m.start, m.mean, m.count) for m in means] == [(AT, 20.0, 2), (AT + QUARTER, 7.0, 1)]
    rollups_update(now=AT)
    assert slot_means(sensor_ids=[sensor], start=AT, end=AT + HOUR, resolution=QUARTER) == means


def test_slots_that_are_rolled_up_need_no_readings() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0), (1, 30.0))
    Reading.objects.all().delete()

    (mean,) = slot_means(sensor_ids=[sensor], start=AT, end=AT + QUARTER, resolution=QUARTER)
    (slot,) = power_by_kind(start=AT, end=AT + 5 * MINUTE, resolution=5 * MINUTE)

    assert (mean.mean, mean.count, mean.coverage) == (20.0, 2, pytest.approx(2 / 15))
    assert slot == KindSlot("battery", AT, 20.0)


def test_a_late_reading_of_dropped_readings_hides_no_roll_up() -> None:
    """What is due there will be refused by the roller; the readings are gone."""
    sensor = sensor_make()
    store(sensor, (0, 10.0))
    Reading.objects.all().delete()
    Retention.objects.create(readings_dropped_until=AT + HOUR)
    RollupDue.objects.create(start=AT, end=AT, sensor_ids=[sensor])

    (mean,) = slot_means(sensor_ids=[sensor], start=AT, end=AT + QUARTER, resolution=QUARTER)

    assert mean.mean == 10.0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    early=st.lists(st.tuples(st.integers(0, 100), st.integers(-50, 50)), min_size=1, max_size=30),
    late=st.lists(st.tuples(st.integers(0, 100), st.integers(-50, 50)), max_size=10),
)
def test_means_are_the_same_from_readings_and_from_roll_ups(
    early: list[tuple[int, int]], late: list[tuple[int, int]]
) -> None:
    """Before the roller took anything up, halfway, and after: nobody sees a difference."""

    def seen() -> tuple[list[datetime], list[float]]:
        means = slot_means(sensor_ids=[sensor], start=AT, end=AT + 2 * HOUR, resolution=QUARTER)
        powers = power_by_kind(start=AT, end=AT + 2 * HOUR, resolution=5 * MINUTE)
        figures = [figure for m in means for figure in (m.mean, m.count, m.coverage)]
        return (
            [slot.start for slot in (*means, *powers)],
            [*figures, *(power.mean_power_kw for power in powers)],
        )

    with transaction.atomic():
        sensor = sensor_make()
        for batch in (early, late):
            if batch:
                readings_store([ReadingRow(sensor, AT + m * MINUTE, float(v)) for m, v in batch])
            starts, figures = seen()
            rollups_update(now=AT)
            assert seen() == (starts, pytest.approx(figures))
        assert starts
        transaction.set_rollback(True)


def test_series_see_one_operator(operator_b: Operator) -> None:
    sensor = sensor_make()
    store(sensor, (0, 1.0))

    with operator_context(operator_b.schema_name):
        assert series([sensor], AT, AT + HOUR, MINUTE) == []
        assert energy_between([sensor], AT, AT + HOUR) == []
        assert readings_page(sensor, AT, AT + HOUR) == []
