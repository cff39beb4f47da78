"""Payments: seen, recorded, matched, released, given back."""

from datetime import date
from decimal import Decimal
from secrets import token_urlsafe

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.billing.choices import PaymentMethod
from apps.billing.models import Payment
from apps.billing.months import local_day
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.payments import PaymentFilter
from apps.billing.services.matching import match_accept, matches_accept_sure
from apps.billing.services.payments import (
    payment_assign,
    payment_refund,
    payment_register,
    payment_set_aside,
    payment_take_back,
    payment_unmatch,
)
from apps.billing.services.payments_allocate import (
    allocation_release,
    papers_set_off,
    payment_allocate,
)
from apps.console.viewmodels.payments import (
    MAY_ADD,
    MAY_CHANGE,
    MAY_SEE,
    SEARCH_MAX_LENGTH,
    STATES,
    payment_detail,
    payments_page,
)
from apps.console.views.access import (
    console_action,
    console_view,
    next_address,
    permission_needed,
)
from apps.console.views.forms import (
    allowed,
    amount_of,
    day_of,
    key_of,
    page_number,
    to_page,
    tried,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

KEY_MAX_LENGTH = 1000


@console_view
@permission_needed(MAY_SEE)
def payments(request: HttpRequest) -> HttpResponse:
    """What is owed by age, and payments with what they probably pay."""
    state = request.GET.get("state", "")
    state = state if state in STATES else "open"
    method = request.GET.get("method", "")
    chosen = PaymentFilter(
        state="" if state == "all" else state,
        method=method if method in PaymentMethod.values else "",
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
    )
    page = payments_page(
        chosen=chosen, state=state, page=page_number(request), today=today(), user=request.user,  # type: ignore[arg-type]
    )  # fmt: skip
    context = {"page_of": page, "form_key": token_urlsafe(18)}
    return render(request, "console/payments.html", context)


@console_view
@permission_needed(MAY_SEE)
def payment(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One payment with its history."""
    detail = payment_detail(payment_id=payment_id, user=request.user)  # type: ignore[arg-type]
    if detail is None:
        raise Http404
    context = {"detail": detail, "today": today(), "form_key": token_urlsafe(18)}
    return render(request, "console/payments_detail.html", context)


@console_action
def register(request: HttpRequest) -> HttpResponse:
    """Record a payment by hand; the form's own key keeps a second click from recording it twice."""
    allowed(request, MAY_ADD)

    def act() -> Payment:
        paid_on = day_of(request.POST.get("paid_on", ""))
        if paid_on is None:
            raise DomainError("payment.paid_on", "Which day?", field="paid_on")
        key = request.POST.get("key", "")[:60]
        return payment_register(
            method=request.POST.get("method", ""),
            direction=request.POST.get("direction", "in"),
            amount=amount_of(request.POST.get("amount", "")) or Decimal(0),
            currency=request.POST.get("currency", "").strip().upper(),
            paid_on=paid_on,
            account_id=key_of(request.POST.get("account", "")),
            reference=request.POST.get("reference", ""),
            external_id=f"form:{key}" if key else None,
            by_id=request.user.pk,
        )

    made = tried(request, act)
    if made is None:
        return to_page("payments")
    messages.success(request, _("The payment is recorded."))
    return to_page("payments-detail", made.pk)


@console_action
def accept(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Accept a proposal as it is shown."""
    allowed(request, MAY_CHANGE)
    key = request.POST.get("key", "")[:KEY_MAX_LENGTH]
    if tried(request, lambda: match_accept(payment_id=payment_id, key=key, by_id=request.user.pk)):
        messages.success(request, _("Matched."))
    return _back(request, payment_id)


@console_action
def accept_sure(request: HttpRequest) -> HttpResponse:
    """Accept every proposal that is sure."""
    allowed(request, MAY_CHANGE)
    done = matches_accept_sure(by_id=request.user.pk)
    text = ngettext("%(count)d payment is matched.", "%(count)d payments are matched.", done)
    messages.success(request, text % {"count": done})
    return to_page("payments")


@console_action
def allocate(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Let the payment pay a paper that somebody chose."""
    allowed(request, MAY_CHANGE)
    kind, _colon, key = request.POST.get("paper", "").partition(":")

    def act() -> bool:
        payment_allocate(
            payment_id=payment_id,
            invoice_id=key_of(key) if kind == "invoice" else None,
            settlement_id=key_of(key) if kind == "settlement" else None,
            amount=amount_of(request.POST.get("amount", "")),
            by_id=request.user.pk,
        )
        return True

    if tried(request, act):
        messages.success(request, _("Allocated."))
    return to_page("payments-detail", payment_id)


@console_action
def release(request: HttpRequest, allocation_id: int) -> HttpResponse:
    """Undo one allocation."""
    allowed(request, MAY_CHANGE)
    reason = request.POST.get("reason", "")

    def act() -> bool:
        allocation_release(allocation_id=allocation_id, reason=reason, by_id=request.user.pk)
        return True

    if tried(request, act):
        messages.success(request, _("Released: the paper is open again."))
    return HttpResponseRedirect(next_address(request, "/billing/payments/"))


@console_action
def unmatch(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Release everything that the payment pays."""
    allowed(request, MAY_CHANGE)
    reason = request.POST.get("reason", "")
    if tried(
        request,
        lambda: payment_unmatch(payment_id=payment_id, reason=reason, by_id=request.user.pk),
    ):
        messages.success(request, _("Released: its papers are open again."))
    return to_page("payments-detail", payment_id)


@console_action
def assign(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Say whose payment it is."""
    allowed(request, MAY_CHANGE)
    account_id = key_of(request.POST.get("account", ""))
    tried(request, lambda: payment_assign(payment_id=payment_id, account_id=account_id))
    return to_page("payments-detail", payment_id)


@console_action
def set_aside(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Not a payment of a customer or partner."""
    allowed(request, MAY_CHANGE)
    reason = request.POST.get("reason", "")
    if tried(request, lambda: payment_set_aside(payment_id=payment_id, reason=reason)):
        messages.success(request, _("Set aside: it is proposed and counted no more."))
    return _back(request, payment_id)


@console_action
def take_back(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Count a payment again that was set aside."""
    allowed(request, MAY_CHANGE)
    tried(request, lambda: payment_take_back(payment_id=payment_id))
    return to_page("payments-detail", payment_id)


@console_action
def refund(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Record that what is left of a payment was given back."""
    allowed(request, MAY_CHANGE, MAY_ADD)
    key = request.POST.get("key", "")[:60]

    def act() -> Payment:
        return payment_refund(
            payment_id=payment_id,
            amount=amount_of(request.POST.get("amount", "")) or Decimal(0),
            paid_on=day_of(request.POST.get("paid_on", "")) or today(),
            external_id=f"form:{key}" if key else None,
            by_id=request.user.pk,
        )

    if tried(request, act):
        messages.success(request, _("The refund is recorded."))
    return to_page("payments-detail", payment_id)


@console_action
def set_off(request: HttpRequest) -> HttpResponse:
    """Pay an invoice with what we owe the same account."""
    allowed(request, MAY_CHANGE)
    kind, _colon, key = request.POST.get("source", "").partition(":")

    def act() -> bool:
        papers_set_off(
            from_invoice_id=key_of(key) if kind == "invoice" else None,
            from_settlement_id=key_of(key) if kind == "settlement" else None,
            invoice_id=key_of(request.POST.get("invoice", "")) or 0,
            by_id=request.user.pk,
        )
        return True

    if tried(request, act):
        messages.success(request, _("Set off."))
    return to_page("payments")


@console_action
def refund_paper(request: HttpRequest) -> HttpResponse:
    """Record that the credit on a paper was given back."""
    allowed(request, MAY_CHANGE, MAY_ADD)
    key = request.POST.get("key", "")[:60]

    def act() -> Payment:
        return payment_refund(
            invoice_id=key_of(request.POST.get("invoice", "")) or 0,
            amount=amount_of(request.POST.get("amount", "")) or Decimal(0),
            paid_on=today(),
            external_id=f"form:{key}" if key else None,
            by_id=request.user.pk,
        )

    if tried(request, act):
        messages.success(request, _("The refund is recorded."))
    return to_page("payments")


def today() -> date:
    """The day at the issuer's place."""
    return local_day(utc_now(), books_time_zone())


def _back(request: HttpRequest, payment_id: int) -> HttpResponse:
    return HttpResponseRedirect(next_address(request, f"/billing/payments/{payment_id}/"))
