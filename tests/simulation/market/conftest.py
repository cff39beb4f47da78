"""The simulated feeds on a free port, asked by the clients of the product."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from aiohttp import ClientSession

from apps.simulation.clock import ManualClock
from apps.simulation.market.server import Platform
from apps.simulation.process import HttpServer
from tests.simulation.conftest import free_port

EVENING = datetime(2026, 3, 10, 22, 7, tzinfo=UTC)
"""18:07 of a dry-season day in Guadeloupe."""

_T = TypeVar("_T")


@dataclass
class Feeds:
    """A running process of feeds."""

    url: str
    clock: ManualClock

    async def control(self, **order: Any) -> tuple[int, Any]:
        async with (
            ClientSession(self.url) as http,
            http.post("/control", json=order) as answer,
        ):
            return answer.status, await answer.json()

    async def get(
        self, path: str, *, bearer: str = "", **query: str
    ) -> tuple[int, bytes, dict[str, str]]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with (
            ClientSession(self.url, headers=headers) as http,
            http.get(path, params=query) as answer,
        ):
            names = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, await answer.read(), names

    async def ask(self, call: Callable[..., _T], *args: Any, **words: Any) -> _T:
        """A call of a client, which waits for its answer."""
        return await asyncio.to_thread(call, *args, **words)


OpenFeeds = Callable[..., AbstractAsyncContextManager[Feeds]]


@pytest.fixture
def feeds() -> OpenFeeds:
    """`async with feeds() as running:` the process at EVENING, or at another time."""

    @asynccontextmanager
    async def opened(at: datetime = EVENING) -> AsyncIterator[Feeds]:
        clock = ManualClock(at)
        server = HttpServer(Platform(clock).app(), port := free_port())
        await server.start()
        try:
            yield Feeds(f"http://127.0.0.1:{port}", clock)
        finally:
            await server.stop()

    return opened
