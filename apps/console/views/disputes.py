"""Disputes: seen, opened, answered, decided."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.billing.choices import DisputeReason, DisputeState
from apps.billing.models import Dispute
from apps.billing.selectors.disputes import UNDECIDED, DisputeFilter
from apps.billing.services.disputes import (
    dispute_answer,
    dispute_note,
    dispute_open,
    dispute_reject,
    dispute_reply,
    dispute_withdraw,
)
from apps.billing.services.disputes_accept import dispute_accept
from apps.console.viewmodels.disputes import (
    MAY_ACCEPT,
    MAY_CHANGE,
    MAY_OPEN,
    MAY_SEE,
    SEARCH_MAX_LENGTH,
    about_asked,
    dispute_detail,
    disputes_listing,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import (
    allowed,
    amount_of,
    day_of,
    page_number,
    to_page,
    tried,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

TEXT_MAX_LENGTH = 4000
ACTS = {
    "answer": dispute_answer,
    "reply": dispute_reply,
    "note": dispute_note,
    "reject": dispute_reject,
    "withdraw": dispute_withdraw,
}


@console_view
@permission_needed(MAY_SEE)
def disputes(request: HttpRequest) -> HttpResponse:
    """Disputes that match; without a word those that are not decided."""
    state, reason = request.GET.get("state", UNDECIDED), request.GET.get("reason", "")
    chosen = DisputeFilter(
        state=state if state in (*DisputeState.values, UNDECIDED) else "",
        reason=reason if reason in DisputeReason.values else "",
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
    )
    page = disputes_listing(chosen=chosen, page=page_number(request), user=request.user)  # type: ignore[arg-type]
    return render(request, "console/disputes.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def dispute(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """One dispute with its history."""
    detail = dispute_detail(dispute_id=dispute_id, user=request.user)  # type: ignore[arg-type]
    if detail is None:
        raise Http404
    return render(request, "console/disputes_detail.html", {"detail": detail})


@console_view
@permission_needed(MAY_OPEN)
def new(request: HttpRequest) -> HttpResponse:
    """The form; the address says what it is about."""
    asked = {
        key: request.GET.get(key, "").strip()[:60] for key in ("cdr", "invoice_line", "partner_cdr")
    }
    context = {
        "about": about_asked(**asked),
        "asked": asked,
        "reasons": DisputeReason.choices,
        "is_asked": any(asked.values()),
    }
    return render(request, "console/disputes_new.html", context)


@console_action
def open_new(request: HttpRequest) -> HttpResponse:
    """Open a dispute."""
    allowed(request, MAY_OPEN)

    def opened() -> Dispute:
        asked = {
            key: request.POST.get(key, "").strip()[:60]
            for key in ("cdr", "invoice_line", "partner_cdr")
        }
        about = about_asked(**asked)
        if about is None:
            raise DomainError("dispute.about_unknown", "There is no such thing.")
        return dispute_open(
            cdr_id=about.cdr_id,
            invoice_line_id=about.row_id if about.kind == "invoice_line" else None,
            partner_cdr_id=about.row_id if about.kind == "partner_cdr" else None,
            reason=request.POST.get("reason", ""),
            text=_text(request),
            claimed_amount=amount_of(request.POST.get("amount", "")),
            partner_reference=request.POST.get("reference", ""),
            answer_by=day_of(request.POST.get("answer_by", "")),
            now=utc_now(),
            by=request.user,  # type: ignore[arg-type]
        )

    made = tried(request, opened)
    if made is None:
        return to_page("disputes")
    messages.success(request, _("The dispute is open."))
    return to_page("disputes-detail", made.pk)


@console_action
def accept(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Give what is due."""
    allowed(request, *MAY_ACCEPT)

    def accepted() -> Dispute:
        return dispute_accept(
            dispute_id=dispute_id,
            way=request.POST.get("way", ""),
            amount=amount_of(request.POST.get("amount", "")),
            text=_text(request),
            now=utc_now(),
            by=request.user,  # type: ignore[arg-type]
        )

    if tried(request, accepted):
        messages.success(request, _("Decided: what was granted is given."))
    return to_page("disputes-detail", dispute_id)


@console_action
def act(request: HttpRequest, dispute_id: int, what: str) -> HttpResponse:
    """Answer, note or reject; or what the other side said: reply, withdraw."""
    allowed(request, MAY_CHANGE)
    if what not in ACTS:
        raise Http404

    def done() -> Dispute:
        return ACTS[what](
            dispute_id=dispute_id,
            text=_text(request),
            now=utc_now(),
            by=request.user,
        )

    if tried(request, done):
        messages.success(request, _("Kept."))
    return to_page("disputes-detail", dispute_id)


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "").strip()[:TEXT_MAX_LENGTH]
