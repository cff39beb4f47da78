"""Work in the background, for one operator at a time."""

from apps.chargers.services import commands_sweep, messages_prune
from apps.chargers.services import connections_sweep as sweep
from apps.chargers.services.command_batches import BATCH_TASK, batch_slice_send, batches_sweep
from apps.chargers.services.local_lists import local_lists_send as lists_send
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="chargers.connections_sweep")
def connections_sweep() -> None:
    """Every 30 s: silent stations are offline, orders that nobody will end are ended."""
    now = utc_now()
    sweep(now=now)
    commands_sweep(now=now)
    batches_sweep()


@operator_task(name=BATCH_TASK)
def command_batch_run(batch_id: int) -> None:
    """Give a bulk order to its stations, slice by slice; safe to run twice."""
    while batch_slice_send(batch_id=batch_id, now=utc_now()):
        pass


@operator_task(name="chargers.messages_retain")
def messages_retain() -> None:
    """Every hour: the message log keeps its limits."""
    messages_prune(now=utc_now())


@operator_task(name="chargers.local_lists_send")
def local_lists_send() -> None:
    """Every minute: connected stations get the tokens that they should know when alone."""
    lists_send(now=utc_now())
