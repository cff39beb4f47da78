"""The pages of invoices and credit notes, and of settlements with partners."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.billing.choices import InvoiceKind, InvoiceState, SettlementDirection, SettlementState
from apps.billing.models import (
    BillingAccount,
    Invoice,
    InvoiceCdr,
    InvoiceDocument,
    InvoiceLine,
    Settlement,
)
from apps.billing.months import local_day, month_parse
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.balances import with_open_amounts
from apps.billing.selectors.closing import month_is_closed
from apps.billing.selectors.invoices import (
    InvoiceTotals,
    Problem,
    invoice_problems,
    invoice_rows,
    invoice_totals,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

PAGE_SIZE = 25
SEARCH_MAX_LENGTH = 60
ACCOUNTS_SHOWN = 200
MAY_SEE = "billing.view_invoice"
MAY_ISSUE = "billing.issue_invoice"
MAY_DRAFT = "billing.add_invoice"
MAY_SETTLE = "billing.change_settlement"
STATES = ("draft", "issued", "open", "overdue")


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What the list shows; empty means all."""

    search: str = ""
    month: date | None = None
    state: str = ""
    kind: str = ""
    account_id: int | None = None

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.search or self.month or self.state or self.kind or self.account_id)

    @property
    def query(self) -> str:
        """The filter as the query of an address, ending with `&` when there is any."""
        words = {
            "q": self.search,
            "month": f"{self.month:%Y-%m}" if self.month else "",
            "state": self.state,
            "kind": self.kind,
            "account": self.account_id or "",
        }
        text = urlencode({key: value for key, value in words.items() if value})
        return f"{text}&" if text else ""


@dataclass(frozen=True, slots=True)
class InvoiceLineShown:
    """One paper of the list."""

    invoice: Invoice
    state: str
    open_amount: Decimal


@dataclass(frozen=True, slots=True)
class InvoicesListing:
    """One page of papers, newest first, with the sums of all that match."""

    lines: tuple[InvoiceLineShown, ...]
    filter: InvoiceFilter
    totals: tuple[InvoiceTotals, ...]
    accounts: tuple[tuple[int, str], ...]
    total_count: int
    page: int
    page_count: int


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """Everything the page of one paper shows."""

    invoice: Invoice
    state: str
    open_amount: Decimal
    lines: tuple[InvoiceLine, ...]
    problems: tuple[Problem, ...]
    documents: tuple[InvoiceDocument, ...]
    credit_notes: tuple[Invoice, ...]
    cdrs: tuple[InvoiceCdr, ...]
    cdr_count: int
    page: int
    page_count: int
    is_month_closed: bool
    may_issue: bool
    may_credit: bool
    may_delete: bool


@dataclass(frozen=True, slots=True)
class SettlementsListing:
    """The statements of a month, or of all months."""

    settlements: tuple[Settlement, ...]
    month: date | None
    total_count: int
    page: int
    page_count: int
    may_settle: bool

    @property
    def query(self) -> str:
        """The filter as the query of an address, ending with `&` when there is any."""
        return f"month={self.month:%Y-%m}&" if self.month else ""


@dataclass(frozen=True, slots=True)
class SettlementPage:
    """One statement with what it is made of."""

    settlement: Settlement
    invoices: tuple[Invoice, ...]
    partner_cdr_count: int
    is_month_closed: bool
    may_settle: bool

    @property
    def is_payable(self) -> bool:
        return self.settlement.direction == SettlementDirection.PAYABLE

    @property
    def may_confirm(self) -> bool:
        """True while both sides have not agreed, for whoever may settle."""
        return self.may_settle and self.settlement.state != SettlementState.CONFIRMED


def month_of_query(text: str) -> date | None:
    """The month of an address; None for anything else."""
    try:
        return month_parse(text)
    except DomainError:
        return None


def invoice_filter_of(query: Mapping[str, str]) -> InvoiceFilter:
    """The filter of an address; what makes no sense filters nothing."""
    account = query.get("account", "")
    return InvoiceFilter(
        search=query.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        month=month_of_query(query.get("month", "")),
        state=state if (state := query.get("state", "")) in STATES else "",
        kind=kind if (kind := query.get("kind", "")) in InvoiceKind.values else "",
        account_id=int(account) if account.isdecimal() and len(account) < 10 else None,
    )


