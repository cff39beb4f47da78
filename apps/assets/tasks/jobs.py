"""A person's questions to gateways that nobody polls, and those that nobody answered."""

import threading

from apps.assets.drivers.poller import process_poller
from apps.assets.services.jobs import job_answer as answer
from apps.assets.services.jobs import jobs_sweep as sweep
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now

AT_ONCE = 4
"""Jobs that one process answers beside its polls: each waits for its device on a thread."""
ANSWER_EXPIRY_S = 10.0

_room = threading.BoundedSemaphore(AT_ONCE)


@operator_task(name="assets.job_answer", queue="dispatch")
def job_answer(job_id: int) -> None:
    """Answer a job whose gateway nobody polls; without room here it comes again with the sweep."""
    if not _room.acquire(blocking=False):
        return
    try:
        answer(job_id=job_id, ask_once=process_poller().ask_once)
    finally:
        _room.release()


@operator_task(name="assets.jobs_sweep", queue="dispatch")
def jobs_sweep() -> None:
    """Fail the jobs that nobody answered, send the others that wait once more."""
    for job_id in sweep(now=utc_now()):
        job_answer.apply_async((job_id,), expires=ANSWER_EXPIRY_S)
