"""`python -m apps.simulation.devices`: the Modbus devices of both islands."""

import asyncio
import sys

from apps.simulation.devices.control import control_app
from apps.simulation.devices.fleet import Fleet
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.process import HttpServer, run_process


async def main(stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    environment = SimulationEnvironment.read()
    fleet = Fleet.of_islands(environment)
    control = HttpServer(control_app(fleet), environment.ports.simulated_devices_control)
    try:
        await fleet.start()
        await control.start()
        await fleet.tick(stop)
    finally:
        await control.stop()
        await fleet.stop()


if __name__ == "__main__":
    sys.exit(run_process(main))
