"""Reads of payments and statements: pages for the API and the console."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from apps.billing.models import BankLine, BankStatement, Payment, PaymentAllocation, Reminder
from apps.billing.selectors.reminders import reminder_rows
from cariflex.common.api.pages import Page, page_of

STATES = ("open", "allocated", "set_aside")
NEWEST_DAY = date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments; empty is all."""

    state: str = ""
    method: str = ""
    direction: str = ""
    account: str = ""
    """The code of an account."""
    search: str = ""


def payment_rows(chosen: PaymentFilter | None = None) -> QuerySet[Payment]:
    """Payments with their account, newest day first."""
    chosen = chosen or PaymentFilter()
    payments = Payment.objects.select_related("account").order_by("-paid_on", "-pk")
    if chosen.state == "open":
        payments = payments.filter(allocated__lt=F("amount"), is_set_aside=False)
    elif chosen.state == "allocated":
        payments = payments.filter(allocated=F("amount"))
    elif chosen.state == "set_aside":
        payments = payments.filter(is_set_aside=True)
    if chosen.method:
        payments = payments.filter(method=chosen.method)
    if chosen.direction:
        payments = payments.filter(direction=chosen.direction)
    if chosen.account:
        payments = payments.filter(account__code=chosen.account)
    if chosen.search:
        words = Q(reference__icontains=chosen.search) | Q(party_name__icontains=chosen.search)
        words |= Q(party_iban__icontains=chosen.search) | Q(account__name__icontains=chosen.search)
        amount = _amount(chosen.search)
        if amount is not None:
            words |= Q(amount=amount)
        payments = payments.filter(words)
    return payments


def payments_page(
    *, after: int | None, limit: int, chosen: PaymentFilter | None = None
) -> Page[Payment]:
    """Payments by key, last recorded first. One query."""
    payments = payment_rows(chosen).order_by("-pk")
    if after is not None:
        payments = payments.filter(pk__lt=after)
    return page_of(list(payments[: limit + 1]), limit, lambda payment: payment.pk)


def allocations_of(payment: Payment) -> list[PaymentAllocation]:
    """Everything that the payment paid or gave back, also what was released. One query."""
    return list(
        PaymentAllocation.objects.filter(Q(payment=payment) | Q(given_back=payment))
        .select_related(
            "invoice", "settlement__account", "reminder__invoice", "payment", "given_back", "by",
            "released_by",
        )
        .order_by("pk")
    )  # fmt: skip


def statements_page(*, after: int | None, limit: int) -> Page[BankStatement]:
    """Imported statements, last first. One query."""
    statements = BankStatement.objects.select_related("imported_by").order_by("-pk")
    if after is not None:
        statements = statements.filter(pk__lt=after)
    return page_of(list(statements[: limit + 1]), limit, lambda statement: statement.pk)


def bank_lines_page(
    *, statement_id: int, after: int | None, limit: int, state: str = ""
) -> Page[BankLine]:
    """Lines of a statement in the order of the file; `after` is a line's number. One query."""
    lines = BankLine.objects.filter(statement=statement_id).order_by("number")
    if state:
        lines = lines.filter(state=state)
    if after is not None:
        lines = lines.filter(number__gt=after)
    return page_of(list(lines[: limit + 1]), limit, lambda line: line.number)


def reminders_page(*, after: int | None, limit: int, state: str = "") -> Page[Reminder]:
    """Reminders, last made first. One query."""
    reminders = reminder_rows().order_by("-pk")
    if state:
        reminders = reminders.filter(state=state)
    if after is not None:
        reminders = reminders.filter(pk__lt=after)
    return page_of(list(reminders[: limit + 1]), limit, lambda reminder: reminder.pk)


def _amount(text: str) -> Decimal | None:
    plain = text.replace(",", ".").strip()
    if not plain.replace(".", "", 1).isdecimal() or len(plain) > 13:
        return None
    return Decimal(plain)
