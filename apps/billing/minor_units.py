"""How many decimals an amount has in each currency (ISO 4217, list one)."""

from decimal import Decimal

from apps.billing.rating.currencies import CURRENCIES
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

NO_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
"""Papers keep two decimals: amounts in these cannot be written down exactly, so none is billed."""


def minor_units(currency: str) -> int:
    """Decimals of an amount on a paper; DomainError for a currency in which nothing is billed."""
    if currency not in CURRENCIES or currency in THREE_DECIMALS:
        raise DomainError(
            "billing.currency_unknown", f"Nothing can be billed in {currency!r}.", field="currency"
        )
    return 0 if currency in NO_DECIMALS else 2


def to_minor_units(amount: Decimal, currency: str) -> Decimal:
    """The amount rounded half-up to what exists in the currency, with two decimals."""
    return round_half_up(amount, minor_units(currency)).quantize(Decimal("0.01"))
