"""Disputes: opened, answered, decided; every step is kept. `disputes_accept` gives what is due."""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.billing.choices import DisputeAct, DisputeReason, DisputeState, InvoiceState
from apps.billing.models import Cdr, Dispute, DisputeEvent, InvoiceLine, PartnerCdr
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

logger = logging.getLogger(__name__)

HUNDRED = Decimal(100)
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class _About:
    """What is disputed: whose it is and what was billed for it, with tax."""

    account_id: int | None
    currency: str
    amount: Decimal


@transaction.atomic
def dispute_open(
    *,
    reason: str,
    now: datetime,
    text: str = "",
    cdr_id: UUID | None = None,
    invoice_line_id: int | None = None,
    partner_cdr_id: int | None = None,
    claimed_amount: Decimal | None = None,
    partner_reference: str = "",
    answer_by: date | None = None,
    by: User | None = None,
    by_name: str = "",
) -> Dispute:
    """A new dispute about one CDR, line of an issued invoice, or partner's CDR.

    Without an amount all of it is claimed. DomainError `dispute.*` when there is no such thing, it
    was taken back already, more is claimed than was billed, or a dispute about it is undecided
    (the same reference of a partner gives that one back).
    """
    if sum(key is not None for key in (cdr_id, invoice_line_id, partner_cdr_id)) != 1:
        raise DomainError("dispute.about", "Name one CDR, invoice line or partner's CDR.")
    if reason not in DisputeReason.values:
        raise DomainError("dispute.reason", "There is no such reason.", field="reason")
    about = _about(cdr_id, invoice_line_id, partner_cdr_id)
    claimed = about.amount if claimed_amount is None else claimed_amount
    if not 0 < claimed <= about.amount or claimed != round_half_up(claimed):
        raise DomainError(
            "dispute.claimed", f"Between 0.01 and {about.amount} can be claimed.",
            field="claimed_amount",
        )  # fmt: skip
    keys = {
        "cdr_id": cdr_id, "invoice_line_id": invoice_line_id, "partner_cdr_id": partner_cdr_id,
    }  # fmt: skip
    try:
        with transaction.atomic():
            dispute = Dispute.objects.create(
                account_id=about.account_id,
                reason=reason,
                partner_reference=partner_reference.strip()[:60],
                currency=about.currency,
                disputed_amount=about.amount,
                claimed_amount=claimed,
                answer_by=answer_by,
                opened_at=now,
                opened_by=by,
                cdr_id=cdr_id,
                invoice_line_id=invoice_line_id,
                partner_cdr_id=partner_cdr_id,
            )
    except IntegrityError as err:
        # The database lets one undecided dispute stand about each thing.
        undecided = Dispute.objects.filter(decided_at__isnull=True, **keys).first()
        if undecided and partner_reference and undecided.partner_reference == partner_reference:
            return undecided
        raise DomainError("dispute.open_already", "A dispute about it is not decided yet.") from err
    event_add(dispute, DisputeAct.OPENED, now=now, text=text, amount=claimed, by=by, name=by_name)
    logger.info("dispute opened dispute=%s", dispute.pk)
    return dispute


@transaction.atomic
def dispute_answer(*, dispute_id: int, text: str, now: datetime, by: User | None = None) -> Dispute:
    """We answered, and wait for the other side; the dispute stays undecided."""
    dispute = dispute_locked(dispute_id)
    undecided_check(dispute)
    event_add(dispute, DisputeAct.ANSWERED, now=now, text=_needed(text), by=by)
    return _state(dispute, DisputeState.ANSWERED)


@transaction.atomic
def dispute_reply(
    *, dispute_id: int, text: str, now: datetime, by: User | None = None, by_name: str = ""
) -> Dispute:
    """The other side replied: it is for us to act again."""
    dispute = dispute_locked(dispute_id)
    undecided_check(dispute)
    event_add(dispute, DisputeAct.REPLIED, now=now, text=_needed(text), by=by, name=by_name)
    return _state(dispute, DisputeState.OPEN)


@transaction.atomic
def dispute_note(*, dispute_id: int, text: str, now: datetime, by: User | None = None) -> Dispute:
    """A note for ourselves, also after the decision."""
    dispute = dispute_locked(dispute_id)
    event_add(dispute, DisputeAct.NOTED, now=now, text=_needed(text), by=by)
    return dispute


