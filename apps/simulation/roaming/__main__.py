"""`python -m apps.simulation.roaming`: the roaming partners of both islands."""

import asyncio
import sys

from apps.simulation.environment import SimulationEnvironment
from apps.simulation.process import HttpServer, run_process
from apps.simulation.roaming.fleet import RoamingFleet, Surroundings
from apps.simulation.roaming.server import roaming_app


async def main(stop: asyncio.Event) -> None:
    """Run until `stop`."""
    around = Surroundings.of(SimulationEnvironment.read())
    fleet = RoamingFleet(around)
    server = HttpServer(roaming_app(fleet.partners), around.own_port)
    await server.start()
    try:
        await fleet.run(stop)
    finally:
        await server.stop()


if __name__ == "__main__":
    sys.exit(run_process(main))
