"""The money of a session without a contract is taken once its CDR is there."""

import logging

from apps.billing.minor_units import to_minor_units
from apps.billing.models import Cdr
from apps.billing.rating import RatingProblem
from apps.billing.selectors.session_costs import content_told, session_cost
from apps.chargers.models import Session
from apps.chargers.ports import PriceTold
from apps.chargers.services.ad_hoc import ad_hoc_charge_of, ad_hoc_settle
from cariflex.common.money import Money

logger = logging.getLogger(__name__)


def ad_hoc_settle_cdr(*, cdr: Cdr, session: Session) -> None:
    """Take what the CDR says, in the transaction that issues it; nothing for a contract's session.

    The person was told a price before the start. A tariff that began between the telling and the
    start makes it no dearer.
    """
    found = ad_hoc_charge_of(session)
    if found is None:
        return
    charge_id, told = found
    due = Money(to_minor_units(cdr.total_incl_vat, cdr.currency), cdr.currency)
    if told.currency == cdr.currency and told.terms.get("version") != cdr.tariff_version_id:
        as_told = _as_told(cdr, session, told)
        due = min(due, as_told or due, key=lambda money: money.amount)
    ad_hoc_settle(charge_id=charge_id, session=session, amount=due, cdr_reference=cdr.reference)


def _as_told(cdr: Cdr, session: Session, told: PriceTold) -> Money | None:
    try:
        return session_cost(session, content_told(told), now=cdr.ended_at)
    except RatingProblem as problem:
        logger.warning("told price cannot be rated cdr=%s why=%s", cdr.reference, problem)
        return None
