"""Proposals for payments that nobody has matched yet, from the rows of the books."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, QuerySet

from apps.billing.choices import PaymentDirection
from apps.billing.matching import Book, Candidate, Money, Party, Proposal, book_of, proposals
from apps.billing.models import BillingAccount, Invoice, Payment, Settlement
from apps.billing.selectors.balances import open_papers, open_settlements

RETURNS_WITHIN = timedelta(days=400)
"""A debit bounces within 13 months at most."""
MOST_RETURNED = 2000
MOST_IBANS = 20_000


@dataclass(frozen=True, slots=True)
class PaymentMatches:
    """A payment with something left, and what it probably pays."""

    payment: Payment
    proposals: tuple[Proposal, ...]


def payments_unmatched() -> QuerySet[Payment]:
    """Payments of which something is left, newest first; not those that were set aside."""
    return (
        Payment.objects.filter(allocated__lt=F("amount"), is_set_aside=False)
        .select_related("account", "bank_line")
        .order_by("-paid_on", "-pk")
    )


def matches(payments: Sequence[Payment]) -> list[PaymentMatches]:
    """Proposals for some payments; at most seven queries for each currency and direction."""
    books: dict[tuple[str, str, bool], Book] = {}
    found = []
    for payment in payments:
        money = _money(payment)
        side = payment.currency, payment.direction, money.is_return
        if side not in books:
            books[side] = _book(payment.currency, payment.direction, is_return=money.is_return)
        found.append(PaymentMatches(payment, proposals(money, books[side])))
    return found


def matches_of(payment: Payment) -> tuple[Proposal, ...]:
    """Proposals for one payment."""
    return matches([payment])[0].proposals


def _money(payment: Payment) -> Money:
    line = getattr(payment, "bank_line", None)
    return Money(
        rest=payment.rest,
        is_in=payment.direction == PaymentDirection.IN,
        text=payment.reference,
        name=payment.party_name,
        iban=payment.party_iban,
        end_to_end_id=payment.end_to_end_id,
        account=payment.account_id,
        is_return=bool(line and line.is_return),
    )


def _book(currency: str, direction: str, *, is_return: bool) -> Book:
    """A debit that bounced is a payment that comes back, and nothing else is."""
    if is_return and direction == PaymentDirection.OUT:
        candidates = _returnable(currency)
    else:
        candidates = _papers(currency, is_in=direction == PaymentDirection.IN)
        if direction == PaymentDirection.OUT:
            candidates += _settlements(currency)
    accounts = {one.account for one in candidates if one.account is not None}
    return book_of(candidates, _parties(accounts))


def _papers(currency: str, *, is_in: bool) -> list[Candidate]:
    papers = open_papers(currency=currency)
    invoices = Invoice.objects.filter(pk__in=papers).values_list(
        "pk", "reference", "account_id", "due_on"
    )
    return [
        Candidate("invoice", pk, reference or "", papers[pk], account, due_on.toordinal())
        for pk, reference, account, due_on in invoices
        if due_on is not None and (papers[pk] > 0) == is_in
    ]


def _settlements(currency: str) -> list[Candidate]:
    owed = open_settlements(currency=currency)
    rows = Settlement.objects.filter(pk__in=owed).values_list(
        "pk", "partner_invoice_reference", "account_id", "month"
    )
    return [
        Candidate("settlement", pk, reference, owed[pk], account, month.toordinal())
        for pk, reference, account, month in rows
        if owed[pk] < 0
    ]


def _returnable(currency: str) -> list[Candidate]:
    """Payments in that pay something, which the bank may take back."""
    newest = Payment.objects.order_by("-paid_on").values_list("paid_on", flat=True).first()
    if newest is None:
        return []
    rows = (
        Payment.objects.filter(
            direction=PaymentDirection.IN,
            currency=currency,
            allocated__gt=0,
            paid_on__gte=newest - RETURNS_WITHIN,
        )
        .exclude(gives_back__isnull=False)
        .order_by("-paid_on")
        .values_list("pk", "amount", "account_id", "paid_on", "end_to_end_id")
    )
    return [
        Candidate("payment", pk, "", -amount, account, paid_on.toordinal(), end_to_end_id)
        for pk, amount, account, paid_on, end_to_end_id in rows[:MOST_RETURNED]
    ]


def _parties(accounts: Iterable[int]) -> Mapping[int, Party]:
    keys = set(accounts)
    before: dict[int, set[str]] = {}
    paid = (
        Payment.objects.filter(account__in=keys, allocated__gt=0)
        .exclude(party_iban="")
        .values_list("account_id", "party_iban")
        .distinct()
        .order_by()
    )
    for account, iban in paid[:MOST_IBANS]:
        if account is not None:
            before.setdefault(account, set()).add(iban)
    return {
        pk: Party(pk, name, "".join(iban.split()).upper(), frozenset(before.get(pk, ())))
        for pk, name, iban in BillingAccount.objects.filter(pk__in=keys).values_list(
            "pk", "name", "iban"
        )
    }
