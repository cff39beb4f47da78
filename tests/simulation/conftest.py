"""What the simulation's tests share: clocks that stand still, devices on free ports."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from apps.simulation.clock import Clock, ManualClock
from apps.simulation.devices.fleet import device_build
from apps.simulation.devices.server import DeviceServer
from apps.simulation.island import load_island

NOON = datetime(2026, 3, 20, 16, 15, tzinfo=UTC)
"""12:15 in Guadeloupe: the sun is high."""

Serve = Callable[..., AbstractAsyncContextManager[DeviceServer]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def serve(clock: ManualClock) -> Serve:
    """`async with serve("bat-01") as server:` a device of Guadeloupe on a free port."""

    @asynccontextmanager
    async def serving(
        code: str, *, at: Clock | None = None, speed: float = 1.0
    ) -> AsyncIterator[DeviceServer]:
        asset = next(one for one in load_island("guadeloupe").devices if one.code == code)
        device = device_build("guadeloupe", asset, at or clock, speed=speed)
        server = DeviceServer(device, free_port())
        await server.start()
        try:
            yield server
        finally:
            await server.stop()

    return serving
