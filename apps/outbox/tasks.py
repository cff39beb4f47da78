"""Senders of the outbox."""

from apps.outbox.selectors import destinations_due
from apps.outbox.services import outbox_deliver_due
from apps.outbox.wake import DELIVER_TASK
from apps.tenants.tasking import operator_task


@operator_task(name=DELIVER_TASK, queue="deliver")
def deliver(destination_name: str) -> None:
    """Deliver what is due at one destination."""
    outbox_deliver_due(destination_name=destination_name)


@operator_task(name="outbox.sweep", queue="default")
def sweep() -> None:
    """Wake the sender of every destination that has a message due."""
    for name in destinations_due():
        deliver.enqueue(name)
