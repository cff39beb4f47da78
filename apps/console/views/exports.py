"""Exports: asking for files, following them, taking them; saved views."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.exports.downloads import download_response
from apps.billing.exports.filters import FILTERS
from apps.billing.selectors.exports import MAY_SEE, may_export
from apps.billing.services.export_views import export_view_delete, export_view_save
from apps.billing.services.exports import (
    CDR_KINDS,
    export_cancel,
    export_discard,
    export_start,
)
from apps.console.refusals import refusal_words
from apps.console.viewmodels.exports import exports_page
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    permission_needed,
)
from cariflex.common.errors import DomainError

_BOOK_FIELDS = ("month", "start", "end", "pays_on")


@console_view
@permission_needed(MAY_SEE[0])
def exports(request: HttpRequest) -> HttpResponse:
    """Files with their progress and the forms for new ones; with the fragment header the files."""
    page = exports_page(
        page=_whole(request.GET.get("page", "")) or 1,
        view_id=_whole(request.GET.get("view", "")),
        filters={name: request.GET.get(name, "")[:100] for name in FILTERS},
        user=request.user,  # type: ignore[arg-type]
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/exports_jobs.html" if is_part else "console/exports.html"
    response = render(request, template, {"exports": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
def make(request: HttpRequest) -> HttpResponse:
    """Ask for a file."""
    _may(request)
    kind = request.POST.get("kind", "")
    by: Any = request.user
    try:
        export_start(kind=kind, params=_params(request, kind), by=by)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("The file is being made; it can be downloaded below."))
    return _back(request.POST.get("view", ""))


@console_view
@permission_needed(MAY_SEE[0])
def download(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """The file, for who may take it."""
    _may(request)
    try:
        return download_response(job_id)
    except DomainError as refusal:
        if refusal.code == "export.unknown":
            raise Http404 from refusal
        messages.error(request, refusal_words(refusal))
        return _back()


@console_action
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop a file that is being made."""
    _may(request)
    try:
        export_cancel(job_id=job_id)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("The export is cancelled."))
    return _back()


@console_action
def discard(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Delete a file before its time."""
    _may(request)
    try:
        export_discard(job_id=job_id)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("The file is deleted."))
    return _back()


@console_action
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the columns, order and separators of the form under a name."""
    _may(request)
    by: Any = request.user
    try:
        view = export_view_save(
            by=by,
            name=request.POST.get("view_name", ""),
            columns=request.POST.getlist("column"),
            order=request.POST.get("order", ""),
            style=request.POST.get("style", ""),
            with_titles=request.POST.get("with_titles") == "1",
            is_shared=request.POST.get("is_shared") == "1",
        )
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return _back(request.POST.get("view", ""))
    messages.success(request, _("The view %(name)s is saved.") % {"name": view.name})
    return _back(str(view.pk))


@console_action
def view_delete(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget one's own view."""
    _may(request)
    by: Any = request.user
    try:
        export_view_delete(view_id=view_id, by=by)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("The view is deleted."))
    return _back()


def _params(request: HttpRequest, kind: str) -> dict[str, Any]:
    """What the form of a kind says."""
    posted = request.POST
    if kind not in CDR_KINDS:
        return {name: posted[name] for name in _BOOK_FIELDS if posted.get(name)}
    return {
        "columns": posted.getlist("column"),
        "order": posted.get("order", ""),
        "style": posted.get("style", ""),
        "with_titles": posted.get("with_titles") == "1",
        "filters": {name: posted[name] for name in FILTERS if posted.get(name)},
    }


def _may(request: HttpRequest) -> None:
    if not may_export(request.user):
        raise PermissionDenied


def _back(view_id: str = "") -> HttpResponse:
    query = f"?{urlencode({'view': view_id})}" if view_id.isdecimal() else ""
    return HttpResponseRedirect(f"{reverse('console:exports')}{query}")


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
