"""How many shards a process should hold: its fair share of all shards of all operators. In memory.

A worker above its share gives a shard up when its turn at it ends, if another living worker has
less than the share. A shard that was given up is left to the others for some seconds, and then
taken by whoever comes: no shard stands still for the sake of balance.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from apps.assets.services.shards import ShardState
from apps.assets.services.workers import RollCall, worker_name

logger = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""How long a free shard is left to those who should have it."""
OFFER_PAUSE_S = 300.0
"""After nobody wanted what was given up, nothing is given up for this long."""
WARN_EVERY_S = 60.0

ShardKey = tuple[str, int]
"""(schema, shard id)."""


def fair_share(*, shards: int, workers: int) -> int:
    """How many shards each worker holds at most when all are held evenly."""
    return -(-shards // max(1, workers))


class Shares:
    """What this process holds and what the living workers hold; used by all its threads.

    Without roll-calls it takes whatever comes, up to `capacity` shards.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        capacity: int | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name or worker_name()
        self.capacity = capacity
        self._lock = threading.RLock()
        self._rooms = 0
        self._held: set[ShardKey] = set()
        self._calls: dict[str, RollCall] = {}
        self._living = frozenset({self.name})
        self._clock_s = clock_s
        self._offered: set[ShardKey] = set()
        self._no_offer_until_s = self._no_warning_until_s = float("-inf")

    def learn(self, schema: str, call: RollCall) -> None:
        """What the roll-call at one operator gave; the newest says who lives."""
        with self._lock:
            self._calls[schema] = call
            living = frozenset(call.held) | {self.name}
            if living - self._living:
                self._no_offer_until_s = float("-inf")
            self._living = living

    def keep_only(self, schemas: Iterable[str]) -> None:
        """Forget operators that are not served any more."""
        kept = set(schemas)
        with self._lock:
            self._calls = {schema: c for schema, c in self._calls.items() if schema in kept}

    def enter(self) -> bool:
        """Make room for one more shard; False when the process is full. Undone by `exit`."""
        with self._lock:
            if self.capacity is not None and self._rooms >= self.capacity:
                return False
            self._rooms += 1
            return True

    def exit(self) -> None:
        """The room is free again."""
        with self._lock:
            self._rooms -= 1

    def warn_full(self) -> None:
        """Nobody polls a shard that came, and there is no room for it: say so, now and then."""
        with self._lock:
            if self._clock_s() < self._no_warning_until_s:
                return
            self._no_warning_until_s = self._clock_s() + WARN_EVERY_S
        logger.warning("poll.worker_full worker=%s shards=%s", self.name, self.capacity)

    def should_take(self, shard: ShardKey, state: ShardState) -> bool:
        """Whether a free shard is ours to take; it counts as held from then until `leave`."""
        with self._lock:
            if not self._is_ours(shard, state):
                return False
            self._offered.discard(shard)
            self._held.add(shard)
            return True

    def leave(self, shard: ShardKey) -> None:
        """The shard is not held here any more; safe to repeat."""
        with self._lock:
            self._held.discard(shard)

    def give_up(self, shard: ShardKey) -> bool:
        """True when a shard that is held here should go to another worker; it then has left."""
        with self._lock:
            if self._clock_s() < self._no_offer_until_s or not self._is_others(len(self._held)):
                return False
            self._offered.add(shard)
            self._held.discard(shard)
            return True

    def _is_ours(self, shard: ShardKey, state: ShardState) -> bool:
        if state.worker == self.name or state.is_orphan:
            return True
        if state.free_for_s >= PATIENCE_S:
            if shard in self._offered and not state.worker:
                # Whoever is below its share cannot or will not take it.
                self._no_offer_until_s = self._clock_s() + OFFER_PAUSE_S
            return True
        return state.worker not in self._living and not self._is_others(len(self._held) + 1)

    def _is_others(self, held_here: int) -> bool:
        """True when that is more than our share, and another worker holds less than its own."""
        share = fair_share(
            shards=sum(call.shards for call in self._calls.values()), workers=len(self._living)
        )
        return held_here > share and any(
            held < share for name, held in self._held_by().items() if name != self.name
        )

    def _held_by(self) -> Mapping[str, int]:
        held: Counter[str] = Counter(dict.fromkeys(self._living, 0))
        for call in self._calls.values():
            held.update({name: n for name, n in call.held.items() if name in self._living})
        return held
