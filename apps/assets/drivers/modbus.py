"""One Modbus TCP connection per host and port, shared by the units behind it.

pymodbus gives up after a first connect that fails, does not notice a lost link while a request
waits, and counts time-outs per connection. So the link is kept up here: own connect loop with
back-off and jitter, one request at a time, a time-out per request.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from apps.assets.drivers.errors import (
    DeviceGarbledError,
    DeviceRefusalError,
    DeviceSilentError,
    DeviceUnreachableError,
)

REQUEST_TIMEOUT_S = 1.0
CONNECT_TIMEOUT_S = 2.0
FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 10.0
MOST_REGISTERS_READ = 125
MOST_REGISTERS_WRITTEN = 123

# Modbus Application Protocol 1.1b3, section 7.
EXCEPTION_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}


class BackOff:
    """Waiting times that double from `first_s` to `longest_s`, each with up to 20 % taken off."""

    def __init__(
        self, first_s: float = FIRST_BACK_OFF_S, longest_s: float = LONGEST_BACK_OFF_S
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait now; the next wait is twice as long."""
        wait_s = self._next_s
        self._next_s = min(self._longest_s, wait_s * 2)
        return wait_s * (1 - 0.2 * random.random())  # noqa: S311 - spreads reconnects, no secret

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._next_s = self._first_s


class ModbusConnection:
    """The link to one host and port; requests to all its units queue here. Lives in one loop."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        back_off: BackOff | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.requests = 0
        self.epoch = 0
        """Counts the connects: a new number means that another device may answer now."""
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._back_off = back_off or BackOff()
        self._retry_at = 0.0
        self._last_failure = "not connected"
        self._client: AsyncModbusTcpClient | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self._heard = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.connected

    async def read(self, unit_id: int, address: int, count: int) -> list[int]:
        """Holding registers [address, address + count). Raises a DeviceError."""
        async with self._turn:
            client = await self._ready_client()
            answer = await self._ask(
                client.read_holding_registers(address, count=count, device_id=unit_id)
            )
        registers = getattr(answer, "registers", None)
        if registers is None or len(registers) != count:
            got = "none" if registers is None else str(len(registers))
            raise DeviceGarbledError(f"asked for {count} registers at {address}, got {got}")
        return list(registers)

    async def write(self, unit_id: int, address: int, registers: Sequence[int]) -> None:
        """Write holding registers with function 16, in one request. Raises a DeviceError."""
        async with self._turn:
            client = await self._ready_client()
            answer = await self._ask(
                client.write_registers(address, list(registers), device_id=unit_id)
            )
        written = (getattr(answer, "address", None), getattr(answer, "count", None))
        if written != (address, len(registers)):
            raise DeviceGarbledError(f"the answer to a write at {address} is not about it")

    async def close(self) -> None:
        """Close the link for good; waits for the request that is under way."""
        self._closed = True
        async with self._turn:
            self._drop()

    async def _ready_client(self) -> AsyncModbusTcpClient:
        if self._closed:
            raise DeviceUnreachableError(f"{self}: connection closed")
        if self._client is not None and self._client.connected:
            return self._client
        if time.monotonic() < self._retry_at:
            raise DeviceUnreachableError(self._last_failure)
        self._drop()
        client = AsyncModbusTcpClient(
            self.host,
            port=self.port,
            timeout=self._connect_timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._notice,
        )
        if not await client.connect():
            client.close()
            self._failed(f"{self}: cannot connect")
            raise DeviceUnreachableError(self._last_failure)
        # The same number is pymodbus's limit for connecting and for waiting.
        client.ctx.comm_params.timeout_connect = self._timeout_s
        # Units behind a gateway fall silent one by one: that must not cost the others the link.
        client.set_max_no_responses(1_000_000)
        client.ctx.count_until_disconnect = 1_000_000
        self._client = client
        self._back_off.reset()
        self.epoch += 1
        return client

    async def _ask(self, request: Awaitable[ModbusPDU]) -> ModbusPDU:
        self.requests += 1
        self._heard = False
        try:
            answer = await request
        except ConnectionException as error:
            self._failed(f"{self}: connection lost")
            raise DeviceUnreachableError(self._last_failure) from error
        except ModbusException as error:
            if not self.connected:
                # The device hung up, or sent what pymodbus cannot parse (it closes the link then).
                self._failed(f"{self}: no valid answer, connection closed")
                raise DeviceGarbledError(self._last_failure) from error
            self._resync()
            if self._heard:
                raise DeviceGarbledError(f"{self}: the answer is not to the request") from error
            raise DeviceSilentError(f"{self}: no answer within {self._timeout_s:g} s") from error
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            name = EXCEPTION_NAMES.get(code, "unknown exception")
            raise DeviceRefusalError(code, f"{self}: exception {code} ({name})")
        return answer

    def _notice(self, sending: bool, frame: bytes) -> bytes:
        if not sending:
            self._heard = True
        return frame

    def _resync(self) -> None:
        """Forget half an answer that is still in the buffer."""
        if self._client is not None:
            self._client.ctx.recv_buffer = b""

    def _failed(self, message: str) -> None:
        self._last_failure = message
        self._retry_at = time.monotonic() + self._back_off.next_s()
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class ConnectionPool:
    """The open connections of one event loop, by host and port."""

    def __init__(self, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._connections: dict[tuple[str, int], ModbusConnection] = {}

    def get(self, host: str, port: int) -> ModbusConnection:
        """The connection to this end, opened when it is first used."""
        key = (host, port)
        if key not in self._connections:
            self._connections[key] = ModbusConnection(host, port, timeout_s=self._timeout_s)
        return self._connections[key]

    async def keep_only(self, ends: set[tuple[str, int]]) -> None:
        """Close the connections to all other ends."""
        for key in [key for key in self._connections if key not in ends]:
            await self._connections.pop(key).close()

    async def close(self) -> None:
        """Close all connections."""
        await self.keep_only(set())
