"""Transaction events of all stations of an operator, written together.

While one batch is being written the next one gathers: a lone station never waits for others, and
fifty that report at once share one transaction. A station hears its answer after the commit.
"""

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from apps.chargers.ports import TokenDecision
from apps.chargers.services import Arrival, events_apply
from apps.tenants.channels import operator_sync

logger = logging.getLogger(__name__)

MOST_TOGETHER = 64
Decided = TokenDecision | None
Apply = Callable[[list[tuple[Arrival, str]]], list[Decided]]


class EventWriter:
    """The events of one operator in one event loop."""

    def __init__(self, schema_name: str) -> None:
        self._schema_name = schema_name
        self._gathered: list[tuple[Arrival, str, asyncio.Future[Decided]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def apply(self, arrival: Arrival, *, station_id: str) -> Decided:
        """Store an event; what its token may, None for none. Raises what the storing raised."""
        result: asyncio.Future[Decided] = asyncio.get_running_loop().create_future()
        self._gathered.append((arrival, station_id, result))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        # A socket that closes does not take back what its station told.
        return await asyncio.shield(result)

    async def _write_all(self) -> None:
        while self._gathered:
            batch = self._gathered[:MOST_TOGETHER]
            del self._gathered[:MOST_TOGETHER]
            await self._write(batch)

    async def _write(self, batch: list[tuple[Arrival, str, asyncio.Future[Decided]]]) -> None:
        try:
            decisions = await self._apply(
                [(arrival, station_id) for arrival, station_id, _ in batch]
            )
        # Each waits for its own outcome: one bad event must not fail those it came with.
        except Exception as error:  # noqa: BLE001
            is_away = isinstance(error, OperationalError | InterfaceError)
            if len(batch) > 1 and not is_away:
                logger.warning(
                    "events written one by one operator=%s error=%r", self._schema_name, error
                )
                for one in batch:
                    await self._write([one])
                return
            for _arrival, _station_id, result in batch:
                if not result.done():
                    result.set_exception(error)
            return
        for (_arrival, _station_id, result), decision in zip(batch, decisions, strict=True):
            if not result.done():
                result.set_result(decision)

    async def _apply(self, batch: list[tuple[Arrival, str]]) -> list[Decided]:
        return await operator_sync(self._schema_name)(events_apply)(batch)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, EventWriter]] = WeakKeyDictionary()


def event_writer(schema_name: str) -> EventWriter:
    """The writer of an operator in the running event loop."""
    writers = _writers.setdefault(asyncio.get_running_loop(), {})
    if schema_name not in writers:
        writers[schema_name] = EventWriter(schema_name)
    return writers[schema_name]
