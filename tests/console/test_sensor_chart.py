"""The chart of a sensor: gaps stay gaps, bad values are marked, figures by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from apps.assets.models import Device, Sensor
from apps.assets.services import ReadingRow, readings_store
from apps.assets.services.rollups import rollups_update
from apps.console.formats import quantity_text
from apps.console.viewmodels.sensor_chart import RANGES, ChartedSensor, SensorChart, sensor_chart
from apps.tenants.models import Operator
from tests.console.scene import device_build, site_register

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HOUR, DAY, WEEK, MONTH = RANGES["hour"], RANGES["day"], RANGES["week"], RANGES["month"]


@pytest.fixture(autouse=True)
def _device(operator_a: Operator) -> None:
    device_build(site_register(code="main", name="Island"), "bat-01", port=7001)


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def charted(quantity: str = "power_kw", **changes: object) -> ChartedSensor:
    sensor = Sensor.objects.get(device__code="bat-01", quantity=quantity)
    values: dict[str, object] = {
        "sensor_id": sensor.pk, "quantity": quantity, "channel": "", "kind": "battery",
        "period_s": 2.0, "device_code": "bat-01",
    }  # fmt: skip
    return ChartedSensor(**{**values, **changes})  # type: ignore[arg-type]


def put(seconds: range, value: float, *, quantity: str = "power_kw", quality: int = 0) -> None:
    sensor_id = Sensor.objects.get(device__code="bat-01", quantity=quantity).pk
    readings_store(
        [ReadingRow(sensor_id, START + timedelta(seconds=s), value, quality) for s in seconds]
    )


def seconds(chart: SensorChart) -> list[tuple[float, float]]:
    zero = START.timestamp()
    return [(first - zero, last - zero) for first, last in chart.gaps]


def test_single_readings_of_the_last_hour_with_their_gaps() -> None:
    put(range(0, 1200, 2), 4.0)
    put(range(1800, 3600, 2), 5.0)

    chart = sensor_chart(charted(), chosen=HOUR, now=NOW)

    assert (chart.resolution_s, chart.unit, chart.label) == (0, "kW", "Power")
    assert seconds(chart) == [(1198.0, 1800.0)]
    # 600 + 900 readings and one empty point in the gap.
    assert len(chart.times_s) == 1501
    assert chart.mean[599:602] == (4.0, None, 5.0)
    assert chart.times_s[600] == START.timestamp() + 1499
    assert set(chart.minimum) == {None}


def test_a_missed_poll_or_two_are_no_gap() -> None:
    # Every 2 s: late after 3 x 2 + 1.5 = 7.5 s.
    put(range(0, 3600, 7), 4.0)
    assert seconds(sensor_chart(charted(), chosen=HOUR, now=NOW)) == []

    chart = sensor_chart(charted(period_s=1.0), chosen=HOUR, now=NOW)

    assert len(chart.gaps) == 514


def test_before_the_first_and_after_the_last_reading_there_is_no_data() -> None:
    put(range(600, 1200, 2), 4.0)

    chart = sensor_chart(charted(), chosen=HOUR, now=NOW)

    assert seconds(chart) == [(0.0, 600.0), (1198.0, 3600.0)]


def test_without_any_reading_all_is_a_gap() -> None:
    chart = sensor_chart(charted(), chosen=HOUR, now=NOW)

    assert seconds(chart) == [(0.0, 3600.0)]
    assert chart.mean == (None,)
    assert all(row.is_gap for row in chart.rows)
    assert len(chart.rows) == 12


def test_bad_readings_are_marked_and_not_drawn() -> None:
    put(range(0, 3600, 2), 4.0)
    put(range(100, 106, 2), 9999.0, quality=2)
    put(range(200, 202, 2), float("nan"))

    chart = sensor_chart(charted(), chosen=HOUR, now=NOW)

    zero = START.timestamp()
    assert [at - zero for at in chart.bad_times_s] == [100.0, 102.0, 104.0, 200.0]
    assert chart.bad_count == 4
    assert max(value for value in chart.mean if value is not None) == 4.0
    # The device did answer: no gap.
    assert chart.gaps == ()
    assert chart.mean[50] is None


def test_a_plants_power_is_shown_as_production() -> None:
    put(range(0, 3600, 2), -4.0)

    chart = sensor_chart(charted(kind="pv"), chosen=HOUR, now=NOW)

    assert chart.label == "Production"
    assert set(chart.mean) == {4.0}


def test_a_day_is_shown_by_the_minute_with_lowest_and_highest() -> None:
    put(range(0, 600, 2), 4.0)
    put(range(60, 62), 1.0)
    put(range(62, 63), 9.0)
    rollups_update(now=NOW)

    chart = sensor_chart(charted(), chosen=DAY, now=NOW)

    assert chart.resolution_s == 60
    assert chart.end == datetime(2026, 11, 23, 15, 1, tzinfo=UTC)
    at = chart.times_s.index(START.timestamp() + 60)
    # 28 x 4, 1 and 9 (two of the 30 were replaced, one was added at the odd second 61).
    assert (chart.minimum[at], chart.maximum[at]) == (1.0, 9.0)
    day_ago = NOW + timedelta(minutes=1) - timedelta(days=1)
    assert chart.gaps == (
        (day_ago.timestamp(), START.timestamp()),
        (START.timestamp() + 600, NOW.timestamp() - 120),
    )


def test_the_minutes_that_are_not_rolled_up_yet_are_no_gap() -> None:
    put(range(0, 3480, 2), 4.0)
    rollups_update(now=NOW)

    chart = sensor_chart(charted(), chosen=DAY, now=NOW)

    assert len(chart.gaps) == 1
    assert chart.gaps[0][1] == START.timestamp()


def test_lowest_and_highest_change_places_where_the_sign_does() -> None:
    put(range(0, 60, 2), -4.0)
    put(range(30, 32), -9.0)
    rollups_update(now=NOW)

    chart = sensor_chart(charted(kind="pv"), chosen=DAY, now=NOW)

    at = chart.times_s.index(START.timestamp())
    assert (chart.minimum[at], chart.maximum[at]) == (4.0, 9.0)


def test_a_counter_is_shown_as_energy() -> None:
    sensor_id = Sensor.objects.get(quantity="energy_import_kwh").pk
    # 0.01 kWh every 2 s: 0.3 kWh a minute.
    readings_store(
        [ReadingRow(sensor_id, START + timedelta(seconds=2 * n), 500 + n / 100) for n in range(901)]
    )
    rollups_update(now=NOW)

    chart = sensor_chart(charted("energy_import_kwh"), chosen=HOUR, now=NOW)

    assert chart.is_energy
    assert chart.resolution_s == 60
    at = chart.times_s.index(START.timestamp() + 60)
    assert chart.mean[at] == pytest.approx(0.3, abs=0.011)
    with timezone.override("America/Guadeloupe"):
        rows = sensor_chart(charted("energy_import_kwh"), chosen=DAY, now=NOW).rows
    ten = next(row for row in rows if row.start == START)
    assert ten.mean == pytest.approx(9.0, abs=0.02)


@pytest.mark.parametrize(("chosen", "resolution_s", "gaps"), [(WEEK, 900, 2), (MONTH, 3600, 1)])
def test_a_longer_time_has_longer_slots(chosen: object, resolution_s: int, gaps: int) -> None:
    put(range(0, 600, 2), 4.0)
    rollups_update(now=NOW)

    chart = sensor_chart(charted(), chosen=chosen, now=NOW)  # type: ignore[arg-type]

    assert chart.resolution_s == resolution_s
    assert [value for value in chart.mean if value is not None] == [4.0]
    # Before it, and after it unless the hour in which it was measured is the last.
    assert len(chart.gaps) == gaps


def test_fast_readings_of_an_hour_come_by_the_minute() -> None:
    assert sensor_chart(charted(period_s=0.5), chosen=HOUR, now=NOW).resolution_s == 60


def test_a_slow_sensor_leaves_no_gaps_between_its_readings() -> None:
    put(range(0, 3600, 300), 4.0)
    rollups_update(now=NOW)

    chart = sensor_chart(charted(period_s=300.0), chosen=DAY, now=NOW)

    assert [last - START.timestamp() for _first, last in chart.gaps] == [0.0]


def test_the_table_has_local_steps_and_says_where_nothing_is() -> None:
    put(range(0, 900, 2), 4.0)
    put(range(900, 1200, 2), 8.0)
    rollups_update(now=NOW)

    with timezone.override("America/Guadeloupe"):
        hours = sensor_chart(charted(), chosen=DAY, now=NOW).rows
        days = sensor_chart(charted(), chosen=MONTH, now=NOW).rows

    ten = next(row for row in hours if row.start == START)
    # 15 minutes of 4 kW and 5 minutes of 8 kW: 5 kW.
    assert (ten.mean, ten.minimum, ten.maximum, ten.is_gap) == (5.0, 4.0, 8.0, False)
    assert sum(not row.is_gap for row in hours) == 1
    assert len(hours) == 24
    today = days[-1]
    # Midnight in Guadeloupe is 04:00 UTC.
    assert today.start == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert today.mean == 5.0
    assert len(days) == 32


def test_the_table_of_a_month_with_a_long_day_ends() -> None:
    # In Paris the 25th of October 2026 has 25 hours.
    with timezone.override("Europe/Paris"):
        rows = sensor_chart(
            charted(), chosen=MONTH, now=datetime(2026, 11, 10, 12, tzinfo=UTC)
        ).rows

    assert len({row.start for row in rows}) == len(rows) == 32


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [("power_kw", -12.34, "\u221212.3\u00a0kW"), ("energy_import_kwh", 1234.0, "1.23\u00a0MWh"),
     ("soc_percent", 55.55, "55.5\u00a0%"), ("frequency_hz", 49.987, "49.99\u00a0Hz"),
     ("power_factor", 0.987, "0.99"), ("voltage_v", 231.04, "231.0\u00a0V"),
     ("temperature_c", None, "–")],
)  # fmt: skip
def test_a_value_has_the_unit_of_its_quantity(
    quantity: str, value: float | None, text: str
) -> None:
    from django.utils import translation

    with translation.override("en"):
        assert quantity_text(value, quantity) == text


def test_a_sensor_of_the_device_is_charted() -> None:
    assert Device.objects.get().sensors.count() == 4
