"""The inbox of billing: what waits for a person, and what a person says about it."""

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.choices import ExceptionState, Resolution
from apps.billing.services.inbox import Correction, exception_reopen, exception_resolve
from apps.billing.services.reconciliation_findings import finding_resolve
from apps.console.refusals import refusal_words
from apps.console.viewmodels.billing_inbox import (
    MAY_RESOLVE,
    MAY_RESOLVE_FINDINGS,
    MAY_SEE,
    TABS,
    InboxFilter,
    inbox_page,
)
from apps.console.views.access import (
    console_action,
    console_view,
    next_address,
    permission_needed,
)
from cariflex.common.errors import DomainError

KIND_MAX_LENGTH = 16


@console_view
@permission_needed(MAY_SEE)
def inbox(request: HttpRequest) -> HttpResponse:
    """Exceptions, or findings of a comparison."""
    page = inbox_page(
        chosen=_filter(request),
        page=_whole(request.GET.get("page", "")) or 1,
        user=request.user,  # type: ignore[arg-type]
    )
    return render(request, "console/billing_inbox.html", {"page_of": page})


@console_action
def resolve(request: HttpRequest, exception_id: int) -> HttpResponse:
    """Do what was chosen about an exception."""
    _may(request)
    try:
        action = Resolution(request.POST.get("action", ""))
        exception_resolve(
            exception_id=exception_id,
            action=action,
            reason=request.POST.get("reason", ""),
            by=request.user,  # type: ignore[arg-type]
            correction=_correction(request) if action == Resolution.BILL_CORRECTED else None,
        )
    except ValueError:
        messages.error(request, _("Choose what to do."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("Done. The reason is kept with it."))
    return _back(request)


@console_action
def finding(request: HttpRequest, finding_id: int) -> HttpResponse:
    """Do what was chosen about a finding of a comparison."""
    if not request.user.has_perm(MAY_RESOLVE_FINDINGS):
        raise PermissionDenied
    try:
        finding_resolve(
            finding_id=finding_id,
            action=Resolution(request.POST.get("action", "")),
            reason=request.POST.get("reason", ""),
            by=request.user,  # type: ignore[arg-type]
        )
    except ValueError:
        messages.error(request, _("Choose what to do."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    else:
        messages.success(request, _("Done. The reason is kept with it."))
    return _back(request)


@console_action
def reopen(request: HttpRequest, exception_id: int) -> HttpResponse:
    """Ask the question again."""
    _may(request)
    try:
        exception_reopen(
            exception_id=exception_id,
            reason=request.POST.get("reason", ""),
            by=request.user,  # type: ignore[arg-type]
        )
        messages.success(request, _("The exception is open again."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    return _back(request)


def _filter(request: HttpRequest) -> InboxFilter:
    show, state = request.GET.get("show", ""), request.GET.get("state", "")
    return InboxFilter(
        show=show if show in TABS else TABS[0],
        state=state if state in ExceptionState.values else ExceptionState.OPEN,
        kind=request.GET.get("kind", "")[:KIND_MAX_LENGTH],
        run_id=_whole(request.GET.get("run", "")),
    )


def _correction(request: HttpRequest) -> Correction:
    text = request.POST.get("energy_kwh", "").strip().replace(",", ".")
    try:
        energy_kwh = Decimal(text)
    except InvalidOperation:
        energy_kwh = Decimal("NaN")
    if not energy_kwh.is_finite():
        raise DomainError(
            "billing.correction_missing", "Say which figures to bill.", field="energy_kwh"
        )
    return Correction(energy_kwh=energy_kwh)


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(next_address(request, reverse("console:inbox")))


def _may(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_RESOLVE):
        raise PermissionDenied


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
