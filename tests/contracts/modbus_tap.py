"""A TCP proxy that notes every Modbus request that passes: what really goes over the wire."""

import asyncio
import contextlib
from dataclasses import dataclass

READ_HOLDING = 3
WRITE_FUNCTIONS = frozenset({5, 6, 15, 16, 22, 23})


@dataclass(frozen=True)
class Request:
    """One request: `values` only of function 16."""

    unit_id: int
    function: int
    address: int
    count: int
    values: tuple[int, ...]


class ModbusTap:
    """Listens on a free port of 127.0.0.1 and hands everything to `target_port`."""

    def __init__(self, target_port: int) -> None:
        self.requests: list[Request] = []
        self.port = 0
        self.connections = 0
        self.gate = asyncio.Event()
        """Closed (`clear`), the requests that come are noted and kept waiting."""
        self.gate.set()
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    @property
    def writes(self) -> list[Request]:
        return [r for r in self.requests if r.function in WRITE_FUNCTIONS]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            answers = asyncio.create_task(self._pump(up_reader, writer))
            try:
                await self._note(reader, up_writer)
            finally:
                answers.cancel()
                up_writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(task)
            writer.close()

    async def _note(self, reader: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(7)
            body = await reader.readexactly(int.from_bytes(header[4:6], "big") - 1)
            function, address = body[0], int.from_bytes(body[1:3], "big")
            count = int.from_bytes(body[3:5], "big") if len(body) >= 5 else 0
            values: tuple[int, ...] = ()
            if function == 16:
                values = tuple(
                    int.from_bytes(body[n : n + 2], "big") for n in range(6, len(body), 2)
                )
            self.requests.append(Request(header[6], function, address, count, values))
            await self.gate.wait()
            up.write(header + body)
            await up.drain()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(4096):
                writer.write(chunk)
                await writer.drain()
            writer.close()
