"""Drafts of a month: one invoice for each account and currency, and the credit notes it needs.

Made as often as anybody likes: a draft has what its CDRs say at that moment, under the same row.
"""

import logging
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db import transaction

from apps.billing.choices import InvoiceKind, InvoiceState
from apps.billing.minor_units import minor_units, to_minor_units
from apps.billing.models import BillingAccount, Invoice
from apps.billing.months import month_of
from apps.billing.paper_words import line_words
from apps.billing.selectors.billable import credit_left, to_credit, to_invoice, uninvoiced
from apps.billing.selectors.closed_months import month_is_closed, open_from
from apps.billing.services.draft_lines import (
    LineDraft,
    billable_read,
    lines_of,
    lines_write,
    sums_write,
)
from apps.billing.services.month_lock import month_hold_open
from apps.billing.services.taxes import taxes_load
from apps.billing.tax_rules import TaxSum, tax_amount
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)


def invoice_draft_make(*, month: date, account_id: int | None = None) -> list[Invoice]:
    """The drafts of a month, of one account or of all that have something to bill; safe to repeat.

    Each account's drafts are made in a transaction of their own. A draft of which nothing is left
    goes. DomainError when the month is closed; or, once all others are made, the first account's
    whose CDRs cannot be billed.
    """
    month = month_of(month)
    if month_is_closed(month):
        raise DomainError(
            "billing.month_closed", f"The month {month:%Y-%m} is closed.", field="month"
        )
    taxes_load()
    made: list[Invoice] = []
    refused: list[DomainError] = []
    for each in [account_id] if account_id is not None else _accounts_of(month):
        try:
            made += _account_drafts(each, month)
        except DomainError as err:
            refused.append(err)
    if refused:
        raise refused[0]
    return made


def drafts_refresh(*, today: date) -> int:
    """Make the drafts of accounts with CDRs that are on none, in open months; how many accounts.

    One that is refused is told in the log, and keeps no other back.
    """
    month = month_of(today)
    waiting = set(
        uninvoiced(until=month).order_by().values_list("account_id", "billing_month").distinct()
    ) | set(
        to_credit()
        .filter(on_invoice__isnull=True, billing_month__gte=open_from(), billing_month__lte=month)
        .order_by()
        .values_list("account_id", "billing_month")
        .distinct()
    )
    done = 0
    for account_id, booked in sorted(waiting):
        try:
            invoice_draft_make(month=booked, account_id=account_id)
            done += 1
        except DomainError as err:
            logger.warning("drafts not made account=%s reason=%s", account_id, err.code)
    return done


@transaction.atomic
def draft_delete(*, invoice_id: int) -> None:
    """Throw a draft away; its CDRs are billed with the next one that is made."""
    invoice = Invoice.objects.select_for_update().filter(pk=invoice_id).first()
    if invoice is None:
        raise DomainError("billing.invoice_unknown", "There is no such invoice.")
    if invoice.state != InvoiceState.DRAFT:
        raise DomainError("billing.invoice_issued", "An issued invoice is never deleted.")
    invoice.delete()


def _accounts_of(month: date) -> list[int]:
    """Accounts with CDRs or credits booked in the month, or with a draft of it."""
    found = set(
        to_invoice().filter(billing_month=month).order_by().values_list("account_id", flat=True)
    )
    found |= set(
        to_credit().filter(billing_month=month).order_by().values_list("account_id", flat=True)
    )
    drafts = Invoice.objects.filter(month=month, state=InvoiceState.DRAFT)
    found |= set(drafts.values_list("account_id", flat=True))
    return sorted(found)


@transaction.atomic
def _account_drafts(account_id: int, month: date) -> list[Invoice]:
    month_hold_open(month)
    # Whoever else makes this account's drafts waits here.
    account = BillingAccount.objects.select_for_update().filter(pk=account_id).first()
    if account is None:
        raise DomainError("billing.account_unknown", "There is no such account.")
    made = []
    for currency in _currencies(account, month):
        draft = _invoice_draft(account, month, currency)
        if draft is not None:
            made.append(draft)
    made += _credit_drafts(account, month)
    if made:
        logger.info("drafts made account=%s month=%s count=%s", account.code, month, len(made))
    return made


