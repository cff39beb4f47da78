"""One connection per host and port, shared by the units behind it: Modbus TCP or RTU over TCP.

pymodbus makes the frames and takes them apart; the link is kept up here, because pymodbus gives up
after a first connect that fails, does not tell a waiting request that the link is lost, and counts
time-outs per connection. So: own connect loop with back-off and jitter, first connects spread over
time, one request at a time with a time-out and a pause of its own.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from apps.assets.drivers.errors import (
    DeviceError,
    DeviceGarbledError,
    DeviceRefusalError,
    DeviceSilentError,
    DeviceUnreachableError,
)
from apps.assets.drivers.modbus_pdu import DECODER
from apps.assets.drivers.pace import BackOff, ConnectPace
from apps.assets.drivers.trace import EXCEPTION_NAMES, Trace, TraceEntry
from apps.assets.drivers.write_guard import write_check

__all__ = ["BackOff", "ConnectionPool", "ModbusConnection", "Transport"]

REQUEST_TIMEOUT_S = 1.0
CONNECT_TIMEOUT_S = 2.0
MOST_REGISTERS_READ = 125
MOST_REGISTERS_WRITTEN = 123
# The gateway answers for a unit that does not: it costs the line as much as silence.
_GATEWAY_SILENCE = (10, 11)
_READ_FUNCTIONS = (3, 4)
_READS = {"holding": ReadHoldingRegistersRequest, "input": ReadInputRegistersRequest}


class Transport(StrEnum):
    """How frames travel; the words are those of the device's choices."""

    MODBUS_TCP = "modbus_tcp"
    RTU_OVER_TCP = "rtu_over_tcp"


_PACE = ConnectPace()


