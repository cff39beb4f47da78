"""Logs that stations upload to us (N01; 1.6 §5.9 and the whitepaper's GetLog).

The address of an upload holds a secret of its own: it takes one file, for a day.
"""

import re
import secrets
from datetime import datetime, timedelta
from functools import partial

from django.core.files import File
from django.db import transaction

from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import LogJob
from apps.chargers.services import command_answers
from apps.chargers.services.intents import diagnostics
from apps.chargers.services.upkeep import IDLE, OPEN, job_answered, job_begun, job_note, job_of
from cariflex.common.errors import DomainError

MAX_BYTES = 100 * 1024 * 1024
UPLOAD_WITHIN = timedelta(days=1)
UPLOAD_PATH = "station-logs"
_UPLOADED = "Uploaded"
# UploadLogStatusEnumType, and the one word that 1.6 spells otherwise; every other is on the way.
_ENDS = {
    _UPLOADED: UpkeepStatus.DONE,
    "BadMessage": UpkeepStatus.FAILED,
    "NotSupportedOperation": UpkeepStatus.FAILED,
    "PermissionDenied": UpkeepStatus.FAILED,
    "UploadFailure": UpkeepStatus.FAILED,
    "UploadFailed": UpkeepStatus.FAILED,
    "AcceptedCanceled": UpkeepStatus.ENDED,
}


@transaction.atomic
def log_ask(
    *,
    station_id: str,
    site_root: str,
    log_type: str = "DiagnosticsLog",
    oldest: datetime | None = None,
    latest: datetime | None = None,
    requested_by_id: int | None = None,
    reason: str = "",
) -> LogJob:
    """Ask a station for a log; `site_root` is the operator's own address as stations reach it.

    DomainError as of `order_send`.
    """
    secret = secrets.token_urlsafe(32)
    command = diagnostics(
        station_id=station_id,
        upload_url=f"{site_root.rstrip('/')}/{UPLOAD_PATH}/{secret}/",
        log_type=log_type,
        oldest=oldest,
        latest=latest,
        requested_by_id=requested_by_id,
        reason=reason,
    )
    job = LogJob.objects.create(
        station=command.station,
        request_id=command.pk,
        command=command,
        requested_by_id=requested_by_id,
        requested_at=command.requested_at,
        log_type=log_type,
        oldest_at=oldest,
        latest_at=latest,
        upload_secret=secret,
    )
    job_begun(job, command)
    return job


@transaction.atomic
def log_status_note(*, station_pk: int, status: str, request_id: int | None, now: datetime) -> None:
    """Note a LogStatusNotification (N01); one of a job that we do not know is left alone."""
    job = job_of(LogJob, station_pk=station_pk, request_id=request_id)
    if job is None or status == IDLE:
        return
    job_note(job, said=status, status=_ENDS.get(status, UpkeepStatus.RUNNING), now=now)


def log_upload_check(*, secret: str, now: datetime) -> LogJob:
    """The job that this secret may upload a file for.

    DomainError `log.unknown`, or `log.closed` once it has its file, is over or is too old.
    """
    job = LogJob.objects.filter(upload_secret=secret).first()
    if job is None:
        raise DomainError("log.unknown", "No log is expected here.")
    is_open = job.status in OPEN or job.station_status == _UPLOADED
    if job.file or not is_open or now - job.requested_at > UPLOAD_WITHIN:
        raise DomainError("log.closed", "The log is not expected any more.")
    return job


def log_store(*, job: LogJob, filename: str, content: File, size_bytes: int, now: datetime) -> None:  # type: ignore[type-arg]
    """Keep the file of a job; DomainError `log.incomplete` when it is not of the size announced.

    Of two uploads at once the first that is complete is kept (`log.closed` for the other).
    """
    storage = LogJob._meta.get_field("file").storage
    name = storage.save(f"{UPLOAD_PATH}/{job.pk}-{_plain(filename)}", content)
    kept = False
    try:
        if storage.size(name) != size_bytes:
            raise DomainError("log.incomplete", "The log did not come whole.")
        with transaction.atomic():
            locked = LogJob.objects.select_for_update().filter(pk=job.pk, file="").first()
            if locked is None:
                raise DomainError("log.closed", "The log has come already.")
            locked.file.name, locked.size_bytes = name, size_bytes
            locked.save(update_fields=["file", "size_bytes"])
            job_note(locked, said=_UPLOADED, status=UpkeepStatus.DONE, now=now)
        kept = True
    finally:
        if not kept:
            storage.delete(name)


def _plain(filename: str) -> str:
    """A station's name for a file, as one that can do no harm."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", filename).strip(".-")[-60:] or "log"


_answered = partial(job_answered, LogJob)
_failed = partial(job_answered, LogJob, answer=None)
for _action in ("GetLog", "GetDiagnostics"):
    command_answers.register(_action, _answered, failed=_failed)
