"""Statements of a month with roaming partners: what they owe us, and what we owe them.

What they owe is what our invoices to them say, less credit notes: a statement never differs from
its invoice by a cent. What we owe is the sum of their CDRs for our customers. A CDR of theirs that
comes after its month's statement was confirmed is on the next one.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Case, DecimalField, F, Q, QuerySet, Sum, When

from apps.accounts.models import User
from apps.billing.choices import (
    AccountKind,
    InvoiceKind,
    InvoiceState,
    PartnerCdrKind,
    SettlementDirection,
    SettlementState,
)
from apps.billing.minor_units import to_minor_units
from apps.billing.models import BillingAccount, Invoice, InvoiceCdr, PartnerCdr, Settlement
from apps.billing.months import month_interval, month_of
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.month_lock import month_hold_open
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

PARTNERS = (AccountKind.EMSP, AccountKind.CPO, AccountKind.HUB)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a statement adds up to, before the hub's fee."""

    count: int
    energy_kwh: Decimal
    net: Decimal
    tax: Decimal
    invoice: Invoice | None = None


def settlements_make(*, month: date, account_id: int | None = None) -> list[Settlement]:
    """The statements of a month, of one partner or all; safe to repeat, confirmed ones stay.

    Makes the drafts of the partners' invoices too. Each partner's are made in a transaction of
    their own. DomainError when the month is closed.
    """
    month = month_of(month)
    partners = BillingAccount.objects.filter(kind__in=PARTNERS).order_by("pk")
    if account_id is not None:
        partners = partners.filter(pk=account_id)
    made: list[Settlement] = []
    for pk in partners.values_list("pk", flat=True):
        invoice_draft_make(month=month, account_id=pk)
        made += _partner_settlements(pk, month)
    return made


@transaction.atomic
def settlement_confirm(
    *, settlement_id: int, by: User | None, partner_invoice_reference: str = ""
) -> Settlement:
    """Both sides agree; a confirmed one is given back as it is.

    DomainError when an invoice to the partner is still a draft, or the statement is not what the
    papers say now.
    """
    settlement = _held(settlement_id)
    if settlement.state == SettlementState.CONFIRMED:
        return settlement
    if settlement.direction == SettlementDirection.RECEIVABLE:
        _invoices_issued(settlement)
    if _written(settlement) != _now(settlement):
        raise DomainError(
            "billing.settlement_outdated",
            "CDRs or invoices came since the statement was made: make it again.",
        )
    settlement.state = SettlementState.CONFIRMED
    settlement.confirmed_at, settlement.confirmed_by = utc_now(), by
    if partner_invoice_reference:
        settlement.partner_invoice_reference = partner_invoice_reference.strip()[:60]
    settlement.save()
    logger.info("settlement confirmed settlement=%s", settlement.pk)
    return settlement


@transaction.atomic
def settlement_dispute(*, settlement_id: int) -> Settlement:
    """The partner says otherwise; it can be made again, and confirmed later."""
    settlement = _held(settlement_id)
    if settlement.state == SettlementState.CONFIRMED:
        raise DomainError("billing.settlement_confirmed", "Both sides have agreed already.")
    settlement.state = SettlementState.DISPUTED
    settlement.save()
    return settlement


@transaction.atomic
def settlement_reopen(*, settlement_id: int) -> Settlement:
    """A draft again, with what the papers say now; only while the month is open."""
    settlement = _held(settlement_id)
    settlement.state = SettlementState.DRAFT
    settlement.confirmed_at = settlement.confirmed_by = None
    _write(settlement, _now(settlement))
    return settlement


@transaction.atomic
def settlement_invoiced(*, settlement_id: int, partner_invoice_reference: str) -> Settlement:
    """The number of the partner's invoice for what we owe; also in a closed month."""
    settlement = Settlement.objects.select_for_update(of=("self",)).filter(pk=settlement_id).first()
    if settlement is None:
        raise _unknown()
    if settlement.direction != SettlementDirection.PAYABLE:
        raise DomainError("billing.settlement_ours", "What they owe us is on an invoice of ours.")
    settlement.partner_invoice_reference = partner_invoice_reference.strip()[:60]
    settlement.save(update_fields=["partner_invoice_reference", "updated_at"])
    return settlement


@transaction.atomic
def _partner_settlements(account_id: int, month: date) -> list[Settlement]:
    month_hold_open(month)
    account = BillingAccount.objects.select_for_update().get(pk=account_id)
    made = []
    for direction, currencies in (
        (SettlementDirection.RECEIVABLE, _receivable_currencies(account, month)),
        (SettlementDirection.PAYABLE, _payable_currencies(account, month)),
    ):
        for currency in currencies:
            settlement = _settlement(account, month, direction, currency)
            if settlement is not None:
                made.append(settlement)
    return made


def _settlement(
    account: BillingAccount, month: date, direction: str, currency: str
) -> Settlement | None:
    settlement, _created = Settlement.objects.select_for_update().get_or_create(
        account=account, month=month, direction=direction, currency=currency
    )
    if settlement.state == SettlementState.CONFIRMED:
        return settlement
    if direction == SettlementDirection.PAYABLE:
        _due(account, month, currency).update(settlement=settlement)
    sums = _now(settlement)
    if not sums.count and not sums.net:
        settlement.delete()
        return None
    _write(settlement, sums)
    return settlement


