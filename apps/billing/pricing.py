"""What chargers asks of billing: prices before and during a session."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from apps.billing.models import Tariff
from apps.billing.rating.flat import FlatTariff, rate_energy
from apps.chargers.models import Session
from apps.chargers.ports import PriceTold
from cariflex.common.money import Money


class TariffPricing:
    """Fills `chargers.ports.Pricing` from the operator's tariffs, by the rules of the CDR."""

    def price_at(self, now: datetime) -> PriceTold | None:
        """The price of a session that starts now; a tariff has a price for the kWh only."""
        tariff = Tariff.objects.filter(valid_from__lte=now).order_by("-valid_from").first()
        if tariff is None:
            return None
        return PriceTold(
            currency=tariff.currency,
            per_kwh_excl_vat=tariff.price_per_kwh_excl_vat,
            per_kwh_incl_vat=tariff.price_per_kwh_excl_vat * (1 + tariff.vat_percent / 100),
            vat_percent=tariff.vat_percent,
        )

    def costs_of(self, session_ids: Collection[int]) -> Mapping[int, Money]:
        """What each session's energy so far costs by the tariff of its start; two queries."""
        sessions = list(
            Session.objects.filter(pk__in=session_ids).values_list("pk", "started_at", "energy_kwh")
        )
        if not sessions:
            return {}
        tariffs = list(Tariff.objects.order_by("-valid_from"))
        costs: dict[int, Money] = {}
        for pk, started_at, energy_kwh in sessions:
            tariff = next((one for one in tariffs if one.valid_from <= started_at), None)
            if tariff is not None:
                costs[pk] = rate_energy(energy_kwh=energy_kwh, tariff=_flat(tariff)).incl_vat
        return costs

    def cost_at(self, price: PriceTold, energy_kwh: Decimal) -> Money:
        """What an energy costs at a price that was told."""
        flat = FlatTariff(price.per_kwh_excl_vat, price.vat_percent, price.currency)
        return rate_energy(energy_kwh=energy_kwh, tariff=flat).incl_vat


def _flat(tariff: Tariff) -> FlatTariff:
    return FlatTariff(tariff.price_per_kwh_excl_vat, tariff.vat_percent, tariff.currency)
