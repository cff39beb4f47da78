"""One live feed per process and operator: computed once, serialised once, sent to all viewers.

A dirty message makes the feed compute at once when the last snapshot is a second old, else when
it becomes so; it computes once more a second later, because the sender leaves out messages
within that second (`apps.console.subscribers`). Without any message it still computes every
HEARTBEAT_S, so that ages and lost devices show.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from apps.console.viewmodels.live import live_snapshot, snapshot_text
from apps.tenants.channels import operator_sync
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
HEARTBEAT_S = 5.0
# A browser that takes no text for this long is let go; its script connects again.
SEND_TIMEOUT_S = 3.0
Viewer = Callable[[str], Awaitable[None]]
Compute = Callable[[], Awaitable[str]]


class LiveFeed:
    """The viewers of one operator in this process, and the task that serves them."""

    def __init__(self, compute: Compute, *, interval_s: float = INTERVAL_S) -> None:
        self._compute = compute
        self._interval_s = interval_s
        self._viewers: set[Viewer] = set()
        self._text: str | None = None
        self._computed_at = float("-inf")
        self._lock = asyncio.Lock()
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def viewers_count(self) -> int:
        """How many browsers this feed serves."""
        return len(self._viewers)

    async def join(self, viewer: Viewer) -> None:
        """Send the first snapshot at once, then every new one."""
        await viewer(await self._latest())
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())

    async def leave(self, viewer: Viewer) -> None:
        """Stop sending to a viewer; the last one ends the task."""
        self._viewers.discard(viewer)
        if not self._viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    def mark_dirty(self) -> None:
        """Something changed: a new snapshot is due."""
        self._dirty.set()

    async def _latest(self) -> str:
        """The current snapshot, at most one interval old."""
        async with self._lock:
            if self._text is None or time.monotonic() - self._computed_at >= self._interval_s:
                self._text = await self._compute()
                self._computed_at = time.monotonic()
            return self._text

    async def _serve(self) -> None:
        repeat = False
        while True:
            wait_s = self._interval_s if repeat else HEARTBEAT_S
            try:
                await asyncio.wait_for(self._dirty.wait(), wait_s)
                repeat = True
            except TimeoutError:
                repeat = False
            self._dirty.clear()
            rest_s = self._interval_s - (time.monotonic() - self._computed_at)
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            try:
                text = await self._latest()
            # The loop's outer edge: a database that is away now is back at the next turn.
            except Exception:  # noqa: BLE001
                logger.exception("live snapshot failed")
                continue
            await asyncio.gather(*(self._send(viewer, text) for viewer in list(self._viewers)))

    async def _send(self, viewer: Viewer, text: str) -> None:
        try:
            await asyncio.wait_for(viewer(text), SEND_TIMEOUT_S)
        # One viewer's broken or stuck socket must not hold back the others.
        except Exception as err:  # noqa: BLE001
            self._viewers.discard(viewer)
            logger.info("live viewer let go error=%r", err)


# Keyed by event loop too: a feed's lock and task belong to one loop.
_feeds: dict[tuple[int, str], LiveFeed] = {}


def live_feed(schema_name: str) -> LiveFeed:
    """The feed of one operator in this process and event loop."""
    key = (id(asyncio.get_running_loop()), schema_name)
    if key not in _feeds:
        _feeds[key] = LiveFeed(operator_sync(schema_name)(_snapshot_text))
    return _feeds[key]


def _snapshot_text() -> str:
    return snapshot_text(live_snapshot(now=utc_now()))
