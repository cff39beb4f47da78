"""`python -m apps.simulation.market`: the simulated feeds on one port."""

import asyncio
import logging
import sys

from apps.simulation.clock import SystemClock
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.market.server import Platform
from apps.simulation.process import HttpServer, run_process

log = logging.getLogger(__name__)


async def main(stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    port = SimulationEnvironment.read().ports.simulated_entsoe
    server = HttpServer(Platform(SystemClock()).app(), port)
    await server.start()
    log.info("simulation.market_listening port=%d", port)
    try:
        await stop.wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    sys.exit(run_process(main))
