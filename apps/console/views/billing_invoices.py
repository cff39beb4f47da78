"""Invoices, credit notes and settlements: seen, issued, credited, confirmed."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.models import InvoiceDocument
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.drafts import draft_delete
from apps.billing.services.invoices import invoice_issue
from apps.billing.services.settlements import (
    settlement_confirm,
    settlement_dispute,
    settlement_invoiced,
    settlement_reopen,
)
from apps.console.refusals import refusal_words
from apps.console.viewmodels.billing_invoices import (
    MAY_DRAFT,
    MAY_ISSUE,
    MAY_SEE,
    MAY_SETTLE,
    invoice_filter_of,
    invoice_page,
    invoices_listing,
    month_of_query,
    settlement_page,
    settlements_listing,
)
from apps.console.views.access import console_action, console_view, permission_needed
from cariflex.common.errors import DomainError

REASON_MAX_LENGTH = 300


@console_view
@permission_needed(MAY_SEE)
def invoices(request: HttpRequest) -> HttpResponse:
    """The papers that match, with their sums."""
    listing = invoices_listing(chosen=invoice_filter_of(request.GET), page=_page(request))
    return render(request, "console/billing_invoices.html", {"listing": listing})


@console_view
@permission_needed(MAY_SEE)
def invoice(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """One paper."""
    page = invoice_page(invoice_id=invoice_id, page=_page(request), user=request.user)  # type: ignore[arg-type]
    if page is None:
        raise Http404
    return render(request, "console/billing_invoice.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def document(request: HttpRequest, invoice_id: int, kind: str) -> HttpResponse:
    """A paper as it was made, to keep."""
    found = InvoiceDocument.objects.filter(invoice=invoice_id, kind=kind).first()
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.file_name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@console_action
def issue(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Give the draft its number, for good."""
    _may(request, MAY_ISSUE)

    def act() -> None:
        issued = invoice_issue(invoice_id=invoice_id, by=request.user)  # type: ignore[arg-type]
        words = _("Issued as %(reference)s. The papers follow in a moment.")
        messages.success(request, words % {"reference": issued.reference})

    _tried(request, act)
    return _to("invoices-detail", invoice_id)


@console_action
def delete(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Throw a draft away; its CDRs come with the next one."""
    _may(request, MAY_DRAFT)

    def act() -> None:
        draft_delete(invoice_id=invoice_id)
        messages.success(request, _("The draft is gone; its CDRs wait for the next one."))

    if _tried(request, act):
        return HttpResponseRedirect(reverse("console:invoices"))
    return _to("invoices-detail", invoice_id)


@console_action
def credit(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Issue a credit note of the whole, or of an amount."""
    _may(request, MAY_ISSUE)

    def act() -> int:
        note = invoice_credit(
            invoice_id=invoice_id,
            reason=request.POST.get("reason", "").strip()[:REASON_MAX_LENGTH],
            amount=_amount(request.POST.get("amount", "")),
            by=request.user,  # type: ignore[arg-type]
        )
        words = _("Credit note %(reference)s is issued.")
        messages.success(request, words % {"reference": note.reference})
        return note.pk

    note_id = _tried(request, act)
    return _to("invoices-detail", note_id or invoice_id)


@console_view
@permission_needed(MAY_SEE)
def settlements(request: HttpRequest) -> HttpResponse:
    """What partners and we owe each other."""
    listing = settlements_listing(
        month=month_of_query(request.GET.get("month", "")),
        page=_page(request),
        user=request.user,  # type: ignore[arg-type]
    )
    return render(request, "console/billing_settlements.html", {"listing": listing})


@console_view
@permission_needed(MAY_SEE)
def settlement(request: HttpRequest, settlement_id: int) -> HttpResponse:
    """One statement."""
    page = settlement_page(settlement_id=settlement_id, user=request.user)  # type: ignore[arg-type]
    if page is None:
        raise Http404
    return render(request, "console/billing_settlement.html", {"page_of": page})


@console_action
def confirm(request: HttpRequest, settlement_id: int) -> HttpResponse:
    """Both sides agree."""
    reference = request.POST.get("partner_invoice", "")

    def act() -> None:
        settlement_confirm(
            settlement_id=settlement_id,
            by=request.user,  # type: ignore[arg-type]
            partner_invoice_reference=reference,
        )
        messages.success(request, _("The settlement is confirmed."))

    return _settled(request, settlement_id, act)


@console_action
def contest(request: HttpRequest, settlement_id: int) -> HttpResponse:
    """The partner says otherwise."""

    def act() -> None:
        settlement_dispute(settlement_id=settlement_id)
        messages.success(request, _("The settlement is in dispute."))

    return _settled(request, settlement_id, act)


@console_action
def reopen(request: HttpRequest, settlement_id: int) -> HttpResponse:
    """Make the statement anew from what the papers say now."""

    def act() -> None:
        settlement_reopen(settlement_id=settlement_id)
        messages.success(request, _("The settlement was made anew."))

    return _settled(request, settlement_id, act)


@console_action
def partner_invoice(request: HttpRequest, settlement_id: int) -> HttpResponse:
    """Note the number of the partner's invoice."""

    def act() -> None:
        settlement_invoiced(
            settlement_id=settlement_id,
            partner_invoice_reference=request.POST.get("partner_invoice", ""),
        )
        messages.success(request, _("The partner's invoice is noted."))

    return _settled(request, settlement_id, act)


def _settled(request: HttpRequest, settlement_id: int, act: Callable[[], None]) -> HttpResponse:
    _may(request, MAY_SETTLE)
    _tried(request, act)
    return _to("settlements-detail", settlement_id)


def _tried(request: HttpRequest, act: Callable[[], int | None]) -> int:
    """What the act gave (1 for nothing), or 0 when it was refused, with the refusal told."""
    try:
        done = act()
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return 0
    return 1 if done is None else done


def _amount(text: str) -> Decimal | None:
    """A gross amount of the form; None when it is empty. DomainError for what is none."""
    text = text.strip().replace(",", ".").replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise DomainError("billing.amount_invalid", "An amount is above 0.", field="amount")
    return amount


def _page(request: HttpRequest) -> int:
    page = request.GET.get("page", "")
    return int(page) if page.isdecimal() and len(page) < 8 else 1


def _to(name: str, key: int) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"console:{name}", args=[key]))


def _may(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
