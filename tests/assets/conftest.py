"""Devices to poll: the simulator's own, in an event loop of their own thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, TypedDict, TypeVar, Unpack

import pytest

from apps.assets.drivers.poller import Poller
from apps.assets.models import Device, Site
from apps.assets.services import device_register, setpoint_refusals, site_register
from apps.simulation.clock import ManualClock, SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.device import SimulatedDevice
from apps.simulation.devices.pv import PvInverter
from apps.simulation.devices.server import DeviceServer
from apps.simulation.island import IslandDevice
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.modbus_tap import ModbusTap

T = TypeVar("T")
NOON = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
"""Noon in Guadeloupe."""


class DeviceLoop:
    """Runs servers beside the test: start them here, look at them from the test's thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stops: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def start(self, server: Any) -> Any:
        """Start a server (`start`, `stop`); it is stopped with the test."""
        self.run(server.start())
        self._stops.append(server.stop)
        return server

    def tap(self, port: int) -> ModbusTap:
        """A tap in front of a port."""
        tap: ModbusTap = self.start(ModbusTap(port))
        return tap

    def close(self) -> None:
        for stop in reversed(self._stops):
            self.run(stop())
        self.run(self._cancel_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _cancel_rest(self) -> None:
        rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


@pytest.fixture
def devices() -> Iterator[DeviceLoop]:
    loop = DeviceLoop()
    yield loop
    loop.close()


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


@pytest.fixture
def guadeloupe(live_operators: tuple[Operator, Operator]) -> Iterator[str]:
    with operator_context("guadeloupe"):
        yield "guadeloupe"


@pytest.fixture
def short_reversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reversion times of a second, so that a test need not wait for the shortest allowed one."""
    monkeypatch.setattr(setpoint_refusals, "SHORTEST_REVERSION_S", 1)


class FreePortServer(DeviceServer):
    """The simulator's server on a port that the system chooses."""

    def __init__(self, device: SimulatedDevice) -> None:
        super().__init__(device, 0)

    async def start(self) -> None:
        await super().start()
        self.port = self._server.transport.sockets[0].getsockname()[1]


def island_battery(code: str = "bat-01") -> IslandDevice:
    return IslandDevice(
        code=code,
        kind="battery",
        name="Batterie 1",
        commune="Les Abymes",
        latitude=16.27,
        longitude=-61.5,
        port_offset=10,
        rated_power_kw=100.0,
        capacity_kwh=200.0,
        initial_soc_percent=50.0,
        soc_min_percent=10.0,
        soc_max_percent=90.0,
        charging_efficiency=0.96,
        discharging_efficiency=0.96,
    )


def island_pv(code: str = "pv-01") -> IslandDevice:
    return IslandDevice(
        code=code,
        kind="pv",
        name="Toiture 1",
        commune="Le Gosier",
        latitude=16.2,
        longitude=-61.5,
        port_offset=0,
        rated_power_kw=20.0,
    )


def battery_server(*, clock: ManualClock | SystemClock | None = None) -> FreePortServer:
    return FreePortServer(Battery("guadeloupe", island_battery(), clock or SystemClock()))


def pv_server(*, clock: ManualClock | SystemClock | None = None) -> FreePortServer:
    return FreePortServer(PvInverter("guadeloupe", island_pv(), clock or ManualClock(NOON)))


def site_make() -> Site:
    return site_register(code="island", name="Island grid")


class Polled(TypedDict, total=False):
    """Where a device answers, and how it is polled."""

    port: int
    host: str
    unit_id: int
    poll_period_s: float
    control_enabled: bool


def battery_make(code: str = "bat-01", **polled: Unpack[Polled]) -> Device:
    """A 100 kW, 200 kWh battery at rest between 10 and 90 %."""
    return device_register(
        site=site_make(),
        code=code,
        name=f"Battery {code}",
        kind="battery",
        rated_power_kw=100.0,
        capacity_kwh=200.0,
        soc_min_percent=10.0,
        soc_max_percent=90.0,
        charging_efficiency=0.96,
        discharging_efficiency=0.96,
        **_polled(502, polled),
    )


def pv_make(code: str = "pv-01", **polled: Unpack[Polled]) -> Device:
    """A 20 kW PV plant."""
    return device_register(
        site=site_make(),
        code=code,
        name=f"PV {code}",
        kind="pv",
        rated_power_kw=20.0,
        **_polled(503, polled),
    )


def _polled(port: int, given: Polled) -> dict[str, Any]:
    """What is given, and for the rest: on this machine, each half second, under control."""
    rest = {"port": port, "host": "127.0.0.1", "poll_period_s": 0.5, "control_enabled": True}
    return {**rest, **given}
