"""Sensors that devices show while they are polled; values of slow groups; deleted sensors."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from apps.assets.choices import ConnectionState
from apps.assets.drivers import registry
from apps.assets.drivers.measurement import Measurement, SensorKey, SensorSpec
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.poller import Poller, Sample
from apps.assets.drivers.registry import DeviceSpec, Identity
from apps.assets.models import Device, Reading, Sensor, SensorLatest
from apps.assets.services import device_sensors_learn, readings_store
from apps.assets.services.device_specs import device_spec
from apps.assets.services.device_states import StateBook
from apps.assets.services.sensor_book import SensorBook
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make
from tests.assets.polling import PERIOD_S, eventually, polling, state_of

POWER = SensorSpec("power_kw")
CELL = SensorSpec("temperature_c", "cell", period_s=10.0)
IMPORT = SensorSpec("energy_import_kwh", rollover_kwh=1000.0)


@dataclass
class Plant:
    """A driver without wires: it has these sensors and says these values, poll after poll."""

    sensors: tuple[SensorSpec, ...] = (POWER, CELL)
    version: int = 3
    values: dict[SensorKey, float] = field(default_factory=lambda: {("power_kw", ""): 5.0})
    once: dict[SensorKey, float] = field(default_factory=dict)
    """Said with the first poll only, as a slow group is."""

    def build(self, _connection: ModbusConnection, _spec: DeviceSpec) -> "Plant":
        return self

    async def identify(self) -> Identity:
        return Identity("Acme\0\0", "Box", "S-1", "", self.sensors, self.version)

    async def measure(self) -> Measurement:
        values = {**self.values, **self.once}
        self.once.clear()
        return Measurement(values=values)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    plant = Plant()
    monkeypatch.setitem(registry._drivers, "test-plant", (plant.build, None))
    return plant


def device_make() -> Device:
    battery = battery_make(poll_period_s=PERIOD_S)
    Device.objects.filter(pk=battery.pk).update(driver="test-plant")
    return battery


def values_of(quantity: str, channel: str = "") -> list[float]:
    ids = Sensor.objects.filter(device__code="bat-01", quantity=quantity, channel=channel)
    return list(
        Reading.objects.filter(sensor_id__in=[*ids.values_list("pk", flat=True)]).values_list(
            "value", flat=True
        )
    )


@pytest.mark.usefixtures("live_operators")
class TestPolling:
    def test_new_sensors_are_made_and_their_first_values_kept(
        self, guadeloupe: str, poller: Poller, plant: Plant
    ) -> None:
        """The slow group says its value once, before anybody knew the sensor."""
        device = device_make()
        plant.once = {("temperature_c", "cell"): 31.5}

        with polling(poller):
            eventually(lambda: len(values_of("power_kw")) >= 3)

        assert values_of("temperature_c", "cell") == [31.5]
        cell = Sensor.objects.get(quantity="temperature_c")
        assert (cell.channel, cell.unit, cell.period_s) == ("cell", "°C", 10.0)
        device.refresh_from_db()
        assert (device.manufacturer, device.model_name) == ("Acme", "Box")
        assert (device.serial_number, device.driver_version) == ("S-1", 3)
        # The four of its kind, and the new one.
        assert device.sensors.count() == 5

    def test_a_value_without_sensor_is_left_out(
        self, guadeloupe: str, poller: Poller, plant: Plant
    ) -> None:
        device_make()
        plant.values["frequency_hz", ""] = 50.0

        with polling(poller):
            eventually(lambda: len(values_of("power_kw")) >= 2)

        assert not Sensor.objects.filter(quantity="frequency_hz").exists()

    def test_a_sensor_that_is_deleted_while_it_is_polled_costs_the_others_nothing(
        self, guadeloupe: str, poller: Poller, plant: Plant
    ) -> None:
        device_make()
        plant.values["temperature_c", "cell"] = 31.5

        with polling(poller) as results:
            eventually(lambda: values_of("temperature_c", "cell"))
            cell = Sensor.objects.get(quantity="temperature_c")
            Reading.objects.filter(sensor_id=cell.pk).delete()
            cell.delete()
            stored = len(values_of("power_kw"))
            eventually(lambda: len(values_of("power_kw")) >= stored + 5)

        assert results == [True]

    def test_a_device_of_a_model_that_is_gone_holds_nobody_up(
        self, guadeloupe: str, poller: Poller, plant: Plant
    ) -> None:
        device_make()
        orphan = battery_make("bat-02", port=9, poll_period_s=PERIOD_S)
        Device.objects.filter(pk=orphan.pk).update(driver="no-such-model")

        with polling(poller):
            eventually(lambda: len(values_of("power_kw")) >= 3)
            eventually(lambda: state_of(orphan) == ConnectionState.ERROR)

        assert orphan.last_error == "no device model no-such-model"


# --- late ---


def test_a_sample_that_comes_late_sets_no_clock_back(operator_a: Operator, plant: Plant) -> None:
    """Its reading is kept where it belongs; the newest value and the last answer stay."""
    device = device_make()
    sensors, states = SensorBook(), StateBook()
    sensors.reload(shard_id=0)
    states.learn([device])
    now = utc_now()
    identity = Identity("Acme", "Box", "S-1", "", (POWER,))
    for at, power_kw in ((now, 5.0), (now - timedelta(minutes=3), 4.0)):
        measurement = Measurement(values={POWER.key: power_kw})
        sample = Sample(device_spec(device), at, measurement, identity)
        states.answered(sample)
        readings_store([*sensors.rows(sample), *sensors.learn()])
        states.store()

    device.refresh_from_db()
    assert device.last_seen_at == now
    latest = SensorLatest.objects.get(sensor__device=device, sensor__quantity="power_kw")
    assert (latest.at, latest.value) == (now, 5.0)
    assert sorted(values_of("power_kw")) == [4.0, 5.0]


# --- learning ---


def test_learning_twice_changes_nothing(operator_a: Operator) -> None:
    battery = battery_make()

    first = device_sensors_learn(device_id=battery.pk, sensors=[POWER, CELL, IMPORT])
    assert device_sensors_learn(device_id=battery.pk, sensors=[POWER, CELL, IMPORT]) == first

    # The four of a battery; of the three said, only the cell is new.
    assert len(first) == 5
    counter = Sensor.objects.get(pk=first["energy_import_kwh", ""])
    assert (counter.rollover_kwh, counter.unit) == (1000.0, "kWh")


def test_learning_changes_the_period_and_keeps_a_known_rollover(operator_a: Operator) -> None:
    battery = battery_make()
    device_sensors_learn(device_id=battery.pk, sensors=[IMPORT])

    ids = device_sensors_learn(
        device_id=battery.pk, sensors=[SensorSpec("energy_import_kwh", period_s=60.0)]
    )

    counter = Sensor.objects.get(pk=ids["energy_import_kwh", ""])
    assert (counter.period_s, counter.rollover_kwh) == (60.0, 1000.0)


def test_an_unknown_quantity_is_left_out_and_named(
    operator_a: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    battery = battery_make()
    caplog.set_level(logging.WARNING)

    ids = device_sensors_learn(device_id=battery.pk, sensors=[SensorSpec("flux"), CELL])

    assert ("temperature_c", "cell") in ids
    assert ("flux", "") not in ids
    assert "flux" in caplog.text


def test_a_device_that_is_gone_learns_nothing(operator_a: Operator) -> None:
    assert device_sensors_learn(device_id=999, sensors=[POWER]) == {}
    assert Sensor.objects.count() == 0


def test_the_sensors_of_an_operator_stay_its_own(
    operator_a: Operator, operator_b: Operator
) -> None:
    battery = battery_make()

    with operator_context("martinique"):
        assert device_sensors_learn(device_id=battery.pk, sensors=[CELL]) == {}

    assert battery.sensors.count() == 4
