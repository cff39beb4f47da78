"""Many simple devices in one process, for measurements: `python -m apps.simulation.devices.light`.

    --port 27900 --count 1000 [--units 1] [--rtu]

Device n answers on port + n // units as unit n % units + 1. Odd devices are PV inverters, even ones
batteries; their registers stand still but for what is written. Orders come on standard input, one
JSON object a line, each answered with a line: {"fault": "silent", "devices": [3, 4]}; a fault of
null repairs. REFUSE and FLAP strike the whole gateway of a device.
"""

import argparse
import asyncio
import json
import resource
import sys
from typing import Any

from apps.simulation.clock import SystemClock
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.fleet import device_build
from apps.simulation.devices.gateway import GatewayServer, RegisterUnit
from apps.simulation.devices.sunspec_image import BASE_ADDRESS
from apps.simulation.island import load_island

_OF_A_GATEWAY = (Fault.REFUSE, Fault.FLAP, None)


class LightFleet:
    """`count` devices behind gateways of `units` each."""

    def __init__(self, *, port: int, count: int, units: int = 1, is_rtu: bool = False) -> None:
        self._units = units
        patterns = _patterns()
        self.gateways = [
            GatewayServer(
                {
                    n % units + 1: RegisterUnit(BASE_ADDRESS, list(patterns[n % 2]))
                    for n in range(first, min(first + units, count))
                },
                port=port + first // units,
                is_rtu=is_rtu,
            )
            for first in range(0, count, units)
        ]

    async def start(self) -> None:
        """Listen on every port."""
        for gateway in self.gateways:
            await gateway.start()

    async def stop(self) -> None:
        """Close every port."""
        for gateway in self.gateways:
            await gateway.stop()

    async def fault_set(self, device: int, fault: Fault | None) -> None:
        """Break or repair a device."""
        gateway, unit_id = self.gateways[device // self._units], device % self._units + 1
        gateway.unit_faults.pop(unit_id, None)
        if fault not in _OF_A_GATEWAY:
            gateway.unit_faults[unit_id] = fault
        elif gateway.fault is not fault:
            await gateway.fault_set(fault)


def _patterns() -> tuple[list[int], list[int]]:
    """The registers of a battery and of a PV plant, as they stand."""
    found = []
    for kind in ("battery", "pv"):
        asset = next(one for one in load_island("guadeloupe").devices if one.kind == kind)
        device = device_build("guadeloupe", asset, SystemClock(), speed=1.0)
        device.measure()
        found.append(list(device.image.registers))
    return found[0], found[1]


async def _serve(options: argparse.Namespace) -> None:
    fleet = LightFleet(
        port=options.port, count=options.count, units=options.units, is_rtu=options.rtu
    )
    await fleet.start()
    print("ready", flush=True)  # noqa: T201 - the answer to whoever started us
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order: dict[str, Any] = json.loads(line)
        fault = None if order["fault"] is None else Fault(order["fault"])
        for device in order["devices"]:
            await fleet.fault_set(device, fault)
        print("done", flush=True)  # noqa: T201
    await fleet.stop()


def main() -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="Many simple simulated devices.")
    parser.add_argument("--port", type=int, default=27_900)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--units", type=int, default=1, help="units behind each gateway")
    parser.add_argument("--rtu", action="store_true", help="RTU frames over TCP")
    options = parser.parse_args()
    # A listening socket and some connections for each gateway.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 4 * options.count + 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    asyncio.run(_serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
