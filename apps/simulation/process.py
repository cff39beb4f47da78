"""The frame of a simulator process: logging, one event loop, a clean stop on SIGTERM."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop
from aiohttp import web

log = logging.getLogger(__name__)


class PortTakenError(Exception):
    """A port that a simulator needs is in use; the message names it."""


def run_process(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `main(stop)` until it returns; SIGTERM and SIGINT set `stop`. Gives the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    for chatty in ("ocpp", "pymodbus", "websockets", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_with_signals(main))
    except (PortTakenError, ValueError) as err:
        log.error("simulation.start_failed error=%s", err)  # noqa: TRY400 - the message is enough
        return 1
    return 0


async def _with_signals(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)


class HttpServer:
    """A small HTTP server on the loopback interface."""

    def __init__(self, app: web.Application, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self._port = port

    async def start(self) -> None:
        """Listen; PortTakenError when somebody else does."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError as err:
            await self._runner.cleanup()
            raise PortTakenError(f"port {self._port} is in use: {err}") from err

    async def stop(self) -> None:
        """Close the listening socket and every connection."""
        await self._runner.cleanup()
