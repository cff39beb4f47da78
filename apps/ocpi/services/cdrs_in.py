"""CDRs that partners send for our customers: kept, priced again, doubted (eMSP, 2.2.1 §10.2.2)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.billing.choices import AccountKind, DisputeReason
from apps.billing.models import BillingAccount, Dispute, PartnerCdr
from apps.billing.services.accounts import account_add
from apps.billing.services.disputes_accept import AcceptWay, dispute_accept
from apps.billing.services.partner_cdrs import (
    ReceivedCdr,
    partner_cdr_doubt,
    partner_cdr_receive,
    received_cdrs,
)
from apps.chargers.models import IdToken
from apps.ocpi.choices import Direction
from apps.ocpi.models import Partner, RemoteCommand
from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.fields import date_time_read
from apps.ocpi.services.cdrs_in_rating import cdr_price

logger = logging.getLogger(__name__)

TOLERANCE = Decimal("0.02")
"""By so much, in the CDR's currency, roundings may differ before tax."""
_BY = "OCPI"
_LONGEST = 39
_ZERO = Decimal(0)
Content = Mapping[str, Any]


class CdrOutcome(StrEnum):
    """What became of a CDR: taken, known already, or refused for another of the same id."""

    NEW = "new"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TakenCdr:
    """The row that stands under the CDR's id."""

    row: PartnerCdr
    outcome: CdrOutcome


@transaction.atomic
def cdr_take(*, partner: Partner, content: Content, now: datetime) -> TakenCdr:
    """Take a CDR in the shape inside, once.

    A repeat changes nothing. Another one under the same id is not taken: the difference stands in a
    dispute about the first. What costs more than by our own rating (`TOLERANCE`), and what was
    charged with a token that is not ours, is disputed; a credit that takes all of a disputed CDR
    back ends the dispute. WireError for a CDR that makes no sense.
    """
    received = _received(partner, content)
    row, is_new = partner_cdr_receive(received=received, now=now)
    if not is_new and not _is_of(row, content):
        # Two parties behind one hub, with one account, may give the same id.
        named = f"{content['country_code']}{content['party_id']}-{received.reference}"
        received = _renamed(received, named[:_LONGEST])
        row, is_new = partner_cdr_receive(received=received, now=now)
    if not is_new:
        return _repeated(row, content, now)
    _check(row, content, received, now)
    return TakenCdr(row, CdrOutcome.NEW)


def cdr_find(partner: Partner, country_code: str, party_id: str, cdr_id: str) -> PartnerCdr | None:
    """A CDR of a party of a partner."""
    account = account_find(partner, country_code, party_id)
    if account is None:
        return None
    party = {"country_code": country_code, "party_id": party_id}
    for reference in (cdr_id, f"{country_code}{party_id}-{cdr_id}"[:_LONGEST]):
        row = received_cdrs(account.pk, reference).first()
        if row is not None and _is_of(row, party):
            return row
    return None


def account_find(partner: Partner, country_code: str, party_id: str) -> BillingAccount | None:
    """With whom a party's CDRs are settled: of a hub's client its own account, if it has one."""
    if partner.account_id is not None and not partner.is_hub:
        return partner.account
    own = BillingAccount.objects.filter(
        kind=AccountKind.CPO,
        party_country_code=country_code.upper(),
        party_id=party_id.upper(),
    ).first()
    return own or partner.account


def _account(partner: Partner, content: Content) -> BillingAccount:
    country_code, party_id = content["country_code"].upper(), content["party_id"].upper()
    found = account_find(partner, country_code, party_id)
    if found is not None:
        return found
    # A CDR is never lost because nobody made the account.
    return account_add(
        code=f"cpo-{country_code}-{party_id}".lower(),
        name=f"{partner.name} ({country_code}*{party_id})"[:200],
        kind=AccountKind.CPO,
        party_country_code=country_code,
        party_id=party_id,
        currency=content["currency"],
        note="Made for a CDR that came over OCPI",
    )


