"""Months of the books: which are closed, and what is still to be done in one."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from apps.billing.choices import InvoiceKind, InvoiceState, PartnerCdrKind, SettlementState
from apps.billing.models import Cdr, Invoice, MonthClosing, PartnerCdr, Settlement
from apps.billing.months import month_interval, month_of
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.billable import credits_to_note, live_cdrs, uninvoiced
from apps.billing.selectors.closed_months import month_for_booking, month_is_closed, open_from
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from cariflex.common.api.pages import Page, page_of

__all__ = [
    "MonthReview",
    "MonthRow",
    "MonthStep",
    "MonthTotals",
    "closings",
    "month_for_booking",
    "month_is_closed",
    "month_review",
    "month_steps",
    "month_totals",
    "months_listed",
    "months_page",
]


@dataclass(frozen=True, slots=True)
class MonthStep:
    """One thing to do before a month is closed; `is_blocking`: it cannot be closed before."""

    code: str
    count: int
    is_blocking: bool


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """What was billed in a month, in one currency; credit notes are taken off."""

    currency: str
    cdrs: int
    energy_kwh: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    invoices: int
    credit_notes: int
    without_account_cdrs: int
    without_account_gross: Decimal
    """CDRs that no account pays: ad hoc receipts, and sessions that nobody was found for."""


@dataclass(frozen=True, slots=True)
class MonthReview:
    """How a month stands."""

    month: date
    is_over: bool
    closing: MonthClosing | None
    steps: tuple[MonthStep, ...]
    totals: tuple[MonthTotals, ...]

    @property
    def may_close(self) -> bool:
        """True when nothing that blocks is left."""
        return (
            self.closing is None
            and self.is_over
            and not any(step.count for step in self.steps if step.is_blocking)
        )


def month_review(month: date, *, now: datetime) -> MonthReview:
    """What is left to do in a month, and what it amounts to."""
    month = month_of(month)
    zone = books_time_zone()
    return MonthReview(
        month=month,
        is_over=now >= month_interval(month, zone).end,
        closing=MonthClosing.objects.filter(month=month).first(),
        steps=month_steps(month, zone),
        totals=month_totals(month),
    )


def month_steps(month: date, time_zone: str) -> tuple[MonthStep, ...]:
    """The steps in the order in which they are done; those before a month count with it."""
    first = open_from()
    until = Q(month__gte=first, month__lte=month)
    ended_before = month_interval(month, time_zone).end
    ended = Q(ended_at__lt=ended_before)
    if first.year > 1:
        # What an older session came to is booked in an open month, once it has its CDR.
        ended &= Q(ended_at__gte=month_interval(first, time_zone).start)
    drafts = Invoice.objects.filter(until, state=InvoiceState.DRAFT)
    settlements = Settlement.objects.filter(until)
    no_cdr = Session.objects.filter(
        ~Exists(Cdr.objects.filter(session=OuterRef("pk"))),
        ended,
        state=SessionState.ENDED,
    )
    unsettled = PartnerCdr.objects.filter(
        kind=PartnerCdrKind.RECEIVED, settlement__isnull=True, ended_at__lt=ended_before
    )
    nobody = (
        live_cdrs()
        .filter(account__isnull=True, billing_month=month, session__ad_hoc_charge__isnull=True)
        .exclude(total_incl_vat=0)
    )
    return (
        MonthStep("sessions_without_cdr", no_cdr.count(), is_blocking=False),
        MonthStep("cdrs_nobody_pays", nobody.count(), is_blocking=False),
        MonthStep("cdrs_to_invoice", uninvoiced(until=month).count(), is_blocking=True),
        MonthStep("credits_to_note", len(credits_to_note(until=month)), is_blocking=True),
        MonthStep("drafts_to_issue", drafts.count(), is_blocking=True),
        MonthStep("partner_cdrs_to_settle", unsettled.count(), is_blocking=True),
        MonthStep(
            "settlements_to_confirm",
            settlements.filter(state=SettlementState.DRAFT).count(),
            is_blocking=True,
        ),
        MonthStep(
            "settlements_disputed",
            settlements.filter(state=SettlementState.DISPUTED).count(),
            is_blocking=False,
        ),
    )


def month_totals(month: date) -> tuple[MonthTotals, ...]:
    """The sums of a month, one line for each currency. Two queries."""
    signed = Invoice.objects.filter(month=month, state=InvoiceState.ISSUED).order_by()
    papers: dict[tuple[str, str], dict[str, Any]] = {
        (row["currency"], row["kind"]): {**row}
        for row in signed.values("currency", "kind").annotate(
            count=Count("pk"), net=Sum("net"), tax=Sum("tax"), gross=Sum("gross")
        )
    }
    cdrs: dict[str, dict[str, Any]] = {
        row["currency"]: {**row}
        for row in live_cdrs()
        .filter(billing_month=month)
        .order_by()
        .values("currency")
        .annotate(
            count=Count("pk"),
            energy=Sum("energy_kwh"),
            nobody=Count("pk", filter=Q(account__isnull=True)),
            nobody_gross=Sum("total_incl_vat", filter=Q(account__isnull=True)),
        )
    }
    currencies = sorted({currency for currency, _kind in papers} | set(cdrs))
    return tuple(_totals(currency, papers, cdrs.get(currency, {})) for currency in currencies)


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month of the books, and when it was closed."""

    month: date
    closed_at: datetime | None


def months_listed(*, today: date) -> list[MonthRow]:
    """Months that have CDRs or papers, or are the present one; newest first."""
    closed = dict(MonthClosing.objects.values_list("month", "closed_at"))
    found = {
        month_of(today),
        *closed,
        *Cdr.objects.order_by().values_list("billing_month", flat=True).distinct(),
        *Invoice.objects.order_by().values_list("month", flat=True).distinct(),
        *Settlement.objects.order_by().values_list("month", flat=True).distinct(),
    }
    last = max(closed, default=None)
    return [
        MonthRow(month, closed.get(month) or (closed[last] if last and month < last else None))
        for month in sorted(found, reverse=True)
    ]


def months_page(*, after: date | None, limit: int, today: date) -> Page[MonthRow]:
    """A page of them."""
    months = [row for row in months_listed(today=today) if after is None or row.month < after]
    return page_of(months[: limit + 1], limit, lambda row: f"{row.month:%Y-%m}")


def closings() -> QuerySet[MonthClosing]:
    """Closed months, newest first."""
    return MonthClosing.objects.select_related("closed_by").order_by("-month")


def _totals(
    currency: str, papers: dict[tuple[str, str], dict[str, Any]], cdrs: dict[str, Any]
) -> MonthTotals:
    invoices = papers.get((currency, InvoiceKind.INVOICE), {})
    notes = papers.get((currency, InvoiceKind.CREDIT_NOTE), {})

    def signed(name: str) -> Decimal:
        return Decimal(invoices.get(name, 0)) - Decimal(notes.get(name, 0))

    return MonthTotals(
        currency=currency,
        cdrs=int(cdrs.get("count", 0)),
        energy_kwh=cdrs.get("energy") or Decimal(0),
        net=signed("net"),
        tax=signed("tax"),
        gross=signed("gross"),
        invoices=int(invoices.get("count", 0)),
        credit_notes=int(notes.get("count", 0)),
        without_account_cdrs=int(cdrs.get("nobody", 0)),
        without_account_gross=cdrs.get("nobody_gross") or Decimal(0),
    )
