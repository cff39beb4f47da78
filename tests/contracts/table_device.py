"""A Modbus device of given registers, holding and input apart, over TCP or RTU over TCP.

It notes every request, so a test can say what went over the wire.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

READS = {3: "holding", 4: "input"}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2

Tables = Mapping[str, Mapping[int, Sequence[int]]]
"""Table -> first address -> registers."""


@dataclass(frozen=True)
class Heard:
    """One request: `values` only of a write."""

    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()


class TableDevice:
    """One unit on a free port of 127.0.0.1; an address without register answers exception 2."""

    def __init__(self, tables: Tables, *, unit_id: int = 1, is_rtu: bool = False) -> None:
        self.port = 0
        self.heard: list[Heard] = []
        self.refuses_gaps = True
        """False: a register that nobody gave reads as 0, but not the first of a read."""
        self.ignores: set[int] = set()
        """Addresses whose writes are answered but not kept."""
        self._unit_id = unit_id
        self._is_rtu = is_rtu
        self._at: dict[tuple[str, int], int] = {}
        for table, blocks in tables.items():
            for first, registers in blocks.items():
                self.put(table, first, registers)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    def put(self, table: str, address: int, registers: Sequence[int]) -> None:
        """Set registers, as the device itself would."""
        for n, register in enumerate(registers, start=address):
            self._at[table, n] = register

    @property
    def reads(self) -> list[Heard]:
        """The reads so far."""
        return [heard for heard in self.heard if heard.function in READS]

    @property
    def writes(self) -> list[tuple[int, tuple[int, ...]]]:
        """Address and registers of the writes so far."""
        return [(h.address, h.values) for h in self.heard if h.function not in READS]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await (self._rtu if self._is_rtu else self._tcp)(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._links.discard(task)
            writer.close()

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readexactly(7)
        pdu = await reader.readexactly(int.from_bytes(header[4:6], "big") - 1)
        if header[6] == self._unit_id:
            answer = self._answer(pdu)
            length = (len(answer) + 1).to_bytes(2, "big")
            writer.write(header[:4] + length + header[6:7] + answer)
            await writer.drain()

    async def _rtu(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frame = await reader.readexactly(7)
        rest = frame[6] + 2 if frame[1] == 16 else 1
        frame += await reader.readexactly(rest)
        if frame[0] == self._unit_id and crc(frame[:-2]) == frame[-2:]:
            answer = frame[:1] + self._answer(frame[1:-2])
            writer.write(answer + crc(answer))
            await writer.drain()

    def _answer(self, pdu: bytes) -> bytes:
        function, address = pdu[0], int.from_bytes(pdu[1:3], "big")
        count = int.from_bytes(pdu[3:5], "big")
        if function in READS:
            self.heard.append(Heard(function, address, count))
            registers = self._read(READS[function], address, count)
            if registers is None:
                return bytes([function | 0x80, ILLEGAL_ADDRESS])
            octets = b"".join(register.to_bytes(2, "big") for register in registers)
            return bytes([function, len(octets)]) + octets
        if function == 16:
            data = pdu[6:]
            values = tuple(int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2))
            self.heard.append(Heard(function, address, count, values))
            for n, value in enumerate(values, start=address):
                if n not in self.ignores:
                    self._at["holding", n] = value
            return pdu[:5]
        return bytes([function | 0x80, ILLEGAL_FUNCTION])

    def _read(self, table: str, address: int, count: int) -> list[int] | None:
        registers = [self._at.get((table, n)) for n in range(address, address + count)]
        if registers[0] is None or (None in registers and self.refuses_gaps):
            return None
        return [register or 0 for register in registers]


def crc(frame: bytes) -> bytes:
    """The check of a Modbus RTU frame, low byte first."""
    value = 0xFFFF
    for octet in frame:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")