class ModbusConnection:
    """The link to one host and port; requests to all its units queue here. Lives in one loop."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: str = Transport.MODBUS_TCP,
        timeout_s: float = REQUEST_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        back_off: BackOff | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.requests = 0
        self.epoch = 0
        """Counts the connects: a new number means that another device may answer now."""
        self._is_rtu = Transport(transport) is Transport.RTU_OVER_TCP
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._back_off = back_off or BackOff()
        self._last_failure = f"{self}: not connected"
        self._client: AsyncModbusTcpClient | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._up = asyncio.Event()
        self._turn = asyncio.Lock()
        self._suspects_turn = asyncio.Lock()
        self._suspects: set[int] = set()
        self._late_until_s: dict[int, float] = defaultdict(float)
        self._waiting: asyncio.Future[ModbusPDU] | None = None
        self._last_frame_s = 0.0
        self._trace = Trace(is_rtu=self._is_rtu)
        self._closed = False
        self._heard = False
        self._is_proven = True
        """Whether the link has carried an answer since it was opened."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.connected

    @property
    def trace(self) -> list[TraceEntry]:
        """The last frames, oldest first."""
        return self._trace.entries()

    async def read(
        self,
        unit_id: int,
        address: int,
        count: int,
        *,
        timeout_s: float | None = None,
        delay_s: float | None = None,
        table: str = "holding",
    ) -> list[int]:
        """Registers [address, address + count) of a table. Raises a DeviceError.

        `delay_s`: the pause since the last frame on this connection, at least.
        """
        request = _READS[table](address=address, count=count, dev_id=unit_id)
        answer = await self._exchange(request, timeout_s, delay_s)
        registers = cast(list[int], answer.registers)
        if len(registers) != count:
            raise DeviceGarbledError(
                f"asked for {count} registers at {address}, got {len(registers) or 'none'}"
            )
        return registers

    async def write(
        self,
        unit_id: int,
        address: int,
        registers: Sequence[int],
        *,
        timeout_s: float | None = None,
        delay_s: float | None = None,
        is_single: bool = False,
    ) -> None:
        """Write holding registers in one request: function 16, or 6 for a single one.

        Raises a DeviceError.
        """
        request: ModbusPDU
        if is_single:
            (register,) = registers
            request = WriteSingleRegisterRequest(
                address=address, registers=[register], dev_id=unit_id
            )
        else:
            request = WriteMultipleRegistersRequest(
                address=address, registers=list(registers), dev_id=unit_id
            )
        answer = await self._exchange(request, timeout_s, delay_s)
        echo = answer.registers == [*registers] if is_single else answer.count == len(registers)
        if answer.address != address or not echo:
            raise DeviceGarbledError(f"the answer to a write at {address} is not about it")

    async def up(self, within_s: float) -> bool:
        """Wait until the link is up, at most `within_s`; the connect loop goes on by itself."""
        if within_s <= 0 or self._closed:
            return self.connected
        self._keep_connecting()
        try:
            async with asyncio.timeout(within_s):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close the link for good; waits for the request that is under way."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        async with self._turn:
            self._drop()

    # --- requests ---

    async def _exchange(
        self, request: ModbusPDU, timeout_s: float | None, delay_s: float | None
    ) -> ModbusPDU:
        unit_id = request.dev_id
        if unit_id not in self._suspects:
            async with self._turn:
                return await self._ask(request, timeout_s or self._timeout_s, delay_s)
        # Units that did not answer last time wait for each other before they queue: between two
        # of them every other unit has its turn, so nobody waits for more than one time-out.
        async with self._suspects_turn:
            await self._late_answers_past(unit_id)
            async with self._turn:
                return await self._ask(request, timeout_s or self._timeout_s, delay_s)

    async def _ask(self, request: ModbusPDU, timeout_s: float, delay_s: float | None) -> ModbusPDU:
        client = self._client
        if client is None or not client.connected:
            client = await self._ready_client()
        if delay_s:
            await asyncio.sleep(max(0.0, self._last_frame_s + delay_s - time.monotonic()))
            client = await self._ready_client()
        ctx, loop = client.ctx, asyncio.get_running_loop()
        if request.function_code not in _READ_FUNCTIONS:
            write_check()
        self.requests += 1
        self._heard = False
        request.transaction_id = ctx.getNextTID()
        # pymodbus's own `execute` waits in asyncio.wait_for, which in Python 3.11 may swallow a
        # cancellation (python/cpython issue 86296) and costs a fifth of the whole request.
        self._waiting = ctx.response_future = waiting = loop.create_future()
        expiry = loop.call_later(timeout_s, self._expire, waiting, request.dev_id, timeout_s)
        try:
            ctx.pdu_send(request)
            answer: ModbusPDU = await waiting
        finally:
            expiry.cancel()
            self._waiting = None
            self._last_frame_s = time.monotonic()
        if not self._is_proven:
            self._is_proven = True
            self._back_off.reset()
        if answer.isError():
            raise self._refusal(request.dev_id, answer)
        if answer.function_code != request.function_code:
            raise DeviceGarbledError(f"{self}: the answer is not to the request")
        if self._suspects:
            self._suspects.discard(request.dev_id)
        return answer

    def _refusal(self, unit_id: int, answer: ModbusPDU) -> DeviceRefusalError:
        code = int(getattr(answer, "exception_code", 0))
        if code in _GATEWAY_SILENCE:
            self._suspects.add(unit_id)
        else:
            self._suspects.discard(unit_id)
        name = EXCEPTION_NAMES.get(code, "unknown exception")
        return DeviceRefusalError(code, f"{self}: exception {code} ({name})")

    def _expire(self, waiting: "asyncio.Future[ModbusPDU]", unit_id: int, timeout_s: float) -> None:
        """The time-out of the request that waits."""
        if waiting.done():
            return
        if self._heard:
            error: DeviceError = DeviceGarbledError(f"{self}: the answer is not to the request")
        else:
            error = DeviceSilentError(f"{self}: no answer within {timeout_s:g} s")
        self._suspects.add(unit_id)
        self._late_until_s[unit_id] = time.monotonic() + timeout_s
        waiting.set_exception(error)

    async def _late_answers_past(self, unit_id: int) -> None:
        """RTU frames carry no number: a late answer would pass for that to the next request."""
        if self._is_rtu:
            await asyncio.sleep(max(0.0, self._late_until_s[unit_id] - time.monotonic()))

    def _noticed(self, sending: bool, frame: bytes) -> bytes:
        if not sending:
            self._heard = True
        self._trace.note(sending, frame)
        return frame

    # --- the link ---

    async def _ready_client(self) -> AsyncModbusTcpClient:
        """The open link; waits for a connect that is under way, not for the next one."""
        if self._closed:
            raise DeviceUnreachableError(f"{self}: connection closed")
        if self._client is not None and self._client.connected:
            return self._client
        self._keep_connecting()
        if self._attempt is not None:
            await asyncio.shield(self._attempt)
        if self._client is None or not self._client.connected:
            raise DeviceUnreachableError(self._last_failure)
        return self._client

    def _keep_connecting(self) -> None:
        """Start the connect loop if the link is down and nobody is at it."""
        if self.connected or (self._connecting is not None and not self._connecting.done()):
            return
        self._up.clear()
        # A link that never carried an answer is not opened again at once: it would be a storm.
        wait_s = 0.0 if self._is_proven else self._back_off.next_s()
        if not wait_s:
            self._attempt = asyncio.get_running_loop().create_future()
        self._connecting = asyncio.create_task(self._connect_until_up(wait_s))

    async def _connect_until_up(self, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            await asyncio.sleep(wait_s)
            attempt = self._attempt = self._attempt or loop.create_future()
            try:
                is_up = await self._connect()
            finally:
                self._attempt = None
                if not attempt.done():
                    attempt.set_result(None)
            if is_up:
                return
            wait_s = self._back_off.next_s()

    async def _connect(self) -> bool:
        self._drop()
        await _PACE.turn()
        client = AsyncModbusTcpClient(
            self.host,
            port=self.port,
            framer=FramerType.RTU if self._is_rtu else FramerType.SOCKET,
            timeout=self._connect_timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._noticed,
            trace_connect=self._link_changed,
        )
        client.ctx.framer.decoder = DECODER
        self._client = client
        if not await client.connect():
            self._drop()
            self._last_failure = f"{self}: cannot connect"
            return False
        self.epoch += 1
        self._is_proven = False
        self._up.set()
        return True

    def _link_changed(self, is_up: bool) -> None:
        """pymodbus's call when the other side hung up, or sent what cannot be parsed."""
        if is_up:
            return
        waiting = self._waiting
        self._up.clear()
        if waiting is not None and not waiting.done():
            self._last_failure = f"{self}: connection lost"
            if self._heard:
                message = f"{self}: no valid answer, connection closed"
                waiting.set_exception(DeviceGarbledError(message))
            else:
                waiting.set_exception(DeviceUnreachableError(self._last_failure))
        if not self._closed and self.epoch:
            self._keep_connecting()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class ConnectionPool:
    """The open connections of one event loop, by host, port and transport."""

    def __init__(self, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._connections: dict[tuple[str, int, str], ModbusConnection] = {}

    def get(self, host: str, port: int, transport: str = Transport.MODBUS_TCP) -> ModbusConnection:
        """The connection to this end, opened when it is first used."""
        key = (host, port, str(transport))
        if key not in self._connections:
            self._connections[key] = ModbusConnection(
                host, port, transport=transport, timeout_s=self._timeout_s
            )
        return self._connections[key]

    async def keep_only(self, ends: set[tuple[str, int, str]]) -> None:
        """Close the connections to all other ends."""
        for key in [key for key in self._connections if key not in ends]:
            await self._connections.pop(key).close()

    async def close(self) -> None:
        """Close all connections."""
        await self.keep_only(set())
