"""Selectors: values, staleness, means by hand, and how many queries they may cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets.choices import ConnectionState, Quality, Quantity
from apps.assets.models import Device, Sensor
from apps.assets.selectors import (
    KindSlot,
    SlotMean,
    devices_latest,
    power_by_kind,
    sensor_ids_by_device,
    slot_means,
)
from apps.assets.services import ReadingRow, readings_store, setpoint_request
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make, pv_make

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)

pytestmark = pytest.mark.usefixtures("operator_a")


@contextmanager
def queries(count: int) -> Iterator[None]:
    """The block asks the database exactly `count` times (setting the schema is not asking)."""
    with CaptureQueriesContext(connection) as captured:
        yield
    asked = [q["sql"] for q in captured if not q["sql"].startswith("SET search_path")]
    assert len(asked) == count, asked


def store(device: Device, quantity: str, *values: tuple[float, float], quality: int = 0) -> int:
    """Store (seconds from NOW, value) pairs; gives the sensor."""
    sensor = Sensor.objects.get(device=device, quantity=quantity).pk
    readings_store([ReadingRow(sensor, NOW + timedelta(seconds=s), v, quality) for s, v in values])
    return sensor


def test_devices_with_their_newest_values() -> None:
    battery, pv = battery_make(), pv_make()
    store(battery, "power_kw", (-1, 12.5))
    store(battery, "soc_percent", (-1, 47.0))
    store(battery, "energy_import_kwh", (-1, 310.25))
    store(battery, "energy_export_kwh", (-1, 280.5))
    store(pv, "power_kw", (-2, -33.0))
    Device.objects.filter(pk=pv.pk).update(connection_state=ConnectionState.OK)

    first, second = devices_latest(now=NOW)

    assert (first.code, first.kind, first.site_id) == ("bat-01", "battery", battery.site_id)
    assert (first.power_kw, first.soc_percent) == (12.5, 47.0)
    assert (first.energy_import_kwh, first.energy_export_kwh) == (310.25, 280.5)
    assert (first.at, first.age_s, first.quality) == (NOW - timedelta(seconds=1), 1.0, "good")
    assert (first.rated_power_kw, first.capacity_kwh, first.control_enabled) == (100, 200, True)
    assert (first.setpoint_kw, first.setpoint_source) == (None, None)
    assert (second.code, second.power_kw, second.soc_percent) == ("pv-01", -33.0, None)
    assert (first.connection_state, second.connection_state) == ("unknown", "ok")


def test_a_device_without_values() -> None:
    battery_make()

    (device,) = devices_latest(now=NOW)

    assert (device.power_kw, device.at, device.age_s, device.quality) == (None, None, None, "stale")


@pytest.mark.parametrize(
    ("age_s", "quality"), [(0, "good"), (3.0, "good"), (3.1, "stale"), (3600, "stale")]
)
def test_a_value_is_stale_after_three_missed_polls(age_s: float, quality: str) -> None:
    """Polled every 0.5 s: 3 x 0.5 s, and 1.5 s for the way to the table."""
    store(battery_make(poll_period_s=0.5), "power_kw", (-age_s, 1.0))

    assert devices_latest(now=NOW)[0].quality == quality


def test_a_bad_value_says_so_and_what_is_no_number_is_none() -> None:
    battery = battery_make()
    store(battery, "power_kw", (0, float("nan")))
    store(battery, "soc_percent", (0, 50.0))

    (device,) = devices_latest(now=NOW)

    assert (device.power_kw, device.soc_percent, device.quality) == (None, 50.0, "bad")


def test_the_setpoint_in_force_is_shown() -> None:
    battery = battery_make()
    setpoint_request(
        device_id=battery.pk,
        power_kw=20.0,
        source="plan",
        reason="x",
        now=NOW,
        expires_at=NOW + QUARTER,
    )

    during, after = devices_latest(now=NOW), devices_latest(now=NOW + QUARTER)

    assert (during[0].setpoint_kw, during[0].setpoint_source) == (20.0, "plan")
    assert (after[0].setpoint_kw, after[0].setpoint_source) == (None, None)


def test_devices_latest_costs_two_queries() -> None:
    for n in range(10):
        battery = battery_make(f"bat-{n:02d}", port=600 + n)
        pv_make(f"pv-{n:02d}", port=700 + n)
        store(battery, "power_kw", (0, 1.0))
        setpoint_request(
            device_id=battery.pk,
            power_kw=float(n),
            source="plan",
            reason="x",
            now=NOW,
            expires_at=NOW + QUARTER,
        )

    with queries(2):
        assert len(devices_latest(now=NOW)) == 20
    with queries(2):
        assert len(devices_latest(now=NOW, kind="pv")) == 10


def test_slot_means_are_half_open_and_count_what_is_trusted() -> None:
    battery = battery_make(poll_period_s=2.0)
    sensor = store(
        battery, "power_kw", (-0.001, 999), (0, 10), (1, 20), (899.999, 30), (900, 40), (1800, 999)
    )
    store(battery, "power_kw", (2, 777), quality=Quality.BAD)
    store(battery, "power_kw", (3, 777), quality=Quality.STALE)
    store(battery, "power_kw", (4, 60), quality=Quality.SUBSTITUTED)

    with queries(2):
        means = slot_means(
            sensor_ids=[sensor], start=NOW, end=NOW + 2 * QUARTER, resolution=QUARTER
        )

    # (10 + 20 + 30 + 60) / 4; 4 readings x 2 s of 900 s.
    assert means == [
        SlotMean(sensor, NOW, 30.0, 4, pytest.approx(8 / 900)),
        SlotMean(sensor, NOW + QUARTER, 40.0, 1, pytest.approx(2 / 900)),
    ]


def test_coverage_is_at_most_one() -> None:
    battery = battery_make(poll_period_s=2.0)
    sensor = store(battery, "power_kw", *[(n, 1.0) for n in range(10)])

    (mean,) = slot_means(
        sensor_ids=[sensor],
        start=NOW,
        end=NOW + timedelta(seconds=10),
        resolution=timedelta(seconds=10),
    )

    assert (mean.count, mean.coverage) == (10, 1.0)


def test_power_by_kind_adds_the_means_of_the_devices() -> None:
    first, second, pv = battery_make(), battery_make("bat-02", port=600), pv_make()
    store(first, "power_kw", (0, 10), (1, 20), (2, 30))  # mean 20, polled more often
    store(second, "power_kw", (0, -50))
    store(first, "soc_percent", (0, 99))
    store(pv, "power_kw", (0, -10), (1, -30), (900, -5))

    with queries(2):
        slots = power_by_kind(start=NOW, end=NOW + 2 * QUARTER, resolution=QUARTER)

    assert slots == [
        KindSlot("battery", NOW, -30.0),
        KindSlot("pv", NOW, -20.0),
        KindSlot("pv", NOW + QUARTER, -5.0),
    ]


def test_resolution_must_be_positive() -> None:
    with pytest.raises(ValueError, match="resolution"):
        power_by_kind(start=NOW, end=NOW + QUARTER, resolution=timedelta(0))


def test_sensor_ids_by_device() -> None:
    battery, pv = battery_make(), pv_make()

    with queries(1):
        power = sensor_ids_by_device(Quantity.POWER_KW)
    soc = sensor_ids_by_device("soc_percent")

    assert set(power) == {battery.pk, pv.pk}
    assert soc == {battery.pk: Sensor.objects.get(quantity="soc_percent").pk}


def test_selectors_see_one_operator(operator_b: Operator) -> None:
    battery = battery_make()
    sensor = store(battery, "power_kw", (0, 1.0))

    with operator_context(operator_b.schema_name):
        assert devices_latest(now=NOW) == []
        assert power_by_kind(start=NOW, end=NOW + QUARTER, resolution=QUARTER) == []
        assert (
            slot_means(sensor_ids=[sensor], start=NOW, end=NOW + QUARTER, resolution=QUARTER) == []
        )
        assert sensor_ids_by_device("power_kw") == {}
