"""Take due messages under a lease, deliver them, write down what happened."""

import logging
import random
import uuid
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.outbox import wake
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy, Destination, destination
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# The oldest waiting message of each order key only; messages without a key are all free.
_TAKE_ONE = """
UPDATE outbox_outboxmessage SET locked_until = %(until)s, lease = %(lease)s,
       attempts = attempts + 1
 WHERE id = (
   SELECT m.id FROM outbox_outboxmessage m
    WHERE m.destination = %(destination)s AND m.state = 'waiting'
      AND m.next_attempt_at <= %(now)s
      AND (m.locked_until IS NULL OR m.locked_until < %(now)s)
      AND NOT EXISTS (
        SELECT 1 FROM outbox_outboxmessage e
         WHERE m.order_key <> '' AND e.destination = m.destination
           AND e.order_key = m.order_key AND e.state = 'waiting' AND e.id < m.id)
      AND (SELECT count(*) FROM outbox_outboxmessage b
            WHERE b.destination = %(destination)s AND b.state = 'waiting'
              AND b.locked_until >= %(now)s) < %(concurrency)s
    ORDER BY m.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def outbox_deliver_due(*, destination_name: str, limit: int = 50) -> int:
    """Deliver what is due at one destination, at most `limit`; gives the number delivered.

    No transaction stays open during a delivery: a lease keeps others away, and a killed sender's
    message is free again when the lease ends.
    """
    target = destination(destination_name)
    delivered = 0
    for _attempt in range(limit):
        message = _take(target)
        if message is None:
            break
        delivered += _deliver(target, message)
    return delivered


def outbox_resend(*, message_ids: list[int]) -> int:
    """Try given-up messages again from now on; gives how many were set waiting."""
    with transaction.atomic():
        dead = OutboxMessage.objects.filter(pk__in=message_ids, state=MessageState.DEAD)
        names = set(dead.values_list("destination", flat=True))
        now = utc_now()
        count = dead.update(
            state=MessageState.WAITING, next_attempt_at=now, created_at=now, locked_until=None
        )
        for name in names:
            wake.sender(name)
    return count


def outbox_hasten(*, destination_name: str) -> int:
    """Try what waits for a destination now, once it is known to answer again; how many."""
    now = utc_now()
    with transaction.atomic():
        count = OutboxMessage.objects.filter(
            destination=destination_name, state=MessageState.WAITING, next_attempt_at__gt=now
        ).update(next_attempt_at=now)
        if count:
            wake.sender(destination_name)
    return count


def backoff(policy: DeliveryPolicy, attempts: int) -> timedelta:
    """The wait after the n-th failed attempt, doubling up to the policy's longest."""
    doublings = min(max(attempts - 1, 0), 30)
    return min(policy.backoff_start * (1 << doublings), policy.backoff_max)


def _take(target: Destination) -> OutboxMessage | None:
    now = utc_now()
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_ONE,
            {
                "until": now + target.policy.lease,
                "lease": uuid.uuid4(),
                "destination": target.name,
                "now": now,
                "concurrency": target.policy.concurrency,
            },
        )
        row = cursor.fetchone()
    return OutboxMessage.objects.get(pk=row[0]) if row else None


def _deliver(target: Destination, message: OutboxMessage) -> bool:
    try:
        target.deliver(message)
    except ExternalError as err:
        _failed(target.policy, message, str(err), err.retryable, err.retry_after_s)
        return False
    except DomainError as err:
        _failed(target.policy, message, str(err), False, None)
        return False
    # A fault of our own must neither stop the other messages nor lose this one.
    except Exception as err:
        logger.exception("outbox delivery failed destination=%s id=%s", target.name, message.pk)
        _failed(target.policy, message, f"{type(err).__name__}: {err}", True, None)
        return False
    _mine(message).update(
        state=MessageState.DELIVERED, delivered_at=utc_now(), locked_until=None, last_error=""
    )
    return True


def _failed(
    policy: DeliveryPolicy,
    message: OutboxMessage,
    error: str,
    retryable: bool,
    retry_after_s: float | None,
) -> None:
    now = utc_now()
    if not retryable or now - message.created_at > policy.give_up_after:
        logger.error("outbox given up destination=%s id=%s", message.destination, message.pk)
        _mine(message).update(state=MessageState.DEAD, locked_until=None, last_error=error[:2000])
        return
    wait = backoff(policy, message.attempts) * random.uniform(0.8, 1.2)  # noqa: S311
    if retry_after_s is not None:
        wait = max(wait, timedelta(seconds=retry_after_s))
    _mine(message).update(next_attempt_at=now + wait, locked_until=None, last_error=error[:2000])


def _mine(message: OutboxMessage) -> "QuerySet[OutboxMessage]":
    """The row while our lease holds: a late sender must not overwrite its successor's word."""
    return OutboxMessage.objects.filter(pk=message.pk, lease=message.lease)
