"""Gateways: RTU over TCP, several units, dead ones among them; pauses, time-outs and the trace."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

from apps.assets.drivers.errors import (
    DeviceRefusalError,
    DeviceSilentError,
    DeviceUnreachableError,
)
from apps.assets.drivers.modbus import BackOff, ConnectionPool, ModbusConnection
from apps.assets.drivers.pace import ConnectPace
from apps.assets.drivers.trace import TraceEntry, frame_words
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.frames import crc16
from apps.simulation.devices.gateway import GatewayServer, RegisterUnit
from tests.assets.conftest import DeviceLoop
from tests.assets.polling import eventually

TIMEOUT_S = 0.2


class SlowUnit(RegisterUnit):
    """Holds registers; notes when it was asked."""

    def __init__(self, base: int, registers: list[int]) -> None:
        super().__init__(base, registers)
        self.asked_at_s: list[float] = []

    def read(self, function: int, address: int, count: int) -> Sequence[int]:
        self.asked_at_s.append(time.monotonic())
        return super().read(function, address, count)


def gateway_of(devices: DeviceLoop, *, is_rtu: bool = True, units: int = 3) -> GatewayServer:
    """A gateway whose unit n holds n0, n1, n2, n3 at address 100."""
    served = {n: SlowUnit(100, [10 * n + i for i in range(4)]) for n in range(1, units + 1)}
    gateway: GatewayServer = devices.start(GatewayServer(served, is_rtu=is_rtu))
    return gateway


def using(
    gateway: GatewayServer,
    use: Callable[[ModbusConnection], Awaitable[object]],
    transport: str = "rtu_over_tcp",
) -> object:
    async def run() -> object:
        connection = ModbusConnection(
            "127.0.0.1",
            gateway.port,
            transport=transport,
            timeout_s=TIMEOUT_S,
            back_off=BackOff(first_s=0.05, longest_s=0.05),
        )
        try:
            return await use(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_rtu_frames_carry_their_checksum() -> None:
    # Modbus over Serial Line 1.02 gives the algorithm; 01 04 02 FF FF has the CRC B8 80.
    assert crc16(bytes.fromhex("010402ffff")) == bytes.fromhex("b880")


@pytest.mark.parametrize("transport", ["rtu_over_tcp", "modbus_tcp"])
def test_units_are_read_and_written_over_either_transport(
    devices: DeviceLoop, transport: str
) -> None:
    gateway = gateway_of(devices, is_rtu=transport == "rtu_over_tcp")

    async def use(connection: ModbusConnection) -> list[list[int]]:
        await connection.write(2, 101, [777, 778])
        await connection.write(3, 103, [999], is_single=True)
        return [await connection.read(unit_id, 100, 4) for unit_id in (1, 2, 3)]

    assert using(gateway, use, transport) == [
        [10, 11, 12, 13],
        [20, 777, 778, 23],
        [30, 31, 32, 999],
    ]


def test_input_registers_are_read_with_function_4(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)

    async def use(connection: ModbusConnection) -> tuple[list[int], list[TraceEntry]]:
        return await connection.read(1, 100, 2, table="input"), connection.trace

    registers, trace = using(gateway, use)

    assert registers == [10, 11]
    assert trace[0].pdu[0] == 4


def test_refusal_over_rtu_names_the_exception(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)

    async def use(connection: ModbusConnection) -> None:
        with pytest.raises(DeviceRefusalError, match="exception 2") as refusal:
            await connection.read(1, 500, 2)
        assert refusal.value.exception_code == 2
        with pytest.raises(DeviceRefusalError, match="gateway target does not respond"):
            await connection.read(77, 100, 2)

    using(gateway, use)


def test_time_out_of_one_request_is_its_own(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)
    gateway.unit_faults[1] = Fault.SILENT

    async def use(connection: ModbusConnection) -> list[int]:
        with pytest.raises(DeviceSilentError, match="no answer within 0.05 s"):
            await connection.read(1, 100, 2, timeout_s=0.05)
        return await connection.read(2, 100, 1)

    assert using(gateway, use) == [20]


def test_pause_is_kept_between_frames(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)

    async def use(connection: ModbusConnection) -> None:
        for _ in range(3):
            await connection.read(1, 100, 2, delay_s=0.05)

    using(gateway, use)

    unit = gateway.units[1]
    assert isinstance(unit, SlowUnit)
    gaps = [b - a for a, b in zip(unit.asked_at_s, unit.asked_at_s[1:], strict=False)]
    assert min(gaps) >= 0.049


def test_no_unit_waits_for_more_than_one_time_out_of_the_dead(devices: DeviceLoop) -> None:
    """Five dead units ask at once with a living one: without turns it would wait for all five."""
    gateway = gateway_of(devices, units=6)
    for unit_id in range(1, 6):
        gateway.unit_faults[unit_id] = Fault.SILENT

    async def use(connection: ModbusConnection) -> list[int]:
        async def dead(unit_id: int) -> None:
            with pytest.raises(DeviceSilentError):
                await connection.read(unit_id, 100, 2)

        await asyncio.gather(*(dead(unit_id) for unit_id in range(1, 6)))
        known = len(connection.trace)
        waiting = [asyncio.create_task(dead(unit_id)) for unit_id in range(1, 6)]
        await asyncio.to_thread(eventually, lambda: gateway.requests == 6)
        assert await connection.read(6, 100, 1) == [60]
        await asyncio.gather(*waiting)
        return [entry.unit_id for entry in connection.trace[known:] if entry.is_request]

    asked = using(gateway, use)

    # After the one that had the line, before the four others.
    assert asked[1] == 6
    assert sorted(asked) == [1, 2, 3, 4, 5, 6]


def test_late_rtu_answer_is_not_taken_for_the_next_request(devices: DeviceLoop) -> None:
    """RTU frames carry no number: the unit is left alone until its answer cannot come any more."""

    class Late(RegisterUnit):
        reads = 0

        def read(self, function: int, address: int, count: int) -> Sequence[int]:
            self.reads += 1
            if self.reads == 1:
                time.sleep(TIMEOUT_S * 1.5)
            return super().read(function, address, count)

    gateway = devices.start(GatewayServer({1: Late(100, [1, 2, 3, 4])}, is_rtu=True))

    async def use(connection: ModbusConnection) -> list[int]:
        with pytest.raises(DeviceSilentError):
            await connection.read(1, 100, 2)
        return await connection.read(1, 102, 2)

    assert using(gateway, use) == [3, 4]


def test_unit_that_answers_again_is_no_suspect_any_more(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)
    gateway.unit_faults[1] = Fault.SILENT

    async def use(connection: ModbusConnection) -> list[int]:
        with pytest.raises(DeviceSilentError):
            await connection.read(1, 100, 2)
        gateway.unit_faults.clear()
        return [*await connection.read(1, 100, 2), *await connection.read(1, 100, 1)]

    assert using(gateway, use) == [10, 11, 10]


def test_hang_up_is_noticed_before_the_time_out(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices, is_rtu=False)
    gateway.fault = Fault.SILENT

    async def use(connection: ModbusConnection) -> float:
        request = asyncio.create_task(connection.read(1, 100, 2, timeout_s=30))
        await asyncio.to_thread(eventually, lambda: gateway.requests)
        await asyncio.to_thread(devices.run, gateway.stop())
        began_s = time.monotonic()
        with pytest.raises(DeviceUnreachableError, match="connection lost"):
            await request
        return time.monotonic() - began_s

    assert using(gateway, use, "modbus_tcp") < 5


def test_link_comes_up_by_itself_when_a_gateway_appears_late(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)
    devices.run(gateway.stop())

    async def use(connection: ModbusConnection) -> tuple[bool, bool, list[int]]:
        with pytest.raises(DeviceUnreachableError, match="cannot connect"):
            await connection.read(1, 100, 1)
        before = await connection.up(0.02)
        await asyncio.to_thread(devices.run, gateway.start())
        return before, await connection.up(5.0), await connection.read(1, 100, 1)

    assert using(gateway, use) == (False, True, [10])


def test_flapping_gateway_serves_again_after_each_gap(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)

    async def use(connection: ModbusConnection) -> int:
        for _ in range(3):
            assert await connection.read(1, 100, 1) == [10]
            await asyncio.to_thread(devices.run, gateway.fault_set(Fault.REFUSE))
            with pytest.raises(DeviceUnreachableError):
                await connection.read(1, 100, 1)
            await asyncio.to_thread(devices.run, gateway.fault_set(None))
            assert await connection.up(5.0)
        return connection.epoch

    assert using(gateway, use) == 4


def test_one_connection_for_a_host_and_port_and_transport(devices: DeviceLoop) -> None:
    async def use() -> None:
        pool = ConnectionPool()
        tcp = pool.get("192.0.2.1", 502)
        assert pool.get("192.0.2.1", 502, "modbus_tcp") is tcp
        assert pool.get("192.0.2.1", 502, "rtu_over_tcp") is not tcp
        await pool.close()

    asyncio.run(use())


def test_connects_start_one_after_the_other() -> None:
    async def run() -> list[float]:
        pace, began = ConnectPace(gap_s=0.02), []

        async def connect() -> None:
            await pace.turn()
            began.append(time.monotonic())

        await asyncio.gather(*(connect() for _ in range(5)))
        return began

    began = asyncio.run(run())

    assert len(began) == 5
    assert began[-1] - began[0] >= 4 * 0.02 - 0.001


# --- the trace ---


def test_trace_keeps_what_passed_in_words(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices)

    async def use(connection: ModbusConnection) -> list[TraceEntry]:
        await connection.read(1, 100, 2)
        await connection.write(2, 101, [7, 8])
        await connection.write(2, 101, [9], is_single=True)
        with pytest.raises(DeviceRefusalError):
            await connection.read(3, 999, 1)
        return connection.trace

    trace = using(gateway, use)

    assert [(e.is_request, e.unit_id, frame_words(e)) for e in trace] == [
        (True, 1, "read holding 100 x 2"),
        (False, 1, "2 registers: 10, 11"),
        (True, 2, "write holding 101 = 7, 8"),
        (False, 2, "written 101 x 2"),
        (True, 2, "write holding 101 = 9"),
        (False, 2, "written 101 = 9"),
        (True, 3, "read holding 999 x 1"),
        (False, 3, "exception 2 illegal data address"),
    ]
    body = bytes.fromhex("010300640002")
    assert trace[0].frame_hex == (body + crc16(body)).hex(" ")


def test_trace_is_a_ring_of_200(devices: DeviceLoop) -> None:
    gateway = gateway_of(devices, is_rtu=False)

    async def use(connection: ModbusConnection) -> list[TraceEntry]:
        for _ in range(150):
            await connection.read(1, 100, 1)
        return connection.trace

    trace = using(gateway, use, "modbus_tcp")

    assert len(trace) == 200
    assert trace[-1].frame_hex.endswith("01 03 02 00 0a")
    assert trace[0].at <= trace[-1].at
