"""Accept a dispute, wholly or in part: the CDR is credited, or a part of the invoice."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.billing.choices import DisputeAct, DisputeState, InvoiceState
from apps.billing.models import Cdr, Dispute, Invoice, InvoiceCdr
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.credits import cdr_credit
from apps.billing.services.disputes import (
    HUNDRED,
    decided,
    dispute_locked,
    event_add,
    line_gross,
    undecided_check,
)
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up


class AcceptWay(TextChoices):
    """How what was granted is given."""

    CREDIT_CDR = "credit_cdr", _("Credit the CDR")
    CORRECT_CDR = "correct_cdr", _("Credit the CDR and issue a corrected one")
    CREDIT_NOTE = "credit_note", _("Credit note of an amount")
    RECORD = "record", _("Only record what the partner grants")


def ways_of(dispute: Dispute) -> tuple[AcceptWay, ...]:
    """Which ways there are for a dispute, the usual one first."""
    if dispute.partner_cdr_id is not None:
        return (AcceptWay.RECORD,)
    if dispute.invoice_line_id is not None:
        return (AcceptWay.CREDIT_NOTE,)
    ways = (AcceptWay.CREDIT_CDR, AcceptWay.CORRECT_CDR)
    is_invoiced = InvoiceCdr.objects.filter(
        cdr=dispute.cdr_id, line__invoice__state=InvoiceState.ISSUED
    ).exists()
    return (*ways, AcceptWay.CREDIT_NOTE) if is_invoiced else ways


@transaction.atomic
def dispute_accept(
    *,
    dispute_id: int,
    way: str,
    now: datetime,
    amount: Decimal | None = None,
    text: str = "",
    by: User | None = None,
) -> Dispute:
    """Give what is due: all of it, or `amount` (with tax) where a part is possible.

    Crediting a CDR gives all of it back; a corrected one takes up the difference. A credit CDR of
    an invoiced CDR goes on the credit note that the next drafts make. A credit note of an amount is
    issued at once. Less than claimed is partly accepted. DomainError `dispute.*`, and what the
    credit itself refuses: nothing is changed then.
    """
    dispute = dispute_locked(dispute_id)
    undecided_check(dispute)
    if way not in {one.value for one in ways_of(dispute)}:
        raise DomainError("dispute.way", "It cannot be given in this way.", field="way")
    reason = text.strip() or f"Dispute {dispute.pk}: {dispute.get_reason_display()}"
    if way == AcceptWay.RECORD:
        granted = _amount(dispute, amount)
    elif way == AcceptWay.CREDIT_NOTE:
        granted = _credit_note(dispute, _amount(dispute, amount), reason, by)
    else:
        granted = _credit_cdr(dispute, reason, by, is_corrected=way == AcceptWay.CORRECT_CDR)
    is_whole = granted >= dispute.claimed_amount
    act = DisputeAct.ACCEPTED if is_whole else DisputeAct.PARTLY_ACCEPTED
    event_add(dispute, act, now=now, text=text, amount=granted, by=by)
    state = DisputeState.ACCEPTED if is_whole else DisputeState.PARTLY_ACCEPTED
    return decided(dispute, state, granted, now=now)


def _amount(dispute: Dispute, amount: Decimal | None) -> Decimal:
    granted = dispute.claimed_amount if amount is None else amount
    if not 0 < granted <= dispute.disputed_amount or granted != round_half_up(granted):
        raise DomainError(
            "dispute.granted", f"Between 0.01 and {dispute.disputed_amount} can be granted.",
            field="amount",
        )  # fmt: skip
    return granted


def _credit_note(dispute: Dispute, granted: Decimal, reason: str, by: User | None) -> Decimal:
    """Issue the credit note; gives its gross, which may lie a cent beside what was asked."""
    line = dispute.invoice_line
    if line is not None:
        whole = line_gross(line)
        net = line.net if granted == whole else round_half_up(
            granted / (1 + line.tax_percent / HUNDRED)
        )  # fmt: skip
        note = invoice_credit(
            invoice_id=line.invoice_id, reason=reason, by=by, lines={line.pk: net}
        )
    else:
        note = invoice_credit(invoice_id=_invoice_of(dispute), reason=reason, by=by, amount=granted)
    dispute.credit_note = note
    return min(note.gross, dispute.disputed_amount)


def _credit_cdr(dispute: Dispute, reason: str, by: User | None, *, is_corrected: bool) -> Decimal:
    cdr = dispute.cdr
    if cdr is None:
        raise DomainError("dispute.way", "There is no CDR to credit.")
    credit, corrected = cdr_credit(cdr_id=cdr.pk, reason=reason[:300], by=by, reissue=is_corrected)
    dispute.credit_cdr, dispute.corrected_cdr = credit, corrected
    return max(Decimal(0), _gross(cdr) - (_gross(corrected) if corrected else Decimal(0)))


def _gross(cdr: Cdr) -> Decimal:
    return cdr.gross_rounded


def _invoice_of(dispute: Dispute) -> int:
    invoice = Invoice.objects.filter(
        lines__cdrs__cdr=dispute.cdr_id, state=InvoiceState.ISSUED
    ).first()
    if invoice is None:
        raise DomainError("dispute.not_invoiced", "The CDR is on no issued invoice.")
    return invoice.pk
