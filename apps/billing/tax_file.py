"""The taxes that are shipped with the product: data/taxes.yaml, read once."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from apps.billing.choices import TaxCategory
from apps.billing.tax_rules import TaxApplied

_FILE = Path(__file__).parent / "data" / "taxes.yaml"
_SECONDARY = " [not a primary source]"


@dataclass(frozen=True, slots=True)
class ShippedTax:
    """One row of the file, as `TaxRate` has it."""

    territory: str
    code: str
    name: str
    category: str
    percent: Decimal
    valid_from: date
    valid_until: date | None
    legal_mention: dict[str, str]
    exemption_code: str
    source: str


@cache
def shipped_taxes() -> tuple[ShippedTax, ...]:
    """All rates of all territories of the file."""
    return tuple(
        ShippedTax(
            territory=place["territory"],
            code=tax["code"],
            name=tax["name"],
            category=TaxCategory(tax["category"]),
            percent=Decimal(tax["percent"]),
            valid_from=tax["valid_from"],
            valid_until=tax.get("valid_until"),
            legal_mention=tax.get("mention", {}),
            exemption_code=tax.get("exemption_code", ""),
            source=tax["source"] + ("" if tax["is_primary"] else _SECONDARY),
        )
        for place in _read()["territories"]
        for tax in place["taxes"]
    )


@cache
def territory_names() -> dict[str, str]:
    """Territories that the file knows, with the names people use; also those without a rate."""
    read = _read()
    known: dict[str, str] = {place["territory"]: place["name"] for place in read["territories"]}
    known.update(read["unknown"])
    return known


def treatment_tax(treatment: str, language: str) -> TaxApplied:
    """What stands instead of a tax for `reverse_charge` or `outside`."""
    found = _read()["treatments"][treatment]
    mentions = found["mention"]
    return TaxApplied(
        found["name"], TaxCategory(found["category"]), Decimal(0),
        mentions.get(language) or mentions["fr"], found["exemption_code"],
    )  # fmt: skip


@cache
def _read() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return read