def invoices_listing(*, chosen: InvoiceFilter, page: int) -> InvoicesListing:
    """A page of the filtered papers; four queries."""
    today = local_day(utc_now(), books_time_zone())
    invoices = _filtered(chosen, today)
    total = invoices.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = with_open_amounts(invoices).order_by("-pk")[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    accounts = BillingAccount.objects.order_by("name").values_list("pk", "name")
    return InvoicesListing(
        lines=tuple(
            InvoiceLineShown(one, invoice_state(one, one.open_amount, today), one.open_amount)
            for one in shown
        ),
        filter=chosen,
        totals=tuple(invoice_totals(invoices)),
        accounts=tuple(accounts[:ACCOUNTS_SHOWN]),
        total_count=total,
        page=page,
        page_count=page_count,
    )


def invoice_page(*, invoice_id: int, page: int, user: User) -> InvoicePage | None:
    """One paper with its lines, CDRs and documents; None when there is none."""
    today = local_day(utc_now(), books_time_zone())
    invoice = with_open_amounts(invoice_rows().filter(pk=invoice_id)).first()
    if invoice is None:
        return None
    cdrs = InvoiceCdr.objects.filter(line__invoice=invoice).select_related("cdr", "line")
    count = cdrs.count()
    page_count = max(1, -(-count // PAGE_SIZE))
    page = min(max(1, page), page_count)
    is_draft = invoice.state == InvoiceState.DRAFT
    is_closed = month_is_closed(invoice.month)
    return InvoicePage(
        invoice=invoice,
        state=invoice_state(invoice, invoice.open_amount, today),
        open_amount=invoice.open_amount,
        lines=tuple(invoice.lines.order_by("position")),
        problems=tuple(invoice_problems(invoice, today=today)),
        documents=tuple(invoice.documents.defer("content").order_by("kind")),
        credit_notes=tuple(invoice.credit_notes.order_by("pk")),
        cdrs=tuple(cdrs.order_by("pk")[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        cdr_count=count,
        page=page,
        page_count=page_count,
        is_month_closed=is_closed,
        may_issue=is_draft and not is_closed and user.has_perm(MAY_ISSUE),
        may_credit=(
            not is_draft and invoice.kind == InvoiceKind.INVOICE and user.has_perm(MAY_ISSUE)
        ),
        may_delete=is_draft and user.has_perm(MAY_DRAFT),
    )


def invoice_state(invoice: Invoice, open_amount: Decimal, today: date) -> str:
    """How a paper stands, as a code of `states.INVOICES`."""
    if invoice.state == InvoiceState.DRAFT:
        return "draft"
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return "credit_note"
    if open_amount <= 0:
        return "paid"
    if invoice.due_on is not None and invoice.due_on < today:
        return "overdue"
    return "open" if open_amount == invoice.gross else "partly"


def settlements_listing(*, month: date | None, page: int, user: User) -> SettlementsListing:
    """A page of statements, newest month first; two queries."""
    settlements = Settlement.objects.select_related("account", "invoice")
    if month is not None:
        settlements = settlements.filter(month=month)
    total = settlements.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    ordered = settlements.order_by("-month", "account__name", "direction", "currency")
    return SettlementsListing(
        settlements=tuple(ordered[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        month=month,
        total_count=total,
        page=page,
        page_count=page_count,
        may_settle=user.has_perm(MAY_SETTLE),
    )


def settlement_page(*, settlement_id: int, user: User) -> SettlementPage | None:
    """One statement; None when there is none."""
    settlement = (
        Settlement.objects.select_related("account", "invoice", "confirmed_by")
        .filter(pk=settlement_id)
        .first()
    )
    if settlement is None:
        return None
    papers: QuerySet[Invoice] = Invoice.objects.none()
    if settlement.direction == SettlementDirection.RECEIVABLE:
        papers = Invoice.objects.filter(
            account=settlement.account, month=settlement.month, currency=settlement.currency
        ).order_by("pk")
    return SettlementPage(
        settlement=settlement,
        invoices=tuple(papers[:PAGE_SIZE]),
        partner_cdr_count=settlement.partner_cdrs.count(),
        is_month_closed=month_is_closed(settlement.month),
        may_settle=user.has_perm(MAY_SETTLE),
    )


def _filtered(chosen: InvoiceFilter, today: date) -> QuerySet[Invoice]:
    invoices = invoice_rows()
    if chosen.month:
        invoices = invoices.filter(month=chosen.month)
    if chosen.kind:
        invoices = invoices.filter(kind=chosen.kind)
    if chosen.account_id:
        invoices = invoices.filter(account_id=chosen.account_id)
    if chosen.state in InvoiceState.values:
        invoices = invoices.filter(state=chosen.state)
    elif chosen.state:
        invoices = with_open_amounts(invoices).filter(
            state=InvoiceState.ISSUED, kind=InvoiceKind.INVOICE, open_amount__gt=0
        )
        if chosen.state == "overdue":
            invoices = invoices.filter(due_on__lt=today)
    if chosen.search:
        invoices = invoices.filter(
            Q(reference__icontains=chosen.search) | Q(account__name__icontains=chosen.search)
        )
    return invoices
