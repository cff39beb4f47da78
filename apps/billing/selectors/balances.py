"""What is owed: the open amount of a paper, and balances of accounts by age.

Open is signed as the account sees it: positive is what they owe us, negative what we owe them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import (
    Case,
    DecimalField,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from apps.billing.choices import InvoiceKind, InvoiceState, PaymentDirection, SettlementDirection
from apps.billing.models import BillingAccount, Invoice, PaymentAllocation, Reminder, Settlement
from apps.billing.selectors.balances_sql import (
    AGEING_ACCOUNTS,
    AGEING_TOTALS,
    OPEN_PAPERS,
    OPEN_SETTLEMENTS,
    OVERDUE_PAPERS,
)

MONEY: "DecimalField[Decimal, Decimal]" = DecimalField(max_digits=16, decimal_places=2)
ZERO = Value(Decimal(0), output_field=MONEY)
AGES = ("not_due", "days_0_30", "days_31_60", "days_61_90", "days_over_90")
ALL = 2_000_000
Parameter = str | int | date | None


@dataclass(frozen=True, slots=True)
class Ageing:
    """Sums of one currency. `balance` is all of it together, signed as in this module.

    Fees are those of reminders that were sent; credits, settlements and payments are money of
    theirs that we hold (negative), or that they got from us too much (positive).
    """

    currency: str
    not_due: Decimal
    days_0_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    days_over_90: Decimal
    fees: Decimal
    credits: Decimal
    settlements: Decimal
    payments: Decimal
    balance: Decimal

    @property
    def overdue(self) -> Decimal:
        """What is due today or was before."""
        return self.days_0_30 + self.days_31_60 + self.days_61_90 + self.days_over_90

    @property
    def owed(self) -> Decimal:
        """What open papers ask for, due or not."""
        return self.not_due + self.overdue


@dataclass(frozen=True, slots=True)
class AccountAgeing:
    """The balance of one account in one currency."""

    account: BillingAccount
    ageing: Ageing


def with_open_amounts(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Invoices and credit notes with `open_amount`; zero for drafts.

    A credit note that credits an invoice lowers that one's open amount and has none of its own.
    """
    moved_in = _sum(
        PaymentAllocation.objects.filter(invoice=OuterRef("pk"), released_at__isnull=True),
        "invoice",
        Case(
            When(payment__direction=PaymentDirection.OUT, then=F("amount")),
            default=-F("amount"),
            output_field=MONEY,
        ),
    )
    moved_out = _sum(
        PaymentAllocation.objects.filter(from_invoice=OuterRef("pk"), released_at__isnull=True),
        "from_invoice",
        F("amount"),
    )
    credited = _sum(
        Invoice.objects.filter(
            credits=OuterRef("pk"), kind=InvoiceKind.CREDIT_NOTE, state=InvoiceState.ISSUED
        ).order_by(),
        "credits",
        F("gross"),
    )
    counts = Q(state=InvoiceState.ISSUED)
    return invoices.annotate(
        open_amount=Case(
            When(
                counts & Q(kind=InvoiceKind.INVOICE),
                then=F("gross") - credited + moved_in + moved_out,
            ),
            When(
                counts & Q(kind=InvoiceKind.CREDIT_NOTE, credits__isnull=True),
                then=-F("gross") - credited + moved_in + moved_out,
            ),
            default=ZERO,
            output_field=MONEY,
        )
    )


def open_amount(invoice: Invoice) -> Decimal:
    """What is open of a paper now. Whoever decides on it holds the paper's row lock."""
    papers = with_open_amounts(Invoice.objects.filter(pk=invoice.pk))
    amount: Decimal = papers.values_list("open_amount", flat=True).get()  # type: ignore[misc]
    return amount


def settlement_open(settlement: Settlement) -> Decimal:
    """What is open of a statement: negative while we owe; zero for drafts and for receivables.

    What a partner owes us is on our invoice of that settlement.
    """
    if settlement.direction != SettlementDirection.PAYABLE or settlement.state == "draft":
        return Decimal(0)
    moved_in = settlement.allocations.filter(released_at__isnull=True).aggregate(
        total=Coalesce(
            Sum(
                Case(
                    When(payment__direction=PaymentDirection.OUT, then=F("amount")),
                    default=-F("amount"),
                    output_field=MONEY,
                )
            ),
            ZERO,
        )
    )["total"]
    given = settlement.set_offs_given.filter(released_at__isnull=True).aggregate(
        total=Coalesce(Sum("amount"), ZERO)
    )["total"]
    amount: Decimal = -settlement.total + moved_in + given
    return amount


def fee_open(reminder: Reminder) -> Decimal:
    """What is open of a reminder's fee; zero unless it was sent."""
    if reminder.state != "sent":
        return Decimal(0)
    paid = reminder.allocations.filter(released_at__isnull=True).aggregate(
        total=Coalesce(Sum("amount"), ZERO)
    )["total"]
    amount: Decimal = reminder.fee - paid
    return amount


def open_papers(
    *, currency: str = "", account_id: int | None = None, limit: int = ALL
) -> dict[int, Decimal]:
    """Invoices (and free credit notes) that are not settled: key -> open amount, oldest due first.

    One query, whatever their number.
    """
    return _pairs(OPEN_PAPERS, {"currency": currency, "account": account_id, "limit": limit})


def open_settlements(
    *, currency: str = "", account_id: int | None = None, limit: int = ALL
) -> dict[int, Decimal]:
    """Statements of what we owe that are not paid: key -> open amount (negative). One query."""
    return _pairs(OPEN_SETTLEMENTS, {"currency": currency, "account": account_id, "limit": limit})


def overdue_papers(*, on: date, after: int = 0, limit: int = 500) -> dict[int, Decimal]:
    """Invoices past their due day with their open amount, by key. One query."""
    return _pairs(OVERDUE_PAPERS, {"on": on, "after": after, "limit": limit})


def ageing_totals(*, on: date) -> list[Ageing]:
    """What is owed by age on a day, one for each currency. One query."""
    return [Ageing(*row) for row in _rows(AGEING_TOTALS, {"on": on})]


def ageing_accounts(
    *, on: date, account_id: int | None = None, limit: int = 50, offset: int = 0
) -> list[AccountAgeing]:
    """Balances by account and currency, the most overdue first. Two queries."""
    rows = _rows(
        AGEING_ACCOUNTS, {"on": on, "account": account_id, "limit": limit, "offset": offset}
    )
    accounts = BillingAccount.objects.in_bulk({row[0] for row in rows})
    return [AccountAgeing(accounts[row[0]], Ageing(*row[1:])) for row in rows]


def _sum(
    rows: QuerySet[PaymentAllocation] | QuerySet[Invoice], key: str, amount: object
) -> Coalesce:
    total = rows.order_by().values(key).annotate(_total=Sum(amount)).values("_total")
    return Coalesce(Subquery(total, output_field=MONEY), ZERO)


def _pairs(statement: str, values: dict[str, Parameter]) -> dict[int, Decimal]:
    return {row[0]: row[1] for row in _rows(statement, values)}


def _rows(statement: str, values: dict[str, Parameter]) -> Iterable[tuple]:  # type: ignore[type-arg]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple] = cursor.fetchall()  # type: ignore[type-arg]
    return rows
