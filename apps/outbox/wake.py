"""Wakes a sender. Celery only pokes: the sweep finds what a lost poke left behind."""

from celery import current_app

DELIVER_TASK = "outbox.deliver"


def sender(destination: str) -> None:
    """Ask a worker to deliver to a destination once the transaction commits."""
    current_app.tasks[DELIVER_TASK].enqueue(destination)
