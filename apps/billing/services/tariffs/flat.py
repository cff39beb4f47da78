"""A flat price for everybody, in one call."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.text import slugify

from apps.billing.choices import AssignmentScope, TariffState
from apps.billing.models import Tariff, TariffAssignment, TariffVersion
from apps.billing.selectors.tariff_contents import content_make
from apps.billing.services.tariffs.versions import number_next
from cariflex.common.errors import DomainError
from cariflex.common.time import require_aware


@transaction.atomic
def tariff_register(
    *,
    name: str,
    price_per_kwh_excl_vat: Decimal,
    vat_percent: Decimal,
    valid_from: datetime,
    currency: str = "EUR",
) -> TariffVersion:
    """A flat price for the whole operator from an instant on; the same call again changes nothing.

    DomainError when another tariff starts at that instant: issued CDRs rest on it.
    """
    valid_from = require_aware(valid_from, "valid_from")
    code = (slugify(name) or "tariff")[:36].upper()
    tariff, _created = Tariff.objects.get_or_create(code__iexact=code, defaults={
        "code": code, "name": name,
    })  # fmt: skip
    tariff = Tariff.objects.select_for_update().get(pk=tariff.pk)
    component = {
        "type": "ENERGY", "price": price_per_kwh_excl_vat, "vat": vat_percent, "step_size": 1,
    }  # fmt: skip
    content = content_make(
        code=code, currency=currency, elements=[{"price_components": [component]}], at=valid_from
    )
    assignment, created = TariffAssignment.objects.get_or_create(
        scope=AssignmentScope.OPERATOR, is_ad_hoc=False, valid_from=valid_from,
        defaults={"tariff": tariff},
    )  # fmt: skip
    version = TariffVersion.objects.filter(tariff=tariff, valid_from=valid_from).first()
    same = version is not None and version.content == content and assignment.tariff == tariff
    if not created and not same:
        raise DomainError(
            "billing.tariff_exists", "Another tariff starts at this instant.", field="valid_from"
        )
    if version is None:
        version = TariffVersion.objects.create(
            tariff=tariff,
            number=number_next(tariff),
            state=TariffState.ISSUED,
            currency=currency,
            content=content,
            valid_from=valid_from,
            issued_at=valid_from,
        )
    return version