@transaction.atomic
def dispute_reject(*, dispute_id: int, text: str, now: datetime, by: User | None = None) -> Dispute:
    """Nothing is given, for the reason in the text."""
    dispute = dispute_locked(dispute_id)
    undecided_check(dispute)
    event_add(dispute, DisputeAct.REJECTED, now=now, text=_needed(text), by=by)
    return decided(dispute, DisputeState.REJECTED, Decimal(0), now=now)


@transaction.atomic
def dispute_withdraw(
    *, dispute_id: int, now: datetime, text: str = "", by: User | None = None, by_name: str = ""
) -> Dispute:
    """The other side claims nothing any more."""
    dispute = dispute_locked(dispute_id)
    undecided_check(dispute)
    event_add(dispute, DisputeAct.WITHDRAWN, now=now, text=text, by=by, name=by_name)
    return decided(dispute, DisputeState.WITHDRAWN, Decimal(0), now=now)


def dispute_locked(dispute_id: int) -> Dispute:
    """The dispute with its row lock; DomainError when there is none."""
    dispute = Dispute.objects.select_for_update().filter(pk=dispute_id).first()
    if dispute is None:
        raise DomainError("dispute.unknown", "There is no such dispute.")
    return dispute


def decided(dispute: Dispute, state: str, granted: Decimal, *, now: datetime) -> Dispute:
    """Write the decision; the caller holds the lock and adds the step."""
    dispute.state, dispute.granted_amount, dispute.decided_at = state, granted, now
    dispute.save()
    logger.info("dispute decided dispute=%s state=%s", dispute.pk, state)
    return dispute


def event_add(
    dispute: Dispute,
    act: str,
    *,
    now: datetime,
    text: str = "",
    amount: Decimal | None = None,
    by: User | None = None,
    name: str = "",
) -> DisputeEvent:
    """One more step in the history."""
    if by is not None:
        name = by.get_full_name() or by.get_username()
    return DisputeEvent.objects.create(
        dispute=dispute, act=act, at=now, by=by, by_name=name[:150],
        text=text.strip()[:LONGEST_TEXT], amount=amount,
    )  # fmt: skip


def line_gross(line: InvoiceLine) -> Decimal:
    """A line with its own tax, to the cent."""
    return line.net + round_half_up(line.net * line.tax_percent / HUNDRED)


def _about(cdr_id: UUID | None, invoice_line_id: int | None, partner_cdr_id: int | None) -> _About:
    if cdr_id is not None:
        cdr = Cdr.objects.filter(pk=cdr_id).first()
        if cdr is None:
            raise DomainError("dispute.about_unknown", "There is no such CDR.", field="cdr")
        if not cdr.is_live:
            raise DomainError("dispute.credited", "The CDR was taken back already.", field="cdr")
        return _About(cdr.account_id, cdr.currency, cdr.gross_rounded)
    if invoice_line_id is not None:
        line = InvoiceLine.objects.select_related("invoice").filter(pk=invoice_line_id).first()
        if line is None or line.invoice.state != InvoiceState.ISSUED:
            raise DomainError(
                "dispute.about_unknown", "There is no such line of an issued invoice.",
                field="invoice_line",
            )  # fmt: skip
        return _About(line.invoice.account_id, line.invoice.currency, line_gross(line))
    theirs = PartnerCdr.objects.filter(pk=partner_cdr_id or 0).first()
    if theirs is None:
        raise DomainError("dispute.about_unknown", "There is no such CDR.", field="partner_cdr")
    return _About(theirs.account_id, theirs.currency, round_half_up(theirs.net + theirs.tax))


def undecided_check(dispute: Dispute) -> None:
    """DomainError when the dispute is decided."""
    if not dispute.is_undecided:
        raise DomainError("dispute.decided", "The dispute is decided already.")


def _needed(text: str) -> str:
    if not text.strip():
        raise DomainError("dispute.text", "Write what is to be said.", field="text")
    return text


def _state(dispute: Dispute, state: str) -> Dispute:
    dispute.state = state
    dispute.save(update_fields=["state", "updated_at"])
    return dispute
