"""Reads of disputes."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.billing.choices import DisputeState
from apps.billing.models import Dispute
from cariflex.common.api.pages import Page, page_of


@dataclass(frozen=True, slots=True)
class DisputeFilter:
    """Which disputes; empty is all. `undecided` stands for open and answered ones."""

    state: str = ""
    reason: str = ""
    account: str = ""
    search: str = ""


UNDECIDED = "undecided"


def dispute_rows(chosen: DisputeFilter | None = None) -> QuerySet[Dispute]:
    """Disputes with what they are about, last opened first."""
    chosen = chosen or DisputeFilter()
    disputes = Dispute.objects.select_related(
        "account", "cdr", "invoice_line__invoice", "partner_cdr__account", "credit_note",
        "credit_cdr", "corrected_cdr", "opened_by",
    ).order_by("-opened_at", "-pk")  # fmt: skip
    if chosen.state == UNDECIDED:
        disputes = disputes.filter(state__in=(DisputeState.OPEN, DisputeState.ANSWERED))
    elif chosen.state:
        disputes = disputes.filter(state=chosen.state)
    if chosen.reason:
        disputes = disputes.filter(reason=chosen.reason)
    if chosen.account:
        disputes = disputes.filter(account__code=chosen.account)
    if chosen.search:
        disputes = disputes.filter(
            Q(partner_reference__icontains=chosen.search)
            | Q(cdr__reference__icontains=chosen.search)
            | Q(invoice_line__invoice__reference__icontains=chosen.search)
            | Q(partner_cdr__partner_reference__icontains=chosen.search)
            | Q(account__name__icontains=chosen.search)
        )
    return disputes


def disputes_page(
    *, after: int | None, limit: int, chosen: DisputeFilter | None = None
) -> Page[Dispute]:
    """Disputes by key, last opened first. One query."""
    disputes = dispute_rows(chosen).order_by("-pk")
    if after is not None:
        disputes = disputes.filter(pk__lt=after)
    return page_of(list(disputes[: limit + 1]), limit, lambda dispute: dispute.pk)


def dispute_get(dispute_id: int) -> Dispute | None:
    """One dispute with its history."""
    return dispute_rows().prefetch_related("events").filter(pk=dispute_id).first()