def _currencies(account: BillingAccount, month: date) -> list[str]:
    found = set(
        to_invoice()
        .filter(account=account, billing_month=month)
        .order_by()
        .values_list("currency", flat=True)
        .distinct()
    )
    drafts = Invoice.objects.filter(
        account=account, month=month, state=InvoiceState.DRAFT, kind=InvoiceKind.INVOICE
    )
    return sorted(found | set(drafts.values_list("currency", flat=True)))


def _invoice_draft(account: BillingAccount, month: date, currency: str) -> Invoice | None:
    minor_units(currency)
    cdrs = billable_read(
        to_invoice().filter(account=account, billing_month=month, currency=currency), account
    )
    key = {
        "account": account, "month": month, "currency": currency,
        "kind": InvoiceKind.INVOICE, "state": InvoiceState.DRAFT,
    }  # fmt: skip
    if not any(cdr.net for cdr in cdrs):
        Invoice.objects.filter(**key).delete()
        return None
    draft, _created = Invoice.objects.get_or_create(**key, defaults={"language": account.language})
    draft.language = account.language
    lines_write(draft, lines_of(cdrs))
    return draft


def _credit_drafts(account: BillingAccount, month: date) -> list[Invoice]:
    """One draft of a credit note for each issued invoice of which CDRs were credited."""
    credits = to_credit().filter(account=account, billing_month=month)
    originals = set(
        credits.order_by().values_list("credit_reference__on_invoice__line__invoice", flat=True)
    )
    Invoice.objects.filter(
        account=account, month=month, state=InvoiceState.DRAFT, kind=InvoiceKind.CREDIT_NOTE
    ).exclude(credits__in=originals).delete()
    made = []
    for invoice in Invoice.objects.filter(pk__in=originals).order_by("pk"):
        of_it = credits.filter(credit_reference__on_invoice__line__invoice=invoice)
        note = _credit_draft(invoice, month, lines_of(billable_read(of_it, account, sign=-1)))
        if note is not None:
            made.append(note)
    return made


def _credit_draft(invoice: Invoice, month: date, lines: list[LineDraft]) -> Invoice | None:
    left = {key: one for key, one in credit_left(invoice).items() if one.basis > 0}
    fitting, bases = _fitting(lines, left, invoice.currency)
    if not any(bases.values()):
        Invoice.objects.filter(
            credits=invoice, month=month, state=InvoiceState.DRAFT, kind=InvoiceKind.CREDIT_NOTE
        ).delete()
        return None
    note = credit_note_draft(
        invoice, month=month, reason=line_words("credit_of_cdrs", invoice.language)
    )
    lines_write(note, fitting, words=("credit_cdrs", "credit_cdrs"))
    places = minor_units(invoice.currency)
    sums_write(
        note, [credit_sum(left[key], basis, places) for key, basis in bases.items() if basis]
    )
    return note


def credit_note_draft(invoice: Invoice, *, month: date, reason: str) -> Invoice:
    """The draft of a credit note on an issued invoice in a month, without lines."""
    note, _created = Invoice.objects.get_or_create(
        credits=invoice,
        month=month,
        kind=InvoiceKind.CREDIT_NOTE,
        state=InvoiceState.DRAFT,
        defaults={
            "account_id": invoice.account_id,
            "currency": invoice.currency,
            "language": invoice.language,
        },
    )
    note.reason = reason
    return note


def credit_sum(left: TaxSum, basis: Decimal, places: int) -> TaxSum:
    """The tax of a part of what is left; the last part takes what is left of the tax."""
    if basis == left.basis:
        return left
    return TaxSum(left.tax, basis, min(left.amount, tax_amount(basis, left.tax.percent, places)))


def _fitting(
    lines: Iterable[LineDraft], left: dict[tuple[str, str, Decimal, str], TaxSum], currency: str
) -> tuple[list[LineDraft], dict[tuple[str, str, Decimal, str], Decimal]]:
    """The lines cut down to what may still be credited of each tax, and their sums by tax.

    A line whose tax is not on the invoice, whose account was treated otherwise then, is credited
    with the invoice's largest.
    """
    bases = dict.fromkeys(left, Decimal("0.00"))
    fitting: list[LineDraft] = []
    if not left:
        return fitting, bases
    largest = max(left.values(), key=lambda one: one.basis)
    for line in lines:
        held = left.get(line.tax.key, largest)
        net = min(to_minor_units(line.net, currency), held.basis - bases[held.tax.key])
        if net <= 0:
            continue
        line.net, line.tax = net, held.tax
        bases[held.tax.key] += net
        fitting.append(line)
    return fitting, bases
