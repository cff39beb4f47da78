"""Typed events travel upward: published by a lower app, subscribed by an upper one.

An event is dispatched when the surrounding transaction commits, so that a subscriber never sees
what may be rolled back. A subscriber enqueues work and does nothing else. A recorder runs before
that, inside the transaction: what it writes is committed with the news or not at all.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something that happened at one operator."""

    schema: str


E = TypeVar("E", bound=Event)
Subscriber = Callable[[Any], None]
_subscribers: dict[type[Event], list[Subscriber]] = defaultdict(list)
_recorders: dict[type[Event], list[Subscriber]] = defaultdict(list)


def subscribe(event_type: type[E], subscriber: Callable[[E], None]) -> None:
    """Call `subscriber` for each event of exactly this type; subscribing twice counts once."""
    if subscriber not in _subscribers[event_type]:
        _subscribers[event_type].append(subscriber)


def unsubscribe(event_type: type[E], subscriber: Callable[[E], None]) -> None:
    """Undo `subscribe`; unknown subscribers are ignored."""
    if subscriber in _subscribers[event_type]:
        _subscribers[event_type].remove(subscriber)


def record(event_type: type[E], recorder: Callable[[E], None]) -> None:
    """Call `recorder` where the event is published, in that transaction; twice counts once.

    What it raises is the publisher's to bear: a recorder guards its own faults.
    """
    if recorder not in _recorders[event_type]:
        _recorders[event_type].append(recorder)


def publish(event: Event) -> None:
    """Tell the subscribers once the surrounding transaction commits; at once if there is none."""
    for recorder in list(_recorders[type(event)]):
        recorder(event)
    if _subscribers[type(event)]:
        transaction.on_commit(partial(_dispatch, event))


def _dispatch(event: Event) -> None:
    for subscriber in list(_subscribers[type(event)]):
        try:
            subscriber(event)
        # The transaction is committed: one subscriber's fault must not hide the event from others.
        except Exception:  # noqa: BLE001
            logger.exception("event subscriber failed event=%s", type(event).__name__)
