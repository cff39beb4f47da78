"""Where stations bring the logs that they were asked for: POST or PUT /station-logs/<secret>/."""

from collections.abc import Iterator
from typing import Any

from django.core.files import File
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.chargers.services.logs import MAX_BYTES, log_store, log_upload_check
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

CHUNK_BYTES = 256 * 1024
_STATUSES = {"log.unknown": 404, "log.closed": 410, "log.incomplete": 400}


class Body(File):  # type: ignore[type-arg]
    """The body of a request as a file that is read once, in pieces."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, "log")  # type: ignore[arg-type]

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        try:
            while piece := self.file.read(chunk_size or CHUNK_BYTES):
                yield piece
        except OSError:
            # The station went away: the file is too short, and deleted for that.
            return


# A station has no session and no form: the secret in the address is what it knows.
@csrf_exempt
@require_http_methods(["POST", "PUT"])
def station_log(request: HttpRequest, secret: str, filename: str = "") -> HttpResponse:
    """The file as the whole body, or as the file of a form; many stations add its name."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return HttpResponse("The length of the log is needed.", status=411)
    if int(length) > MAX_BYTES:
        return HttpResponse("The log is too large.", status=413)
    now = utc_now()
    try:
        job = log_upload_check(secret=secret, now=now)
        content: Any = Body(request)
        size_bytes = int(length)
        if request.method == "POST" and request.content_type == "multipart/form-data":
            content = next(iter(request.FILES.values()), None)
            if content is None:
                return HttpResponse("The form has no file.", status=400)
            filename, size_bytes = filename or content.name, content.size
        log_store(job=job, filename=filename, content=content, size_bytes=size_bytes, now=now)
    except DomainError as err:
        return HttpResponse(err.message, status=_STATUSES[err.code])
    return HttpResponse(status=201)
