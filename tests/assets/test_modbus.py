"""The Modbus connection against real sockets: what each kind of bad device looks like."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from pymodbus.constants import ExcCodes

from apps.assets.drivers.errors import (
    DeviceGarbledError,
    DeviceRefusalError,
    DeviceSilentError,
    DeviceUnreachableError,
)
from apps.assets.drivers.modbus import BackOff, ConnectionPool, ModbusConnection
from apps.simulation.devices.faults import Fault
from tests.assets.conftest import DeviceLoop, battery_server
from tests.contracts.register_device import RegisterDevice

TIMEOUT_S = 0.2


def connected_to(port: int, use: Callable[[ModbusConnection], Awaitable[object]]) -> object:
    """Run `use` with a connection that gives up after TIMEOUT_S."""

    async def run() -> object:
        connection = ModbusConnection(
            "127.0.0.1", port, timeout_s=TIMEOUT_S, back_off=BackOff(first_s=0.05, longest_s=0.05)
        )
        try:
            return await use(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_reads_and_writes_registers(devices: DeviceLoop) -> None:
    device = devices.start(RegisterDevice({1: {40000: [10, 20, 30, 40]}}))

    async def use(connection: ModbusConnection) -> list[int]:
        await connection.write(1, 40001, [21, 31])
        return await connection.read(1, 40000, 4)

    assert connected_to(device.port, use) == [10, 21, 31, 40]


def test_exception_is_a_refusal_and_the_link_stays(devices: DeviceLoop) -> None:
    device = devices.start(RegisterDevice({1: {40000: [10, 20]}}))

    async def use(connection: ModbusConnection) -> tuple[list[int], int]:
        with pytest.raises(DeviceRefusalError, match="exception 2 \\(illegal data address\\)") as e:
            await connection.read(1, 50000, 2)
        assert e.value.exception_code == 2
        return await connection.read(1, 40000, 2), connection.epoch

    assert connected_to(device.port, use) == ([10, 20], 1)


def test_device_failure_is_a_refusal(devices: DeviceLoop) -> None:
    device = devices.start(RegisterDevice({1: {40000: [10, 20]}}))
    device.exception = ExcCodes.DEVICE_FAILURE

    async def use(connection: ModbusConnection) -> None:
        with pytest.raises(DeviceRefusalError, match="exception 4 \\(device failure\\)"):
            await connection.read(1, 40000, 2)

    connected_to(device.port, use)


@pytest.mark.quiet
def test_silent_device_costs_one_timeout(devices: DeviceLoop) -> None:
    server = devices.start(battery_server())
    server.fault = Fault.SILENT

    async def use(connection: ModbusConnection) -> float:
        began_s = time.monotonic()
        with pytest.raises(DeviceSilentError, match="no answer within 0.2 s"):
            await connection.read(1, 40000, 2)
        return time.monotonic() - began_s

    assert TIMEOUT_S <= connected_to(server.port, use) < 2 * TIMEOUT_S


def test_silent_device_that_speaks_again_needs_no_reconnect(devices: DeviceLoop) -> None:
    server = devices.start(battery_server())
    server.fault = Fault.SILENT

    async def use(connection: ModbusConnection) -> tuple[list[int], int]:
        for _ in range(6):
            with pytest.raises(DeviceSilentError):
                await connection.read(1, 40000, 2)
        server.fault = None
        return await connection.read(1, 40000, 2), connection.epoch

    assert connected_to(server.port, use) == ([0x5375, 0x6E53], 1)


def test_garbage_never_passes_as_a_value(devices: DeviceLoop) -> None:
    server = devices.start(battery_server())
    server.fault = Fault.GARBAGE

    async def use(connection: ModbusConnection) -> list[int]:
        for _ in range(8):
            with pytest.raises((DeviceGarbledError, DeviceUnreachableError, DeviceRefusalError)):
                await connection.read(1, 40000, 2)
        server.fault = None
        await asyncio.sleep(0.06)
        return await connection.read(1, 40000, 2)

    assert connected_to(server.port, use) == [0x5375, 0x6E53]


def test_late_answer_is_not_taken_for_the_next_request(devices: DeviceLoop) -> None:
    device = devices.start(RegisterDevice({1: {40000: [1, 2, 3, 4]}}))
    device.delays_s = [TIMEOUT_S * 1.5]

    async def use(connection: ModbusConnection) -> list[int]:
        with pytest.raises(DeviceSilentError):
            await connection.read(1, 40000, 2)
        return await connection.read(1, 40002, 2)

    assert connected_to(device.port, use) == [3, 4]


def test_refused_connection_is_tried_again_after_a_back_off(devices: DeviceLoop) -> None:
    server = devices.start(battery_server())
    devices.run(server.stop())

    async def use(connection: ModbusConnection) -> list[int]:
        with pytest.raises(DeviceUnreachableError, match="cannot connect"):
            await connection.read(1, 40000, 2)
        with pytest.raises(DeviceUnreachableError, match="cannot connect"):
            await connection.read(1, 40000, 2)
        devices.run(server.start())
        await asyncio.sleep(0.06)
        return await connection.read(1, 40000, 2)

    port, server.port = server.port, server.port
    assert connected_to(port, use) == [0x5375, 0x6E53]


def test_lost_link_is_opened_again(devices: DeviceLoop) -> None:
    server = devices.start(battery_server())

    async def use(connection: ModbusConnection) -> tuple[list[int], int]:
        await connection.read(1, 40000, 2)
        devices.run(server.stop())
        devices.run(server.start())
        try:
            answer = await connection.read(1, 40000, 2)
        except (DeviceUnreachableError, DeviceGarbledError):
            await asyncio.sleep(0.06)
            answer = await connection.read(1, 40000, 2)
        return answer, connection.epoch

    assert connected_to(server.port, use) == ([0x5375, 0x6E53], 2)


def test_units_of_one_gateway_queue_on_one_connection(devices: DeviceLoop) -> None:
    device = devices.start(RegisterDevice({1: {0: [11]}, 2: {0: [22]}, 3: {0: [33]}}))
    tap = devices.tap(device.port)

    async def use() -> tuple[list[list[int]], int]:
        pool = ConnectionPool(timeout_s=TIMEOUT_S)
        gateway = pool.get("127.0.0.1", tap.port)
        assert pool.get("127.0.0.1", tap.port) is gateway
        answers = await asyncio.gather(*(gateway.read(unit, 0, 1) for unit in (1, 2, 3)))
        epoch = gateway.epoch
        await pool.close()
        return answers, epoch

    assert asyncio.run(use()) == ([[11], [22], [33]], 1)
    assert [request.unit_id for request in tap.requests] == [1, 2, 3]


def test_pool_closes_what_is_not_kept(devices: DeviceLoop) -> None:
    kept = devices.start(RegisterDevice({1: {0: [1]}}))
    dropped = devices.start(RegisterDevice({1: {0: [2]}}))

    async def use() -> tuple[bool, bool]:
        pool = ConnectionPool(timeout_s=TIMEOUT_S)
        first, second = (pool.get("127.0.0.1", d.port) for d in (kept, dropped))
        await asyncio.gather(first.read(1, 0, 1), second.read(1, 0, 1))
        await pool.keep_only({("127.0.0.1", kept.port, "modbus_tcp")})
        states = first.connected, second.connected
        await pool.close()
        return states

    assert asyncio.run(use()) == (True, False)


def test_back_off_doubles_to_its_limit_and_starts_again() -> None:
    back_off = BackOff(first_s=1.0, longest_s=5.0)

    waits = [back_off.next_s() for _ in range(5)]
    back_off.reset()

    for wait, full in zip(waits, [1, 2, 4, 5, 5], strict=True):
        assert 0.8 * full <= wait <= full
    assert 0.8 <= back_off.next_s() <= 1.0
