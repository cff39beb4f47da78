"""What chargers asks of billing: prices before and during a session."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from apps.billing.rating.flat import FlatTariff, rate_energy
from apps.billing.selectors.tariff_contents import flat_of
from apps.billing.selectors.tariffs import PriceQuestion, tariff_choice, tariffs_for
from apps.chargers.models import Session
from apps.chargers.ports import PriceTold
from cariflex.common.money import Money


class TariffPricing:
    """Fills `chargers.ports.Pricing` from the operator's tariffs, by the rules of the CDR."""

    def price_at(self, now: datetime) -> PriceTold | None:
        """The price of a session that starts now; a tariff has a price for the kWh only."""
        version = tariff_choice(PriceQuestion(is_ad_hoc=True), at=now).version
        if version is None:
            return None
        flat = flat_of(version)
        return PriceTold(
            currency=flat.currency,
            per_kwh_excl_vat=flat.price_per_kwh_excl_vat,
            per_kwh_incl_vat=flat.price_per_kwh_excl_vat * (1 + flat.vat_percent / 100),
            vat_percent=flat.vat_percent,
        )

    def costs_of(self, session_ids: Collection[int]) -> Mapping[int, Money]:
        """What each session's energy so far costs by the tariff of its start."""
        sessions = list(Session.objects.filter(pk__in=session_ids).select_related("station"))
        versions = tariffs_for(sessions)
        return {
            session.pk: rate_energy(
                energy_kwh=session.energy_kwh, tariff=flat_of(versions[session.pk])
            ).incl_vat
            for session in sessions
            if session.pk in versions
        }

    def cost_at(self, price: PriceTold, energy_kwh: Decimal) -> Money:
        """What an energy costs at a price that was told."""
        flat = FlatTariff(price.per_kwh_excl_vat, price.vat_percent, price.currency)
        return rate_energy(energy_kwh=energy_kwh, tariff=flat).incl_vat
