"""OCPI tariffs of 2.1.1, 2.2.1 and 2.3.0 to the one shape, and back."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

from apps.billing.rating.decimals import HUNDRED
from apps.billing.rating.fields import TARIFF, fields_unknown
from apps.billing.rating.model import (
    NO_RESTRICTIONS,
    VERSIONS,
    Dimension,
    Note,
    PriceComponent,
    PriceLimit,
    RatingProblem,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    TaxIncluded,
    Version,
)
from apps.billing.rating.reading import Json, Reading, join, not_one_of, shown

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
PRICED = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DETAILS = (
    "country_code",
    "party_id",
    "type",
    "tariff_alt_text",
    "tariff_alt_url",
    "preauthorize_amount",
    "energy_mix",
    "last_updated",
)
_EXPECTED: Mapping[Version, tuple[str, ...]] = {
    "2.1.1": ("id", "last_updated"),
    "2.2.1": ("country_code", "party_id", "id", "last_updated"),
    "2.3.0": ("country_code", "party_id", "id", "tax_included", "last_updated"),
}


def tariff_version(content: Json) -> Version:
    """The OCPI version a tariff is written in, by what only that version has."""
    limits = [content.get("min_price"), content.get("max_price")]
    if "tax_included" in content or "preauthorize_amount" in content:
        return "2.3.0"
    if any(isinstance(one, Mapping) and "before_taxes" in one for one in limits):
        return "2.3.0"
    if content.keys() <= TARIFF["2.1.1"].keys() and not _has_later_parts(content):
        return "2.1.1"
    return "2.2.1"


def _has_later_parts(content: Json) -> bool:
    elements = content.get("elements")
    for element in elements if isinstance(elements, list | tuple) else ():
        if not isinstance(element, Mapping):
            continue
        restrictions = element.get("restrictions")
        if isinstance(restrictions, Mapping) and restrictions.keys() & {
            "reservation",
            "min_current",
            "max_current",
        }:
            return True
        components = element.get("price_components")
        for component in components if isinstance(components, list | tuple) else ():
            if isinstance(component, Mapping) and "vat" in component:
                return True
    return False


def tariff_parse(
    content: object, version: Version | None = None, where: str = ""
) -> tuple[Tariff, tuple[Note, ...]]:
    """The tariff and what is odd about how it is written.

    `version` None: concluded from the content. `where` is the path put before every field. Raises
    RatingProblem for what cannot be priced; a field without influence on a price is noted.
    """
    reading = Reading()
    content = reading.mapping(content, where)
    if version is None:
        version = tariff_version(content)
    elif version not in VERSIONS:
        not_one_of(version, VERSIONS, "version")
    others = [shape for name, shape in TARIFF.items() if name != version]
    reading.notes += fields_unknown(content, TARIFF[version], where, others=others)
    for key in _EXPECTED[version]:
        if content.get(key) is None:
            text = f'"{key}" is missing, which OCPI {version} requires; the price needs it not.'
            if key == "tax_included":
                text = '"tax_included" is missing, which OCPI 2.3.0 requires; NO is assumed.'
            reading.note("field.expected", text, join(where, key))
    tariff = Tariff(
        id=_identity(reading, content.get("id"), join(where, "id")),
        currency=_currency(reading, content, where),
        elements=_elements(reading, content, where),
        min_price=_limit(reading, content.get("min_price"), join(where, "min_price")),
        max_price=_limit(reading, content.get("max_price"), join(where, "max_price")),
        tax_included=_tax_included(
            reading, content.get("tax_included"), join(where, "tax_included")
        ),
        start_date_time=_moment(reading, content, "start_date_time", where),
        end_date_time=_moment(reading, content, "end_date_time", where),
        details={key: content[key] for key in _DETAILS if content.get(key) is not None},
    )
    _contradictions(tariff, where)
    if version == "2.3.0":
        _note_taxes(reading, tariff, where)
    return tariff, tuple(reading.notes)


def _identity(reading: Reading, value: object, where: str) -> str:
    return "" if value is None else reading.text(value, where)


def _currency(reading: Reading, content: Json, where: str) -> str:
    rule = "A tariff names its currency (ISO 4217)."
    value = reading.required(content, "currency", where, rule)
    path = join(where, "currency")
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise RatingProblem(
            "currency.invalid", f"{shown(value)} is not a currency code like EUR (ISO 4217).", path
        )
    return value


def _moment(reading: Reading, content: Json, key: str, where: str) -> datetime | None:
    value = content.get(key)
    return None if value is None else reading.moment(value, join(where, key))


def _tax_included(reading: Reading, value: object, where: str) -> TaxIncluded:
    return (
        TaxIncluded.NO if value is None else reading.choice(value, TaxIncluded, TaxIncluded, where)
    )


def _limit(reading: Reading, value: object, where: str) -> PriceLimit | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        text = "A bound is an object with excl_vat and incl_vat; this number is taken as excl_vat."
        reading.note("limit.plain_number", text, where)
        return PriceLimit(reading.number(value, where))
    before = _either(reading, value, "excl_vat", "before_taxes", where)
    after = _either(reading, value, "incl_vat", "after_taxes", where)
    if before is None:
        raise RatingProblem(
            "field.missing",
            "A bound of the price needs its amount before taxes: excl_vat (2.2.1) or before_taxes"
            " (2.3.0).",
            where,
        )
    if after is not None and after < before:
        raise RatingProblem(
            "limit.contradictory",
            f"The bound with taxes ({after}) is lower than the one without ({before}).",
            where,
        )
    return PriceLimit(before, after)


def _either(reading: Reading, content: Json, old: str, new: str, where: str) -> Decimal | None:
    given = {
        key: reading.number(content[key], join(where, key))
        for key in (old, new)
        if content.get(key) is not None
    }
    if len(set(given.values())) > 1:
        raise RatingProblem("limit.contradictory", f'"{old}" and "{new}" differ.', where)
    return next(iter(given.values()), None)


def _elements(reading: Reading, content: Json, where: str) -> tuple[TariffElement, ...]:
    rule = "A tariff has one element or more."
    path = join(where, "elements")
    return tuple(
        TariffElement(
            price_components=_components(reading, element, f"{path}[{index}]"),
            restrictions=_restrictions(
                reading, element.get("restrictions"), f"{path}[{index}].restrictions"
            ),
        )
        for index, element in enumerate(reading.entries(content, "elements", where, rule))
    )


def _components(reading: Reading, element: Json, where: str) -> tuple[PriceComponent, ...]:
    rule = "An element has one price component or more."
    path = join(where, "price_components")
    return tuple(
        _component(reading, component, f"{path}[{index}]")
        for index, component in enumerate(reading.entries(element, "price_components", where, rule))
    )


def _component(reading: Reading, content: Json, where: str) -> PriceComponent:
    kind = reading.required(content, "type", where, "A price component names what it prices.")
    dimension = reading.choice(kind, Dimension, PRICED, join(where, "type"))
    price = reading.required(content, "price", where, "A price component has a price.")
    step = content.get("step_size")
    if step is None and dimension is not Dimension.FLAT:
        rule = (
            "A price component has a step_size (1 rounds to the next Wh or second, 0 not at all)."
        )
        reading.required(content, "step_size", where, rule)
    vat = content.get("vat")
    rate = None if vat is None else reading.number(vat, join(where, "vat"))
    if rate is not None and not 0 <= rate <= HUNDRED:
        raise RatingProblem(
            "vat.invalid", f"{rate} is no rate in percent from 0 to 100.", join(where, "vat")
        )
    return PriceComponent(
        type=dimension,
        price=reading.number(price, join(where, "price")),
        vat=rate,
        step_size=1 if step is None else reading.whole(step, join(where, "step_size")),
    )


def _restrictions(reading: Reading, value: object, where: str) -> Restrictions:
    if value is None:
        return NO_RESTRICTIONS
    content = reading.mapping(value, where)
    if all(one is None or one == [] for one in content.values()):
        text = "The restrictions are empty: this element applies always."
        reading.note("restrictions.empty", text, where)
    if content.get("booking") is not None:
        raise RatingProblem(
            "booking.unsupported",
            "Prices of bookings (OCPI 2.3.0 bookings) are not priced here.",
            join(where, "booking"),
        )

    def number(key: str) -> Decimal | None:
        given = content.get(key)
        return None if given is None else reading.number(given, join(where, key))

    def seconds(key: str) -> int | None:
        given = content.get(key)
        return None if given is None else reading.whole(given, join(where, key))

    return Restrictions(
        start_time=_clock(reading, content, "start_time", where),
        end_time=_clock(reading, content, "end_time", where),
        start_date=_day(reading, content, "start_date", where),
        end_date=_day(reading, content, "end_date", where),
        min_kwh=number("min_kwh"),
        max_kwh=number("max_kwh"),
        min_current=number("min_current"),
        max_current=number("max_current"),
        min_power=number("min_power"),
        max_power=number("max_power"),
        min_duration=seconds("min_duration"),
        max_duration=seconds("max_duration"),
        day_of_week=_weekdays(content.get("day_of_week"), join(where, "day_of_week")),
        reservation=_reservation(reading, content, where),
    )


def _clock(reading: Reading, content: Json, key: str, where: str) -> time | None:
    value = content.get(key)
    if value is None:
        return None
    path = join(where, key)
    text = reading.text(value, path)
    if text == "24:00" and key == "end_time":
        reading.note("time.midnight", '"24:00" is read as "00:00", the end of the day.', path)
        return time(0)
    if not _TIME.fullmatch(text):
        raise RatingProblem(
            "field.invalid", f"{shown(text)} is not a local time like 13:30 (24 h).", path
        )
    return time.fromisoformat(text)


def _day(reading: Reading, content: Json, key: str, where: str) -> date | None:
    value = content.get(key)
    if value is None:
        return None
    text = reading.text(value, join(where, key))
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # told below, with the path
    raise RatingProblem(
        "field.invalid", f"{shown(text)} is not a date like 2015-12-24.", join(where, key)
    )


def _weekdays(value: object, where: str) -> frozenset[int]:
    if value is None:
        return frozenset()
    if not isinstance(value, list | tuple):
        raise RatingProblem("field.invalid", f"{shown(value)} is not a list of days.", where)
    for index, day in enumerate(value):
        if day not in DAYS:
            not_one_of(day, DAYS, f"{where}[{index}]")
    return frozenset(DAYS.index(day) for day in value)


def _reservation(reading: Reading, content: Json, where: str) -> Reservation | None:
    value = content.get("reservation")
    if value is None:
        return None
    return reading.choice(value, Reservation, Reservation, join(where, "reservation"))


def _note_taxes(reading: Reading, tariff: Tariff, where: str) -> None:
    """Taxes that 2.3.0 tells of without a rate (North America): they cannot be told apart."""
    rates = [one.vat for element in tariff.elements for one in element.price_components]
    if None not in rates or tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return
    priced = [one.price for element in tariff.elements for one in element.price_components]
    if not any(priced):
        return
    if tariff.tax_included is TaxIncluded.YES:
        text = "Taxes are in the prices at a rate that is not given: both totals contain them."
    else:
        text = "Taxes may be added at a rate that is not given: neither total contains them."
    reading.note("tax.rate_unknown", text, join(where, "tax_included"))


def _contradictions(tariff: Tariff, where: str) -> None:
    low, high = tariff.min_price, tariff.max_price
    if low is not None and high is not None:
        below = low.excl_vat > high.excl_vat
        if low.incl_vat is not None and high.incl_vat is not None:
            below = below or low.incl_vat > high.incl_vat
        if below:
            raise RatingProblem(
                "limit.contradictory",
                "The minimum price is higher than the maximum price.",
                join(where, "min_price"),
            )
    start, end = tariff.start_date_time, tariff.end_date_time
    if start is not None and end is not None and end <= start:
        raise RatingProblem(
            "tariff.never_valid", "The tariff ends before it starts.", join(where, "end_date_time")
        )
