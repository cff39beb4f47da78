"""The file of an export as an answer over HTTP."""

from uuid import UUID

from django.http import FileResponse

from apps.billing.selectors.exports import export_file
from apps.billing.services.exports import export_downloaded
from cariflex.common.time import utc_now


def download_response(job_id: UUID) -> FileResponse:
    """The file as a download that nobody keeps; DomainError as of `export_file`."""
    now = utc_now()
    file = export_file(job_id=job_id, now=now)
    content = file.path.open("rb")
    export_downloaded(job_id=job_id, now=now)
    response = FileResponse(
        content, as_attachment=True, filename=file.name, content_type=file.media_type
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-SHA256"] = file.sha256
    return response
