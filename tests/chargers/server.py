"""The CSMS on a real port, and a station that speaks raw frames with another library."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager
from threading import Barrier
from typing import Any, TypeVar

import uvicorn
from channels.routing import URLRouter
from django.db import connections
from django.urls import re_path
from websockets.sync.client import ClientConnection, connect

from apps.chargers.routing import websocket_urlpatterns
from apps.tenants.channels import LIVE_THREADS, _pool, refuse
from apps.tenants.context import operator_context
from cariflex.runtime.services import WS_MAX_BYTES
from tests.chargers.events import dumps

R = TypeVar("R")
LIMIT_S = 60.0
A, B = "guadeloupe", "martinique"
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}}


async def _nothing_here(scope: Any, _receive: Any, send: Any) -> None:
    await refuse(scope, send, status=404, reason="nothing here")


class Csms:
    """Where the server listens, and the sockets that the test has open."""

    def __init__(self, server: uvicorn.Server) -> None:
        self.server = server
        self.port: int = server.servers[0].sockets[0].getsockname()[1]
        self.sockets = ExitStack()

    def address(self, operator: str, station_id: str) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp/{operator}/{station_id}"

    def connect(
        self,
        operator: str,
        station_id: str,
        password: str | None,
        *,
        user: str | None = None,
        subprotocols: Sequence[str] | None = ("ocpp2.0.1",),
    ) -> "Station":
        """A station whose socket is open; InvalidStatus when it is refused."""
        headers = {} if password is None else basic(user or station_id, password)
        opening = connect(
            self.address(operator, station_id),
            subprotocols=subprotocols,  # type: ignore[list-item]
            additional_headers=headers,
            open_timeout=LIMIT_S,
            close_timeout=LIMIT_S,
            proxy=None,
        )
        return Station(self.sockets.enter_context(opening))

    def close(self) -> None:
        """Close the sockets, and wait until the server is through with all of them."""
        self.sockets.close()
        state = self.server.server_state
        eventually(lambda: not state.connections and not state.tasks)


class Station:
    """A station's side of the socket: raw frames, one at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._next_id = 0

    def send(self, text: str | bytes) -> None:
        self.socket.send(text)

    def receive(self) -> Any:
        return json.loads(self.socket.recv(timeout=LIMIT_S))

    def call(self, action: str, payload: dict[str, Any]) -> Any:
        """The answer frame of a CALL: `[3, id, payload]` or `[4, id, code, ...]`."""
        self._next_id += 1
        message_id = f"m{self._next_id}"
        self.send(f'[2,"{message_id}","{action}",{dumps(payload)}]')
        answer = self.receive()
        assert answer[1] == message_id
        return answer

    def tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of the CALLRESULT to a CALL; AssertionError for a CALLERROR."""
        answer = self.call(action, payload)
        assert answer[0] == 3, answer
        return answer[2]  # type: ignore[no-any-return]

    def close(self) -> None:
        self.socket.close()


def basic(user: str, password: str) -> dict[str, str]:
    """The HTTP Basic header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@contextmanager
def serving(application: Any = None) -> Iterator[uvicorn.Server]:
    """A uvicorn on a free port for the length of the block; `Csms(server)` speaks to it."""
    routes = [*websocket_urlpatterns, re_path(r"", _nothing_here)]
    config = uvicorn.Config(
        application or URLRouter(routes),
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=int(WS_MAX_BYTES),
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="csms")
    thread.start()
    eventually(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        close_live_connections()
        assert not thread.is_alive()


def close_live_connections() -> None:
    """Close the database connection of each live thread, or the test database stays in use."""
    together = Barrier(LIVE_THREADS)

    def close() -> None:
        together.wait(LIMIT_S)
        connections.close_all()

    wait([_pool.submit(close) for _ in range(LIVE_THREADS)])


def eventually(condition: Callable[[], R]) -> R:
    """The first true value of the condition; fails after LIMIT_S."""
    end = time.monotonic() + LIMIT_S
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return value


def at(schema_name: str, read: Callable[[], R]) -> R:
    """What a query gives in one operator's schema."""
    with operator_context(schema_name):
        return read()
