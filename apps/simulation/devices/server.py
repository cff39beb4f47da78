"""One Modbus TCP server per device, with the faults that real devices show."""

import asyncio
import contextlib
import random
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from apps.simulation.devices.device import IllegalValueError, SimulatedDevice
from apps.simulation.devices.faults import FLAP_S, Fault
from apps.simulation.devices.sunspec_image import BASE_ADDRESS, ReadOnlyError
from apps.simulation.process import PortTakenError


class _Handler(ServerRequestHandler):
    """One client's connection."""

    server: "_Server"

    async def handle_request(self) -> None:
        request = self.last_pdu
        if request is None:
            return
        self.server.device_server.requests += 1
        if request.dev_id != self.server.device_server.device.asset.unit_id:
            answer = ExceptionResponse(request.function_code, ExcCodes.GATEWAY_NO_RESPONSE)
            answer.transaction_id, answer.dev_id = request.transaction_id, request.dev_id
            self.server_send(answer, self.last_addr)
            return
        await super().handle_request()

    def server_send(self, pdu: Any, addr: Any) -> None:
        fault = self.server.device_server.fault
        if fault is Fault.SILENT:
            return
        if fault is Fault.EXCEPTION:
            failure = ExceptionResponse(pdu.function_code & 0x7F, ExcCodes.DEVICE_FAILURE)
            failure.transaction_id, failure.dev_id = pdu.transaction_id, pdu.dev_id
            pdu = failure
        elif fault is Fault.GARBAGE:
            chance = self.server.device_server.chance
            if chance.random() < 0.5:
                self.send(chance.randbytes(chance.randint(5, 40)))
                return
            pdu.transaction_id = (pdu.transaction_id + chance.randint(1, 1000)) % 0x10000
        super().server_send(pdu, addr)


class _Server(ModbusTcpServer):
    """The listening socket of one device."""

    device_server: "DeviceServer"

    def callback_new_connection(self) -> _Handler:
        return _Handler(self, self.trace_packet, self.trace_pdu, self.trace_connect)


class DeviceServer:
    """A device on its port; requests read and write its register image."""

    def __init__(self, device: SimulatedDevice, port: int) -> None:
        self.device = device
        self.port = port
        self.fault: Fault | None = None
        self.requests = 0
        self.chance = random.Random(device.seed)  # noqa: S311 - repeatable on purpose
        self._server: _Server | None = None
        self._flapping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen on 127.0.0.1; PortTakenError when somebody else does."""
        blocks = [
            SimData(address, count=count, datatype=DataType.REGISTERS, readonly=read_only)
            for address, count, read_only in self.device.image.read_only_runs()
        ]
        unit = SimDevice(id=self.device.asset.unit_id, simdata=blocks, action=self._access)
        server = _Server(unit, address=("127.0.0.1", self.port))
        server.device_server = self
        try:
            await server.serve_forever(background=True)
        except RuntimeError as err:
            device = self.device
            raise PortTakenError(
                f"port {self.port} of {device.operator} {device.asset.code} is in use"
            ) from err
        self._server = server

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self._end_flapping()
        await self._close()

    async def fault_set(self, fault: Fault | None) -> None:
        """Break the device in that way, or repair it."""
        await self._end_flapping()
        self.fault = fault
        if fault is Fault.REFUSE:
            await self._close()
        elif self._server is None:
            await self.start()
        if fault is Fault.FLAP:
            self._flapping = asyncio.create_task(self._flap())

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def _close(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    async def _flap(self) -> None:
        while True:
            await asyncio.sleep(FLAP_S)
            await self._close()
            await asyncio.sleep(FLAP_S)
            await self.start()

    async def _end_flapping(self) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flapping
            self._flapping = None

    async def _access(
        self,
        function_code: int,
        start_address: int,
        address: int,
        count: int,
        registers: list[int],
        set_values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """What pymodbus calls before it answers: fills `registers` from the device."""
        if set_values is not None:
            try:
                self.device.command(address, [int(value) for value in set_values])
            except ReadOnlyError:
                return ExcCodes.ILLEGAL_ADDRESS
            except IllegalValueError:
                return ExcCodes.ILLEGAL_VALUE
        else:
            self.device.measure()
        image = self.device.image.registers
        offset = BASE_ADDRESS - start_address
        registers[offset : offset + len(image)] = image
        return None
