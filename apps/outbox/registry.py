"""Destinations: who delivers, how patiently. Upper apps register theirs in AppConfig.ready."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from apps.outbox.models import OutboxMessage
from cariflex.common.errors import DomainError

Deliver = Callable[[OutboxMessage], None]


@dataclass(frozen=True)
class DeliveryPolicy:
    """How a destination's messages are tried.

    `lease` must exceed the longest delivery. Back-off doubles from `backoff_start` to
    `backoff_max`; after `give_up_after` from creation the message is dead and waits for a person.
    """

    lease: timedelta = timedelta(seconds=60)
    backoff_start: timedelta = timedelta(seconds=10)
    backoff_max: timedelta = timedelta(hours=6)
    give_up_after: timedelta = timedelta(hours=72)
    concurrency: int = 4


@dataclass(frozen=True)
class Destination:
    """A registered destination."""

    name: str
    deliver: Deliver
    policy: DeliveryPolicy


_destinations: dict[str, Destination] = {}


def register(name: str, deliver: Deliver, policy: DeliveryPolicy | None = None) -> None:
    """Name who delivers messages for a destination; the last registration counts.

    A name also stands for its members (`webhook` for `webhook:7`): each is a destination of its
    own, so that one that does not answer holds up no other.

    `deliver` raises ExternalError to fail: `retryable` decides between back-off and giving up.
    It may be called again for a message that arrived: receivers are idempotent.
    """
    _destinations[name] = Destination(name, deliver, policy or DeliveryPolicy())


def destination(name: str) -> Destination:
    """The registered destination; DomainError when nobody delivers there."""
    family, _separator, _member = name.partition(":")
    try:
        return replace(_destinations[family], name=name)
    except KeyError as err:
        raise DomainError(
            "outbox.destination_unknown", f"nobody delivers to {name!r}", field="destination"
        ) from err


def destinations() -> list[Destination]:
    """All registered destinations."""
    return list(_destinations.values())
