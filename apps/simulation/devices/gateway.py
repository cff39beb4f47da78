"""A gateway with several units behind one port, Modbus TCP or RTU over TCP, cheap enough for 1,000.

It answers from its own small protocol code, not pymodbus's server, so that it is neither the
bottleneck of a measurement nor a second copy of the client's library.
"""

import asyncio
import contextlib
import struct
from collections.abc import Mapping, MutableSequence, Sequence
from typing import Protocol, cast

from apps.simulation.devices.device import IllegalValueError, SimulatedDevice
from apps.simulation.devices.faults import FLAP_S, Fault
from apps.simulation.devices.frames import (
    READ_HOLDING,
    READ_INPUT,
    WRITE_MULTIPLE,
    WRITE_SINGLE,
    Build,
    RequestFrame,
    Split,
    exception_pdu,
    rtu_build,
    rtu_split,
    tcp_build,
    tcp_split,
)
from apps.simulation.devices.sunspec_image import BASE_ADDRESS, ReadOnlyError

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
NO_TARGET = 11
_MOST_READ = 125


class RefusalError(Exception):
    """The unit answers with a Modbus exception."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Unit(Protocol):
    """One unit behind the gateway. Both methods may raise RefusalError."""

    def read(self, function: int, address: int, count: int) -> Sequence[int]:
        """Registers [address, address + count) of the holding or input table."""

    def write(self, address: int, values: Sequence[int]) -> None:
        """Take registers over."""


class RegisterUnit:
    """A unit that holds plain registers, the same in both tables."""

    def __init__(self, base: int, registers: MutableSequence[int]) -> None:
        self._base = base
        self.registers = registers

    def read(self, function: int, address: int, count: int) -> Sequence[int]:
        start = address - self._base
        if start < 0 or start + count > len(self.registers):
            raise RefusalError(ILLEGAL_ADDRESS)
        return self.registers[start : start + count]

    def write(self, address: int, values: Sequence[int]) -> None:
        self.read(READ_HOLDING, address, len(values))
        start = address - self._base
        self.registers[start : start + len(values)] = values


class SimulatedUnit:
    """A simulated device as a unit of a gateway."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.device = device

    def read(self, function: int, address: int, count: int) -> Sequence[int]:
        self.device.measure()
        start = address - BASE_ADDRESS
        if function != READ_HOLDING or start < 0 or address + count > self.device.image.end:
            raise RefusalError(ILLEGAL_ADDRESS)
        return self.device.image.registers[start : start + count]

    def write(self, address: int, values: Sequence[int]) -> None:
        try:
            self.device.command(address, list(values))
        except ReadOnlyError:
            raise RefusalError(ILLEGAL_ADDRESS) from None
        except IllegalValueError:
            raise RefusalError(ILLEGAL_VALUE) from None


class GatewayServer:
    """The listening socket of a gateway; `port` 0 lets the system choose one.

    `fault` breaks the whole gateway, `unit_faults` one unit: SILENT, EXCEPTION. `requests` counts
    what arrived, answered or not.
    """

    def __init__(self, units: Mapping[int, Unit], *, port: int = 0, is_rtu: bool = False) -> None:
        self.units = dict(units)
        self.port = port
        self.fault: Fault | None = None
        self.unit_faults: dict[int, Fault] = {}
        self.requests = 0
        self._framing: tuple[Split, Build] = (
            (rtu_split, rtu_build) if is_rtu else (tcp_split, tcp_build)
        )
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._flapping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._link, "127.0.0.1", self.port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self._end_flapping()
        self._close()

    async def fault_set(self, fault: Fault | None) -> None:
        """Break the gateway in that way, or repair it."""
        await self._end_flapping()
        self.fault = fault
        if fault is Fault.REFUSE:
            self._close()
        elif self._server is None:
            await self.start()
        if fault is Fault.FLAP:
            self._flapping = asyncio.create_task(self._flap())

    def answer(self, request: RequestFrame) -> bytes | None:
        """The PDU of the answer; None for silence."""
        self.requests += 1
        fault = self.fault or self.unit_faults.get(request.unit_id)
        if fault is Fault.SILENT:
            return None
        function = request.pdu[0]
        unit = self.units.get(request.unit_id)
        if fault is Fault.EXCEPTION:
            return exception_pdu(function, DEVICE_FAILURE)
        if unit is None:
            return exception_pdu(function, NO_TARGET)
        try:
            return _answer(unit, request.pdu)
        except RefusalError as refusal:
            return exception_pdu(function, refusal.code)

    def _link(self) -> "_Link":
        return _Link(self, *self._framing, self._links)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in list(self._links):
            link.abort()

    async def _flap(self) -> None:
        while True:
            await asyncio.sleep(FLAP_S)
            self._close()
            await asyncio.sleep(FLAP_S)
            await self.start()

    async def _end_flapping(self) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flapping
            self._flapping = None


class _Link(asyncio.Protocol):
    """One client's connection."""

    def __init__(
        self, gateway: GatewayServer, split: Split, build: Build, links: "set[_Link]"
    ) -> None:
        self._gateway = gateway
        self._split = split
        self._build = build
        self._links = links
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._links.discard(self)

    def data_received(self, data: bytes) -> None:
        frames, self._rest = self._split(self._rest + data)
        for frame in frames:
            pdu = self._gateway.answer(frame)
            if pdu is not None and self._transport is not None:
                self._transport.write(self._build(frame, pdu))

    def abort(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


def _answer(unit: Unit, pdu: bytes) -> bytes:
    function = pdu[0]
    if len(pdu) < 5:
        raise RefusalError(ILLEGAL_VALUE)
    address, count = struct.unpack_from(">HH", pdu, 1)
    if function in (READ_HOLDING, READ_INPUT):
        if not 1 <= count <= _MOST_READ:
            raise RefusalError(ILLEGAL_VALUE)
        registers = unit.read(function, address, count)
        return struct.pack(f">BB{count}H", function, 2 * count, *registers)
    if function == WRITE_SINGLE:
        unit.write(address, [count])
        return pdu
    if function == WRITE_MULTIPLE and len(pdu) == 6 + 2 * count:
        unit.write(address, struct.unpack_from(f">{count}H", pdu, 6))
        return pdu[:5]
    raise RefusalError(ILLEGAL_FUNCTION)
