"""What the tests of register maps share: a small map, and a driver talking to given registers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import yaml

from apps.assets.drivers.map_device import MapDevice
from apps.assets.drivers.map_load import map_load
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.register_map import RegisterMap
from apps.assets.drivers.registry import DeviceSpec
from tests.contracts.table_device import TableDevice, Tables

FIXTURES = Path(__file__).with_name("fixtures")

SMALL_MAP = """\
schema: 1
id: small
version: 1
vendor: Cari
model: Flex
names: {fr: Petit, en: Small, es: Pequeño}
kinds: [battery]
tried_on: simulator
source: {title: Invented, publisher: Cariflex, revision: "1", date: "2026", link: "https://x.test",
         checked_with: nothing}
connection: {unit_id: 1, largest_gap: 4}
identity: {manufacturer: Cari}
identification:
  - {point: code, one_of: [77]}
groups:
  fast: {}
  slow: {period_s: 60}
points:
  - {name: code, address: 0, type: u16}
  - {name: power, quantity: power_kw, address: 1, type: s32, unit: W, sign: injection, group: fast,
     valid: [-50000, 50000]}
  - {name: energy, quantity: energy_export_kwh, address: 3, type: u32, unit: Wh, group: fast}
"""


def map_of(text: str) -> RegisterMap:
    """The map in a text that is right."""
    register_map, problems = map_load(text, "maps/small.yaml")
    assert register_map is not None, [str(problem) for problem in problems]
    return register_map


def errors_of(text: str) -> list[str]:
    """What is wrong with a text."""
    register_map, problems = map_load(text, "maps/small.yaml")
    assert register_map is None
    return [str(problem) for problem in problems]


def spec_of(register_map: RegisterMap, port: int, **changed: Any) -> DeviceSpec:
    fields: dict[str, Any] = {
        "device_id": 1,
        "code": "D1",
        "driver": register_map.id,
        "host": "127.0.0.1",
        "port": port,
        "unit_id": register_map.connection.unit_id,
        "poll_period_s": 10.0,
        "is_battery": "battery" in register_map.kinds,
        "rated_power_kw": 10.0,
        "transport": register_map.connection.transport,
        "inter_frame_delay_s": 0.0,
    }
    return DeviceSpec(**{**fields, **changed})


@asynccontextmanager
async def served(
    register_map: RegisterMap,
    tables: Tables,
    *,
    clock: Callable[[], float] = monotonic,
    **changed: Any,
) -> AsyncIterator[tuple[TableDevice, MapDevice]]:
    """A device of these registers on a socket, and the map's driver connected to it."""
    is_rtu = register_map.connection.transport == "rtu_over_tcp"
    device = TableDevice(tables, unit_id=register_map.connection.unit_id, is_rtu=is_rtu)
    await device.start()
    spec = spec_of(register_map, device.port, **changed)
    connection = ModbusConnection(spec.host, spec.port, transport=spec.transport)
    try:
        yield device, MapDevice(connection, spec, register_map, clock=clock)
    finally:
        await connection.close()
        await device.stop()


def fixture_of(name: str) -> dict[str, Any]:
    """A recorded or hand-made device: its registers, and what they mean."""
    loaded: dict[str, Any] = yaml.safe_load((FIXTURES / f"{name}.yaml").read_text("utf-8"))
    return loaded
