"""Put messages into the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.outbox import wake
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import destination as registered
from cariflex.common.time import utc_now


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be added with others."""

    payload: dict[str, Any]
    order_key: str = ""


def outbox_add(
    *,
    destination: str,
    kind: str,
    payload: dict[str, Any],
    order_key: str = "",
    dedupe_key: str | None = None,
) -> OutboxMessage:
    """The message, written in the caller's transaction; its sender is woken on commit.

    With a `dedupe_key` that the destination has seen, the earlier message is returned unchanged.
    Raises DomainError when nobody delivers to the destination.
    """
    registered(destination)
    fields = {
        "kind": kind,
        "payload": payload,
        "order_key": order_key,
        "next_attempt_at": utc_now(),
    }
    if dedupe_key is None:
        message = OutboxMessage.objects.create(destination=destination, **fields)
    else:
        message, created = OutboxMessage.objects.get_or_create(
            destination=destination, dedupe_key=dedupe_key, defaults=fields
        )
        if not created:
            return message
    wake.sender(destination)
    return message


def outbox_add_all(
    *, destination: str, kind: str, messages: Sequence[NewMessage]
) -> list[OutboxMessage]:
    """The messages in the order given, in one insert; their sender is woken once, on commit.

    Raises DomainError when nobody delivers to the destination.
    """
    registered(destination)
    now = utc_now()
    rows = OutboxMessage.objects.bulk_create(
        OutboxMessage(
            destination=destination,
            kind=kind,
            payload=message.payload,
            order_key=message.order_key,
            next_attempt_at=now,
        )
        for message in messages
    )
    if rows:
        wake.sender(destination)
    return rows
