"""CDRs taken back by a credit, and the corrected ones that follow (OCPI 2.2.1 §10.2.1.1)."""

import logging
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.billing.models import Cdr
from apps.billing.models.cdrs import CREDIT_SUFFIX
from apps.billing.selectors.closing import month_for_booking
from apps.billing.services.cdr_making import cdr_make
from apps.billing.services.cdrs import LockedSession, cdr_store, correction_of, session_lock
from apps.billing.services.month_lock import bookings_hold
from apps.chargers.choices import AdHocState
from apps.chargers.models import AdHocCharge, Session
from apps.chargers.services.ad_hoc import ad_hoc_refund
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

LONGEST_REASON = 300


@transaction.atomic
def cdr_credit(
    *, cdr_id: UUID | str, reason: str, by: User | None, reissue: bool
) -> tuple[Cdr, Cdr | None]:
    """Take a CDR back; `reissue`: and price its session anew, with its figures of today.

    The credit has all of the original but its totals, which are negative, and is booked in the
    original's month or the first open one after it. What was paid for a stay without a contract is
    given back when no other CDR follows. Raises DomainError: billing.reason_missing,
    billing.cdr_unknown, billing.cdr_is_credit, billing.cdr_credited, billing.payment_pending and,
    for the corrected one, those of `cdrs.cdr_issue`.
    """
    reason = reason_checked(reason)
    original, locked = _locked(cdr_id)
    if original.credit:
        raise DomainError("billing.cdr_is_credit", f"{original} is a credit itself.")
    if Cdr.objects.filter(credit_reference=original).exists():
        raise DomainError("billing.cdr_credited", f"{original} is credited already.")
    credit = _credit_of(original, reason, _name(by))
    cdr_store(credit, locked.session)
    logger.info("cdr credited cdr=%s reissue=%s", original.reference, reissue)
    if not reissue:
        _money_back(locked.session)
        return credit, None
    return credit, _corrected(original, locked, reason, by)


@transaction.atomic
def cdr_reissue(*, cdr_id: UUID | str, reason: str, by: User | None) -> Cdr:
    """The corrected CDR of one that was credited without; the same errors as `cdr_credit`."""
    reason = reason_checked(reason)
    original, locked = _locked(cdr_id)
    if original.credit or not Cdr.objects.filter(credit_reference=original).exists():
        raise DomainError("billing.cdr_not_credited", f"{original} is not credited.")
    if Cdr.objects.filter(replaces=original).exists():
        raise DomainError("billing.cdr_replaced", f"{original} is replaced already.")
    return _corrected(original, locked, reason, by)


def reason_checked(reason: str) -> str:
    """The reason without blanks around it; DomainError when it says nothing or too much."""
    reason = reason.strip()
    if not reason:
        raise DomainError("billing.reason_missing", "Say why.", field="reason")
    if len(reason) > LONGEST_REASON:
        raise DomainError(
            "billing.reason_too_long", f"At most {LONGEST_REASON} characters.", field="reason"
        )
    return reason


def _locked(cdr_id: UUID | str) -> tuple[Cdr, LockedSession]:
    """The CDR with its session, which is locked: nobody else credits or issues meanwhile."""
    bookings_hold()
    cdr = _cdr(cdr_id)
    locked = session_lock(cdr.session_id) if cdr is not None else None
    if cdr is None or locked is None:
        raise DomainError("billing.cdr_unknown", f"There is no CDR {cdr_id}.")
    return cdr, locked


def _cdr(cdr_id: UUID | str) -> Cdr | None:
    try:
        key = UUID(str(cdr_id))
    except ValueError:
        return None
    return Cdr.objects.filter(pk=key).first()


def _credit_of(original: Cdr, reason: str, issued_by: str) -> Cdr:
    # All that is stored of the original, under its own names.
    values = {field.attname: getattr(original, field.attname) for field in Cdr._meta.fields}
    values |= {
        "id": new_id(),
        "reference": f"{original.reference}{CREDIT_SUFFIX}",
        "credit": True,
        "credit_reference_id": original.pk,
        "replaces_id": None,
        "billing_month": month_for_booking(original.billing_month),
        "total_excl_vat": -original.total_excl_vat,
        "vat": -original.vat,
        "total_incl_vat": -original.total_incl_vat,
        "reason": reason,
        "issued_at": utc_now(),
        "issued_by": issued_by,
    }
    return Cdr(**values)


def _corrected(original: Cdr, locked: LockedSession, reason: str, by: User | None) -> Cdr:
    if locked.is_waived:
        raise DomainError(
            "billing.session_waived", f"Session {locked.session.pk} shall not be billed."
        )
    cdr = cdr_make(
        session=locked.session,
        correction=correction_of(locked),
        now=utc_now(),
        replaces=original,
        reason=reason,
        issued_by=_name(by),
    )
    cdr_store(cdr, locked.session)
    return cdr


def _money_back(session: Session) -> None:
    """Give back what was taken for a stay without a contract."""
    charge = AdHocCharge.objects.filter(session=session).first()
    if charge is None:
        return
    if charge.state == AdHocState.SETTLING:
        raise DomainError(
            "billing.payment_pending", "Its payment is being taken: credit it once that is done."
        )
    if charge.state == AdHocState.PAID and charge.captured_amount and not charge.refunded_amount:
        ad_hoc_refund(charge_id=charge.pk)


def _name(by: User | None) -> str:
    return by.get_username() if by is not None else ""
