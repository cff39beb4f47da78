"""From billed volumes to priced lines, taxes and totals."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.billing.rating.decimals import ONE, SECONDS_PER_HOUR, WH_PER_KWH, ZERO, plain, quotient
from apps.billing.rating.model import (
    Dimension,
    DimensionTotal,
    Note,
    Price,
    PriceLimit,
    RatedLine,
    Rating,
    Tariff,
    TaxTotal,
)
from apps.billing.rating.prepared import ENERGY, FLAT, PLACES, Choice

TAX_NAME = "VAT"
MIN_PRICE, MAX_PRICE = "MIN_PRICE", "MAX_PRICE"
_Sum = tuple[Decimal, Decimal, Decimal]


def rating_of(
    tariff: Tariff,
    used: Mapping[Choice, Decimal],
    extra: Mapping[Choice, Decimal],
    volumes: Sequence[Decimal | None],
    notes: list[Note],
) -> Rating:
    """The rating of billed volumes; `extra` is what a step adds, in Wh or seconds.

    `volumes`: what was used of each dimension of `TIMED`, priced or not.
    """
    lines: list[RatedLine] = []
    excl = incl = ZERO
    sums: list[_Sum | None] = [None] * len(PLACES)
    taxes: dict[Decimal | None, list[Decimal]] = {}
    for choice, volume in used.items():
        line = _line(choice, volume, extra.get(choice))
        lines.append(line)
        excl += line.excl_vat
        incl += line.incl_vat
        known = sums[choice.place]
        if known is None:
            sums[choice.place] = (line.billed_volume, line.excl_vat, line.incl_vat)
        else:
            sums[choice.place] = (
                known[0] + line.billed_volume,
                known[1] + line.excl_vat,
                known[2] + line.incl_vat,
            )
        if choice.vat is not None:
            _tax_add(taxes, line)
    cost = Price(excl, incl)
    if tariff.min_price is not None or tariff.max_price is not None:
        for line in _bounded(tariff, cost, notes):
            lines.append(line)
            cost = Price(cost.excl_vat + line.excl_vat, cost.incl_vat + line.incl_vat)
            if line.excl_vat != line.incl_vat:
                _tax_add(taxes, line)
    return Rating(
        currency=tariff.currency,
        total_cost=cost,
        dimensions=_dimensions(sums, volumes),
        lines=tuple(lines),
        taxes=tuple([TaxTotal(TAX_NAME, percent, *total) for percent, total in taxes.items()]),
        notes=tuple(notes),
    )


def _line(choice: Choice, volume: Decimal, extra: Decimal | None) -> RatedLine:
    billed, amount = volume, choice.price * volume
    if extra is not None:
        if choice.place == ENERGY:
            billed = volume + extra / WH_PER_KWH
            amount = choice.price * billed
        else:
            seconds = volume * SECONDS_PER_HOUR + extra
            billed = quotient(seconds, SECONDS_PER_HOUR)
            amount = quotient(choice.price * seconds, SECONDS_PER_HOUR)
    if choice.factor is ONE:
        excl = incl = amount
    elif choice.inclusive:
        excl, incl = quotient(amount, choice.factor), amount
    else:
        excl, incl = amount, amount * choice.factor
    return RatedLine(
        choice.element,
        choice.component,
        choice.name,
        volume,
        billed,
        choice.unit,
        choice.price,
        choice.vat,
        excl,
        incl,
        _reason(choice, volume, billed),
    )


def _reason(choice: Choice, volume: Decimal, billed: Decimal) -> str:
    if choice.place >= FLAT:
        return choice.said
    if billed is volume:
        return f"{plain(volume)} {choice.unit}{choice.said}"
    part = "Wh" if choice.place == ENERGY else "s"
    return (
        f"{plain(volume)} {choice.unit}, with the last step of {choice.step_size} {part}"
        f" {plain(billed)} {choice.unit},{choice.said}"
    )


def _tax_add(taxes: dict[Decimal | None, list[Decimal]], line: RatedLine) -> None:
    total = taxes.get(line.vat_percent)
    if total is None:
        total = taxes[line.vat_percent] = [ZERO, ZERO]
    total[0] += line.excl_vat
    total[1] += line.incl_vat - line.excl_vat


def _dimensions(
    sums: Sequence[_Sum | None], volumes: Sequence[Decimal | None]
) -> dict[Dimension, DimensionTotal]:
    """The totals, in the order of `PLACES`, of what was used or has a price."""
    totals: dict[Dimension, DimensionTotal] = {}
    for place, dimension in enumerate(PLACES):
        priced = sums[place]
        volume = volumes[place] if place < FLAT else ONE
        if priced is not None:
            totals[dimension] = DimensionTotal(ZERO if volume is None else volume, *priced)
        elif volume is not None and place < FLAT:
            totals[dimension] = DimensionTotal(volume, ZERO, ZERO, ZERO)
    return totals


def _bounded(tariff: Tariff, cost: Price, notes: list[Note]) -> list[RatedLine]:
    """The lines that bring the total to its bounds, before and after taxes each for itself."""
    lines = []
    if (low := tariff.min_price) is not None:
        reached = _at_least(low, cost, notes)
        if reached != cost:
            lines.append(_limit_line(MIN_PRICE, low, cost, reached, tariff.currency))
            cost = reached
    if (high := tariff.max_price) is not None:
        reached = _at_most(high, cost, notes)
        if high.incl_vat is None and low is not None and low.incl_vat is not None:
            # What bears no tax comes down with the total before taxes, but not below its own bound.
            reached = Price(reached.excl_vat, max(reached.incl_vat, low.incl_vat))
        if reached != cost:
            lines.append(_limit_line(MAX_PRICE, high, cost, reached, tariff.currency))
    return lines


def _at_least(low: PriceLimit, cost: Price, notes: list[Note]) -> Price:
    excl = max(cost.excl_vat, low.excl_vat)
    if low.incl_vat is not None:
        return Price(excl, max(cost.incl_vat, low.incl_vat))
    return Price(excl, _without_bound(cost, excl, "min_price", notes))


def _at_most(high: PriceLimit, cost: Price, notes: list[Note]) -> Price:
    excl = min(cost.excl_vat, high.excl_vat)
    if high.incl_vat is not None:
        return Price(excl, min(cost.incl_vat, high.incl_vat))
    return Price(excl, _without_bound(cost, excl, "max_price", notes))


def _without_bound(cost: Price, excl: Decimal, name: str, notes: list[Note]) -> Decimal:
    """The total with taxes where the bound names none for it: it stays as it is.

    But it is never below the total before taxes, and what bears no tax is not given one.
    """
    if excl == cost.excl_vat:
        return cost.incl_vat
    if cost.incl_vat == cost.excl_vat:
        return excl
    text = f"{name} binds the total before taxes only: it has no amount with taxes."
    notes.append(Note("limit.without_taxes", text, name))
    return max(cost.incl_vat, excl)


def _limit_line(
    kind: str, limit: PriceLimit, cost: Price, reached: Price, currency: str
) -> RatedLine:
    bound = plain(limit.excl_vat)
    if limit.incl_vat is not None:
        bound += f" before and {plain(limit.incl_vat)}"
    word = "at least" if kind == MIN_PRICE else "at most"
    return RatedLine(
        element=None,
        component=None,
        dimension=kind,
        volume=ONE,
        billed_volume=ONE,
        unit="session",
        price=limit.excl_vat,
        vat_percent=None,
        excl_vat=reached.excl_vat - cost.excl_vat,
        incl_vat=reached.incl_vat - cost.incl_vat,
        reason=f"a session costs {word} {bound} {currency} "
        + ("after taxes" if limit.incl_vat is not None else "before taxes"),
    )
