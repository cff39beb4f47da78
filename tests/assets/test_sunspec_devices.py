"""The SunSpec driver against simulated devices of several model sets, over sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from apps.assets.drivers import sunspec_device
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.registry import DeviceSpec
from apps.assets.drivers.sunspec_device import SunspecDevice
from apps.simulation.clock import ManualClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.device import SimulatedDevice
from apps.simulation.devices.gateway import GatewayServer, SimulatedUnit
from apps.simulation.devices.pv import PvInverter
from apps.simulation.devices.variants import FloatPv, GridMeter, ReserveBattery
from tests.assets.conftest import NOON, DeviceLoop, island_battery, island_pv

POWER = ("power_kw", "")


def island_meter():
    return replace(island_pv("meter-01"), kind="meter")


def with_driver(
    devices: DeviceLoop,
    device: SimulatedDevice,
    use: Callable[[SunspecDevice, ModbusConnection], Awaitable[object]],
    *,
    is_battery: bool = False,
) -> object:
    """Run `use` with a driver of a device behind a gateway of its own."""
    gateway = devices.start(GatewayServer({1: SimulatedUnit(device)}))

    async def run() -> object:
        connection = ModbusConnection("127.0.0.1", gateway.port)
        spec = DeviceSpec(
            device_id=1,
            code=device.asset.code,
            driver="sunspec",
            host="127.0.0.1",
            port=gateway.port,
            unit_id=1,
            poll_period_s=1.0,
            is_battery=is_battery,
            rated_power_kw=device.asset.rated_power_kw,
        )
        try:
            return await use(SunspecDevice(connection, spec), connection)
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.mark.parametrize("inverter_model", [101, 102, 103, 111, 112, 113])
def test_pv_of_each_inverter_model_says_the_same(devices: DeviceLoop, inverter_model: int) -> None:
    pv = FloatPv("guadeloupe", island_pv(), ManualClock(NOON), inverter_model=inverter_model)

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> dict:
        identity = await driver.identify()
        assert identity.models == f"1, {inverter_model}, 120, 121, 122, 123, 160"
        assert (identity.kinds, identity.can_control) == (("pv",), True)
        measurement = await driver.measure()
        assert set(measurement.values) == {sensor.key for sensor in identity.sensors}
        assert measurement.faults == ()
        return dict(measurement.values)

    values = with_driver(devices, pv, use)

    produced_w = round(pv.production_kw * 1000)
    assert values[POWER] == pytest.approx(-produced_w / 1000, abs=0.001)
    assert values["energy_export_kwh", ""] == pytest.approx(pv.produced_kwh, abs=1)
    assert values["dc_power_kw", "mppt2"] == pytest.approx(-pv.production_kw / 0.97 / 2, abs=0.001)
    assert values["dc_power_kw", ""] == pytest.approx(-pv.production_kw / 0.97, abs=0.002)
    assert values["voltage_v", "mppt1"] == pytest.approx(380.0)


def test_pv_is_curtailed_in_percent_of_its_own_maximum(devices: DeviceLoop) -> None:
    clock = ManualClock(NOON)
    pv = FloatPv("guadeloupe", island_pv(), clock)

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> tuple[float, ...]:
        readback = await driver.setpoint_write(power_kw=-4.0, reversion_s=30)
        clock.move(1)
        limited = (await driver.measure()).values[POWER]
        clock.move(30)
        return readback, limited, await driver.setpoint_read() or 0.0

    assert with_driver(devices, pv, use) == pytest.approx((-4.0, -4.0, 0.0))


@pytest.mark.parametrize("power_kw", [40.0, 0.0, -40.0])
def test_battery_of_model_124_obeys_in_both_directions(
    devices: DeviceLoop, power_kw: float
) -> None:
    clock = ManualClock(NOON)
    battery = ReserveBattery("guadeloupe", island_battery(), clock)

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> None:
        before = await driver.measure()
        assert before.values[POWER] == 0.0
        assert before.values["soc_percent", ""] == pytest.approx(50.0)
        assert before.values["soh_percent", ""] == pytest.approx(98.0)
        assert await driver.setpoint_write(power_kw=power_kw, reversion_s=60) == pytest.approx(
            power_kw
        )
        clock.move(20)
        assert (await driver.measure()).values[POWER] == pytest.approx(power_kw)
        assert await driver.setpoint_read() == pytest.approx(power_kw)
        clock.move(45)
        # 60 s after the write the device's own timer has cleared both limits.
        assert await driver.setpoint_read() is None
        clock.move(20)
        assert (await driver.measure()).values[POWER] == pytest.approx(0.0)

    with_driver(devices, battery, use, is_battery=True)


def test_battery_of_model_124_is_released(devices: DeviceLoop) -> None:
    clock = ManualClock(NOON)
    battery = ReserveBattery("guadeloupe", island_battery(), clock)

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> float | None:
        await driver.setpoint_write(power_kw=-40.0, reversion_s=600)
        await driver.setpoint_release()
        return await driver.setpoint_read()

    assert with_driver(devices, battery, use, is_battery=True) is None
    assert battery.setpoint_kw() == 0.0


@pytest.mark.parametrize(("import_w", "power_kw"), [(9000.0, 9.0), (0.0, 0.0), (-4500.0, -4.5)])
def test_meter_says_what_the_site_draws(
    devices: DeviceLoop, import_w: float, power_kw: float
) -> None:
    clock = ManualClock(NOON)
    meter = GridMeter("guadeloupe", island_meter(), clock)
    meter.import_w = import_w
    clock.move(3600)

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> dict:
        identity = await driver.identify()
        assert (identity.kinds, identity.can_control) == (("meter",), False)
        return dict((await driver.measure()).values)

    values = with_driver(devices, meter, use)

    assert values[POWER] == pytest.approx(power_kw)
    assert values["power_kw", "l2"] == pytest.approx(power_kw / 3)
    # One hour at that power on top of 5 and 2 kWh.
    assert values["energy_import_kwh", ""] == pytest.approx(5.0 + max(0.0, power_kw))
    assert values["energy_export_kwh", ""] == pytest.approx(2.0 + max(0.0, -power_kw))


@pytest.mark.parametrize(
    ("build", "is_battery", "reads"),
    [
        (lambda clock: PvInverter("guadeloupe", island_pv(), clock), False, 1),
        (lambda clock: GridMeter("guadeloupe", island_meter(), clock), False, 1),
        (lambda clock: Battery("guadeloupe", island_battery(), clock), True, 2),
        (lambda clock: ReserveBattery("guadeloupe", island_battery(), clock), True, 2),
    ],
    ids=["pv", "meter", "battery 704", "battery 124"],
)
def test_a_normal_poll_costs_few_reads(
    devices: DeviceLoop,
    build: Callable[[ManualClock], SimulatedDevice],
    is_battery: bool,
    reads: int,
) -> None:
    async def use(driver: SunspecDevice, connection: ModbusConnection) -> int:
        await driver.measure()
        before = connection.requests
        await driver.measure()
        return connection.requests - before

    assert with_driver(devices, build(ManualClock(NOON)), use, is_battery=is_battery) == reads


def test_slow_points_come_at_their_own_period(
    devices: DeviceLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pv = PvInverter("guadeloupe", island_pv(), ManualClock(NOON))

    async def use(driver: SunspecDevice, _connection: ModbusConnection) -> list[bool]:
        seen = [("frequency_hz", "") in (await driver.measure()).values for _ in range(3)]
        monkeypatch.setattr(sunspec_device, "SLOW_PERIOD_S", 0.0)
        driver = SunspecDevice(driver._connection, driver._spec)
        return seen + [("frequency_hz", "") in (await driver.measure()).values for _ in range(3)]

    assert with_driver(devices, pv, use) == [True, False, False, True, True, True]


def test_another_device_at_the_address_is_scanned_anew(devices: DeviceLoop) -> None:
    clock = ManualClock(NOON)
    gateway = devices.start(
        GatewayServer({1: SimulatedUnit(PvInverter("guadeloupe", island_pv(), clock))})
    )

    async def run() -> tuple[str, str, set]:
        connection = ModbusConnection("127.0.0.1", gateway.port)
        spec = DeviceSpec(1, "x", "sunspec", "127.0.0.1", gateway.port, 1, 1.0, False, 20.0)
        driver = SunspecDevice(connection, spec)
        before = (await driver.identify()).models
        await asyncio.to_thread(devices.run, gateway.stop())
        gateway.units = {1: SimulatedUnit(GridMeter("guadeloupe", island_meter(), clock))}
        await asyncio.to_thread(devices.run, gateway.start())
        assert await connection.up(10)
        values = set((await driver.measure()).values)
        after = (await driver.identify()).models
        await connection.close()
        return before, after, values

    before, after, values = asyncio.run(run())

    assert (before, after) == ("1, 103, 123", "1, 203")
    assert ("energy_import_kwh", "") in values
