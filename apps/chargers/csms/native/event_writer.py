"""Transaction events of all stations of an operator written together, and their costs asked so."""

import asyncio
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from apps.chargers.csms.native.together import Together
from apps.chargers.ports import TokenDecision
from apps.chargers.services import Arrival, events_apply
from apps.chargers.services.cost_display import FinalCost, final_costs

Told = tuple[Arrival, str]
"""(what came, the identity of its station)"""
Ended = tuple[int, str]
"""(station row, transaction id)"""


class EventWriter:
    """The events of one operator in one event loop."""

    def __init__(self, schema_name: str) -> None:
        self._events: Together[Told, TokenDecision | None] = Together(schema_name, _events_apply)
        self._costs: Together[Ended, FinalCost | None] = Together(schema_name, final_costs)

    async def apply(self, arrival: Arrival, *, station_id: str) -> TokenDecision | None:
        """Store an event; what its token may, None for none. Raises what the storing raised."""
        return await self._events.ask((arrival, station_id))

    async def final_cost(self, *, station_pk: int, transaction_id: str) -> FinalCost | None:
        """What a session that ended cost (I03), None while that is not sure."""
        return await self._costs.ask((station_pk, transaction_id))


def _events_apply(told: Sequence[Told]) -> list[TokenDecision | None]:
    return events_apply(told)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, EventWriter]] = WeakKeyDictionary()


def event_writer(schema_name: str) -> EventWriter:
    """The writer of an operator in the running event loop."""
    writers = _writers.setdefault(asyncio.get_running_loop(), {})
    if schema_name not in writers:
        writers[schema_name] = EventWriter(schema_name)
    return writers[schema_name]
