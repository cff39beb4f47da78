"""The page of payments: what is owed by age, what came in, and what it probably pays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.billing.choices import PaymentMethod
from apps.billing.matching import Proposal
from apps.billing.models import BillingAccount, Invoice, Payment, PaymentAllocation, Settlement
from apps.billing.payment_words import MATCH_REASONS
from apps.billing.selectors.balances import (
    AccountAgeing,
    Ageing,
    ageing_accounts,
    ageing_totals,
    open_papers,
    open_settlements,
)
from apps.billing.selectors.matches import matches
from apps.billing.selectors.payments import PaymentFilter, allocations_of, payment_rows

PAGE_SIZE = 20
ACCOUNTS_SHOWN = 15
CHOICES_SHOWN = 200
CREDITS_SHOWN = 15
SEARCH_MAX_LENGTH = 60
MAY_SEE = "billing.view_payment"
MAY_CHANGE = "billing.change_payment"
MAY_ADD = "billing.add_payment"
STATES = ("open", "allocated", "set_aside", "all")
AGES: tuple[tuple[str, str | Promise], ...] = (
    ("not_due", _("Not due yet")),
    ("days_0_30", _("0–30 days")),
    ("days_31_60", _("31–60 days")),
    ("days_61_90", _("61–90 days")),
    ("days_over_90", _("More than 90 days")),
)


@dataclass(frozen=True, slots=True)
class AgeBar:
    """One age of the plot."""

    key: str
    label: str | Promise
    amount: Decimal
    percent: float
    """Of the longest bar, 0-100."""


@dataclass(frozen=True, slots=True)
class AgePlot:
    """What is owed in one currency."""

    ageing: Ageing
    bars: tuple[AgeBar, ...]


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """Why a match is proposed, in words."""

    words: str
    points: int


@dataclass(frozen=True, slots=True)
class PartShown:
    """One paper that would be paid."""

    kind: str
    key: int
    label: str
    amount: Decimal
    is_part: bool


@dataclass(frozen=True, slots=True)
class ProposalShown:
    """A proposal in words."""

    key: str
    score: int
    is_sure: bool
    account_name: str
    amount: Decimal
    parts: tuple[PartShown, ...]
    reasons: tuple[ReasonShown, ...]


@dataclass(frozen=True, slots=True)
class PaymentShown:
    """A payment as a line."""

    payment: Payment
    state: str
    proposals: tuple[ProposalShown, ...]


@dataclass(frozen=True, slots=True)
class CreditShown:
    """A paper on which an account has money to its credit, and its invoices that are open."""

    kind: str
    """`invoice` or `settlement`."""
    key: int
    label: str
    account_name: str
    currency: str
    amount: Decimal
    choices: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class PaymentsPage:
    """Everything the page shows."""

    plots: tuple[AgePlot, ...]
    accounts: tuple[AccountAgeing, ...]
    has_more_accounts: bool
    credits: tuple[CreditShown, ...]
    lines: tuple[PaymentShown, ...]
    filter: PaymentFilter
    state: str
    methods: tuple[tuple[str, str], ...]
    total_count: int
    page: int
    page_count: int
    sure_count: int
    account_choices: tuple[tuple[int, str], ...]
    today: date
    may_add: bool
    may_change: bool

    @property
    def query(self) -> str:
        """The filter as the query of an address, ending with `&` when there is any."""
        words = {"q": self.filter.search, "state": self.state, "method": self.filter.method}
        text = urlencode({key: value for key, value in words.items() if value})
        return f"{text}&" if text else ""


@dataclass(frozen=True, slots=True)
class PaymentDetail:
    """One payment with its history and what can be done."""

    payment: Payment
    state: str
    allocations: tuple[PaymentAllocation, ...]
    proposals: tuple[ProposalShown, ...]
    open_choices: tuple[tuple[str, str], ...]
    account_choices: tuple[tuple[int, str], ...]
    may_change: bool
    may_refund: bool


def payments_page(
    *, chosen: PaymentFilter, state: str, page: int, today: date, user: User
) -> PaymentsPage:
    """The page; the number of queries does not grow with the rows."""
    payments = payment_rows(chosen).select_related("bank_line")
    total = payments.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    shown = list(payments[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    lines = _lines(shown)
    accounts = ageing_accounts(on=today, limit=ACCOUNTS_SHOWN + 1)
    return PaymentsPage(
        plots=tuple(_plot(one) for one in ageing_totals(on=today)),
        accounts=tuple(accounts[:ACCOUNTS_SHOWN]),
        has_more_accounts=len(accounts) > ACCOUNTS_SHOWN,
        credits=_credits(),
        lines=lines,
        filter=chosen,
        state=state,
        methods=tuple((value, str(label)) for value, label in PaymentMethod.choices),
        total_count=total,
        page=page,
        page_count=pages,
        sure_count=sum(1 for line in lines if line.proposals and line.proposals[0].is_sure),
        account_choices=_accounts(),
        today=today,
        may_add=user.has_perm(MAY_ADD),
        may_change=user.has_perm(MAY_CHANGE),
    )


def payment_detail(*, payment_id: int, user: User) -> PaymentDetail | None:
    """One payment; None when there is none."""
    payment = payment_rows().select_related("bank_line__statement").filter(pk=payment_id).first()
    if payment is None:
        return None
    [line] = _lines([payment])
    may_change = user.has_perm(MAY_CHANGE)
    return PaymentDetail(
        payment=payment,
        state=line.state,
        allocations=tuple(allocations_of(payment)),
        proposals=line.proposals,
        open_choices=_open_choices(payment) if payment.rest and may_change else (),
        account_choices=_accounts(),
        may_change=may_change,
        may_refund=may_change
        and user.has_perm(MAY_ADD)
        and payment.direction == "in"
        and payment.rest > 0,
    )


def payment_state(payment: Payment) -> str:
    """`open`, `part`, `allocated` or `set_aside`."""
    if payment.is_set_aside:
        return "set_aside"
    if payment.allocated == payment.amount:
        return "allocated"
    return "part" if payment.allocated else "open"


def reasons_shown(proposal: Proposal) -> tuple[ReasonShown, ...]:
    """Why, in the reader's words."""
    return tuple(
        ReasonShown(str(MATCH_REASONS.get(reason.code, reason.code)), reason.points)
        for reason in proposal.reasons
    )


