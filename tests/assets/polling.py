"""Polling in a thread, as a worker does, and waiting for what comes of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection

from apps.assets.drivers.poller import Poller
from apps.assets.models import Device, PollShard, Setpoint
from apps.assets.services import setpoint_request, shards_ensure
from apps.assets.services.polling import shard_poll
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now

PERIOD_S = 0.2
FLUSH_S = 0.1
PATIENCE_S = 60.0


def eventually(holds: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `holds` gives once it is true; fails after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if result := holds():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {patience_s} s")


def the_shard() -> int:
    shards_ensure()
    return PollShard.objects.get().pk


@contextmanager
def polling(poller: Poller, schema: str = "guadeloupe", **options: Any) -> Iterator[list[object]]:
    """Poll the operator's one shard in a thread, as a worker does, until the block ends."""
    stop, results = threading.Event(), []
    with operator_context(schema):
        shard_id = the_shard()

    def work() -> None:
        try:
            with operator_context(schema):
                results.append(
                    shard_poll(
                        shard_id=shard_id,
                        stop=stop,
                        poller=poller,
                        run_s=60.0,
                        flush_s=FLUSH_S,
                        **options,
                    )
                )
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield results
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def state_of(device: Device) -> str:
    device.refresh_from_db()
    return str(device.connection_state)


def ask(device: Device, power_kw: float, *, lasts_s: float = 60, reversion_s: int = 60) -> Setpoint:
    return setpoint_request(
        device_id=device.pk,
        power_kw=power_kw,
        source="plan",
        reason="test",
        expires_at=utc_now() + timedelta(seconds=lasts_s),
        reversion_s=reversion_s,
    )


def status_of(setpoint: Setpoint) -> str:
    setpoint.refresh_from_db()
    return str(setpoint.status)
