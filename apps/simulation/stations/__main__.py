"""`python -m apps.simulation.stations`: the OCPP 2.0.1 stations of both islands."""

import asyncio
import sys

from apps.simulation.environment import SimulationEnvironment
from apps.simulation.process import HttpServer, run_process
from apps.simulation.stations.control import control_app
from apps.simulation.stations.fleet import StationFleets


async def main(stop: asyncio.Event) -> None:
    """Run until `stop`."""
    environment = SimulationEnvironment.read()
    fleets = StationFleets(environment)
    control = HttpServer(control_app(fleets), environment.ports.simulated_stations_control)
    await control.start()
    try:
        await fleets.run(stop)
    finally:
        await control.stop()


if __name__ == "__main__":
    sys.exit(run_process(main))