def _write(settlement: Settlement, sums: _Sums) -> None:
    settlement.cdr_count, settlement.energy_kwh = sums.count, sums.energy_kwh
    settlement.net, settlement.tax, settlement.invoice = sums.net, sums.tax, sums.invoice
    settlement.hub_fee = _hub_fee(settlement)
    fee = settlement.hub_fee
    if settlement.direction == SettlementDirection.RECEIVABLE:
        fee = -fee
    settlement.total = settlement.net + settlement.tax + fee
    settlement.save()


def _hub_fee(settlement: Settlement) -> Decimal:
    """What the hub keeps of what we get, or adds to what we pay."""
    account = settlement.account
    fee = abs(settlement.net) * account.hub_fee_percent / 100
    fee += account.hub_fee_per_cdr * settlement.cdr_count
    return to_minor_units(fee, settlement.currency)


def _written(settlement: Settlement) -> _Sums:
    return _Sums(
        settlement.cdr_count, settlement.energy_kwh, settlement.net, settlement.tax,
        settlement.invoice,
    )  # fmt: skip


def _now(settlement: Settlement) -> _Sums:
    if settlement.direction == SettlementDirection.RECEIVABLE:
        return _receivable(settlement)
    return _payable(settlement)


def _receivable(settlement: Settlement) -> _Sums:
    """Our papers to the partner in the month: invoices, drafts too, less credit notes."""
    papers = list(_papers(settlement).order_by("pk"))
    of_them = InvoiceCdr.objects.filter(line__invoice__in=papers).order_by()
    energy = of_them.aggregate(
        total=Sum(
            Case(
                When(cdr__credit=True, then=-F("cdr__energy_kwh")),
                default=F("cdr__energy_kwh"),
                output_field=DecimalField(max_digits=24, decimal_places=9),
            )
        )
    )["total"]
    first = next((paper for paper in papers if paper.kind == InvoiceKind.INVOICE), None)
    return _Sums(
        count=of_them.count(),
        energy_kwh=max(energy or Decimal(0), Decimal(0)),
        net=sum((paper.sign * paper.net for paper in papers), Decimal("0.00")),
        tax=sum((paper.sign * paper.tax for paper in papers), Decimal("0.00")),
        invoice=first,
    )


def _payable(settlement: Settlement) -> _Sums:
    """The partner's CDRs that are on the statement; credits are taken off."""
    rows = list(settlement.partner_cdrs.values_list("is_credit", "net", "tax", "energy_kwh"))

    def signed(is_credit: bool, amount: Decimal) -> Decimal:
        # Partners send credits with totals below zero (OCPI 2.2.1 §10.2.1.1), some without.
        return -abs(amount) if is_credit else amount

    zero = Decimal(0)
    net = sum((signed(credit, net) for credit, net, _tax, _kwh in rows), zero)
    tax = sum((signed(credit, tax) for credit, _net, tax, _kwh in rows), zero)
    energy = sum((signed(credit, kwh) for credit, _net, _tax, kwh in rows), zero)
    return _Sums(
        count=len(rows),
        energy_kwh=max(energy, zero),
        net=to_minor_units(net, settlement.currency),
        tax=to_minor_units(tax, settlement.currency),
    )


def _papers(settlement: Settlement) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        account=settlement.account, month=settlement.month, currency=settlement.currency
    )


def _invoices_issued(settlement: Settlement) -> None:
    if _papers(settlement).filter(state=InvoiceState.DRAFT).exists():
        raise DomainError(
            "billing.settlement_invoice_draft", "Issue the invoices to the partner first."
        )


def _receivable_currencies(account: BillingAccount, month: date) -> Iterable[str]:
    papers = Invoice.objects.filter(account=account, month=month)
    held = Settlement.objects.filter(
        account=account, month=month, direction=SettlementDirection.RECEIVABLE
    )
    return sorted(
        set(papers.values_list("currency", flat=True))
        | set(held.values_list("currency", flat=True))
    )


def _payable_currencies(account: BillingAccount, month: date) -> Iterable[str]:
    held = Settlement.objects.filter(
        account=account, month=month, direction=SettlementDirection.PAYABLE
    )
    due = _due(account, month, None).order_by().values_list("currency", flat=True)
    return sorted(set(due) | set(held.values_list("currency", flat=True)))


def _due(account: BillingAccount, month: date, currency: str | None) -> QuerySet[PartnerCdr]:
    """The partner's CDRs up to the end of the month that are on no statement yet."""
    ended_before = month_interval(month, books_time_zone()).end
    due = PartnerCdr.objects.filter(
        Q(settlement__isnull=True),
        account=account,
        kind=PartnerCdrKind.RECEIVED,
        ended_at__lt=ended_before,
    )
    return due if currency is None else due.filter(currency=currency)


def _held(settlement_id: int) -> Settlement:
    """The statement, with its month held open."""
    month = Settlement.objects.filter(pk=settlement_id).values_list("month", flat=True).first()
    if month is None:
        raise _unknown()
    month_hold_open(month)
    settlement = (
        Settlement.objects.select_for_update(of=("self",))
        .select_related("account", "invoice")
        .filter(pk=settlement_id)
        .first()
    )
    if settlement is None:
        raise _unknown()
    return settlement


def _unknown() -> DomainError:
    return DomainError("billing.settlement_unknown", "There is no such settlement.")
