"""Tariffs."""

from datetime import datetime
from decimal import Decimal

from apps.billing.models import Tariff
from cariflex.common.errors import DomainError
from cariflex.common.time import require_aware


def tariff_register(
    *,
    name: str,
    price_per_kwh_excl_vat: Decimal,
    vat_percent: Decimal,
    valid_from: datetime,
    currency: str = "EUR",
) -> Tariff:
    """The tariff that is valid from an instant on; the same call again changes nothing.

    DomainError when another tariff starts at that instant: issued CDRs rest on it.
    """
    tariff, created = Tariff.objects.get_or_create(
        valid_from=require_aware(valid_from, "valid_from"),
        defaults={
            "name": name,
            "price_per_kwh_excl_vat": price_per_kwh_excl_vat,
            "vat_percent": vat_percent,
            "currency": currency,
        },
    )
    same = (
        tariff.price_per_kwh_excl_vat == price_per_kwh_excl_vat
        and tariff.vat_percent == vat_percent
        and tariff.currency == currency
    )
    if not created and not same:
        raise DomainError(
            "billing.tariff_exists", "Another tariff starts at this instant.", field="valid_from"
        )
    return tariff
