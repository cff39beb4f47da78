"""What happens to cars and caps wakes the balancing of load groups; nothing is decided here.

A burst (a hundred stations boot) is two wakes: one at once and one half a second later, which sees
the rest. An operator without load groups is asked so every few seconds and never woken.
"""

import threading
import time

from apps.chargers.events import (
    LoadGroupChanged,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StationChanged,
    WebhookEventRecorded,
)
from apps.chargers.selectors.load_groups import has_load_groups
from apps.chargers.services.webhooks import recorders_register
from apps.chargers.tasks import load_balance, webhooks_relay
from cariflex.common.events import Event, subscribe

INTERVAL_S = 0.5
ASKED_EVERY_S = 5.0
# Values that cars send all the time wake at this pace at most; the sweep sees the last ones.
VALUES_INTERVAL_S = 2.0
EVENTS: tuple[type[Event], ...] = (
    SessionStarted,
    SessionUpdated,
    SessionEnded,
    StationChanged,
    LoadGroupChanged,
)


class Wakes:
    """When each operator was woken last; safe between threads."""

    def __init__(self) -> None:
        self._next_s: dict[str, float] = {}
        self._pending: set[str] = set()
        self._has_groups: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def delay_s(self, schema_name: str, *, at_s: float, is_value: bool = False) -> float | None:
        """How long the next wake waits; None when one that will see this is on its way."""
        with self._lock:
            next_s = self._next_s.get(schema_name, float("-inf"))
            if is_value and at_s < next_s - INTERVAL_S + VALUES_INTERVAL_S:
                return None
            if at_s >= next_s:
                self._next_s[schema_name] = at_s + INTERVAL_S
                self._pending.discard(schema_name)
                return 0.0
            if schema_name in self._pending:
                return None
            self._pending.add(schema_name)
            return next_s - at_s

    def concern(self, schema_name: str, *, at_s: float, is_of_group: bool) -> bool:
        """True when the operator has load groups, as far as it was asked lately."""
        known = self._has_groups.get(schema_name)
        if is_of_group or known is None or at_s - known[0] >= ASKED_EVERY_S:
            known = (at_s, is_of_group or has_load_groups())
            self._has_groups[schema_name] = known
        return known[1]


_wakes = Wakes()
_relay_wakes = Wakes()


def on_change(event: Event) -> None:
    """Wake the balancing of this operator."""
    at_s = time.monotonic()
    is_of_group = isinstance(event, LoadGroupChanged)
    if not _wakes.concern(event.schema, at_s=at_s, is_of_group=is_of_group):
        return
    is_value = isinstance(event, SessionUpdated)
    delay_s = _wakes.delay_s(event.schema, at_s=at_s, is_value=is_value)
    if delay_s is not None:
        load_balance.enqueue_with(options={"countdown": delay_s} if delay_s else {})


def on_webhook_event(event: WebhookEventRecorded) -> None:
    """Hand events for webhooks out: the first of a burst at once, the rest together."""
    delay_s = _relay_wakes.delay_s(event.schema, at_s=time.monotonic())
    if delay_s is not None:
        webhooks_relay.enqueue_with(options={"countdown": delay_s} if delay_s else {})


def subscribe_all() -> None:
    """Called once, when the app is ready."""
    recorders_register()
    subscribe(WebhookEventRecorded, on_webhook_event)
    for event_type in EVENTS:
        subscribe(event_type, on_change)
