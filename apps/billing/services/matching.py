"""Accept what was proposed for a payment: checked again under the payment's lock."""

import logging

from django.db import transaction

from apps.billing.choices import AllocationWay
from apps.billing.matching import Proposal
from apps.billing.models import Payment
from apps.billing.selectors.matches import matches, matches_of, payments_unmatched
from apps.billing.services.payments import payment_return
from apps.billing.services.payments_allocate import payment_allocate, payment_locked, payments_lock
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500


@transaction.atomic
def match_accept(*, payment_id: int, key: str, by_id: int | None = None) -> Payment:
    """Allocate as the proposal says that `key` names; its reasons are kept with it.

    DomainError `match.gone` when it is not proposed any more: somebody was there first, or the
    paper was paid otherwise.
    """
    returned = [part.split(":")[1] for part in key.split(",") if part.startswith("payment:")]
    payments_lock({payment_id, *(int(pk) for pk in returned if pk.isdecimal() and len(pk) < 19)})
    payment = payment_locked(payment_id)
    proposal = next((one for one in matches_of(payment) if one.key == key), None)
    if proposal is None or payment.is_set_aside:
        raise DomainError("match.gone", "This is not proposed any more.")
    _apply(payment, proposal, by_id=by_id)
    payment.refresh_from_db()
    return payment


def matches_accept_sure(*, by_id: int | None = None) -> int:
    """Accept every proposal that is sure, each in a transaction of its own; how many."""
    accepted = 0
    for found in matches(list(payments_unmatched()[:MOST_AT_ONCE])):
        if not found.proposals or not found.proposals[0].is_sure:
            continue
        try:
            match_accept(payment_id=found.payment.pk, key=found.proposals[0].key, by_id=by_id)
        except DomainError as err:
            # Two payments for one invoice: the first one has it.
            logger.info("match not accepted payment=%s code=%s", found.payment.pk, err.code)
        else:
            accepted += 1
    return accepted


def _apply(payment: Payment, proposal: Proposal, *, by_id: int | None) -> None:
    note = ", ".join(
        f"{reason.code}{f' {reason.about}' if reason.about else ''}" for reason in proposal.reasons
    )
    for paper, amount in sorted(proposal.parts, key=lambda part: (part[0].kind, part[0].key)):
        if paper.kind == "payment":
            payment_return(payment_id=paper.key, out_payment_id=payment.pk, by_id=by_id)
            continue
        payment_allocate(
            payment_id=payment.pk,
            invoice_id=paper.key if paper.kind == "invoice" else None,
            settlement_id=paper.key if paper.kind == "settlement" else None,
            amount=amount,
            way=AllocationWay.MATCH,
            note=f"{proposal.score}: {note}",
            is_for_other_account=True,
            by_id=by_id,
        )
