"""Prices of dynamic tariffs: fixed for each quarter hour before it begins, then never changed."""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from django.db.models import Q

from apps.billing.choices import TariffState
from apps.billing.models import DynamicFormula, DynamicPrice, TariffVersion
from apps.markets.selectors import published_prices
from cariflex.common.money import round_half_up
from cariflex.common.units import QUARTER_HOUR, floor_slot

logger = logging.getLogger(__name__)

# A day-ahead market publishes until the end of tomorrow; some look further.
HORIZON = timedelta(days=3)
# OCPI numbers of prices have 4 decimals (2.2.1 §16.5).
PRICE_PLACES = 4
_KWH_PER_MWH = 1000


class Formula(Protocol):
    """What a formula has, stored or only written down."""

    factor: Decimal
    adder_per_kwh: Decimal
    floor_per_kwh: Decimal
    cap_per_kwh: Decimal


def price_of(formula: Formula, market_price_eur_per_mwh: Decimal) -> Decimal:
    """A kWh before taxes: market x factor + adder, within floor and cap, 4 decimals."""
    price = market_price_eur_per_mwh / _KWH_PER_MWH * formula.factor + formula.adder_per_kwh
    return round_half_up(min(max(price, formula.floor_per_kwh), formula.cap_per_kwh), PRICE_PLACES)


def dynamic_prices_fix(*, now: datetime) -> int:
    """Fix the prices of all dynamic versions for what the market has published; how many.

    Only quarter hours that are yet to begin: what a person was told at the start holds. One whose
    market price comes too late keeps the version's own energy price.
    """
    versions = TariffVersion.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        state=TariffState.ISSUED,
        formula__isnull=False,
    ).select_related("formula__series", "tariff")
    return sum(prices_fix_of(version, now=now) for version in versions.order_by("pk"))


def prices_fix_of(version: TariffVersion, *, now: datetime, with_current: bool = False) -> int:
    """Fix one version's prices; `with_current`: the running quarter hour too (on issue)."""
    formula: DynamicFormula | None = getattr(version, "formula", None)
    if formula is None:
        return 0
    first = floor_slot(now, QUARTER_HOUR)
    if not with_current:
        first += QUARTER_HOUR
    published = published_prices(series=formula.series, start=first, end=now + HORIZON)
    known = set(
        DynamicPrice.objects.filter(version=version, start__gte=first).values_list(
            "start", flat=True
        )
    )
    rows = [
        DynamicPrice(
            version=version,
            start=start,
            market_price_eur_per_mwh=market,
            price_per_kwh=price_of(formula, market),
            fixed_at=now,
        )
        for start, market in sorted(published.items())
        if start not in known
    ]
    # Two at once fix the same price once: the row that is there stays.
    DynamicPrice.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        logger.info("dynamic prices fixed tariff=%s count=%s", version.tariff.code, len(rows))
    return len(rows)
