"""Polling by leases."""

import threading
from typing import Any

from celery.signals import worker_shutting_down

from apps.assets.services import shards_ensure, shards_free
from apps.assets.services.polling import shard_poll
from apps.tenants.tasking import operator_task

DISPATCH_EXPIRY_S = 2.0
HAND_OVER_EXPIRY_S = 10.0

_stopping = threading.Event()


@worker_shutting_down.connect
def _stop_polling(**_kwargs: Any) -> None:
    """The worker was told to end: give the leases up now instead of at their end."""
    _stopping.set()


@operator_task(name="assets.poll_dispatch", queue="poll")
def poll_dispatch() -> None:
    """Send a poll task for every shard that nobody polls."""
    shards_ensure()
    for shard_id in shards_free():
        poll_shard.apply_async((shard_id,), expires=DISPATCH_EXPIRY_S)


@operator_task(name="assets.poll_shard", queue="poll")
def poll_shard(shard_id: int) -> None:
    """Poll a shard for one lease, then send itself again; ends at once if another holds it."""
    if shard_poll(shard_id=shard_id, stop=_stopping):
        poll_shard.apply_async((shard_id,), expires=HAND_OVER_EXPIRY_S)
