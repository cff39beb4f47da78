"""A month of the books: its steps, done from here, and its closing."""

from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.billing.months import local_day, month_interval, month_of, month_parse
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.services.closing import month_close
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoices_issue_month
from apps.billing.services.reconciliation import reconciliation_start
from apps.billing.services.settlements import settlements_make
from apps.console.refusals import refusal_words
from apps.console.viewmodels.billing_month import (
    MAY_CLOSE,
    MAY_DRAFT,
    MAY_ISSUE,
    MAY_RECONCILE,
    MAY_SEE,
    MAY_SETTLE,
    month_page,
)
from apps.console.views.access import console_action, console_view, permission_needed
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED_SHOWN = 5


@console_view
@permission_needed(MAY_SEE)
def month(request: HttpRequest) -> HttpResponse:
    """How a month stands; without one, the month before this one, which is the next to close."""
    now = utc_now()
    try:
        chosen = month_parse(request.GET.get("month", ""))
    except DomainError:
        chosen = month_of(local_day(now, books_time_zone()))
    page = month_page(month=chosen, now=now, user=request.user)  # type: ignore[arg-type]
    return render(request, "console/billing_month.html", {"page_of": page})


@console_action
def drafts(request: HttpRequest, key: str) -> HttpResponse:
    """Make the drafts of the month, or make them anew."""
    return _done(request, key, MAY_DRAFT, _drafts)


@console_action
def issue(request: HttpRequest, key: str) -> HttpResponse:
    """Issue all drafts of the month."""
    return _done(request, key, MAY_ISSUE, _issue)


@console_action
def settle(request: HttpRequest, key: str) -> HttpResponse:
    """Make the statements of the month, or make them anew."""
    return _done(request, key, MAY_SETTLE, _settle)


@console_action
def reconcile(request: HttpRequest, key: str) -> HttpResponse:
    """Set sessions, CDRs, meters and partners' copies of the month side by side."""
    return _done(request, key, MAY_RECONCILE, _reconcile)


@console_action
def close(request: HttpRequest, key: str) -> HttpResponse:
    """Close the month for good."""
    return _done(request, key, MAY_CLOSE, _close)


def _drafts(request: HttpRequest, chosen: date) -> None:
    made = len(invoice_draft_make(month=chosen))
    words = ngettext("%(n)s draft is up to date.", "%(n)s drafts are up to date.", made)
    messages.success(request, words % {"n": made})


def _issue(request: HttpRequest, chosen: date) -> None:
    report = invoices_issue_month(month=chosen, by=request.user)  # type: ignore[arg-type]
    if report.issued:
        words = ngettext("%(n)s paper is issued.", "%(n)s papers are issued.", len(report.issued))
        messages.success(request, words % {"n": len(report.issued)})
    for refusal in list(report.refused.values())[:REFUSED_SHOWN]:
        messages.error(request, refusal_words(refusal))
    if not report.issued and not report.refused:
        messages.info(request, _("There is no draft to issue."))


def _settle(request: HttpRequest, chosen: date) -> None:
    made = len(settlements_make(month=chosen))
    words = ngettext("%(n)s settlement is up to date.", "%(n)s settlements are up to date.", made)
    messages.success(request, words % {"n": made})


def _reconcile(request: HttpRequest, chosen: date) -> None:
    whole = month_interval(chosen, books_time_zone())
    reconciliation_start(start=whole.start, end=whole.end, by=request.user)  # type: ignore[arg-type]
    messages.success(request, _("The comparison has begun; its findings appear in the inbox."))


def _close(request: HttpRequest, chosen: date) -> None:
    month_close(month=chosen, by=request.user, now=utc_now())  # type: ignore[arg-type]
    messages.success(
        request, _("The month is closed. What comes later is booked in the next open month.")
    )


def _done(
    request: HttpRequest, key: str, permission: str, act: Callable[[HttpRequest, date], None]
) -> HttpResponse:
    if not request.user.has_perm(permission):
        raise PermissionDenied
    try:
        act(request, month_parse(key))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    return HttpResponseRedirect(f"{reverse('console:month')}?month={key}")
