"""A file uploaded by hand: chosen, previewed, taken or dropped."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.console.viewmodels.data_upload import (
    MAY_UPLOAD,
    choice_of,
    field_of,
    first_words,
    preview_page,
    upload_form,
    words_of,
    words_of_choice,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import to_page, tried
from apps.markets.services.uploads import (
    MAX_BYTES,
    UploadDraft,
    upload_drop,
    upload_held,
    upload_hold,
    upload_read,
    upload_take,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED = 422


@console_view
@permission_needed(MAY_UPLOAD)
def upload(request: HttpRequest) -> HttpResponse:
    """The form; of a file that waits when it is named."""
    held = _held(request, request.GET.get("held", ""))
    words = words_of_choice(held.choice) if held else first_words()
    return _form(request, upload_form(words, held=held))


@console_action
@permission_needed(MAY_UPLOAD)
def preview(request: HttpRequest) -> HttpResponse:
    """Keep the file and show what it says; nothing is taken."""
    words = words_of(request.POST)
    held = _held(request, request.POST.get("held", ""))
    try:
        name, content = _file(request, held)
        key = upload_hold(name=name, content=content, choice=choice_of(words), by_id=_user(request))
        held = _held(request, key)
        if held is not None:
            upload_read(held)
    except DomainError as err:
        return _form(
            request, upload_form(words, errors=_errors(err, words), held=held), status=REFUSED
        )
    return HttpResponseRedirect(reverse("console:imports-draft", args=[key]))


@console_view
@permission_needed(MAY_UPLOAD)
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """What the file says beside what is known."""
    held = _held(request, key)
    if held is None:
        messages.error(request, _("The file is no longer kept. Choose it again."))
        return to_page("imports-upload")
    page = preview_page(held, upload_read(held))
    response = render(request, "console/data_upload_preview.html", {"page_of": page})
    response.headers["Cache-Control"] = "no-store"
    return response


@console_action
@permission_needed(MAY_UPLOAD)
def take(request: HttpRequest, key: str) -> HttpResponse:
    """Take exactly what was previewed; twice is once."""
    document = tried(
        request,
        lambda: upload_take(
            key=key,
            by_id=_user(request),
            by_name=request.user.get_username(),
            now=utc_now(),
        ),
    )
    if document is None:
        return to_page("imports-upload")
    count = document.values_new
    words = ngettext(
        "%(count)d new or changed value is taken.",
        "%(count)d new or changed values are taken.",
        count,
    )
    messages.success(request, words % {"count": count})
    return to_page("imports-detail", document.pk)


@console_action
@permission_needed(MAY_UPLOAD)
def drop(request: HttpRequest, key: str) -> HttpResponse:
    """Forget the file; nothing of it is taken."""
    upload_drop(key=key, by_id=_user(request))
    messages.info(request, _("Nothing was taken."))
    return to_page("imports-upload")


def _file(request: HttpRequest, held: UploadDraft | None) -> tuple[str, bytes]:
    """The file that was sent, else the one that waits."""
    sent = request.FILES.get("file")
    if sent is not None:
        if (sent.size or 0) > MAX_BYTES:
            raise DomainError("upload.file", _("At most 5 MB."), field="file")
        return str(sent.name or ""), sent.read()
    if held is None:
        raise DomainError("upload.file", _("Choose a file."), field="file")
    return held.name, held.content


def _held(request: HttpRequest, key: str) -> UploadDraft | None:
    return upload_held(key=key, by_id=_user(request)) if key else None


def _user(request: HttpRequest) -> int:
    return int(request.user.pk or 0)


def _errors(err: DomainError, words: dict[str, str]) -> dict[str, str]:
    field = field_of(err, words)
    return {field: err.message} if field else {"": str(err)}


def _form(request: HttpRequest, form: object, *, status: int = 200) -> HttpResponse:
    response = render(request, "console/data_upload.html", {"form": form}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
