"""From billed volumes to priced lines, taxes and totals."""

from collections.abc import Mapping
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
from apps.billing.rating.prepared import Choice

TAX_NAME = "VAT"
MIN_PRICE, MAX_PRICE = "MIN_PRICE", "MAX_PRICE"


def rating_of(
    tariff: Tariff,
    used: Mapping[Choice, Decimal],
    extra: Mapping[Choice, Decimal],
    volumes: Mapping[Dimension, Decimal],
    notes: list[Note],
) -> Rating:
    """The rating of billed volumes; `extra` is what a step adds, in Wh or seconds."""
    lines = [_line(choice, volume, extra.get(choice), tariff) for choice, volume in used.items()]
    cost = _sum(lines)
    for limit_line in _bounded(tariff, cost, notes):
        lines.append(limit_line)
        cost = Price(cost.excl_vat + limit_line.excl_vat, cost.incl_vat + limit_line.incl_vat)
    return Rating(
        currency=tariff.currency,
        total_cost=cost,
        dimensions=_dimensions(lines, volumes),
        lines=tuple(lines),
        taxes=_taxes(lines),
        notes=tuple(notes),
    )


def _line(choice: Choice, volume: Decimal, extra: Decimal | None, tariff: Tariff) -> RatedLine:
    billed, amount = volume, choice.price * volume
    if extra is not None:
        if choice.dimension is Dimension.ENERGY:
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
        choice.dimension.value,
        volume,
        billed,
        choice.unit,
        choice.price,
        choice.vat,
        excl,
        incl,
        _reason(choice, volume, billed, tariff.currency),
    )


def _reason(choice: Choice, volume: Decimal, billed: Decimal, currency: str) -> str:
    price = plain(choice.price)
    if choice.dimension in (Dimension.FLAT, Dimension.RESERVATION_FLAT):
        words = f"{price} {currency} once a {choice.unit}"
    else:
        unit = choice.unit
        words = f"{plain(volume)} {unit}"
        if billed != volume:
            part = "Wh" if choice.dimension is Dimension.ENERGY else "s"
            words += f", with the last step of {choice.step_size} {part} {plain(billed)} {unit},"
        words += f" at {price} {currency}/{unit}"
    if choice.inclusive:
        words += " with taxes"
    return f"{words}; {choice.when}" if choice.when else words


def _sum(lines: list[RatedLine]) -> Price:
    excl = incl = ZERO
    for line in lines:
        excl += line.excl_vat
        incl += line.incl_vat
    return Price(excl, incl)


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


def _dimensions(
    lines: list[RatedLine], volumes: Mapping[Dimension, Decimal]
) -> dict[Dimension, DimensionTotal]:
    sums: dict[str, list[Decimal]] = {
        name.value: [volume, ZERO, ZERO, ZERO] for name, volume in volumes.items()
    }
    for line in lines:
        if line.element is None:
            continue
        total = sums.get(line.dimension)
        if total is None:
            total = sums[line.dimension] = [line.volume, ZERO, ZERO, ZERO]
        total[1] += line.billed_volume
        total[2] += line.excl_vat
        total[3] += line.incl_vat
    return {one: DimensionTotal(*sums[one.value]) for one in Dimension if one.value in sums}


def _taxes(lines: list[RatedLine]) -> tuple[TaxTotal, ...]:
    sums: dict[Decimal | None, list[Decimal]] = {}
    for line in lines:
        tax = line.incl_vat - line.excl_vat
        if line.vat_percent is None and not tax:
            continue
        total = sums.setdefault(line.vat_percent, [ZERO, ZERO])
        total[0] += line.excl_vat
        total[1] += tax
    return tuple(TaxTotal(TAX_NAME, percent, *total) for percent, total in sums.items())
