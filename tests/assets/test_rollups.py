"""Roll-ups: figures by hand; late, repeated, corrected readings; against a slow recomputation."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import NamedTuple

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.assets.choices import Quality
from apps.assets.models import MinuteRollup, QuarterRollup, Retention, RollupDue, Sensor
from apps.assets.services import ReadingRow, readings_store, rollups
from apps.assets.services.rollups import Span, merged, rollups_update, widened
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make
from tests.assets.rollups import (
    HOUR,
    MINUTE,
    QUARTER,
    Slot,
    assert_rollups_are_right,
    expected_rollups,
    stored_rollups,
)

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("operator_a")


def sensor_make(quantity: str = "power_kw", *, period_s: float = 2.0, code: str = "bat-01") -> int:
    """A sensor of a 100 kW battery."""
    if not Sensor.objects.filter(device__code=code).exists():
        battery_make(code, port=502 + int(code[-2:]), poll_period_s=2.0)
    Sensor.objects.filter(device__code=code, quantity=quantity).update(period_s=period_s)
    return Sensor.objects.get(device__code=code, quantity=quantity).pk


def store(sensor: int, *values: tuple[float, float], quality: int = Quality.GOOD) -> None:
    """Store (seconds from AT, value) pairs."""
    readings_store([ReadingRow(sensor, AT + timedelta(seconds=s), v, quality) for s, v in values])


def roll() -> int:
    return rollups_update(now=AT)


# --- figures by hand ---


def test_a_minute_of_power() -> None:
    """15 readings of 2 s are half a minute: 30 kW x 0.5 min = 0.25 kWh."""
    sensor = sensor_make()
    store(sensor, *[(2.0 * n, 20.0 if n < 5 else 35.0) for n in range(15)])
    store(sensor, (50, float("nan")), (52, 999.0))
    store(sensor, (52, 999.0), quality=Quality.BAD)

    roll()

    # (5 x 20 + 10 x 35) / 15 = 30.
    slot = Slot(30.0, 20.0, 35.0, 0.25, 15, 2, 0.5)
    assert stored_rollups(MINUTE) == {(sensor, AT): slot}


def test_a_quarter_and_an_hour_of_power_with_a_gap() -> None:
    """Minute 0 whole at 60 kW, minute 1 half at 30 kW, the rest of the quarter is a gap.

    Energy: 60 kW x 1 min + 30 kW x 0.5 min = 1 kWh + 0.25 kWh. Mean by measured time:
    (60 x 1 + 30 x 0.5) / 1.5 = 50 kW. Coverage: 1.5 of 15 min, 1.5 of 60 min.
    """
    sensor = sensor_make()
    store(sensor, *[(2.0 * n, 60.0) for n in range(30)], *[(60 + 2.0 * n, 30.0) for n in range(15)])

    roll()

    (quarter,) = stored_rollups(QUARTER).values()
    assert (quarter.mean, quarter.energy_kwh) == (pytest.approx(50.0), pytest.approx(1.25))
    assert (quarter.minimum, quarter.maximum, quarter.count) == (30.0, 60.0, 45)
    assert quarter.coverage == pytest.approx(0.1)
    (hour,) = stored_rollups(HOUR).values()
    assert (hour.mean, hour.energy_kwh) == (pytest.approx(50.0), pytest.approx(1.25))
    assert hour.coverage == pytest.approx(0.025)


def test_a_gap_is_absent_and_not_filled() -> None:
    sensor = sensor_make()
    store(sensor, (0, 1.0), (1800, 3.0))

    roll()

    assert [start for _s, start in sorted(stored_rollups(QUARTER))] == [AT, AT + 2 * QUARTER]
    assert [start for _s, start in sorted(stored_rollups(MINUTE))] == [AT, AT + 30 * MINUTE]


def test_discharging_gives_negative_energy() -> None:
    sensor = sensor_make()
    store(sensor, *[(2.0 * n, -60.0) for n in range(30)])

    roll()

    assert stored_rollups(MINUTE)[sensor, AT].energy_kwh == -1.0


def test_a_minute_polled_too_often_is_covered_once() -> None:
    sensor = sensor_make()
    store(sensor, *[(float(n), 60.0) for n in range(60)])

    roll()

    slot = stored_rollups(MINUTE)[sensor, AT]
    assert (slot.count, slot.coverage, slot.energy_kwh) == (60, 1.0, 1.0)


def test_a_sensor_read_every_five_minutes_covers_its_quarter() -> None:
    """3 readings x 300 s = 900 s: all of the quarter, though 12 of its minutes have none."""
    sensor = sensor_make(period_s=300.0)
    store(sensor, (0, 10.0), (300, 20.0), (600, 30.0))

    roll()

    quarter = stored_rollups(QUARTER)[sensor, AT]
    # 20 kW x 0.25 h.
    assert (quarter.mean, quarter.coverage, quarter.energy_kwh) == (20.0, 1.0, 5.0)
    assert stored_rollups(HOUR)[sensor, AT].coverage == 0.25


def test_a_state_of_charge_has_no_energy() -> None:
    sensor = sensor_make("soc_percent")
    store(sensor, (0, 50.0), (2, 52.0))

    roll()

    slot = stored_rollups(MINUTE)[sensor, AT]
    assert (slot.mean, slot.energy_kwh) == (51.0, None)
    assert stored_rollups(HOUR)[sensor, AT].energy_kwh is None


def test_a_counter_counts_from_reading_to_reading_over_the_edges_of_minutes() -> None:
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (58, 100.75), (62, 101.0), (118, 102.0))

    roll()

    minutes = stored_rollups(MINUTE)
    assert minutes[sensor, AT].energy_kwh == 0.75
    assert minutes[sensor, AT + MINUTE].energy_kwh == 1.25, "0.25 from the minute before"
    assert stored_rollups(HOUR)[sensor, AT].energy_kwh == 2.0


def test_the_energy_of_a_gap_is_booked_where_the_counter_was_next_read() -> None:
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (3600, 150.0))

    roll()

    minutes = stored_rollups(MINUTE)
    assert minutes[sensor, AT].energy_kwh is None, "nobody knows what flowed before it"
    assert minutes[sensor, AT + HOUR].energy_kwh == 50.0
    assert len(minutes) == 2


def test_a_counter_going_backward_is_kept_as_read_and_counted_as_bad() -> None:
    """Only the roll-up flags it: whether a step can be true is known beside its neighbours only."""
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 5000.0), (2, 4000.0), (4, 4000.5))

    roll()

    slot = stored_rollups(MINUTE)[sensor, AT]
    assert (slot.count, slot.bad_count, slot.energy_kwh) == (2, 1, 0.5)
    assert (slot.minimum, slot.maximum) == (4000.5, 5000.0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value, quality FROM assets_reading ORDER BY at")
        assert cursor.fetchall() == [(5000.0, 0), (4000.0, 0), (4000.5, 0)]


def test_a_counter_over_its_top() -> None:
    sensor = sensor_make("energy_import_kwh")
    Sensor.objects.filter(pk=sensor).update(rollover_kwh=10_000.0)
    store(sensor, (0, 9_999.5), (2, 0.75))

    roll()

    assert stored_rollups(MINUTE)[sensor, AT].energy_kwh == pytest.approx(1.25)


def test_slots_are_utc_whatever_the_local_clock_does() -> None:
    """Europe/Paris leaves summer time at 01:00 UTC on 2026-10-25: three hours stay three hours."""
    sensor = sensor_make(period_s=60.0)
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    readings_store([ReadingRow(sensor, start + n * MINUTE, 60.0) for n in range(180)])

    roll()

    hours = stored_rollups(HOUR)
    assert sorted(at for _s, at in hours) == [start, start + HOUR, start + 2 * HOUR]
    assert {slot.energy_kwh for slot in hours.values()} == {60.0}


def test_the_border_of_a_month() -> None:
    sensor = sensor_make("energy_export_kwh")
    border = datetime(2034, 7, 1, tzinfo=UTC)
    readings_store(
        [
            ReadingRow(sensor, border - timedelta(seconds=1), 10.0),
            ReadingRow(sensor, border, 10.5),
        ]
    )

    roll()

    assert stored_rollups(MINUTE)[sensor, border].energy_kwh == 0.5
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM assets_rollup_1m ORDER BY start")
        assert cursor.fetchall() == [("assets_rollup_1m_y2034m06",), ("assets_rollup_1m_y2034m07",)]


# --- late, repeated, corrected ---


def test_a_late_reading_changes_its_slots() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0))
    roll()

    store(sensor, (2, 20.0))
    roll()

    assert stored_rollups(MINUTE)[sensor, AT].mean == 15.0
    assert stored_rollups(HOUR)[sensor, AT].mean == 15.0
    assert_rollups_are_right()


def test_a_late_counter_reading_changes_the_step_after_it_too() -> None:
    """100 ... 106 was one step of 6; with 102 between, 2 belong to the earlier quarter."""
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (1800, 106.0))
    roll()
    assert stored_rollups(QUARTER)[sensor, AT + 2 * QUARTER].energy_kwh == 6.0

    store(sensor, (900, 102.0))
    roll()

    quarters = stored_rollups(QUARTER)
    assert quarters[sensor, AT + QUARTER].energy_kwh == 2.0
    assert quarters[sensor, AT + 2 * QUARTER].energy_kwh == 4.0
    assert stored_rollups(HOUR)[sensor, AT].energy_kwh == 6.0


def test_a_late_wrong_counter_reading_changes_the_judgement_of_two_after_it() -> None:
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (120, 100.5), (240, 101.0))
    roll()

    store(sensor, (60, 9e8))
    roll()

    assert_rollups_are_right()
    assert stored_rollups(HOUR)[sensor, AT].energy_kwh == 1.0
    assert stored_rollups(HOUR)[sensor, AT].bad_count == 1


def test_a_late_reading_changes_the_step_after_the_next_one() -> None:
    """100, 1e6, 100.5: one wrong value, 0.5 kWh beside it. With 1e6 twice it is a new level.

    Then it is 100.5 that goes backward, two readings after the late one.
    """
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (120, 1e6), (240, 100.5))
    roll()
    hour = stored_rollups(HOUR)[sensor, AT]
    assert (hour.energy_kwh, hour.bad_count) == (0.5, 1)

    store(sensor, (60, 1e6))
    roll()

    hour = stored_rollups(HOUR)[sensor, AT]
    assert (hour.energy_kwh, hour.bad_count) == (0.0, 2)
    assert stored_rollups(MINUTE)[sensor, AT + 4 * MINUTE].bad_count == 1
    assert_rollups_are_right()


def test_a_corrected_reading_counts_with_its_new_value_and_quality() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0), (2, 90.0))
    roll()

    store(sensor, (2, 30.0), quality=Quality.SUBSTITUTED)
    roll()
    assert stored_rollups(MINUTE)[sensor, AT].mean == 20.0

    store(sensor, (0, 10.0), quality=Quality.BAD)
    roll()
    slot = stored_rollups(MINUTE)[sensor, AT]
    assert (slot.mean, slot.count, slot.bad_count) == (30.0, 1, 1)


def test_a_minute_whose_readings_all_turned_bad_keeps_no_mean() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0))
    roll()

    store(sensor, (0, 10.0), quality=Quality.BAD)
    roll()

    expected = Slot(None, None, None, None, 0, 1, 0.0)
    assert stored_rollups(MINUTE)[sensor, AT] == expected
    assert stored_rollups(HOUR)[sensor, AT] == expected


def test_storing_the_same_again_leaves_nothing_due() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0), (2, 20.0))
    assert roll() == 1

    store(sensor, (0, 10.0), (2, 20.0))

    assert RollupDue.objects.count() == 0
    assert roll() == 0


def test_rolling_up_again_writes_no_row_anew() -> None:
    sensor = sensor_make()
    store(sensor, (0, 10.0))
    roll()

    def places() -> list[tuple[str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text FROM assets_rollup_1m")
            return list(cursor.fetchall())

    before = places()
    RollupDue.objects.create(start=AT, end=AT, sensor_ids=[sensor])
    roll()

    assert places() == before
    assert len(before) == 1


# --- what is due ---


def test_a_short_batch_is_due_in_one_row() -> None:
    power, soc = sensor_make(), sensor_make("soc_percent")
    readings_store([ReadingRow(soc, AT, 1.0), ReadingRow(power, AT + timedelta(seconds=3), 1.0)])

    (due,) = RollupDue.objects.all()

    assert (due.start, due.end) == (AT, AT + timedelta(seconds=3))
    assert due.sensor_ids == sorted([power, soc])


def test_a_long_batch_is_due_day_by_day() -> None:
    """A wrong clock in a batch must not make the roller walk through 20 empty years."""
    power, soc = sensor_make(), sensor_make("soc_percent")
    long_ago = datetime(2006, 1, 1, 5, 0, tzinfo=UTC)
    readings_store(
        [ReadingRow(power, AT, 1.0), ReadingRow(power, long_ago, 1.0), ReadingRow(soc, AT, 1.0)]
    )

    due = list(RollupDue.objects.order_by("start").values_list("start", "end", "sensor_ids"))

    assert due == [(long_ago, long_ago, [power]), (AT, AT, sorted([power, soc]))]


def test_a_long_due_row_is_worked_off_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "BATCH_MINUTES", 7)
    sensor = sensor_make(period_s=60.0)
    readings_store([ReadingRow(sensor, AT + n * MINUTE, 1.0) for n in range(50)])

    # 50 minutes at 7 a batch.
    assert rollups_update(now=AT) == 8
    assert RollupDue.objects.count() == 0
    assert_rollups_are_right()


def test_what_does_not_fit_into_the_time_stays_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "BATCH_MINUTES", 7)
    sensor = sensor_make(period_s=60.0)
    readings_store([ReadingRow(sensor, AT + n * MINUTE, 1.0) for n in range(50)])

    assert rollups_update(now=AT, budget_s=0.0) == 1

    (due,) = RollupDue.objects.all()
    assert (due.start, due.end) == (AT + 7 * MINUTE, AT + 49 * MINUTE)
    assert MinuteRollup.objects.count() == 7


def test_the_newest_is_rolled_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "BATCH_MINUTES", 1)
    sensor = sensor_make()
    store(sensor, (3600, 2.0))
    store(sensor, (0, 1.0))

    rollups_update(now=AT, budget_s=0.0)

    assert [row.start for row in MinuteRollup.objects.all()] == [AT + HOUR]


def test_what_polling_leaves_each_second_is_one_piece_of_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollups, "BATCH_MINUTES", 1)
    sensor = sensor_make()
    for second in range(5):
        store(sensor, (second, 1.0))

    assert rollups_update(now=AT, budget_s=0.0) == 5
    assert stored_rollups(MINUTE)[sensor, AT].count == 5


def test_readings_that_were_there_before_the_roll_ups_are_put_down_as_due() -> None:
    """The statement of the migration: one row a sensor, from its first to its newest reading."""
    sensor = sensor_make("energy_import_kwh")
    store(sensor, (0, 100.0), (3600, 150.0))
    RollupDue.objects.all().delete()

    with connection.cursor() as cursor:
        cursor.execute(import_module("apps.assets.migrations.0010_rollups_due").DUE)

    (due,) = RollupDue.objects.all()
    assert (due.start, due.end, due.sensor_ids) == (AT, AT + HOUR, [sensor])
    roll()
    assert_rollups_are_right()


def test_more_sensors_than_a_batch_holds_still_come_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollups, "BATCH_MINUTES", 1)
    power, soc = sensor_make(), sensor_make("soc_percent")
    readings_store(
        [
            ReadingRow(s, AT + timedelta(seconds=n * 40), 50.0)
            for s in (power, soc)
            for n in range(4)
        ]
    )

    rollups_update(now=AT)

    assert RollupDue.objects.count() == 0
    assert_rollups_are_right()


def test_imports_of_many_years_are_rolled_up() -> None:
    sensor = sensor_make()
    for year in range(2001, 2006):
        readings_store(
            [ReadingRow(sensor, datetime(year, m, 1, tzinfo=UTC), 1.0) for m in range(1, 13)]
        )

    rollups_update(now=AT)

    assert MinuteRollup.objects.count() == 60


def test_roll_ups_of_dropped_readings_are_final() -> None:
    """The readings they were made of are gone: a late one must not replace the whole minute."""
    sensor = sensor_make()
    store(sensor, (0, 10.0), (60, 20.0))
    roll()
    Retention.objects.create(readings_dropped_until=AT + MINUTE)

    store(sensor, (2, 999.0), (62, 40.0))
    roll()

    minutes = stored_rollups(MINUTE)
    assert minutes[sensor, AT].mean == 10.0
    assert minutes[sensor, AT + MINUTE].mean == 30.0
    assert RollupDue.objects.count() == 0


def test_a_sensor_that_was_deleted_holds_nothing_up() -> None:
    store(sensor_make(), (0, 1.0))
    RollupDue.objects.create(start=AT, end=AT, sensor_ids=[987_654])

    roll()

    assert RollupDue.objects.count() == 0
    assert MinuteRollup.objects.count() == 1


def test_a_value_beyond_all_measure_stops_no_roll_up() -> None:
    sensor = sensor_make()
    store(sensor, (0, -1e300), (2, 1e300), (4, 5.0))

    roll()

    slot = stored_rollups(MINUTE)[sensor, AT]
    assert (slot.mean, slot.count, slot.bad_count) == (5.0, 1, 2)


def test_spans_are_joined_and_widened() -> None:
    spans = [
        Span(1, AT + MINUTE, AT + 2 * MINUTE),
        Span(1, AT, AT + MINUTE),
        Span(2, AT, AT + MINUTE),
        Span(1, AT + 14 * MINUTE, AT + 16 * MINUTE),
    ]

    joined = merged(spans)

    assert joined == [
        Span(1, AT, AT + 2 * MINUTE),
        Span(1, AT + 14 * MINUTE, AT + 16 * MINUTE),
        Span(2, AT, AT + MINUTE),
    ]
    assert widened(joined, rollups.rollup_sql.QUARTERS) == [
        Span(1, AT, AT + 2 * QUARTER),
        Span(2, AT, AT + QUARTER),
    ]


def test_roll_ups_stay_with_their_operator(operator_b: Operator) -> None:
    store(sensor_make(), (0, 1.0))

    with operator_context(operator_b.schema_name):
        assert rollups_update(now=AT) == 0
        assert QuarterRollup.objects.count() == 0
    assert rollups_update(now=AT) == 1
    assert QuarterRollup.objects.count() == 1


# --- any order of arrival ---


class Arrival(NamedTuple):
    """A reading as hypothesis makes it: `garbage` None means what a sound device would send."""

    quantity: int
    offset_s: int
    garbage: float | None
    quality: int


QUANTITIES = ("power_kw", "energy_import_kwh", "energy_export_kwh", "soc_percent")
START = datetime(2026, 3, 31, 23, 20, tzinfo=UTC)
"""40 minutes before the border of a month."""

arrivals = st.lists(
    st.builds(
        Arrival,
        quantity=st.integers(0, 3),
        offset_s=st.integers(0, 80).map(lambda n: n * 65),
        garbage=st.one_of(
            st.none(), st.none(), st.sampled_from([0.0, 99.95, 60.0, 9_999.9, 1e6, float("nan")])
        ),
        quality=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
    ),
    min_size=1,
    max_size=3,
)
"""Few at a time: a batch that spans everything would hide what a late reading changes elsewhere."""


def row_of(sensors: list[int], arrival: Arrival) -> ReadingRow:
    sound = 100.0 + arrival.offset_s * 0.01
    value = sound if arrival.garbage is None else arrival.garbage
    at = START + timedelta(seconds=arrival.offset_s)
    return ReadingRow(sensors[arrival.quantity], at, value, arrival.quality)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.tuples(arrivals, st.booleans()), min_size=1, max_size=20))
def test_roll_ups_equal_their_recomputation_whatever_arrived_in_which_order(
    batches: list[tuple[list[Arrival], bool]],
) -> None:
    """Late, twice, corrected, out of order, rolled up between or not, over the border of a month.

    The counters of the recomputation are those of the pure functions in services/energy.py.
    """
    with transaction.atomic():
        periods = dict(zip(QUANTITIES, (2.0, 13.0, 2.0, 100.0), strict=True))
        sensors = [sensor_make(quantity, period_s=s) for quantity, s in periods.items()]
        Sensor.objects.filter(pk=sensors[2]).update(rollover_kwh=10_000.0)
        for batch, is_rolled_up in batches:
            readings_store([row_of(sensors, arrival) for arrival in batch])
            if is_rolled_up:
                roll()
        roll()

        assert RollupDue.objects.count() == 0
        assert_rollups_are_right()
        assert expected_rollups()[MINUTE], "the recomputation found readings"
        transaction.set_rollback(True)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    arrived=st.lists(
        st.tuples(
            st.integers(0, 7),
            st.sampled_from([100.0, 100.5, 101.0, 0.0, 0.25, 9_999.5, 1e6, 1e6 + 0.5]),
            st.sampled_from([0, 0, 0, 2]),
        ),
        min_size=3,
        max_size=10,
    )
)
def test_a_counter_rolled_up_after_each_reading_equals_its_recomputation(
    arrived: list[tuple[int, float, int]],
) -> None:
    """One counter, a reading a minute at most, wrong ones among them, in any order."""
    with transaction.atomic():
        sensor = sensor_make("energy_export_kwh")
        Sensor.objects.filter(pk=sensor).update(rollover_kwh=10_000.0)
        for minute, value, quality in arrived:
            store(sensor, (minute * 60.0, value), quality=quality)
            roll()

        assert_rollups_are_right()
        transaction.set_rollback(True)
