"""Exports as jobs: asked for, made by a worker, kept for some days.

A worker holds an advisory lock of PostgreSQL while it makes a file. When it is killed, its
connection ends and the lock with it: that is how the sweep knows, without waiting for a time-out.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import translation

from apps.accounts.models import User
from apps.billing.exports import files
from apps.billing.exports.choices import ExportKind, ExportState
from apps.billing.exports.kinds import kind_of
from apps.billing.exports.making import Made
from apps.billing.models import ExportJob
from apps.billing.services.export_views import view_params
from apps.tenants.tasking import OperatorTask
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)
EXPORT_TASK = "billing.export_run"
# The first half of our advisory locks: (this, hash of the operator and the job or place).
_EXPORTS_LOCK = 0x65787074
# So many files of one operator are made at once; the others wait, and CDRs go before them.
MOST_AT_ONCE = 2
MOST_ATTEMPTS = 3
MOST_OPEN = 50
SELECTION_LIMIT = 100_000
ERROR_MAX_LENGTH = 500
OPEN = (ExportState.QUEUED, ExportState.RUNNING)
CDR_KINDS = (ExportKind.CDR_CSV, ExportKind.CDR_XLSX)
_FAILED = "The file could not be made; the log of the worker says why."


class ExportStopped(Exception):
    """Somebody cancelled the job, or another attempt has taken it over."""


def export_start(
    *,
    kind: str,
    params: Mapping[str, Any],
    by: User | None,
    selection: Sequence[UUID] | None = None,
    language: str | None = None,
    is_background: bool = True,
    now: datetime | None = None,
) -> ExportJob:
    """Ask for a file; a worker makes it, unless the caller runs the job itself.

    `params` may name a saved view (`view`: its id), which other parameters overrule. `selection`
    takes CDRs one by one. DomainError for what the kind does not take, and `export.too_many`.
    """
    wanted = dict(params)
    if kind in CDR_KINDS and (view_id := wanted.pop("view", None)) is not None:
        wanted = {**view_params(view_id=view_id, by=by), **wanted}
    checked = kind_of(kind).check(wanted)
    if selection is not None:
        _selection_check(kind, selection)
    with transaction.atomic():
        if ExportJob.objects.filter(state__in=OPEN).count() >= MOST_OPEN:
            raise DomainError("export.too_many", f"{MOST_OPEN} exports wait already.")
        job = ExportJob.objects.create(
            kind=kind,
            params=checked,
            selection=list(selection) if selection is not None else None,
            language=language or translation.get_language() or settings.LANGUAGE_CODE,
            requested_by=by,
            requested_by_name=by.get_username() if by else "",
            requested_at=now or utc_now(),
        )
        if is_background:
            _wake(job.pk)
    return job


def _selection_check(kind: str, selection: Sequence[UUID]) -> None:
    if kind not in CDR_KINDS:
        raise DomainError("export.param_unknown", "Only CDRs are picked one by one.")
    if not selection:
        raise DomainError("export.nothing_selected", "Nothing is selected.")
    if len(selection) > SELECTION_LIMIT:
        raise DomainError(
            "export.too_many_selected",
            f"At most {SELECTION_LIMIT} CDRs are picked one by one; use filters for more.",
        )


def export_run(*, job_id: UUID) -> bool:
    """Make the file of a job that waits; False when it is not ours to make now.

    Safe to run twice and at once. A job beyond what an operator may make at once goes on waiting.
    """
    with _locked(f"job {job_id}") as is_ours:
        if not is_ours:
            return False
        with _place() as has_place:
            job = _claimed(job_id) if has_place else None
            if job is None:
                return False
            _make(job)
    # One that failed for now is brought back by the sweep, not at once.
    _wake_next(but=job.pk)
    return True


def export_cancel(*, job_id: UUID, now: datetime | None = None) -> ExportJob:
    """Stop a job that waits or runs; its worker notices before its next chunk.

    DomainError `export.unknown`, or `export.over` when it has ended.
    """
    with transaction.atomic():
        job = _job_locked(job_id)
        if not job.is_open:
            raise DomainError("export.over", "The export has ended already.")
        job.state, job.ended_at, job.selection = ExportState.CANCELLED, now or utc_now(), None
        job.save(update_fields=["state", "ended_at", "selection"])
    return job


def exports_cancel(*, job_ids: Sequence[UUID]) -> int:
    """Stop those of the jobs that are not over; how many."""
    cancelled = 0
    for job_id in sorted(job_ids):
        try:
            export_cancel(job_id=job_id)
        except DomainError:
            continue
        cancelled += 1
    return cancelled


def export_discard(*, job_id: UUID, now: datetime | None = None) -> ExportJob:
    """Delete a file before its time; DomainError `export.unknown` or `export.not_ready`."""
    with transaction.atomic():
        job = _job_locked(job_id)
        if job.state != ExportState.DONE:
            raise DomainError("export.not_ready", "There is no file to delete.")
        job.state, job.expires_at = ExportState.EXPIRED, now or utc_now()
        job.save(update_fields=["state", "expires_at"])
    files.remove(files.job_folder(job.pk))
    return job


def export_downloaded(*, job_id: UUID, now: datetime) -> None:
    """Note that somebody takes the file."""
    ExportJob.objects.filter(pk=job_id).update(downloads=F("downloads") + 1, downloaded_at=now)


def exports_sweep(*, now: datetime) -> int:
    """Bring back the jobs of killed workers, and wake those that wait; how many were brought back.

    After some attempts a job is failed: what kills its worker would kill the next one too.
    """
    brought_back = 0
    for job in ExportJob.objects.filter(state=ExportState.RUNNING).order_by("requested_at"):
        with _locked(f"job {job.pk}") as is_dead:
            if not is_dead:
                continue
            brought_back += _give_back(
                job, "export.worker_lost", "Its worker was lost while it was made.", now=now
            )
    _wake_next()
    return brought_back


def exports_expire(*, now: datetime) -> int:
    """Delete the files whose time is over, and what attempts left behind; how many expired."""
    expired = 0
    for job in ExportJob.objects.filter(state=ExportState.DONE, expires_at__lte=now):
        expired += ExportJob.objects.filter(pk=job.pk, state=ExportState.DONE).update(
            state=ExportState.EXPIRED
        )
    _leftovers_remove()
    return expired


# --- one attempt ---


def _claimed(job_id: UUID) -> ExportJob | None:
    """The job as running, None when it does not wait any more."""
    claimed = ExportJob.objects.filter(pk=job_id, state=ExportState.QUEUED).update(
        state=ExportState.RUNNING, started_at=utc_now(), attempts=F("attempts") + 1, rows_done=0
    )
    return ExportJob.objects.get(pk=job_id) if claimed else None


def _make(job: ExportJob) -> None:
    """Make the file and keep it; what goes wrong is written down."""
    folder = files.attempt_folder(job.pk, job.attempts)
    is_kept = False

    def progress(done: int, total: int | None = None) -> None:
        if total is not None:
            known = _ours(job).update(rows_done=done, rows_total=total)
        else:
            known = _ours(job).update(rows_done=done)
        if not known:
            raise ExportStopped

    try:
        with translation.override(job.language):
            made = kind_of(job.kind).make(job, folder, progress)
        is_kept = _keep(job, made)
    except ExportStopped:
        logger.info("export stopped job=%s kind=%s", job.pk, job.kind)
    except DomainError as refusal:
        _fail(job, refusal.code, refusal.message, now=utc_now())
    except (OperationalError, OSError) as err:
        # The database or the disk; both may be better in a moment.
        logger.warning("export failed job=%s kind=%s error=%s", job.pk, job.kind, err)
        _give_back(job, "export.failed", _FAILED, now=utc_now())
    except Exception:  # the worker's outer edge: a job must end, whatever its maker does
        logger.exception("export failed job=%s kind=%s", job.pk, job.kind)
        _fail(job, "export.failed", _FAILED, now=utc_now())
    finally:
        if not is_kept:
            files.remove(folder)


def _keep(job: ExportJob, made: Made) -> bool:
    """Write down the finished file; False when the job was cancelled meanwhile."""
    now = utc_now()
    kept = _ours(job).update(
        state=ExportState.DONE,
        ended_at=now,
        expires_at=now + settings.EXPORTS_KEPT,
        rows_done=made.rows,
        rows_total=made.rows,
        file_name=made.path.name,
        media_type=made.media_type,
        stored_as=files.stored_name(made.path),
        size_bytes=made.path.stat().st_size,
        sha256=files.sha256_of(made.path),
        selection=None,
        error="",
        error_code="",
    )
    if kept:
        files.others_remove(made.path.parent)
        logger.info("export done job=%s kind=%s rows=%s", job.pk, job.kind, made.rows)
    return bool(kept)


def _give_back(job: ExportJob, code: str, error: str, *, now: datetime) -> int:
    """Let a job wait for another attempt; after the last one it has failed. 1 if it was ours."""
    if job.attempts >= MOST_ATTEMPTS:
        return _fail(job, code, error, now=now)
    return _ours(job).update(state=ExportState.QUEUED, rows_done=0, error_code=code, error=error)


def _fail(job: ExportJob, code: str, error: str, *, now: datetime) -> int:
    return _ours(job).update(
        state=ExportState.FAILED,
        ended_at=now,
        error_code=code,
        error=error[:ERROR_MAX_LENGTH],
        selection=None,
    )


def _ours(job: ExportJob) -> QuerySet[ExportJob]:
    """The row, as long as this attempt may write to it."""
    return ExportJob.objects.filter(pk=job.pk, state=ExportState.RUNNING, attempts=job.attempts)


def _job_locked(job_id: UUID) -> ExportJob:
    job = ExportJob.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise DomainError("export.unknown", "There is no such export.")
    return job


# --- workers ---


def _wake(job_id: UUID) -> None:
    cast(OperatorTask, current_app.tasks[EXPORT_TASK]).enqueue(str(job_id))


def _wake_next(*, but: UUID | None = None) -> None:
    """Send for the jobs that wait longest; one that runs meanwhile is not made twice."""
    waiting = ExportJob.objects.filter(state=ExportState.QUEUED)
    if but is not None:
        waiting = waiting.exclude(pk=but)
    oldest = waiting.order_by("requested_at", "pk").values_list("pk", flat=True)
    for job_id in oldest[:MOST_AT_ONCE]:
        _wake(job_id)


@contextmanager
def _locked(name: str) -> Iterator[bool]:
    """Hold a lock of the operator for as long as the block, or the connection, lasts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(current_schema() || %s))",
            [_EXPORTS_LOCK, name],
        )
        is_held = bool(cursor.fetchone()[0])
    try:
        yield is_held
    finally:
        if is_held:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_unlock(%s, hashtext(current_schema() || %s))",
                    [_EXPORTS_LOCK, name],
                )


@contextmanager
def _place() -> Iterator[bool]:
    """One of the operator's places to make a file; False when all are taken."""
    with _locked("place 0") as is_first:
        if is_first:
            yield True
            return
        with _locked("place 1") as is_second:
            yield is_second


def _leftovers_remove() -> None:
    """Folders of jobs that have no file any more, or never had one."""
    root = files.operator_folder()
    # Looked for before the rows: the folder of a job that begins now is not in this list.
    folders = list(root.iterdir()) if root.is_dir() else []
    alive = ExportJob.objects.filter(state__in=(*OPEN, ExportState.DONE))
    kept = {str(pk) for pk in alive.values_list("pk", flat=True)}
    for folder in folders:
        if folder.name not in kept:
            files.remove(folder)
