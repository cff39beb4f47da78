"""What a tariff says that its author hardly meant: it is priced, and told."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from apps.billing.rating.currencies import CURRENCIES
from apps.billing.rating.model import (
    Dimension,
    Note,
    PriceComponent,
    Restrictions,
    Tariff,
    TaxIncluded,
)
from apps.billing.rating.prepared import DAY_S, seconds_of

_BANDS = (
    ("kwh", "kWh"),
    ("current", "A"),
    ("power", "kW"),
    ("duration", "s"),
)
_ALL_DAYS = frozenset(range(7))
_RESERVABLE = (Dimension.TIME, Dimension.FLAT)


def tariff_check(tariff: Tariff) -> tuple[Note, ...]:
    """Elements that never apply, components never reached, overlaps, negative prices, currency."""
    return (
        *_currency(tariff),
        *_never(tariff),
        *_negative(tariff),
        *_not_reservable(tariff),
        *_taxes(tariff),
        *_order(tariff),
    )


def _currency(tariff: Tariff) -> Iterator[Note]:
    if tariff.currency not in CURRENCIES:
        text = f"{tariff.currency} is no currency of ISO 4217 known here; amounts are given in it."
        yield Note("currency.unknown", text, "currency")


def _never(tariff: Tariff) -> Iterator[Note]:
    for index, element in enumerate(tariff.elements):
        why = never_applies(element.restrictions)
        if why:
            text = f"This element never applies: {why}."
            yield Note("element.never_applies", text, f"elements[{index}].restrictions")


def never_applies(one: Restrictions) -> str:
    """Why no moment can match the restrictions; "" where one can."""
    for name, unit in _BANDS:
        low, high = getattr(one, f"min_{name}"), getattr(one, f"max_{name}")
        if low is not None and high is not None and low >= high:
            return f"min_{name} {low} {unit} is not below max_{name} {high} {unit}"
    for name, unit in (_BANDS[0], _BANDS[3]):
        high = getattr(one, f"max_{name}")
        if high is not None and high <= 0:
            return f"nothing is below max_{name} {high} {unit}"
    if one.start_date is not None and one.end_date is not None:
        if one.start_date >= one.end_date:
            return f"start_date {one.start_date} is not before end_date {one.end_date}"
        if one.day_of_week and not _has_day(one.start_date, one.end_date, one.day_of_week):
            return f"no day_of_week lies between {one.start_date} and {one.end_date}"
    return ""


def _has_day(start: date, end: date, days: frozenset[int]) -> bool:
    week = min((end - start).days, 7)
    return any((start + timedelta(days=n)).weekday() in days for n in range(week))


def _negative(tariff: Tariff) -> Iterator[Note]:
    for where, component in _components(tariff):
        if component.price < 0:
            text = f"The price is negative ({component.price}): it lowers the total."
            yield Note("price.negative", text, f"{where}.price")
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit is not None and limit.excl_vat < 0:
            text = f"The bound is negative ({limit.excl_vat})."
            yield Note("price.negative", text, name)


def _not_reservable(tariff: Tariff) -> Iterator[Note]:
    for index, element in enumerate(tariff.elements):
        if element.restrictions.reservation is None:
            continue
        for place, component in enumerate(element.price_components):
            if component.type not in _RESERVABLE:
                text = f"A reservation has no {component.type}: this component never applies."
                where = f"elements[{index}].price_components[{place}]"
                yield Note("component.not_reservable", text, where)


def _taxes(tariff: Tariff) -> Iterator[Note]:
    if tariff.tax_included is not TaxIncluded.NOT_APPLICABLE:
        return
    for where, component in _components(tariff):
        if component.vat:
            text = f"tax_included is N/A and a tax of {component.vat} % stands here: none is added."
            yield Note("tax.contradictory", text, f"{where}.vat")


def _components(tariff: Tariff) -> Iterator[tuple[str, PriceComponent]]:
    for index, element in enumerate(tariff.elements):
        for place, component in enumerate(element.price_components):
            yield f"elements[{index}].price_components[{place}]", component


def _order(tariff: Tariff) -> Iterator[Note]:
    """Components that an earlier one hides, wholly or at times: the first that applies wins."""
    seen: list[tuple[str, PriceComponent, Restrictions]] = []
    for index, element in enumerate(tariff.elements):
        if never_applies(element.restrictions):
            continue
        for place, component in enumerate(element.price_components):
            where = f"elements[{index}].price_components[{place}]"
            rivals = [
                (path, other, when)
                for path, other, when in seen
                if other.type is component.type
                and when.reservation is element.restrictions.reservation
            ]
            yield from _hidden(component, element.restrictions, where, rivals)
            seen.append((where, component, element.restrictions))


def _hidden(
    component: PriceComponent,
    when: Restrictions,
    where: str,
    rivals: Sequence[tuple[str, PriceComponent, Restrictions]],
) -> Iterator[Note]:
    for path, _, other in rivals:
        if _covers(other, when):
            text = f"{path} always applies first: this {component.type} price is never used."
            yield Note("component.never_reached", text, where)
            return
    for path, earlier, other in rivals:
        # A wider element behind a narrower one is how a tariff says "else".
        if earlier.price != component.price and not _covers(when, other) and _meet(other, when):
            text = f"It applies at times together with {path}, which stands first and is used."
            yield Note("elements.overlap", text, where)
            return


def _spans(one: Restrictions) -> list[tuple[int, int]]:
    """The seconds of the day in which it applies, as one or two spans."""
    start = 0 if one.start_time is None else seconds_of(one.start_time)
    end = DAY_S if one.end_time is None else seconds_of(one.end_time) or DAY_S
    if start == end:
        return [(0, DAY_S)]
    return [(start, end)] if start < end else [(0, end), (start, DAY_S)]


def _days(one: Restrictions) -> frozenset[int]:
    return one.day_of_week or _ALL_DAYS


def _covers(wide: Restrictions, narrow: Restrictions) -> bool:
    """Whether `wide` applies whenever `narrow` does."""
    for name, _ in _BANDS:
        low, high = getattr(wide, f"min_{name}"), getattr(wide, f"max_{name}")
        own_low, own_high = getattr(narrow, f"min_{name}"), getattr(narrow, f"max_{name}")
        if low is not None and (own_low is None or own_low < low):
            return False
        if high is not None and (own_high is None or own_high > high):
            return False
    if wide.start_date and (narrow.start_date is None or narrow.start_date < wide.start_date):
        return False
    if wide.end_date and (narrow.end_date is None or narrow.end_date > wide.end_date):
        return False
    if not _days(narrow) <= _days(wide):
        return False
    outer = _spans(wide)
    return all(
        any(start <= own_start and own_end <= end for start, end in outer)
        for own_start, own_end in _spans(narrow)
    )


def _meet(one: Restrictions, other: Restrictions) -> bool:
    """Whether both can apply at the same moment."""
    for name, _ in _BANDS:
        lows = [getattr(part, f"min_{name}") for part in (one, other)]
        highs = [getattr(part, f"max_{name}") for part in (one, other)]
        low = max((value for value in lows if value is not None), default=None)
        high = min((value for value in highs if value is not None), default=None)
        if low is not None and high is not None and low >= high:
            return False
    start = max(filter(None, (one.start_date, other.start_date)), default=None)
    end = min(filter(None, (one.end_date, other.end_date)), default=None)
    if start is not None and end is not None and start >= end:
        return False
    if not _days(one) & _days(other):
        return False
    return any(
        max(first[0], second[0]) < min(first[1], second[1])
        for first in _spans(one)
        for second in _spans(other)
    )
