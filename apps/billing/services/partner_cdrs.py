"""CDRs of partners for our customers: taken once, never changed (OCPI 2.2.1 §10.2.1)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Upper

from apps.billing.choices import DisputeReason, PartnerCdrKind
from apps.billing.models import BillingAccount, Dispute, DisputeEvent, PartnerCdr
from apps.billing.services.cdr_making import MONEY_PLACES
from apps.billing.services.disputes import dispute_note, dispute_open
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

logger = logging.getLogger(__name__)

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class ReceivedCdr:
    """A partner's CDR; amounts in its currency, `tax` on top of `net`. A credit's are below zero.

    `our_net` is what it should come to, None when that cannot be told.
    """

    account_id: int
    reference: str
    started_at: datetime
    ended_at: datetime
    energy_kwh: Decimal
    currency: str
    net: Decimal
    tax: Decimal
    our_net: Decimal | None
    is_credit: bool
    content: Mapping[str, Any]


@transaction.atomic
def partner_cdr_receive(*, received: ReceivedCdr, now: datetime) -> tuple[PartnerCdr, bool]:
    """The row of a partner's CDR, and whether it is new; the one of before stays as it is."""
    BillingAccount.objects.select_for_update().get(pk=received.account_id)
    known = received_cdrs(received.account_id, received.reference).first()
    if known is not None:
        return known, False
    row = PartnerCdr.objects.create(
        account_id=received.account_id,
        kind=PartnerCdrKind.RECEIVED,
        partner_reference=received.reference,
        started_at=received.started_at,
        ended_at=received.ended_at,
        energy_kwh=received.energy_kwh,
        currency=received.currency,
        net=round_half_up(received.net, MONEY_PLACES),
        tax=round_half_up(received.tax, MONEY_PLACES),
        our_net=None if received.our_net is None else round_half_up(received.our_net, MONEY_PLACES),
        is_credit=received.is_credit,
        content=dict(received.content),
        received_at=now,
    )
    logger.info("partner cdr received account=%s cdr=%s", received.account_id, row.pk)
    return row, True


def received_cdrs(account_id: int, reference: str) -> QuerySet[PartnerCdr]:
    """A partner's CDR by its id, which compares without case."""
    return PartnerCdr.objects.alias(capitals=Upper("partner_reference")).filter(
        account_id=account_id, kind=PartnerCdrKind.RECEIVED, capitals=Upper(Value(reference))
    )


def partner_cdr_doubt(
    *,
    partner_cdr: PartnerCdr,
    reason: DisputeReason,
    text: str,
    claimed: Decimal | None,
    now: datetime,
    by_name: str,
) -> Dispute | None:
    """Open a dispute about a partner's CDR, or put the text on the one that is open, once.

    `claimed` with tax, None for all of it. None when nothing was billed, so nothing can be claimed.
    """
    billed = round_half_up(partner_cdr.net + partner_cdr.tax)
    if billed <= 0:
        logger.warning("partner cdr in doubt cdr=%s why=%s", partner_cdr.pk, text)
        return None
    amount = billed if claimed is None else min(max(round_half_up(claimed), _CENT), billed)
    try:
        return dispute_open(
            reason=reason, now=now, text=text, partner_cdr_id=partner_cdr.pk,
            claimed_amount=amount, by_name=by_name,
        )  # fmt: skip
    except DomainError as err:
        if err.code != "dispute.open_already":
            raise
    dispute = Dispute.objects.get(partner_cdr=partner_cdr, decided_at__isnull=True)
    if not DisputeEvent.objects.filter(dispute=dispute, text=text).exists():
        dispute_note(dispute_id=dispute.pk, text=text, now=now)
    return dispute