def _received(partner: Partner, content: Content) -> ReceivedCdr:
    started_at = date_time_read(content["start_date_time"])
    ended_at = date_time_read(content["end_date_time"])
    is_credit = content.get("credit") is True
    if ended_at < started_at:
        raise WireError("end_date_time", "is before start_date_time")
    if is_credit and not content.get("credit_reference_id"):
        raise WireError("credit_reference_id", "required in a credit CDR", is_missing=True)
    account = _account(partner, content)
    total = content["total_cost"]
    taxes = sum((tax["amount"] for tax in total.get("taxes") or ()), _ZERO)
    our_net = _credited(account, content) if is_credit else cdr_price(partner, content).net
    return ReceivedCdr(
        account_id=account.pk,
        reference=content["id"],
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=Decimal(content["total_energy"]),
        currency=content["currency"],
        net=Decimal(total["before_taxes"]),
        tax=Decimal(taxes),
        our_net=our_net,
        is_credit=is_credit,
        content=content,
    )


def _credited(account: BillingAccount, content: Content) -> Decimal:
    """What a credit should come to: all of the CDR that it names; 0 when there is none such."""
    original = received_cdrs(account.pk, content["credit_reference_id"]).first()
    if original is None or original.is_credit:
        logger.warning("credit of an unknown cdr account=%s", account.pk)
        return _ZERO
    return -abs(original.net)


def _renamed(received: ReceivedCdr, reference: str) -> ReceivedCdr:
    return replace(received, reference=reference)


def _is_of(row: PartnerCdr, content: Content) -> bool:
    return all(
        str(row.content.get(name, "")).upper() == str(content[name]).upper()
        for name in ("country_code", "party_id")
    )


def _repeated(row: PartnerCdr, content: Content, now: datetime) -> TakenCdr:
    differing = sorted(
        name
        for name in {*row.content, *content} - {"last_updated"}
        if row.content.get(name) != content.get(name)
    )
    if not differing:
        return TakenCdr(row, CdrOutcome.KNOWN)
    total = Decimal(content["total_cost"]["before_taxes"])
    partner_cdr_doubt(
        partner_cdr=row,
        reason=DisputeReason.DUPLICATE,
        text=f"Another CDR came under the same id and was refused. It differs in"
        f" {', '.join(differing)}; its total before taxes is {total} {content['currency']}.",
        claimed=abs(row.net - total),
        now=now,
        by_name=_BY,
    )
    logger.warning("cdr refused cdr=%s differs=%s", row.pk, ",".join(differing))
    return TakenCdr(row, CdrOutcome.REFUSED)


def _check(row: PartnerCdr, content: Content, received: ReceivedCdr, now: datetime) -> None:
    if received.is_credit:
        _settle(received, now)
        return
    token = content["cdr_token"]["uid"]
    if not _is_ours(token):
        partner_cdr_doubt(
            partner_cdr=row,
            reason=DisputeReason.UNKNOWN_SESSION,
            text=f"The token {token} is not one of ours.",
            claimed=None,
            now=now,
            by_name=_BY,
        )
        return
    if received.our_net is None or received.net - received.our_net <= TOLERANCE:
        return
    share = 1 + (received.tax / received.net if received.net else _ZERO)
    partner_cdr_doubt(
        partner_cdr=row,
        reason=DisputeReason.PRICE,
        text=f"Billed {received.net} {received.currency} before taxes; its tariff and charging"
        f" periods come to {received.our_net}.",
        claimed=(received.net - received.our_net) * share,
        now=now,
        by_name=_BY,
    )


def _settle(credit: ReceivedCdr, now: datetime) -> None:
    """A CDR that is taken back is disputed no more."""
    original = received_cdrs(credit.account_id, credit.content["credit_reference_id"]).first()
    if original is None or abs(original.net) != abs(credit.net):
        return
    for dispute in Dispute.objects.filter(partner_cdr=original, decided_at__isnull=True):
        dispute_accept(
            dispute_id=dispute.pk, way=AcceptWay.RECORD, now=now,
            text=f"Credited by {credit.reference}.",
        )  # fmt: skip


def _is_ours(uid: str) -> bool:
    """A token of our list, or one that we sent along with a command."""
    if IdToken.objects.filter(id_token__iexact=uid).exists():
        return True
    return RemoteCommand.objects.filter(
        direction=Direction.OUT, token_uid__in={uid, uid.upper()}
    ).exists()
