"""The anchor of `./run bench ocpp`: the ocpp library as a server that keeps nothing.

python -m bench.ocpp_bare PORT
"""

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

logging.getLogger("ocpp").setLevel(logging.CRITICAL)


class Bare(ChargePoint):  # type: ignore[misc]
    """Answers, and forgets."""

    @on("BootNotification")
    def boot(self, **_payload: Any) -> call_result.BootNotification:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return call_result.BootNotification(current_time=at, interval=300, status="Accepted")

    @on("StatusNotification")
    def status(self, **_payload: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on("TransactionEvent")
    def transaction_event(self, **_payload: Any) -> call_result.TransactionEvent:
        return call_result.TransactionEvent()


async def station(socket: ServerConnection) -> None:
    assert socket.request is not None
    # The library ends its loop by this error, also when a station says goodbye.
    with contextlib.suppress(ConnectionClosed):
        await Bare(socket.request.path.rpartition("/")[2], socket).start()


async def main(port: int) -> None:
    async with serve(station, "127.0.0.1", port, subprotocols=["ocpp2.0.1"]):  # type: ignore[list-item]
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
