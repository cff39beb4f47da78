"""Work in the background on what partners have for us, for one operator at a time."""

from datetime import timedelta

from apps.ocpi.services.authorize import token_asks_prune
from apps.ocpi.services.publish_sessions import session_publish
from apps.ocpi.services.pulls import pull_run as run
from apps.ocpi.services.pulls_schedule import pulls_due
from apps.ocpi.services.pulls_schedule import pulls_prune as prune
from apps.ocpi.services.roaming_sessions import roaming_sessions_sweep as sweep
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now

# Shorter than the time after which a broker takes a task for lost.
_AT_ONCE = timedelta(seconds=40)


@operator_task(name="ocpi.roaming_sessions_sweep")
def roaming_sessions_sweep() -> None:
    """Every 15 s: running sessions whose token came late, or whose news was lost."""
    now = utc_now()
    for session_id in sweep(now=now):
        session_publish(session_id, now)


@operator_task(name="ocpi.pull_run")
def pull_run(pull_id: int) -> None:
    """Read some pages; a longer list sends itself again, also after a partner's pause."""
    pause = run(pull_id=pull_id, clock=utc_now, until=utc_now() + _AT_ONCE)
    if pause is not None:
        pull_run.enqueue_with(args=[pull_id], options={"countdown": pause.total_seconds()})


@operator_task(name="ocpi.pulls_dispatch")
def pulls_dispatch() -> None:
    """Every 5 min: lists whose time has come, and pulls that lost their worker."""
    for pull_id in pulls_due(now=utc_now()):
        pull_run.enqueue(pull_id)


@operator_task(name="ocpi.pulls_prune")
def pulls_prune() -> None:
    """Every day: old pulls and questions about tokens are forgotten."""
    now = utc_now()
    prune(now=now)
    token_asks_prune(now=now)
