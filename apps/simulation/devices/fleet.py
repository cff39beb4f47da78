"""All simulated devices of the islands, their clock tick and their saved state."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apps.simulation.clock import Clock, SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.device import SimulatedDevice
from apps.simulation.devices.pv import PvInverter
from apps.simulation.devices.server import DeviceServer
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.island import IslandDevice, load_island, operators
from apps.simulation.state_file import state_read, state_write

log = logging.getLogger(__name__)

_TICK_S = 1.0
_SAVE_EVERY_TICKS = 5


def device_build(
    operator: str, asset: IslandDevice, clock: Clock, *, speed: float
) -> SimulatedDevice:
    """The simulated device of an island's asset."""
    if asset.kind == "battery":
        return Battery(operator, asset, clock, speed=speed)
    return PvInverter(operator, asset, clock)


class Fleet:
    """Starts, ticks, saves and stops the servers of all devices."""

    def __init__(self, servers: Iterable[DeviceServer], state_path: Path) -> None:
        self.servers = {
            (server.device.operator, server.device.asset.code): server for server in servers
        }
        self._state_path = state_path

    @classmethod
    def of_islands(cls, environment: SimulationEnvironment, clock: Clock | None = None) -> "Fleet":
        """The 20 devices of each operator on their ports."""
        ticking = clock or SystemClock()
        servers = []
        for operator in operators():
            island = load_island(operator)
            for asset in island.devices:
                device = device_build(operator, asset, ticking, speed=environment.speed)
                port = environment.ports.device(island.index, asset.port_offset)
                servers.append(DeviceServer(device, port))
        return cls(servers, environment.folder / "devices.json")

    async def start(self) -> None:
        """Take up the saved state and listen on every port."""
        saved = state_read(self._state_path)
        for (operator, code), server in self.servers.items():
            values = saved.get(f"{operator}/{code}")
            if isinstance(values, dict):
                server.device.restore(values)
        for server in self.servers.values():
            await server.start()
        log.info("simulation.devices_listening count=%d", len(self.servers))

    async def stop(self) -> None:
        """Close all ports and save."""
        for server in self.servers.values():
            await server.stop()
        self.save()

    def save(self) -> None:
        """Write what must survive the process."""
        state: dict[str, Any] = {}
        for (operator, code), server in self.servers.items():
            server.device.advance()
            state[f"{operator}/{code}"] = server.device.saved()
        state_write(self._state_path, state)

    async def tick(self, stop: asyncio.Event) -> None:
        """Let time pass until `stop`, polled or not; saves every few seconds."""
        ticks = 0
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _TICK_S)
            except TimeoutError:
                ticks += 1
            for server in self.servers.values():
                server.device.advance()
            if ticks % _SAVE_EVERY_TICKS == 0:
                self.save()
