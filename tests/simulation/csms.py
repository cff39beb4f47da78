"""A bare CSMS over `websockets`, written from the standard alone: the stations' test partner."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Payload = dict[str, Any]


class CallError(Exception):
    """An answer that is a CALLERROR."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BareCsms:
    """Accepts every station; keeps what it says; `answers` may be changed per action."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Payload]] = []
        self.connections = 0
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answers: dict[str, Callable[[Payload], Payload]] = {
            "BootNotification": lambda _: {
                "currentTime": "2026-03-20T16:15:00Z",
                "interval": 300,
                "status": "Accepted",
            },
            "Heartbeat": lambda _: {"currentTime": "2026-03-20T16:15:00Z"},
            "StatusNotification": lambda _: {},
            "Authorize": lambda _: {"idTokenInfo": {"status": "Accepted"}},
            "TransactionEvent": lambda _: {},
        }
        self._connection: ServerConnection | None = None
        self._awaited: dict[str, asyncio.Future[list[Any]]] = {}

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator["BareCsms"]:
        """Listen on a port; leaving cuts the stations off."""
        async with serve(self._converse, "127.0.0.1", port, subprotocols=["ocpp2.0.1"]):  # type: ignore[list-item]
            yield self

    async def _converse(self, connection: ServerConnection) -> None:
        self.connections += 1
        self._connection = connection
        assert connection.request is not None
        self.headers.append(dict(connection.request.headers.raw_items()))
        self.paths.append(connection.request.path)
        try:
            async for text in connection:
                await self._answer(connection, json.loads(text))
        except ConnectionClosed:
            return

    async def _answer(self, connection: ServerConnection, message: list[Any]) -> None:
        if message[0] != 2:
            self._awaited.pop(message[1]).set_result(message)
            return
        _, unique_id, action, payload = message
        try:
            answer = self.answers[action](payload)
        except CallError as err:
            await connection.send(json.dumps([4, unique_id, err.code, "", {}]))
            return
        self.calls.append((action, payload))
        await connection.send(json.dumps([3, unique_id, answer]))

    async def ask(self, action: str, payload: Payload) -> Payload:
        """A call to the station; gives its answer."""
        assert self._connection is not None
        unique_id = f"csms-{len(self._awaited)}-{action}"
        self._awaited[unique_id] = asyncio.get_running_loop().create_future()
        future = self._awaited[unique_id]
        await self._connection.send(json.dumps([2, unique_id, action, payload]))
        answer = await asyncio.wait_for(future, 5)
        assert answer[0] == 3, answer
        result: Payload = answer[2]
        return result

    def said(self, action: str) -> list[Payload]:
        """What stations said with that action."""
        return [payload for name, payload in self.calls if name == action]

    @property
    def events(self) -> list[Payload]:
        return self.said("TransactionEvent")


async def eventually(holds: Callable[[], bool], timeout_s: float = 8.0) -> None:
    """Wait until a condition holds; AssertionError when it never does."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)  # noqa: ASYNC110 - polls the outside of a socket
