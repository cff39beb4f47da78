"""Taxes and exchange rates: what is shipped, and the operator's own rows."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from apps.assets.models import Site
from apps.billing.choices import TaxCategory
from apps.billing.minor_units import minor_units
from apps.billing.models import ExchangeRate, TaxRate
from apps.billing.models.taxes import TaxPlace
from apps.billing.selectors.taxes import BOOKS_CURRENCY
from apps.billing.tax_file import ShippedTax, shipped_taxes
from cariflex.common.errors import DomainError

_FIELDS = (
    "name", "category", "percent", "valid_until", "legal_mention", "exemption_code", "source",
)  # fmt: skip
_HUNDRED = Decimal(100)
_LONGEST_TERRITORY = 5


@transaction.atomic
def taxes_load() -> int:
    """The operator's table has each shipped rate; how many rows changed. One query if none did.

    A row of the operator's own for the same territory, code and day stays: it is theirs to decide.
    """
    held = {(row.territory, row.code, row.valid_from): row for row in TaxRate.objects.all()}
    wanted = {(tax.territory, tax.code, tax.valid_from): tax for tax in shipped_taxes()}
    missing = [_row(tax) for key, tax in wanted.items() if key not in held]
    changed = [
        _write(held[key], tax)
        for key, tax in wanted.items()
        if key in held and held[key].is_shipped and not _same(held[key], tax)
    ]
    gone = [row.pk for key, row in held.items() if row.is_shipped and key not in wanted]
    if missing:
        TaxRate.objects.bulk_create(missing, ignore_conflicts=True)
    if changed:
        TaxRate.objects.bulk_update(changed, _FIELDS)
    if gone:
        TaxRate.objects.filter(pk__in=gone).delete()
    return len(missing) + len(changed) + len(gone)


@transaction.atomic
def tax_rate_set(
    *,
    territory: str,
    code: str,
    name: str,
    percent: Decimal,
    valid_from: date,
    valid_until: date | None = None,
    category: str = TaxCategory.STANDARD,
    legal_mention: dict[str, str] | None = None,
    exemption_code: str = "",
    source: str = "",
) -> TaxRate:
    """A rate of the operator's own from a day on; the same key again changes it.

    A shipped rate of the same key becomes the operator's. DomainError for what is no rate.
    """
    values = {
        "name": name.strip(), "category": category, "percent": percent, "valid_until": valid_until,
        "legal_mention": legal_mention or {}, "exemption_code": exemption_code, "source": source,
        "is_shipped": False,
    }  # fmt: skip
    tax_rate_check(
        territory=territory, category=category, percent=percent, valid_from=valid_from,
        valid_until=valid_until,
    )  # fmt: skip
    rate, _created = TaxRate.objects.update_or_create(
        territory=territory.strip().upper(), code=code.strip(), valid_from=valid_from,
        defaults=values,
    )  # fmt: skip
    return rate


def tax_rate_check(
    *, territory: str, category: str, percent: Decimal, valid_from: date, valid_until: date | None
) -> None:
    """DomainError for a rate that cannot be."""
    if not 0 < len(territory.strip()) <= _LONGEST_TERRITORY:
        raise DomainError("billing.territory_invalid", "Name a territory.", field="territory")
    if category not in TaxCategory.values:
        raise DomainError("billing.tax_category_invalid", "No such category.", field="category")
    if not 0 <= percent <= _HUNDRED:
        raise DomainError(
            "billing.tax_percent_invalid", "A rate is between 0 and 100 %.", field="percent"
        )
    is_charged = category == TaxCategory.STANDARD
    if is_charged != (percent > 0):
        raise DomainError(
            "billing.tax_percent_invalid",
            "The standard category has a rate above 0 %, every other has 0 %.",
            field="percent",
        )
    if valid_until is not None and valid_until <= valid_from:
        raise DomainError(
            "billing.tax_never_valid", "The rate would end before it begins.", field="valid_until"
        )


@transaction.atomic
def exchange_rate_set(*, currency: str, on: date, euros: Decimal, source: str = "") -> ExchangeRate:
    """How many euros one unit is worth on a day; the same day again corrects it."""
    minor_units(currency)
    if currency == BOOKS_CURRENCY or euros <= 0:
        raise DomainError(
            "billing.exchange_rate_invalid",
            "A rate is above 0, and of another currency than the euro.",
            field="currency" if currency == BOOKS_CURRENCY else "euros",
        )
    rate, _created = ExchangeRate.objects.update_or_create(
        currency=currency, on=on, defaults={"euros": euros, "source": source}
    )
    return rate


@transaction.atomic
def tax_place_set(*, site: Site, territory: str) -> TaxPlace | None:
    """The taxes of a site are those of a territory; "" gives it those of the operator again."""
    if not territory.strip():
        TaxPlace.objects.filter(site=site).delete()
        return None
    place, _created = TaxPlace.objects.update_or_create(
        site=site, defaults={"territory": territory.strip().upper()}
    )
    return place


def _row(tax: ShippedTax) -> TaxRate:
    row = TaxRate(territory=tax.territory, code=tax.code, valid_from=tax.valid_from)
    row.is_shipped = True
    return _write(row, tax)


def _write(row: TaxRate, tax: ShippedTax) -> TaxRate:
    for name in _FIELDS:
        setattr(row, name, getattr(tax, name))
    return row


def _same(row: TaxRate, tax: ShippedTax) -> bool:
    return all(getattr(row, name) == getattr(tax, name) for name in _FIELDS)
