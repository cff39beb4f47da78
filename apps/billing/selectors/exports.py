"""Every read of exports that more than one caller needs."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.billing.exports.choices import ExportState
from apps.billing.exports.files import stored_path
from apps.billing.models import ExportJob, ExportView
from cariflex.common.api.pages import Page, page_of
from cariflex.common.errors import DomainError

MAY_SEE = ("billing.view_exportjob",)
MAY_EXPORT = ("billing.view_exportjob", "billing.add_exportjob", "billing.export_cdr")
"""To ask for a file, to stop it and to take it: what is in it leaves the books."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file that may be downloaded now."""

    path: Path
    name: str
    media_type: str
    size_bytes: int
    sha256: str


def may_export(user: Any) -> bool:
    """True for who may ask for files and take them."""
    return bool(user.has_perms(MAY_EXPORT))


def export_rows() -> QuerySet[ExportJob]:
    """Jobs with who asked, newest first, without what was picked one by one."""
    return (
        ExportJob.objects.select_related("requested_by")
        .defer("selection")
        .order_by("-requested_at", "-pk")
    )


def exports_page(
    *, after: UUID | None, limit: int, kind: str = "", state: str = ""
) -> Page[ExportJob]:
    """A page of jobs, newest first, after the job of that id. Two queries at most."""
    jobs = export_rows()
    if kind:
        jobs = jobs.filter(kind=kind)
    if state:
        jobs = jobs.filter(state=state)
    if after is not None:
        at = ExportJob.objects.filter(pk=after).values_list("requested_at", flat=True).first()
        if at is None:
            raise DomainError("export.unknown", "There is no such export.", field="after")
        jobs = jobs.filter(Q(requested_at__lt=at) | Q(requested_at=at, pk__lt=after))
    return page_of(list(jobs[: limit + 1]), limit, lambda job: job.pk)


def export_file(*, job_id: UUID, now: datetime) -> ExportFile:
    """The file of a job.

    DomainError `export.unknown`, `export.not_ready`, `export.expired`, or `export.file_missing`
    when somebody else has deleted it from the disk.
    """
    job = ExportJob.objects.defer("selection").filter(pk=job_id).first()
    if job is None:
        raise DomainError("export.unknown", "There is no such export.")
    is_over = job.expires_at is not None and job.expires_at <= now
    if job.state == ExportState.EXPIRED or (job.state == ExportState.DONE and is_over):
        raise DomainError("export.expired", "The file has expired; ask for it again.")
    if job.state != ExportState.DONE:
        raise DomainError("export.not_ready", "The file is not ready.")
    path = stored_path(job.stored_as)
    if not path.is_file():
        raise DomainError("export.file_missing", "The file is not on the disk any more.")
    return ExportFile(path, job.file_name, job.media_type, job.size_bytes, job.sha256)


def export_views_of(user: User | None) -> QuerySet[ExportView]:
    """One's own views and the shared ones, by name; of nobody the shared ones."""
    views = ExportView.objects.select_related("owner").order_by("name", "pk")
    own = Q(owner=user) if user is not None else Q(pk__in=[])
    return views.filter(own | Q(is_shared=True))


def export_views_page(*, user: User, after: int | None, limit: int) -> Page[ExportView]:
    """A page of what `export_views_of` gives, by id. One query."""
    views = export_views_of(user).order_by("pk")
    if after is not None:
        views = views.filter(pk__gt=after)
    return page_of(list(views[: limit + 1]), limit, lambda view: view.pk)
