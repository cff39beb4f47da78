"""Documents that came from feeds and people: the history, one of them, its bytes, asking again."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.console.viewmodels.data_imports import (
    MAY_CHANGE,
    MAY_SEE,
    document_listing,
    document_page,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import day_of, key_of, page_number, to_page
from apps.markets.choices import DocumentStatus, Feed
from apps.markets.selectors.feeds import DocumentFilter, document_found, document_request
from apps.markets.services.feeds.engine import feed_request_retry
from cariflex.common.time import utc_now


@console_view
@permission_needed(MAY_SEE)
def imports(request: HttpRequest) -> HttpResponse:
    """The history, the last received first."""
    feed, status = request.GET.get("feed", ""), request.GET.get("status", "")
    listing = document_listing(
        wanted=DocumentFilter(
            access_id=key_of(request.GET.get("access", "")),
            feed=feed if feed in Feed.values else "",
            status=status if status in DocumentStatus.values else "",
            day=day_of(request.GET.get("day", "")),
        ),
        page=page_number(request),
        may_change=request.user.has_perm(MAY_CHANGE),
    )
    return render(request, "console/data_imports.html", {"listing": listing})


@console_view
@permission_needed(MAY_SEE)
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """One document with its refused rows and its head."""
    page = document_page(document_id=document_id, may_change=request.user.has_perm(MAY_CHANGE))
    if page is None:
        raise Http404
    return render(request, "console/data_import.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def raw(request: HttpRequest, document_id: int) -> HttpResponse:
    """The bytes as received, as a file that no browser opens as a page."""
    found = document_found(document_id)
    if found is None or not found.raw:
        raise Http404
    response = HttpResponse(bytes(found.raw), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="document-{found.pk}.bin"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@console_action
@permission_needed(MAY_CHANGE)
def retry(request: HttpRequest, document_id: int) -> HttpResponse:
    """Ask the feed again for what this document answered."""
    found = document_found(document_id)
    asked = document_request(found) if found is not None else None
    if found is None:
        raise Http404
    if asked is None:
        messages.error(request, _("Nobody asked for this document: upload the file again."))
    else:
        feed_request_retry(request_id=asked.pk, now=utc_now())
        messages.success(request, _("It is asked for again at the next turn."))
    return to_page("imports-detail", document_id)
