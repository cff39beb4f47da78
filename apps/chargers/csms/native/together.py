"""What many stations ask of the database in the same moment, done in one go.

While one batch is at work the next one gathers: a lone station never waits for others, and fifty
that ask at once share one transaction. A station hears its answer after the commit.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from apps.tenants.channels import operator_sync

logger = logging.getLogger(__name__)

MOST_TOGETHER = 64
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Together(Generic[Asked, Answered]):
    """One service of one operator in one event loop; it answers each of what it is asked."""

    def __init__(
        self, schema_name: str, service: Callable[[Sequence[Asked]], Sequence[Answered]]
    ) -> None:
        self._schema_name = schema_name
        self._service = service
        self._gathered: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answered:
        """The service's answer to this one. Raises what the service raised."""
        result: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._gathered.append((asked, result))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        # A socket that closes does not take back what its station told.
        return await asyncio.shield(result)

    async def _work(self) -> None:
        while self._gathered:
            batch = self._gathered[:MOST_TOGETHER]
            del self._gathered[:MOST_TOGETHER]
            await self._serve(batch)

    async def _serve(self, batch: list[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        try:
            answers = await operator_sync(self._schema_name)(self._service)(
                [asked for asked, _result in batch]
            )
        # Each waits for its own outcome: one that fails must not fail those it came with.
        except Exception as error:  # noqa: BLE001
            is_away = isinstance(error, OperationalError | InterfaceError)
            if len(batch) > 1 and not is_away:
                logger.warning("done one by one operator=%s error=%r", self._schema_name, error)
                for one in batch:
                    await self._serve([one])
                return
            for _asked, result in batch:
                if not result.done():
                    result.set_exception(error)
            return
        for (_asked, result), answer in zip(batch, answers, strict=True):
            if not result.done():
                result.set_result(answer)
