"""CDRs: the list, and one with its price explained; a wrong one is credited here."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.services.credits import cdr_credit
from apps.console.refusals import refusal_words
from apps.console.viewmodels.billing_cdrs import (
    MAY_CREDIT,
    MAY_SEE,
    cdr_page,
    cdrs_listing,
    filter_of,
)
from apps.console.views.access import console_action, console_view, permission_needed
from cariflex.common.errors import DomainError

REASON_MAX_LENGTH = 300


@console_view
@permission_needed(MAY_SEE)
def cdrs(request: HttpRequest) -> HttpResponse:
    """The CDRs that match, with their sums."""
    page = request.GET.get("page", "")
    listing = cdrs_listing(
        chosen=filter_of(request.GET),
        page=int(page) if page.isdecimal() and len(page) < 8 else 1,
        user=request.user,  # type: ignore[arg-type]
    )
    return render(request, "console/billing_cdrs.html", {"listing": listing})


@console_view
@permission_needed(MAY_SEE)
def cdr(request: HttpRequest, cdr_id: UUID) -> HttpResponse:
    """One CDR."""
    page = cdr_page(cdr_id=cdr_id, user=request.user)  # type: ignore[arg-type]
    if page is None:
        raise Http404
    return render(request, "console/billing_cdr.html", {"page_of": page})


@console_action
def credit(request: HttpRequest, cdr_id: UUID) -> HttpResponse:
    """Take a CDR back, and price its session anew if asked."""
    if not request.user.has_perm(MAY_CREDIT):
        raise PermissionDenied
    here = HttpResponseRedirect(reverse("console:cdrs-detail", args=[cdr_id]))
    reason = request.POST.get("reason", "").strip()[:REASON_MAX_LENGTH]
    if not reason:
        messages.error(request, _("Say why: the reason is kept with the credit."))
        return here
    try:
        _credit, corrected = cdr_credit(
            cdr_id=cdr_id,
            reason=reason,
            by=request.user,  # type: ignore[arg-type]
            reissue=request.POST.get("reissue") == "on",
        )
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return here
    if corrected is None:
        messages.success(request, _("The CDR is credited."))
        return here
    messages.success(request, _("The CDR is credited, and this one takes its place."))
    return HttpResponseRedirect(reverse("console:cdrs-detail", args=[corrected.pk]))
