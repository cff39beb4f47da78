"""Wakes a sender. Celery only pokes: the sweep finds what a lost poke left behind."""

from typing import cast

from celery import current_app

from apps.tenants.tasking import OperatorTask

DELIVER_TASK = "outbox.deliver"


def sender(destination: str) -> None:
    """Ask a worker to deliver to a destination once the transaction commits."""
    task = cast(OperatorTask, current_app.tasks[DELIVER_TASK])
    task.enqueue(destination)
