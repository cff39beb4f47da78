"""Invoices: issued with the next number, never changed afterwards."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction

from apps.accounts.models import User
from apps.billing.choices import InvoiceKind, InvoiceState
from apps.billing.events import InvoiceIssued
from apps.billing.minor_units import minor_units, to_minor_units
from apps.billing.models import BillingAccount, Invoice, InvoiceLine, Issuer
from apps.billing.months import local_day, month_of
from apps.billing.selectors.accounts import issuer_get
from apps.billing.selectors.billable import credit_left
from apps.billing.selectors.closed_months import month_for_booking
from apps.billing.selectors.invoices import invoice_problems
from apps.billing.selectors.taxes import BOOKS_CURRENCY, euros_at
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoice_mentions import mentions_of
from apps.billing.services.month_lock import bookings_hold, month_hold_open
from apps.billing.services.numbering import number_take
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

__all__ = ["IssueReport", "invoice_draft_make", "invoice_issue", "invoices_issue_month"]

_NOT_COPIED = {"id", "created_at", "updated_at", "note", "is_active"}


@dataclass(frozen=True, slots=True)
class IssueReport:
    """What became of the drafts of a month."""

    issued: tuple[Invoice, ...]
    refused: Mapping[int, DomainError]
    """Draft -> why it was not issued."""


@transaction.atomic
def invoice_issue(*, invoice_id: int, by: User | None, now: datetime | None = None) -> Invoice:
    """The draft with its number, day and parties, for good; an issued one is given back as it is.

    DomainError with the first problem when it may not be issued (see `invoice_problems`), or
    `billing.month_closed`. The papers are made afterwards, by a task.
    """
    # Before the row's lock, as everywhere: see `month_lock`.
    bookings_hold()
    invoice = _locked(invoice_id)
    if invoice.state == InvoiceState.ISSUED:
        return invoice
    month_hold_open(invoice.month)
    return draft_issue(invoice, by=by, now=now or utc_now())


def invoices_issue_month(*, month: date, by: User | None) -> IssueReport:
    """Issue all drafts of a month, credit notes last; one that is refused keeps no other back."""
    drafts = Invoice.objects.filter(month=month_of(month), state=InvoiceState.DRAFT)
    issued, refused = [], {}
    for invoice_id in drafts.order_by("-kind", "account__code", "pk").values_list("pk", flat=True):
        try:
            issued.append(invoice_issue(invoice_id=invoice_id, by=by))
        except DomainError as err:
            refused[invoice_id] = err
    return IssueReport(tuple(issued), refused)


def draft_issue(invoice: Invoice, *, by: User | None, now: datetime) -> Invoice:
    """Issue a draft whose row and month are held; inside a transaction."""
    issuer = issuer_get()
    if issuer is None:
        raise DomainError("billing.issuer_missing", "Enter who issues the invoices first.")
    today = local_day(now, issuer.time_zone)
    problems = invoice_problems(invoice, today=today)
    if problems:
        first = problems[0]
        raise DomainError(first.code, first.message, field=first.field)
    if invoice.credits is not None:
        _credit_fits(invoice, invoice.credits.pk)
    # The last thing that is waited for: other issuers wait for this transaction from here on.
    number = number_take(kind=invoice.kind, on=today)
    invoice.series, invoice.number, invoice.reference = (
        number.series, number.number, number.reference,
    )  # fmt: skip
    invoice.state = InvoiceState.ISSUED
    invoice.issued_at, invoice.issued_on = now, number.on
    invoice.due_on = number.on + timedelta(days=_days_to_pay(invoice.account, issuer))
    invoice.issued_by = _name(by)
    invoice.buyer = _copied(invoice.account)
    invoice.seller = _copied(issuer) | _euros(invoice, number.on)
    invoice.seller["mentions"] = mentions_of(invoice, issuer)
    invoice.save()
    publish(InvoiceIssued(current_schema(), invoice.pk))
    logger.info("invoice issued reference=%s invoice=%s", invoice.reference, invoice.pk)
    return invoice


def invoice_lock_issued(invoice_id: int) -> Invoice:
    """The issued invoice, held against other credit notes; DomainError for any other."""
    invoice = _locked(invoice_id)
    if invoice.state != InvoiceState.ISSUED or invoice.kind != InvoiceKind.INVOICE:
        raise DomainError("billing.invoice_not_issued", "Only an issued invoice is credited.")
    return invoice


def _locked(invoice_id: int) -> Invoice:
    invoice = (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("account", "credits")
        .filter(pk=invoice_id)
        .first()
    )
    if invoice is None:
        raise DomainError("billing.invoice_unknown", "There is no such invoice.")
    return invoice


def _credit_fits(note: Invoice, credited_id: int) -> None:
    """No tax is credited beyond what is left of it on the invoice."""
    invoice = Invoice.objects.select_for_update().get(pk=credited_id)
    left = credit_left(invoice)
    for kept in note.taxes:
        held = [one for one in left.values() if one.tax.key == _key(kept)]
        if (
            not held
            or Decimal(kept["basis"]) > held[0].basis
            or Decimal(kept["amount"]) > held[0].amount
        ):
            raise DomainError(
                "billing.credit_too_high",
                f"More would be credited than is left of {invoice.reference}.",
            )


def _key(kept: Mapping[str, Any]) -> tuple[str, str, Decimal, str]:
    percent = Decimal(kept["percent"]).normalize()
    return kept["name"], kept["category"], percent, kept.get("exemption_code", "")


def _days_to_pay(account: BillingAccount, issuer: Issuer) -> int:
    return issuer.payment_days if account.payment_days is None else account.payment_days


def _name(by: User | None) -> str:
    return (by.get_full_name() or by.get_username())[:150] if by is not None else ""


def _copied(row: models.Model) -> dict[str, Any]:
    """The fields of a party as they are now, as JSON."""
    values = {
        field.attname: field.value_from_object(row)
        for field in row._meta.concrete_fields
        if field.name not in _NOT_COPIED
    }
    return {
        name: value.isoformat() if isinstance(value, date) else
        str(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }  # fmt: skip


def _euros(invoice: Invoice, on: date) -> dict[str, Any]:
    """The rate for the books that held when a paper in another currency was issued."""
    if invoice.currency == BOOKS_CURRENCY:
        return {}
    if invoice.credits is not None and "exchange_rate" in invoice.credits.seller:
        # A credit note takes back what was booked.
        return {"exchange_rate": invoice.credits.seller["exchange_rate"]}
    try:
        rate = euros_at(invoice.currency, on)
    except DomainError:
        # Allowed by `invoice_problems`: the seller has no books in euros.
        return {}
    return {
        "exchange_rate": {
            "euros": f"{rate.euros.normalize():f}",
            "on": rate.on.isoformat(),
            "source": rate.source,
        }
    }


def credit_month(invoice: Invoice) -> date:
    """The month in which a credit note on an invoice is booked: its own, or the next open one."""
    return month_for_booking(invoice.month)


def line_net(line: InvoiceLine, net: Decimal, currency: str) -> Decimal:
    """A part of a line's net in whole minor units; DomainError when it is no part of it."""
    minor_units(currency)
    if not 0 < net <= line.net or net != to_minor_units(net, currency):
        raise DomainError(
            "billing.credit_invalid",
            f"Of line {line.position} an amount above 0 and up to {line.net} can be credited.",
            field="lines",
        )
    return net