def _lines(payments: Sequence[Payment]) -> tuple[PaymentShown, ...]:
    waiting = [one for one in payments if one.rest and not one.is_set_aside]
    found = {one.payment.pk: one.proposals for one in matches(waiting)}
    keys = {proposal.account for row in found.values() for proposal in row}
    names = dict(
        BillingAccount.objects.filter(pk__in=[key for key in keys if key]).values_list("pk", "name")
    )
    return tuple(
        PaymentShown(
            payment=payment,
            state=payment_state(payment),
            proposals=tuple(_proposal(one, names) for one in found.get(payment.pk, ())),
        )
        for payment in payments
    )


def _proposal(proposal: Proposal, names: Mapping[int, str]) -> ProposalShown:
    return ProposalShown(
        key=proposal.key,
        score=proposal.score,
        is_sure=proposal.is_sure,
        account_name=names.get(proposal.account or 0, ""),
        amount=proposal.amount,
        parts=tuple(
            PartShown(
                kind=paper.kind,
                key=paper.key,
                label=paper.reference or paper.end_to_end_id or f"{paper.key}",
                amount=amount,
                is_part=amount != abs(paper.open),
            )
            for paper, amount in proposal.parts
        ),
        reasons=reasons_shown(proposal),
    )


def _plot(ageing: Ageing) -> AgePlot:
    amounts = {key: getattr(ageing, key) for key, _label in AGES}
    longest = max(amounts.values())
    return AgePlot(
        ageing,
        tuple(
            AgeBar(key, label, amounts[key], float(100 * amounts[key] / longest) if longest else 0)
            for key, label in AGES
        ),
    )


def _credits() -> tuple[CreditShown, ...]:
    """What we owe accounts on papers, each with the open invoices that it could pay."""
    papers, owed = open_papers(), open_settlements()
    in_credit = [pk for pk, amount in papers.items() if amount < 0][:CREDITS_SHOWN]
    invoices = list(Invoice.objects.filter(pk__in=in_credit).select_related("account"))
    settlements = list(
        Settlement.objects.filter(pk__in=[pk for pk, amount in owed.items() if amount < 0])
        .select_related("account")
        .order_by("pk")[:CREDITS_SHOWN]
    )
    accounts = {one.account_id for one in (*invoices, *settlements)}
    choices: dict[tuple[int, str], list[tuple[int, str]]] = {}
    if accounts:
        open_ones = [pk for pk, amount in papers.items() if amount > 0]
        rows = Invoice.objects.filter(account__in=accounts, pk__in=open_ones).order_by("due_on")
        for pk, reference, account, currency in rows.values_list(
            "pk", "reference", "account_id", "currency"
        )[:CHOICES_SHOWN]:
            choices.setdefault((account, currency), []).append(
                (pk, f"{reference} · {papers[pk]} {currency}")
            )
    return tuple(
        CreditShown(
            kind="invoice" if isinstance(one, Invoice) else "settlement",
            key=one.pk,
            label=str(one),
            account_name=one.account.name,
            currency=one.currency,
            amount=-(papers[one.pk] if isinstance(one, Invoice) else owed[one.pk]),
            choices=tuple(choices.get((one.account_id, one.currency), ())),
        )
        for one in (*invoices, *settlements)
    )


def _accounts() -> tuple[tuple[int, str], ...]:
    rows = BillingAccount.objects.filter(is_active=True).order_by("name", "pk")
    return tuple(rows.values_list("pk", "name")[:CHOICES_SHOWN])


def _open_choices(payment: Payment) -> tuple[tuple[str, str], ...]:
    """Open papers that it could pay: those of its account first, or all when it has none."""
    is_in = payment.direction == "in"
    papers = open_papers(currency=payment.currency, account_id=payment.account_id, limit=2000)
    wanted = [pk for pk, amount in papers.items() if (amount > 0) == is_in][:CHOICES_SHOWN]
    invoices = Invoice.objects.filter(pk__in=wanted).order_by(F("due_on").asc(), "pk")
    choices = [
        (f"invoice:{pk}", f"{reference} · {name} · {abs(papers[pk])} {payment.currency}")
        for pk, reference, name in invoices.values_list("pk", "reference", "account__name")
    ]
    if not is_in:
        owed = open_settlements(
            currency=payment.currency, account_id=payment.account_id, limit=CHOICES_SHOWN
        )
        choices += [
            (f"settlement:{row.pk}", f"{row} · {abs(owed[row.pk])} {payment.currency}")
            for row in Settlement.objects.filter(pk__in=owed).select_related("account")
        ]
    return tuple(choices)
