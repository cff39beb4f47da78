"""Every shipped map against its fixture, over a real socket; and what all of them must keep."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from apps.assets.drivers import registry
from apps.assets.drivers.errors import SetpointUnsupportedError
from apps.assets.drivers.map_device import MapDevice
from apps.assets.drivers.map_identify import map_identify
from apps.assets.drivers.map_library import SHIPPED_MAPS, library, map_files, maps_load
from apps.assets.drivers.map_units import CONVERSIONS, HOUSE_UNITS
from apps.assets.drivers.measurement import Measurement, PointValue
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.register_map import RegisterMap
from apps.assets.drivers.registry import Identity
from tests.assets.maps.support import FIXTURES, fixture_of, served
from tests.contracts.table_device import TableDevice

MAPS = {each.id: each for each in maps_load(map_files([SHIPPED_MAPS])).maps}
STEERED = [name for name, each in MAPS.items() if each.can_control]


def test_all_shipped_maps_are_right() -> None:
    assert maps_load(map_files([SHIPPED_MAPS])).problems == ()
    assert len(MAPS) == len(list(SHIPPED_MAPS.glob("*.yaml"))) >= 10


def test_every_map_has_a_fixture_with_its_provenance() -> None:
    assert {path.stem for path in FIXTURES.glob("*.yaml")} == set(MAPS)
    assert all(fixture_of(name)["provenance"].strip() for name in MAPS)


def test_no_map_claims_to_be_tried_on_hardware_without_a_recording() -> None:
    # A fixture made by hand proves the reading of the document, not the device.
    by_hand = [name for name in MAPS if "by hand" in fixture_of(name)["provenance"]]

    assert [MAPS[name].tried_on for name in by_hand] == ["documentation"] * len(by_hand)


@pytest.mark.parametrize("name", sorted(MAPS))
def test_map_reads_its_fixture(name: str) -> None:
    fixture, register_map = fixture_of(name), MAPS[name]

    async def poll() -> tuple[Identity, Measurement, list[PointValue]]:
        async with served(register_map, fixture["registers"]) as (_device, driver):
            return await driver.identify(), await driver.measure(), await driver.inspect()

    identity, measurement, points = asyncio.run(poll())

    assert {field: getattr(identity, field) for field in fixture["identity"]} == fixture["identity"]
    assert identity.driver_version == register_map.version
    assert {_key(*key): value for key, value in measurement.values.items()} == pytest.approx(
        fixture["values"]
    )
    assert measurement.out_of_range == frozenset()
    assert [fault.code for fault in measurement.faults or ()] == fixture["faults"]
    assert measurement.device_at == _instant(fixture.get("device_at"))
    assert {spec.key for spec in identity.sensors} >= set(measurement.values)
    _check_points(points, fixture, register_map)


def _check_points(
    points: list[PointValue], fixture: dict[str, Any], register_map: RegisterMap
) -> None:
    """Each inspected point shows the registers of the fixture, and the value it was measured as."""
    given = {
        (table, address + n): register
        for table, blocks in fixture["registers"].items()
        for address, registers in blocks.items()
        for n, register in enumerate(registers)
    }
    assert [point.name for point in points] == [point.name for point in register_map.points]
    for point in points:
        known = register_map.by_name[point.name]
        raw = tuple(given[known.table, known.address + n] for n in range(known.count))
        assert point.registers == raw, point.name
        value = fixture["values"].get(_key(point.quantity, point.channel))
        if point.quantity and known.group:
            assert point.value == (None if value is None else pytest.approx(value)), point.name
            assert point.unit == HOUSE_UNITS[point.quantity]
            assert point.is_in_range is not False


@pytest.mark.parametrize("name", sorted(MAPS))
def test_only_its_own_map_recognises_a_device(name: str) -> None:
    fixture = fixture_of(name)
    unit_id = MAPS[name].connection.unit_id

    async def recognised() -> list[str]:
        device = TableDevice(fixture["registers"], unit_id=unit_id)
        await device.start()
        connection = ModbusConnection("127.0.0.1", device.port)

        async def read(address: int, count: int, *, table: str = "holding") -> list[int]:
            return await connection.read(unit_id, address, count, table=table)

        try:
            return [each.id for each in MAPS.values() if await map_identify(each, read) is not None]
        finally:
            await connection.close()
            await device.stop()

    # A LUNA2000 answers at the address of its SUN2000: both maps fit, the engineer chooses. Its
    # fixture has no inverter values, which identification does not read.
    both = ["huawei_luna2000", "huawei_sun2000"]
    assert asyncio.run(recognised()) == (both if name == "huawei_luna2000" else [name])


@pytest.mark.parametrize("name", sorted(MAPS))
def test_a_fast_poll_costs_at_most_five_reads(name: str) -> None:
    register_map = MAPS[name]

    async def reads() -> list[tuple[int, int]]:
        registers = fixture_of(name)["registers"]
        async with served(register_map, registers) as (device, driver):
            device.refuses_gaps = False
            await driver.measure()
            before = len(device.reads)
            await driver.measure()
            return [(heard.address, heard.count) for heard in device.reads[before:]]

    fast = asyncio.run(reads())

    # SMA and Kostal spread their values over 200 and 600 registers; a read takes 125 at most.
    assert len(fast) <= (5 if name in ("sma_sunny_tripower", "kostal_plenticore") else 3)
    assert all(count <= register_map.connection.most_registers for _address, count in fast)


@pytest.mark.parametrize("name", STEERED)
def test_map_writes_and_reads_back_a_setpoint(name: str) -> None:
    fixture, control = fixture_of(name), fixture_of(name)["control"]

    for asked in control["setpoints"]:

        async def steer(asked: dict[str, Any] = asked) -> tuple[Any, ...]:
            async with served(
                MAPS[name], fixture["registers"], rated_power_kw=float(fixture["rated_power_kw"])
            ) as (device, driver):
                shown_kw = await driver.setpoint_write(
                    power_kw=asked["power_kw"], reversion_s=asked["reversion_s"]
                )
                reads_after = device.heard[-1].function
                writes, in_force = device.writes, await driver.setpoint_read()
                await driver.setpoint_release()
                return shown_kw, writes, reads_after, in_force, device.writes[len(writes) :]

        shown_kw, writes, last_function, in_force, released = asyncio.run(steer())

        assert shown_kw == pytest.approx(asked["power_kw"])
        assert in_force == pytest.approx(asked["power_kw"])
        assert writes == _writes(asked["writes"])
        assert last_function in (3, 4)
        assert released == _writes(control["release"])


@pytest.mark.parametrize("name", sorted(set(MAPS) - set(STEERED)))
def test_map_without_safe_fallback_refuses_and_writes_nothing(name: str) -> None:
    fixture = fixture_of(name)
    if "control" not in fixture:
        assert MAPS[name].controls == ()
        return

    async def steer() -> tuple[str, list[tuple[int, tuple[int, ...]]]]:
        async with served(MAPS[name], fixture["registers"]) as (device, driver):
            with pytest.raises(SetpointUnsupportedError) as refused:
                await driver.setpoint_write(power_kw=-1.0, reversion_s=60)
            return str(refused.value), device.writes

    message, writes = asyncio.run(steer())

    assert fixture["control"]["refused"] in message
    assert writes == []


def test_registry_offers_the_shipped_maps() -> None:
    choices = {choice.name: choice for choice in registry.driver_choices()}

    luna = choices["huawei_luna2000"]
    assert set(MAPS) <= set(choices) == set(registry.driver_names())
    assert (luna.vendor, luna.kinds, luna.tried_on) == ("Huawei", ("battery",), "documentation")
    assert luna.names["fr"].startswith("Batterie Huawei")
    assert luna.can_control
    assert library.lookup("no_such_model") is None


def test_registry_builds_the_driver_of_a_map() -> None:
    build = library.lookup("huawei_luna2000")

    assert build is not None
    assert isinstance(build(None, None), MapDevice)  # type: ignore[arg-type]


def test_every_quantity_has_a_house_unit() -> None:
    assert set(CONVERSIONS) == set(HOUSE_UNITS)


def _key(quantity: str, channel: str) -> str:
    return f"{quantity}@{channel}" if channel else quantity


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _writes(rows: list[dict[str, Any]]) -> list[tuple[int, tuple[int, ...]]]:
    return [(row["address"], tuple(row["registers"])) for row in rows]
