"""The money of a session without a contract is taken once its CDR is there."""

from apps.billing.models import Cdr
from apps.billing.rating.flat import FlatTariff, rate_energy
from apps.chargers.models import Session
from apps.chargers.services.ad_hoc import ad_hoc_charge_of, ad_hoc_settle
from cariflex.common.money import Money


def ad_hoc_settle_cdr(*, cdr: Cdr, session: Session) -> None:
    """Take what the CDR says, in the transaction that issues it; nothing for a contract's session.

    The person was told a price before the start. A tariff that began between the telling and the
    start makes it no dearer.
    """
    found = ad_hoc_charge_of(session)
    if found is None:
        return
    charge_id, told = found
    due = Money(cdr.total_incl_vat, cdr.currency)
    if told.currency == cdr.currency:
        flat = FlatTariff(told.per_kwh_excl_vat, told.vat_percent, told.currency)
        as_told = rate_energy(energy_kwh=cdr.energy_kwh, tariff=flat).incl_vat
        due = min(due, as_told, key=lambda money: money.amount)
    ad_hoc_settle(charge_id=charge_id, session=session, amount=due, cdr_reference=cdr.reference)
