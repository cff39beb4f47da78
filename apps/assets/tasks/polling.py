"""Polling by leases."""

import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from apps.assets.services import shards_ensure, shards_wanting
from apps.assets.services.polling import shard_poll
from apps.assets.services.roll_call import RollCaller
from apps.assets.services.shares import Shares
from apps.tenants.tasking import operator_task

POLL_QUEUE = "poll"
DISPATCH_QUEUE = "dispatch"
DISPATCH_EXPIRY_S = 2.0
HAND_OVER_EXPIRY_S = 10.0
THREADS_KEPT_FREE = 8
"""Threads of a poll worker that never hold a shard: for the dispatch of polls and set-points and
for a person's jobs, which would starve behind tasks of 20 s each."""

_stopping = threading.Event()
_shares = Shares()


@worker_ready.connect
def _start_polling(sender: Any = None, **_kwargs: Any) -> None:
    """The worker takes tasks: if polls are among them, say from now on that it lives."""
    if sender is None or POLL_QUEUE not in sender.app.amqp.queues.consume_from:
        return
    _shares.capacity = max(1, sender.controller.concurrency - THREADS_KEPT_FREE)
    RollCaller(_shares, _stopping).start()


@worker_shutting_down.connect
def _stop_polling(**_kwargs: Any) -> None:
    """The worker was told to end: give the leases up now instead of at their end."""
    _stopping.set()


@operator_task(name="assets.poll_dispatch", queue=DISPATCH_QUEUE)
def poll_dispatch() -> None:
    """Send a poll task for every shard that nobody polls."""
    shards_ensure()
    for shard_id in shards_wanting():
        poll_shard.apply_async((shard_id,), expires=DISPATCH_EXPIRY_S)


@operator_task(name="assets.poll_shard", queue=POLL_QUEUE)
def poll_shard(shard_id: int) -> None:
    """Poll a shard for one lease, then send itself again; ends at once if another holds it."""
    if shard_poll(shard_id=shard_id, stop=_stopping, shares=_shares):
        poll_shard.apply_async((shard_id,), expires=HAND_OVER_EXPIRY_S)
