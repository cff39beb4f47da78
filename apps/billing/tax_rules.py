"""Which tax a part of a CDR carries on a paper; no database, no float.

The CDR says which rates its tariff stated. The territory of the place says which rates exist on the
day. Both must agree before an invoice is issued: a rate that the law does not know is told as a
problem, never changed in silence, because the driver was told a price with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from apps.billing.choices import TaxCategory
from cariflex.common.money import round_half_up

NORMAL = "normal"
TAX_UNKNOWN = "billing.tax_unknown"
TAX_MISMATCH = "billing.tax_mismatch"
CDR_PLACES = 4
"""A CDR's amounts have four decimals."""


@dataclass(frozen=True, slots=True)
class TaxApplied:
    """A tax as it stands on a line; `problem` is the code of why it may not be issued."""

    name: str
    category: str
    percent: Decimal
    legal_mention: str = ""
    exemption_code: str = ""
    problem: str = ""

    @property
    def key(self) -> tuple[str, str, Decimal, str]:
        """Lines with the same key are taxed together."""
        return self.name, self.category, self.percent.normalize(), self.exemption_code


@dataclass(frozen=True, slots=True)
class KnownTax:
    """A rate that holds in a territory on a day."""

    code: str
    name: str
    category: str
    percent: Decimal
    exemption_code: str = ""
    mentions: Mapping[str, str] | None = None

    def applied(self, language: str) -> TaxApplied:
        """The tax with its mention in a language."""
        mentions = self.mentions or {}
        return TaxApplied(
            self.name, self.category, self.percent,
            mentions.get(language) or mentions.get("fr", ""), self.exemption_code,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaxShare:
    """The part of a CDR that was rated with one percentage; None: none was stated."""

    percent: Decimal | None
    net: Decimal


def tax_shares(rating: Mapping[str, Any], total_net: Decimal) -> list[TaxShare]:
    """A CDR's net by the rates of its rating, largest first; the sum is `total_net` exactly.

    What a minimum or maximum price added belongs to the largest share. A credit has the rating of
    what it takes back, and a total below zero: so are its shares.
    """
    stated: dict[Decimal | None, Decimal] = {}
    for tax in rating.get("taxes") or ():
        percent = None if tax.get("percent") is None else Decimal(str(tax["percent"])).normalize()
        base = round_half_up(Decimal(str(tax["base"])), CDR_PLACES)
        stated[percent] = stated.get(percent, Decimal(0)) + base
    if total_net < 0 < sum(stated.values()):
        stated = {percent: -base for percent, base in stated.items()}
    if len(stated) > 1:
        # The bounds of a price state no rate.
        stated.pop(None, None)
    shares = sorted(
        (TaxShare(percent, net) for percent, net in stated.items()),
        key=lambda share: (-abs(share.net), share.percent or Decimal(-1)),
    ) or [TaxShare(None, total_net)]
    rest = total_net - sum((share.net for share in shares), Decimal(0))
    # `rest` holds the bounds of the price and what rounding to four decimals left.
    first = replace(shares[0], net=shares[0].net + rest)
    return [first, *(share for share in shares[1:] if share.net)]


def tax_choose(
    percent: Decimal | None, known: Sequence[KnownTax], language: str, *, fallback_name: str = "TVA"
) -> TaxApplied:
    """The tax of a share at a place: the rate of that percentage, or the normal one if none stated.

    The problem is set when the territory is unknown, or has no such rate.
    """
    if percent is None:
        normal = next((tax for tax in known if tax.code == NORMAL), None)
        if normal is not None:
            return normal.applied(language)
    else:
        for tax in sorted(known, key=lambda one: one.code != NORMAL):
            if tax.percent == percent:
                return tax.applied(language)
    return TaxApplied(
        known[0].name if known else fallback_name,
        TaxCategory.STANDARD if percent else TaxCategory.ZERO,
        percent or Decimal(0),
        problem=TAX_MISMATCH if known else TAX_UNKNOWN,
    )


@dataclass(frozen=True, slots=True)
class TaxSum:
    """The tax of all lines of one key."""

    tax: TaxApplied
    basis: Decimal
    amount: Decimal

    def as_json(self) -> dict[str, str]:
        """As `Invoice.taxes` keeps it: numbers as texts."""
        kept = {
            "name": self.tax.name,
            "category": str(self.tax.category),
            "percent": f"{self.tax.percent.normalize():f}",
            "basis": str(self.basis),
            "amount": str(self.amount),
            "legal_mention": self.tax.legal_mention,
            "exemption_code": self.tax.exemption_code,
        }
        return kept | ({"problem": self.tax.problem} if self.tax.problem else {})


def tax_from_json(kept: Mapping[str, Any]) -> TaxSum:
    """The sum that `TaxSum.as_json` gave."""
    return TaxSum(
        TaxApplied(
            str(kept["name"]), str(kept["category"]), Decimal(str(kept["percent"])),
            str(kept.get("legal_mention", "")), str(kept.get("exemption_code", "")),
            str(kept.get("problem", "")),
        ),
        Decimal(str(kept["basis"])),
        Decimal(str(kept["amount"])),
    )  # fmt: skip


def tax_sums(lines: Iterable[tuple[TaxApplied, Decimal]], places: int) -> list[TaxSum]:
    """One sum for each tax: the rate on the sum of its lines, rounded once (EN 16931, BR-CO-17)."""
    bases: dict[tuple[str, str, Decimal, str], tuple[TaxApplied, Decimal]] = {}
    for tax, net in lines:
        first, basis = bases.get(tax.key, (tax, Decimal(0)))
        bases[tax.key] = (first if first.problem else tax, basis + net)
    return [
        TaxSum(tax, basis, tax_amount(basis, tax.percent, places))
        for _key, (tax, basis) in sorted(bases.items())
    ]


def tax_amount(basis: Decimal, percent: Decimal, places: int) -> Decimal:
    """The tax on a basis, rounded half-up, with two decimals."""
    return round_half_up(basis * percent / 100, places).quantize(Decimal("0.01"))
