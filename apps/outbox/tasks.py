"""Senders of the outbox."""

from apps.outbox.selectors import destinations_due
from apps.outbox.services import outbox_deliver_due
from apps.outbox.wake import DELIVER_TASK
from apps.tenants.tasking import operator_task

MOST_TOGETHER = 50


@operator_task(name=DELIVER_TASK, queue="deliver")
def deliver(destination_name: str) -> None:
    """Deliver what is due at one destination, some at a time: others get their turn."""
    if outbox_deliver_due(destination_name=destination_name, limit=MOST_TOGETHER) == MOST_TOGETHER:
        deliver.enqueue(destination_name)


@operator_task(name="outbox.sweep", queue="default")
def sweep() -> None:
    """Wake the sender of every destination that has a message due."""
    for name in destinations_due():
        deliver.enqueue(name)
