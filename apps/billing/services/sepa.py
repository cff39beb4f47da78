"""Files for the bank: each invoice and each statement goes into one, unless that was dropped."""

import hashlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import uuid4

from django.db import transaction

from apps.accounts.models import User
from apps.billing.choices import (
    InvoiceKind,
    InvoiceState,
    SepaKind,
    SettlementDirection,
    SettlementState,
)
from apps.billing.documents.sepa import (
    BankFile,
    BankOrder,
    BankParty,
    Mandate,
    bank_id,
    credit_xml,
    debit_xml,
)
from apps.billing.models import BillingAccount, Invoice, Issuer, SepaBatch, SepaItem, Settlement
from apps.billing.months import local_day
from apps.billing.selectors.accounts import issuer_get
from apps.billing.selectors.balances import open_amount, settlement_open
from apps.billing.selectors.taxes import BOOKS_CURRENCY
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One payment that is to go into a file."""

    account: BillingAccount
    reference: str
    amount: Decimal
    invoice: Invoice | None = None
    settlement: Settlement | None = None


@transaction.atomic
def sepa_debit_file(
    *,
    invoice_ids: Collection[int],
    pays_on: date,
    key: str,
    by: User | None = None,
    now: datetime | None = None,
) -> SepaBatch:
    """The open amounts of invoices as direct debits (pain.008.001.08); the same key, the same file.

    All or nothing. DomainError naming the invoice that is not issued, not in euros, paid, in a file
    already, or whose account has no mandate or IBAN; `sepa.day_past` unless the day is to come.
    """
    now = now or utc_now()
    made = _made(key)
    if made is not None:
        return made
    issuer = _issuer(pays_on, now)
    if not issuer.sepa_creditor_id:
        raise DomainError("sepa.creditor_id_missing", "Enter the operator's SEPA creditor id.")
    invoices = list(
        Invoice.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk__in=invoice_ids)
        .order_by("pk")
    )
    if len(invoices) != len(set(invoice_ids)):
        raise DomainError("billing.invoice_unknown", "There is no such invoice.")
    # Whoever asked with the same key at the same time was waited for just now.
    made = _made(key)
    if made is not None:
        return made
    taken = _in_files("invoice", [invoice.pk for invoice in invoices])
    wanted = [_debit(invoice, taken) for invoice in invoices]
    return _batch_make(SepaKind.DEBIT, wanted, issuer, pays_on, key, by, now)


@transaction.atomic
def sepa_credit_file(
    *,
    settlement_ids: Collection[int],
    pays_on: date,
    key: str,
    by: User | None = None,
    now: datetime | None = None,
) -> SepaBatch:
    """What we owe on statements as credit transfers (pain.001.001.09); the same key, the same file.

    All or nothing; errors as in `sepa_debit_file`.
    """
    now = now or utc_now()
    made = _made(key)
    if made is not None:
        return made
    issuer = _issuer(pays_on, now)
    settlements = list(
        Settlement.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk__in=settlement_ids)
        .order_by("pk")
    )
    if len(settlements) != len(set(settlement_ids)):
        raise DomainError("billing.settlement_unknown", "There is no such statement.")
    made = _made(key)
    if made is not None:
        return made
    taken = _in_files("settlement", [settlement.pk for settlement in settlements])
    wanted = [_credit(settlement, taken) for settlement in settlements]
    return _batch_make(SepaKind.CREDIT, wanted, issuer, pays_on, key, by, now)


@transaction.atomic
def sepa_item_drop(
    *, item_id: int, reason: str, by: User | None, now: datetime | None = None
) -> SepaItem:
    """The bank refused it, or it was never sent: it may go into another file. Safe to repeat."""
    item = SepaItem.objects.select_for_update(of=("self",)).filter(pk=item_id).first()
    if item is None:
        raise DomainError("sepa.item_unknown", "There is no such payment.")
    if item.dropped_at is None:
        if not reason.strip():
            raise DomainError("sepa.reason_missing", "Say why.", field="reason")
        item.dropped_at, item.dropped_by = now or utc_now(), by
        item.dropped_reason = reason.strip()[:200]
        item.save(update_fields=["dropped_at", "dropped_by", "dropped_reason"])
        logger.info("sepa item dropped item=%s", item.pk)
    return item


def _made(key: str) -> SepaBatch | None:
    return SepaBatch.objects.filter(key=key).first()


def _issuer(pays_on: date, now: datetime) -> Issuer:
    issuer = issuer_get()
    if issuer is None or not issuer.iban:
        raise DomainError("sepa.iban_missing", "Enter the operator's IBAN first.", field="iban")
    if pays_on <= local_day(now, issuer.time_zone):
        raise DomainError("sepa.day_past", "The payment day must be to come.", field="pays_on")
    return issuer


def _in_files(name: str, ids: Sequence[int]) -> dict[int, int]:
    """Papers -> how many dropped items they have; DomainError for one that is in a file now."""
    found: dict[int, int] = {}
    items = SepaItem.objects.filter(**{f"{name}__in": ids}).values_list(f"{name}_id", "dropped_at")
    for paper_id, dropped_at in items:
        if dropped_at is None:
            raise DomainError("sepa.in_file", f"{name} {paper_id} is in a file already.")
        found[paper_id] = found.get(paper_id, 0) + 1
    return found


def _debit(invoice: Invoice, taken: dict[int, int]) -> _Wanted:
    account, amount = invoice.account, open_amount(invoice)
    refusals = (
        (invoice.state != InvoiceState.ISSUED, "sepa.not_issued", "is not issued"),
        (invoice.kind != InvoiceKind.INVOICE, "sepa.credit_note", "is a credit note"),
        (invoice.currency != BOOKS_CURRENCY, "sepa.not_euros", "is not in euros"),
        (amount <= 0, "sepa.nothing_open", "is paid"),
        (not account.iban, "sepa.iban_missing", "has no IBAN"),
        (
            not account.sepa_mandate_id or account.sepa_mandate_signed_on is None,
            "sepa.mandate_missing",
            "has no mandate",
        ),
    )
    _refuse(refusals, f"{invoice} ({account})")
    reference = _reference(str(invoice.reference), taken.get(invoice.pk, 0))
    return _Wanted(account, reference, amount, invoice=invoice)


def _credit(settlement: Settlement, taken: dict[int, int]) -> _Wanted:
    account, amount = settlement.account, -settlement_open(settlement)
    refusals = (
        (settlement.direction != SettlementDirection.PAYABLE, "sepa.not_owed", "is owed to us"),
        (settlement.state != SettlementState.CONFIRMED, "sepa.not_confirmed", "is not confirmed"),
        (settlement.currency != BOOKS_CURRENCY, "sepa.not_euros", "is not in euros"),
        (amount <= 0, "sepa.nothing_open", "is paid"),
        (not account.iban, "sepa.iban_missing", "has no IBAN"),
    )
    _refuse(refusals, f"{settlement}")
    reference = _reference(
        f"SET-{settlement.pk}-{settlement.month:%Y%m}", taken.get(settlement.pk, 0)
    )
    return _Wanted(account, reference, amount, settlement=settlement)


def _refuse(refusals: Sequence[tuple[bool, str, str]], what: str) -> None:
    for refused, code, words in refusals:
        if refused:
            raise DomainError(code, f"{what} {words}.")


def _reference(reference: str, tries: int) -> str:
    """The end-to-end id: the paper's own number, which the bank statement gives back."""
    return bank_id(reference if not tries else f"{reference}-R{tries}")


