"""What happens below makes the live viewers' picture dirty; nothing is computed here.

At most one message a second per process and operator: the feed computes once more a second
after each message, so what is left out here is still seen.
"""

import logging
import threading
import time

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from apps.assets.events import AlarmChanged, ReadingsStored, SetpointChanged
from apps.billing.events import CdrIssued
from apps.chargers.events import (
    CommandChanged,
    LoadGroupChanged,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StationChanged,
)
from apps.console.groups import DIRTY, live_group
from apps.flexibility.events import ControlStateChanged, PlanChanged
from cariflex.common.events import Event, subscribe

logger = logging.getLogger(__name__)

EVENTS: tuple[type[Event], ...] = (
    ReadingsStored,
    SetpointChanged,
    AlarmChanged,
    SessionStarted,
    SessionUpdated,
    SessionEnded,
    StationChanged,
    CommandChanged,
    LoadGroupChanged,
    PlanChanged,
    ControlStateChanged,
    CdrIssued,
)
INTERVAL_S = 1.0


class DirtyGate:
    """Lets one message a second pass per operator; safe between threads."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._passed_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def passes(self, schema_name: str, *, at_s: float) -> bool:
        """True when the last message of this operator is at least an interval old."""
        with self._lock:
            if at_s - self._passed_at.get(schema_name, float("-inf")) < self._interval_s:
                return False
            self._passed_at[schema_name] = at_s
            return True


_gate = DirtyGate()


def live_dirty(event: Event) -> None:
    """Tell the operator's viewers that something changed."""
    if not _gate.passes(event.schema, at_s=time.monotonic()):
        return
    try:
        async_to_sync(get_channel_layer().group_send)(live_group(event.schema), DIRTY)
    # The feed computes every few seconds by itself: a message lost with Redis costs latency.
    except (RedisError, OSError) as err:
        logger.warning("live message not sent operator=%s error=%s", event.schema, err)


def subscribe_all() -> None:
    """Called once, when the app is ready."""
    for event_type in EVENTS:
        subscribe(event_type, live_dirty)
