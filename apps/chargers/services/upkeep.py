"""Jobs at stations that go on after the answer to their command: what came of them.

A job that was done stays done; one that failed is taken up again when the station says that it
goes on (it tries again by itself). What a station repeats is noted once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from apps.chargers.choices import CommandStatus, UpkeepStatus
from apps.chargers.models import Command, FirmwareJob, LogJob
from apps.chargers.ocpp import actions
from cariflex.common.time import format_rfc3339

Job = TypeVar("Job", FirmwareJob, LogJob)
HISTORY_KEPT = 200
OPEN = (UpkeepStatus.REQUESTED, UpkeepStatus.RUNNING)
_ENDS = (UpkeepStatus.DONE, UpkeepStatus.FAILED, UpkeepStatus.ENDED)
IDLE = "Idle"


def job_of(
    jobs: type[Job], *, station_pk: int, request_id: int | None
) -> FirmwareJob | LogJob | None:
    """The job a station speaks of, locked; without a number its newest that is not over."""
    rows = jobs.objects.select_for_update().filter(station_id=station_pk)
    if request_id is not None:
        return rows.filter(request_id=request_id).first()
    return rows.filter(status__in=OPEN).order_by("-pk").first()


def job_note(job: FirmwareJob | LogJob, *, said: str, status: UpkeepStatus, now: datetime) -> None:
    """Note what the station said of a locked job, and what that makes of it."""
    if said != job.station_status:
        job.history = [*job.history, {"at": format_rfc3339(now), "status": said}][-HISTORY_KEPT:]
        job.station_status = said[:40]
    if job.status != UpkeepStatus.DONE and job.status != status:
        job.status = status
        job.ended_at = now if status in _ENDS else None
    job.save(update_fields=["history", "station_status", "status", "ended_at"])


def job_begun(job: FirmwareJob | LogJob, command: Command) -> None:
    """Take over the end of a command that was not even sent."""
    if command.status == CommandStatus.FAILED:
        job_note(job, said="", status=UpkeepStatus.FAILED, now=command.requested_at)


def job_answered(jobs: type[Job], command: Command, answer: Mapping[str, Any] | None) -> None:
    """What the answer to its command, or that there is none, makes of a job."""
    job = jobs.objects.select_for_update().filter(command=command).first()
    if job is None or command.answered_at is None:
        return
    said = "" if answer is None else str(answer.get("status", "Accepted"))
    if answer is None or not actions.is_accepted(command.action, answer):
        job_note(job, said=said, status=UpkeepStatus.FAILED, now=command.answered_at)
        return
    if said == "AcceptedCanceled":
        # L01.FR.24, N01.FR.12: it gave up the one before for this one.
        others = jobs.objects.select_for_update().filter(
            station_id=command.station_id, status__in=OPEN, pk__lt=job.pk
        )
        for other in others.order_by("pk"):
            job_note(other, said=said, status=UpkeepStatus.ENDED, now=command.answered_at)
    if job.status == UpkeepStatus.REQUESTED:
        # Otherwise the station has told more already.
        job_note(job, said=said, status=UpkeepStatus.RUNNING, now=command.answered_at)
