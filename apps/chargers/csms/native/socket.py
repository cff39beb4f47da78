"""The socket as the ocpp library wants it: `recv()` and `send()`, over a bounded queue."""

import asyncio
from collections.abc import Awaitable, Callable

# A station that sends faster than it is served is slowed down by TCP, not by our memory.
QUEUED_FRAMES = 64


class QueueSocket:
    """Frames of one station: put by the consumer, taken one at a time by the charge point."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._frames: asyncio.Queue[str] = asyncio.Queue(QUEUED_FRAMES)

    async def put(self, text: str) -> None:
        """Hand over a frame from the station; waits while the queue is full."""
        await self._frames.put(text)

    async def recv(self) -> str:
        """The next frame from the station."""
        return await self._frames.get()

    async def send(self, text: str) -> None:
        """Send a frame to the station."""
        await self._send(text)
