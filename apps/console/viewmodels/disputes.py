"""Pages of disputes."""

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.billing.choices import DisputeReason, DisputeState
from apps.billing.models import Cdr, Dispute, DisputeEvent, InvoiceLine, PartnerCdr
from apps.billing.selectors.disputes import UNDECIDED, DisputeFilter, dispute_get, dispute_rows
from apps.billing.services.disputes import line_gross
from apps.billing.services.disputes_accept import AcceptWay, ways_of
from cariflex.common.money import round_half_up

PAGE_SIZE = 25
SEARCH_MAX_LENGTH = 60
MAY_SEE = "billing.view_dispute"
MAY_CHANGE = "billing.change_dispute"
MAY_OPEN = "billing.add_dispute"
MAY_ACCEPT = (MAY_CHANGE, "billing.credit_cdr", "billing.issue_invoice")


@dataclass(frozen=True, slots=True)
class About:
    """What a dispute is about, with where it can be seen."""

    kind: str
    """`cdr`, `invoice_line` or `partner_cdr`."""
    label: str
    detail: str
    address: str
    currency: str = "EUR"
    amount: Decimal = Decimal(0)
    cdr_id: UUID | None = None
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class DisputeShown:
    """A dispute as a line."""

    dispute: Dispute
    about: About


@dataclass(frozen=True, slots=True)
class DisputesPage:
    """The list."""

    lines: tuple[DisputeShown, ...]
    filter: DisputeFilter
    states: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]
    total_count: int
    page: int
    page_count: int
    may_open: bool

    @property
    def query(self) -> str:
        """The filter as the query of an address, ending with `&` when there is any."""
        words = {
            "q": self.filter.search, "state": self.filter.state, "reason": self.filter.reason,
        }  # fmt: skip
        text = urlencode({key: value for key, value in words.items() if value})
        return f"{text}&" if text else ""


@dataclass(frozen=True, slots=True)
class DisputeDetail:
    """One dispute with its history and what can be done."""

    dispute: Dispute
    about: About
    events: tuple[DisputeEvent, ...]
    ways: tuple[tuple[str, str, bool], ...]
    """Value, label, whether an amount can be chosen."""
    may_change: bool
    may_accept: bool


def disputes_listing(*, chosen: DisputeFilter, page: int, user: User) -> DisputesPage:
    """Disputes that match, last opened first; three queries."""
    disputes = dispute_rows(chosen)
    total = disputes.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    return DisputesPage(
        lines=tuple(
            DisputeShown(one, about_of(one))
            for one in disputes[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        ),
        filter=chosen,
        states=(
            (UNDECIDED, _("Not decided")),
            *((value, str(label)) for value, label in DisputeState.choices),
        ),
        reasons=tuple((value, str(label)) for value, label in DisputeReason.choices),
        total_count=total,
        page=page,
        page_count=pages,
        may_open=user.has_perm(MAY_OPEN),
    )


def dispute_detail(*, dispute_id: int, user: User) -> DisputeDetail | None:
    """One dispute; None when there is none."""
    dispute = dispute_get(dispute_id)
    if dispute is None:
        return None
    may_accept = dispute.is_undecided and user.has_perms(MAY_ACCEPT)
    return DisputeDetail(
        dispute=dispute,
        about=about_of(dispute),
        events=tuple(dispute.events.all()),
        ways=tuple(
            (way.value, str(way.label), way in (AcceptWay.CREDIT_NOTE, AcceptWay.RECORD))
            for way in ways_of(dispute)
        )
        if may_accept
        else (),
        may_change=user.has_perm(MAY_CHANGE),
        may_accept=may_accept,
    )


def about_of(dispute: Dispute) -> About:
    """What it is about."""
    if dispute.cdr is not None:
        return _cdr(dispute.cdr)
    if dispute.invoice_line is not None:
        return _line(dispute.invoice_line)
    theirs = dispute.partner_cdr
    return _theirs(theirs) if theirs is not None else About("", "", "", "")


def about_asked(*, cdr: str, invoice_line: str, partner_cdr: str) -> About | None:
    """What a new dispute would be about; None when there is no such thing."""
    if cdr:
        try:
            found = Cdr.objects.filter(pk=UUID(cdr)).first()
        except ValueError:
            found = Cdr.objects.filter(reference=cdr).first()
        return _cdr(found) if found else None
    if invoice_line.isdecimal() and len(invoice_line) < 19:
        line = InvoiceLine.objects.select_related("invoice").filter(pk=int(invoice_line)).first()
        return _line(line) if line else None
    if partner_cdr.isdecimal() and len(partner_cdr) < 19:
        theirs = PartnerCdr.objects.select_related("account").filter(pk=int(partner_cdr)).first()
        return _theirs(theirs) if theirs else None
    return None


def _cdr(cdr: Cdr) -> About:
    return About(
        "cdr", cdr.reference, cdr.station_name or cdr.station_id,
        reverse("console:cdrs-detail", args=[cdr.pk]), cdr.currency, cdr.gross_rounded,
        cdr_id=cdr.pk,
    )  # fmt: skip


def _line(line: InvoiceLine) -> About:
    return About(
        "invoice_line", f"{line.invoice} · {line.position}", line.description,
        reverse("console:invoices-detail", args=[line.invoice_id]), line.invoice.currency,
        line_gross(line), row_id=line.pk,
    )  # fmt: skip


def _theirs(theirs: PartnerCdr) -> About:
    return About(
        "partner_cdr", theirs.partner_reference, theirs.account.name, "", theirs.currency,
        round_half_up(theirs.net + theirs.tax), row_id=theirs.pk,
    )  # fmt: skip
