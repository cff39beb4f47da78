"""Alarms that no poll sees: late values, set-points not followed, a SoC that does not fit."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets.models import Alarm, Device, Setpoint
from apps.assets.services.alarm_sweep import alarms_watch
from apps.assets.services.alarms import alarm_raise
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.alarm_scene import (
    START,
    at,
    device_make,
    minutes_put,
    readings_put,
    setpoint_put,
)


@pytest.fixture(autouse=True)
def _empty_cache(operator_a: Operator) -> None:
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            cache.clear()


def sweep(from_s: float, until_s: float) -> None:
    """A look every 10 s, both ends included."""
    for second in range(int(from_s), int(until_s) + 1, 10):
        alarms_watch(now=at(second))


def alarms() -> list[tuple[str, str, bool]]:
    rows = Alarm.objects.order_by("id")
    return [(alarm.kind, alarm.code, alarm.cleared_at is None) for alarm in rows]


def test_values_that_stay_away_are_an_alarm_also_when_nobody_polls() -> None:
    device = device_make()
    readings_put(device, "power_kw", [(at(0), -5.0)])
    readings_put(device, "energy_export_kwh", [(at(0), 1.0)])

    # Polled every 2 s: late after 7.5 s, an alarm beyond 22.5 s, at the second look.
    sweep(0, 30)
    assert alarms() == []
    sweep(40, 60)
    assert alarms() == [("stale", "", True)]
    readings_put(device, "power_kw", [(at(68), -5.0)])
    readings_put(device, "energy_export_kwh", [(at(68), 1.0)])
    sweep(70, 70)

    assert alarms() == [("stale", "", False)]
    assert Alarm.objects.get().figures == {"age_s": 40.0}


def test_the_first_look_after_a_long_rest_raises_nothing() -> None:
    device = device_make()
    readings_put(device, "power_kw", [(at(-36_000), -5.0)])

    sweep(0, 0)
    readings_put(device, "power_kw", [(at(8), -5.0)])
    sweep(10, 20)

    assert alarms() == []


def test_one_sensor_that_stays_away_is_named() -> None:
    device = device_make(kind="battery")
    for quantity in ("power_kw", "soc_percent", "energy_import_kwh", "energy_export_kwh"):
        readings_put(device, quantity, [(at(0), 1.0)])
    for second in range(0, 100, 10):
        for quantity in ("power_kw", "energy_import_kwh", "energy_export_kwh"):
            readings_put(device, quantity, [(at(second), 1.0)])
        sweep(second, second)

    assert alarms() == [("stale", "soc_percent", True)]
    alarm = Alarm.objects.select_related("sensor").get()
    assert alarm.sensor is not None
    assert alarm.sensor.quantity == "soc_percent"


@pytest.mark.parametrize("state", ["silent", "error"])
def test_a_device_that_does_not_answer_has_one_alarm_not_two(state: str) -> None:
    device = device_make(connection_state=state)
    readings_put(device, "power_kw", [(at(0), -5.0)])

    sweep(0, 100)

    assert alarms() == []


def test_a_device_that_was_never_read_is_no_alarm() -> None:
    device_make(connection_state="unknown")

    sweep(0, 100)

    assert alarms() == []


def test_a_set_point_that_is_not_followed_is_an_alarm_until_it_is() -> None:
    battery = device_make(kind="battery")
    setpoint_put(battery, power_kw=50.0, written_at=at(0))
    readings_put(battery, "power_kw", [(at(s), 0.0) for s in range(1, 60, 2)])

    sweep(10, 30)
    assert alarms() == []
    sweep(40, 50)
    assert alarms() == [("setpoint_not_followed", "", True)]
    readings_put(battery, "power_kw", [(at(s), 49.0) for s in range(61, 80, 2)])
    sweep(60, 60)
    assert alarms() == [("setpoint_not_followed", "", True)]
    sweep(80, 80)

    assert alarms() == [("setpoint_not_followed", "", False)]
    alarm = Alarm.objects.get()
    assert alarm.figures == {"readback_kw": 50.0, "power_kw": 0.0, "for_s": 30.0}
    assert alarm.raised_at == at(40)


def test_bad_readings_say_nothing_about_a_set_point() -> None:
    battery = device_make(kind="battery")
    setpoint_put(battery, power_kw=50.0, written_at=at(0))
    readings_put(battery, "power_kw", [(at(s), 0.0) for s in range(1, 100, 2)], quality=2)

    sweep(10, 100)

    assert alarms() == []


def test_the_end_of_a_set_point_ends_its_alarm() -> None:
    battery = device_make(kind="battery")
    setpoint_put(battery, power_kw=50.0, written_at=at(0))
    readings_put(battery, "power_kw", [(at(s), 0.0) for s in range(1, 100, 2)])
    sweep(40, 40)

    Setpoint.objects.update(status="expired", ended_at=at(45))
    sweep(50, 50)

    assert alarms() == [("setpoint_not_followed", "", False)]


def test_a_state_of_charge_that_does_not_move_is_an_alarm() -> None:
    battery = device_make(kind="battery")
    now = START + timedelta(hours=1)
    # Charged with 60 kW for 29 minutes: 29 % of 100 kWh, and the reading stands still.
    minutes_put(battery, power_kw=60.0, soc=(50.0, 50.0), until=now - timedelta(minutes=1))

    for minute in range(2):
        cache.delete("assets.alarms.soc")
        alarms_watch(now=now + timedelta(seconds=20 * minute))

    assert alarms() == [("soc_mismatch", "", True)]
    assert Alarm.objects.get().figures == {
        "expected_percent": 29.0,
        "measured_percent": 0.0,
        # 2 + 1 + 5 % of 29
        "tolerance_percent": 4.45,
        "minutes": 30.0,
    }


def test_a_state_of_charge_that_follows_is_no_alarm() -> None:
    battery = device_make(kind="battery")
    now = START + timedelta(hours=1)
    minutes_put(battery, power_kw=60.0, soc=(50.0, 79.0), until=now - timedelta(minutes=1))

    for minute in range(3):
        cache.delete("assets.alarms.soc")
        alarms_watch(now=now + timedelta(seconds=20 * minute))

    assert alarms() == []


def test_a_device_out_of_service_has_no_alarms() -> None:
    device = device_make()
    alarm_raise(device_id=device.pk, kind="communication", severity=2, now=at(0))
    Device.objects.filter(pk=device.pk).update(stage="out_of_service")

    sweep(10, 10)

    assert alarms() == [("communication", "", False)]


def test_a_sweep_takes_a_fixed_number_of_queries() -> None:
    for n in range(4):
        battery = device_make(f"bat-{n}", kind="battery")
        readings_put(battery, "power_kw", [(at(0), 0.0)])
        setpoint_put(battery, power_kw=50.0, written_at=at(0))

    with CaptureQueriesContext(connection) as captured:
        alarms_watch(now=at(5))

    # Devices, sensors, alarms twice, set-points, their readings, minutes of the batteries.
    assert sum(not query["sql"].startswith("SET") for query in captured) == 7


def test_a_sweep_sees_its_own_operator_only(operator_b: Operator) -> None:
    device = device_make()
    readings_put(device, "power_kw", [(at(0), -5.0)])

    with operator_context("martinique"):
        sweep(0, 100)
        assert alarms() == []
    sweep(40, 60)

    assert alarms() == [("stale", "", True)]
