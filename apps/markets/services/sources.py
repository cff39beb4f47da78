"""Setting up where an operator's prices come from."""

from __future__ import annotations

import re
from typing import Final

from django.db import transaction

from apps.markets.models import MarketCredentials, PriceSeries
from apps.markets.tasks import prices_fetch
from cariflex.common.errors import DomainError

# EIC code: two digits or letters of the issuing office, a type letter, 12 signs, a check sign.
_EIC: Final = re.compile(r"[0-9A-Z]{2}[A-Z][0-9A-Z-]{12}[0-9A-Z]")


@transaction.atomic
def market_source_configure(*, area: str, token: str, base_url: str) -> MarketCredentials:
    """Take day-ahead prices of market area `area` (EIC) from the ENTSO-E API at `base_url`.

    Safe to repeat; the prices are asked for as soon as this is committed. Another area configured
    before is kept but no longer asked for.
    Raises DomainError for an area that is no EIC code and for an empty token.
    """
    if not _EIC.fullmatch(area):
        raise DomainError("market.area", "is not an EIC code of 16 signs", field="area")
    if not token:
        raise DomainError("market.token", "must not be empty", field="token")
    series, _ = PriceSeries.objects.get_or_create(area=area, source="entsoe")
    MarketCredentials.objects.exclude(series=series).update(enabled=False)
    credentials, _ = MarketCredentials.objects.update_or_create(
        series=series, defaults={"token": token, "base_url": base_url, "enabled": True}
    )
    prices_fetch.enqueue()
    return credentials