def _batch_make(
    kind: SepaKind,
    wanted: Sequence[_Wanted],
    issuer: Issuer,
    pays_on: date,
    key: str,
    by: User | None,
    now: datetime,
) -> SepaBatch:
    message_id = f"{'DD' if kind == SepaKind.DEBIT else 'CT'}-{uuid4().hex[:28]}"
    file = BankFile(
        message_id=message_id,
        owner=BankParty(issuer.name, issuer.iban, issuer.bic),
        pays_on=pays_on,
        made_at=now,
        creditor_id=issuer.sepa_creditor_id,
    )
    orders = [_order(each, with_mandate=kind == SepaKind.DEBIT) for each in wanted]
    content = (debit_xml if kind == SepaKind.DEBIT else credit_xml)(file, orders)
    batch, created = SepaBatch.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "message_id": message_id,
            "pays_on": pays_on,
            "total": sum((each.amount for each in wanted), Decimal(0)),
            "count": len(wanted),
            "file_name": f"{kind}-{pays_on:%Y%m%d}-{message_id[3:11]}.xml",
            "sha256": hashlib.sha256(content).hexdigest(),
            "content": content,
            "made_at": now,
            "made_by": by,
        },
    )
    if created:
        SepaItem.objects.bulk_create(
            SepaItem(
                batch=batch,
                invoice=each.invoice,
                settlement=each.settlement,
                amount=each.amount,
                end_to_end_id=each.reference,
            )
            for each in wanted
        )
        logger.info("sepa file made batch=%s payments=%s", batch.pk, len(wanted))
    return batch


def _order(wanted: _Wanted, *, with_mandate: bool) -> BankOrder:
    account, signed_on = wanted.account, wanted.account.sepa_mandate_signed_on
    mandate = (
        Mandate(account.sepa_mandate_id, signed_on)
        if with_mandate and signed_on is not None
        else None
    )
    party = BankParty(account.name, account.iban, account.bic)
    return BankOrder(wanted.reference, wanted.amount, party, wanted.reference, mandate)
