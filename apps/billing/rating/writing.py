"""What leaves: a rating as JSON, and a tariff as OCPI JSON of a version."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

from apps.billing.rating.decimals import money, plain
from apps.billing.rating.model import (
    NO_RESTRICTIONS,
    Price,
    PriceComponent,
    PriceLimit,
    RatedLine,
    Rating,
    RatingProblem,
    Restrictions,
    Tariff,
    TariffElement,
    TaxIncluded,
    Version,
)
from apps.billing.rating.tariffs import DAYS

_LATER_RESTRICTIONS = ("min_current", "max_current", "reservation")


def rating_dump(rating: Rating) -> dict[str, object]:
    """The JSON of a rating: every amount and volume an exact decimal as a text."""
    return {
        "currency": rating.currency,
        "total_cost": _price(rating.total_cost),
        "dimensions": {
            dimension.value: {
                "volume": plain(total.volume),
                "billed_volume": plain(total.billed_volume),
                "excl_vat": money(total.excl_vat),
                "incl_vat": money(total.incl_vat),
            }
            for dimension, total in rating.dimensions.items()
        },
        "lines": [_line(line) for line in rating.lines],
        "taxes": [
            {
                "name": tax.name,
                "percent": None if tax.percent is None else plain(tax.percent),
                "base": money(tax.base),
                "amount": money(tax.amount),
            }
            for tax in rating.taxes
        ],
        "notes": [
            {"code": note.code, "text": note.text, "where": note.where} for note in rating.notes
        ],
    }


def _price(price: Price) -> dict[str, str]:
    return {"excl_vat": money(price.excl_vat), "incl_vat": money(price.incl_vat)}


def _line(line: RatedLine) -> dict[str, object]:
    return {
        "element": line.element,
        "component": line.component,
        "dimension": line.dimension,
        "volume": plain(line.volume),
        "billed_volume": plain(line.billed_volume),
        "unit": line.unit,
        "price": plain(line.price),
        "vat": None if line.vat_percent is None else plain(line.vat_percent),
        "excl_vat": money(line.excl_vat),
        "tax": money(line.incl_vat - line.excl_vat),
        "incl_vat": money(line.incl_vat),
        "reason": line.reason,
    }


def tariff_dump(tariff: Tariff, version: Version = "2.2.1") -> dict[str, object]:
    """The tariff as an OCPI object of a version; numbers stay Decimals (see `json_write`).

    Raises RatingProblem not_expressible for what the version has no field for and a price hangs on.
    """
    if version == "2.1.1":
        _refuse_later_parts(tariff)
    elif version == "2.2.1" and tariff.tax_included is TaxIncluded.YES:
        _not_expressible("prices with taxes", version, "tax_included")
    names = {"2.1.1": ("id",), "2.2.1": ("country_code", "party_id", "id")}
    details = dict(tariff.details)
    content: dict[str, object] = {"id": tariff.id, "currency": tariff.currency}
    kept = [*names.get(version, names["2.2.1"]), "type", "tariff_alt_text", "tariff_alt_url"]
    if version == "2.1.1":
        kept.remove("type")
    if version == "2.3.0":
        kept.append("preauthorize_amount")
    content = {name: details[name] for name in kept if name in details} | content
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit is not None:
            content[name] = _limit(limit, version)
    content["elements"] = [_element(element, tariff, version) for element in tariff.elements]
    if version == "2.3.0":
        content["tax_included"] = tariff.tax_included.value
    for name in ("start_date_time", "end_date_time"):
        at = getattr(tariff, name)
        if at is not None:
            content[name] = _wire(at)
    return content | {
        name: details[name] for name in ("energy_mix", "last_updated") if name in details
    }


def _refuse_later_parts(tariff: Tariff) -> None:
    """2.1.1 has no bounds, no validity, no reservations, no currents, no taxes in prices."""
    for name in ("min_price", "max_price", "start_date_time", "end_date_time"):
        if getattr(tariff, name) is not None:
            _not_expressible(name, "2.1.1", name)
    if tariff.tax_included is TaxIncluded.YES:
        _not_expressible("prices with taxes", "2.1.1", "tax_included")
    for index, element in enumerate(tariff.elements):
        for name in _LATER_RESTRICTIONS:
            if getattr(element.restrictions, name) is not None:
                where = f"elements[{index}].restrictions.{name}"
                _not_expressible(name, "2.1.1", where)


def _not_expressible(what: str, version: str, where: str) -> None:
    raise RatingProblem(
        "version.not_expressible", f"OCPI {version} has no field for {what}.", where
    )


def _limit(limit: PriceLimit, version: Version) -> dict[str, Decimal]:
    names = ("before_taxes", "after_taxes") if version == "2.3.0" else ("excl_vat", "incl_vat")
    content = {names[0]: limit.excl_vat}
    if limit.incl_vat is not None:
        content[names[1]] = limit.incl_vat
    return content


def _element(element: TariffElement, tariff: Tariff, version: Version) -> dict[str, object]:
    content: dict[str, object] = {
        "price_components": [_component(one, tariff, version) for one in element.price_components]
    }
    if element.restrictions != NO_RESTRICTIONS:
        content["restrictions"] = _restrictions(element.restrictions)
    return content


def _component(one: PriceComponent, tariff: Tariff, version: Version) -> dict[str, object]:
    content: dict[str, object] = {"type": one.type.value, "price": one.price}
    untaxed = version == "2.2.1" and tariff.tax_included is TaxIncluded.NOT_APPLICABLE
    if one.vat is not None and version != "2.1.1" and not untaxed:
        content["vat"] = one.vat
    return content | {"step_size": one.step_size}


def _restrictions(one: Restrictions) -> dict[str, object]:
    content: dict[str, object] = {}
    for name in Restrictions.__dataclass_fields__:
        value = getattr(one, name)
        if name == "day_of_week":
            if value:
                content[name] = [DAYS[day] for day in sorted(value)]
        elif value is not None:
            content[name] = _wire(value)
    return content


def _wire(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S") + (
            f".{value.microsecond // 1000:03d}Z" if value.microsecond else "Z"
        )
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value.value) if hasattr(value, "value") else value


def json_write(content: object, indent: int | None = None) -> str:
    """JSON with Decimals as numbers of exactly their digits, which `json.dumps` cannot."""
    return json.dumps(_numbers(content), indent=indent, ensure_ascii=False)


def _numbers(content: object) -> object:
    """Decimals as int or as the float that is written with the same digits."""
    if isinstance(content, Decimal):
        text = plain(content)
        number = int(text) if "." not in text else float(text)
        if isinstance(number, float) and Decimal(repr(number)) != content:
            raise RatingProblem(
                "number.out_of_range", f"{text} has more digits than a number of JSON keeps."
            )
        return number
    if isinstance(content, Mapping):
        return {str(key): _numbers(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_numbers(value) for value in content]
    return content
