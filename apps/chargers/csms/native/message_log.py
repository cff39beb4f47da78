"""Frames on their way to the message log: gathered, then written many at a time.

What is billed is written with the event itself; the log may lose its last quarter second when a
process is killed.
"""

import asyncio
import logging
from collections import defaultdict
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from apps.chargers.services import LoggedFrame, messages_store
from apps.tenants.channels import operator_sync
from apps.tenants.context import OperatorMissing

logger = logging.getLogger(__name__)

FLUSH_AFTER_S = 0.25
RETRY_AFTER_S = 2.0
# While the database is away; beyond this the newest frames are dropped and counted.
FRAMES_HELD = 20_000


class MessageLog:
    """The frames of all stations of this process that are not written yet."""

    def __init__(self) -> None:
        self._frames: dict[str, list[LoggedFrame]] = defaultdict(list)
        self._held = 0
        self._dropped = 0
        self._writer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def add(self, schema_name: str, frame: LoggedFrame) -> None:
        """Keep a frame; it is in the database within FLUSH_AFTER_S."""
        if self._held >= FRAMES_HELD:
            self._dropped += 1
            return
        self._frames[schema_name].append(frame)
        self._held += 1
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    async def flush(self) -> bool:
        """Write what is held; False when something could not be written and is still held."""
        async with self._writing:
            written = True
            for schema_name in list(self._frames):
                frames = self._frames.pop(schema_name)
                self._held -= len(frames)
                if not await self._write(schema_name, frames):
                    self._frames[schema_name] = frames + self._frames[schema_name]
                    self._held += len(frames)
                    written = False
            return written

    async def _write(self, schema_name: str, frames: list[LoggedFrame]) -> bool:
        try:
            await operator_sync(schema_name)(messages_store)(frames)
        except OperatorMissing:
            logger.warning("message log of a deleted operator dropped schema=%s", schema_name)
        except DatabaseError as err:
            logger.warning("message log not written frames=%s error=%s", len(frames), err)
            return False
        return True

    async def _write_soon(self) -> None:
        delay_s = FLUSH_AFTER_S
        while self._frames:
            await asyncio.sleep(delay_s)
            delay_s = FLUSH_AFTER_S if await self.flush() else RETRY_AFTER_S
        if self._dropped:
            logger.error("message log frames dropped count=%s", self._dropped)
            self._dropped = 0


_logs: WeakKeyDictionary[asyncio.AbstractEventLoop, MessageLog] = WeakKeyDictionary()


def message_log() -> MessageLog:
    """The log of the running event loop."""
    loop = asyncio.get_running_loop()
    log = _logs.get(loop)
    if log is None:
        log = _logs[loop] = MessageLog()
    return log
