"""A Modbus TCP device that holds any registers at any unit and address."""

import asyncio

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


class RegisterDevice:
    """`units` maps a unit id to {address: [registers]}; an address outside answers exception 2."""

    def __init__(self, units: dict[int, dict[int, list[int]]]) -> None:
        self.port = 0
        self._units = [
            SimDevice(
                id=unit_id,
                simdata=[
                    SimData(address, values=registers, datatype=DataType.REGISTERS)
                    for address, registers in blocks.items()
                ],
                action=self._answer,
            )
            for unit_id, blocks in units.items()
        ]
        self.exception: ExcCodes | None = None
        self.write_exception: ExcCodes | None = None
        self.stuck: dict[int, int] = {}
        """Registers that read as this whatever was written to them."""
        self.delays_s: list[float] = []
        """How late the next answers are; the ones after that come at once."""
        self._server: ModbusTcpServer | None = None

    async def start(self) -> None:
        self._server = ModbusTcpServer(self._units, address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        self.port = self._server.transport.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()

    async def _answer(
        self,
        _function: int,
        start_address: int,
        _address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if self.delays_s:
            await asyncio.sleep(self.delays_s.pop(0))
        for address, register in self.stuck.items():
            registers[address - start_address] = register
        return self.exception or (self.write_exception if values is not None else None)
