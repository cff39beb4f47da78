"""Which taxes hold where and when, and what a currency is worth for the books."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Q, QuerySet

from apps.billing.models import ExchangeRate, TaxRate
from apps.billing.models.taxes import TaxPlace
from apps.billing.tax_rules import KnownTax
from cariflex.common.api.pages import Page, page_of
from cariflex.common.errors import DomainError

BOOKS_CURRENCY = "EUR"
OLDEST_RATE = timedelta(days=35)
"""A month's rate may be used for that month's books, an older one is no rate of today."""


@dataclass(frozen=True, slots=True)
class EuroRate:
    """How many euros one unit of a currency is worth, since which day, and who said so."""

    currency: str
    euros: Decimal
    on: date
    source: str


def taxes_at(territory: str, on: date) -> list[TaxRate]:
    """The rates that hold in a territory on a day, one for each code: the newest that has begun."""
    return _one_each(_begun(on).filter(territory=territory))


def taxes_known(territories: Collection[str], on: date) -> dict[str, tuple[KnownTax, ...]]:
    """The same for several territories, ready for the rules. One query."""
    found: dict[str, list[TaxRate]] = {territory: [] for territory in territories}
    for rate in _begun(on).filter(territory__in=territories):
        found[rate.territory].append(rate)
    return {
        territory: tuple(_known(rate) for rate in _one_each(rates))
        for territory, rates in found.items()
    }


def tax_territories() -> dict[int, str]:
    """Sites whose taxes are not the operator's own: site's row -> territory."""
    return dict(TaxPlace.objects.values_list("site_id", "territory"))


def euros_at(currency: str, on: date) -> EuroRate:
    """The rate for the books: the newest of at most 35 days before; DomainError without one."""
    if currency == BOOKS_CURRENCY:
        return EuroRate(currency, Decimal(1), on, "")
    rate = (
        ExchangeRate.objects.filter(currency=currency, on__lte=on, on__gte=on - OLDEST_RATE)
        .order_by("-on")
        .first()
    )
    if rate is None:
        raise DomainError(
            "billing.exchange_rate_missing",
            f"No rate of {currency} to EUR is known for {on} or the 35 days before.",
            field="currency",
        )
    return EuroRate(currency, rate.euros, rate.on, rate.source)


def tax_rates_page(
    *, after: int | None, limit: int, territory: str | None = None, on: date | None = None
) -> Page[TaxRate]:
    """Rates by id, of a territory or all, on a day or ever. One query."""
    rates = TaxRate.objects.order_by("pk") if on is None else _begun(on).order_by("pk")
    if territory is not None:
        rates = rates.filter(territory=territory)
    if after is not None:
        rates = rates.filter(pk__gt=after)
    return page_of(list(rates[: limit + 1]), limit, lambda rate: rate.pk)


def exchange_rates_page(
    *, after: int | None, limit: int, currency: str | None = None
) -> Page[ExchangeRate]:
    """Exchange rates, those that were given last first. One query."""
    rates = ExchangeRate.objects.order_by("-pk")
    if currency is not None:
        rates = rates.filter(currency=currency)
    if after is not None:
        rates = rates.filter(pk__lt=after)
    return page_of(list(rates[: limit + 1]), limit, lambda rate: rate.pk)


def _begun(on: date) -> QuerySet[TaxRate]:
    return TaxRate.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=on), valid_from__lte=on
    )


def _one_each(rates: QuerySet[TaxRate] | list[TaxRate]) -> list[TaxRate]:
    newest: dict[str, TaxRate] = {}
    for rate in rates:
        held = newest.get(rate.code)
        if held is None or rate.valid_from > held.valid_from:
            newest[rate.code] = rate
    return [newest[code] for code in sorted(newest)]


def _known(rate: TaxRate) -> KnownTax:
    return KnownTax(
        code=rate.code,
        name=rate.name,
        category=rate.category,
        percent=rate.percent.normalize(),
        exemption_code=rate.exemption_code,
        mentions=rate.legal_mention,
    )
