"""The specification's example files, and sessions as its texts describe them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from apps.billing.rating import json_read, rating_dump
from apps.billing.rating.pricing import Pricer

EXAMPLES = Path(__file__).parents[2] / "ocpi" / "examples"
TARIFF_FILES = sorted(
    str(path.relative_to(EXAMPLES))
    for path in EXAMPLES.glob("*/*tariff*.json")
    if not path.name.startswith("location")
)
ZONE = "Europe/Brussels"
ISLAND = "America/Guadeloupe"
Json = dict[str, Any]


def example(name: str) -> Any:
    """A file of the specification: "2.2.1/tariff_4_complex.json"."""
    return json_read((EXAMPLES / name).read_text())


def hours(minutes: int | str) -> Decimal:
    """Minutes as hours of four decimals, the precision of a number of OCPI."""
    return (Decimal(minutes) / 60).quantize(Decimal("0.0001"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Stretch:
    """A charging period: how long it lasts and its dimensions."""

    minutes: int
    dimensions: Mapping[str, Decimal | int | str]


def charging(minutes: int, kwh: str | None = None, **more: str | int) -> Stretch:
    """TIME for all of it, with an energy and other dimensions."""
    energy = {} if kwh is None else {"ENERGY": kwh}
    return Stretch(minutes, {"TIME": hours(minutes), **energy, **more})


def parking(minutes: int) -> Stretch:
    """PARKING_TIME for all of it."""
    return Stretch(minutes, {"PARKING_TIME": hours(minutes)})


def reserved(minutes: int) -> Stretch:
    """RESERVATION_TIME for all of it."""
    return Stretch(minutes, {"RESERVATION_TIME": hours(minutes)})


def session(
    *stretches: Stretch, start: str = "2019-02-04T09:30", zone: str = ZONE, **more: object
) -> Json:
    """The short form; `start` is local, 2019-02-04 a Monday."""
    at = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    begin, periods = at, []
    for stretch in stretches:
        periods.append(
            {
                "start_date_time": wire(at),
                "dimensions": [
                    {"type": kind, "volume": Decimal(str(volume))}
                    for kind, volume in stretch.dimensions.items()
                ],
            }
        )
        at += timedelta(minutes=stretch.minutes)
    return {
        "time_zone": zone,
        "start_date_time": wire(begin),
        "end_date_time": wire(at),
        "charging_periods": periods,
        **more,
    }


def wire(at: datetime) -> str:
    """A DateTime of OCPI."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def priced(tariff: object, charged: object, time_zone: str | None = None) -> Json:
    """What price_session prints with --json."""
    return rating_dump(Pricer().price(tariff, charged, time_zone).rating)


def printed(amount: str, like: str) -> str:
    """The amount with as many decimals as the text prints, half-up."""
    places = Decimal(1).scaleb(-len(like.partition(".")[2]))
    return str(Decimal(amount).quantize(places, ROUND_HALF_UP))


def billed(rating: Json, dimension: str) -> list[tuple[str, str, str]]:
    """(billed volume, before tax, with tax) of a dimension's lines."""
    return [
        (line["billed_volume"], line["excl_vat"], line["incl_vat"])
        for line in rating["lines"]
        if line["dimension"] == dimension
    ]


def tariff(components: Sequence[Json], **restrictions: object) -> Json:
    """A tariff of one element."""
    element: Json = {"price_components": list(components)}
    if restrictions:
        element["restrictions"] = restrictions
    return {
        "country_code": "FR",
        "party_id": "CRF",
        "id": "T1",
        "currency": "EUR",
        "elements": [element],
        "last_updated": "2026-01-01T00:00:00Z",
    }


def component(kind: str, price: str, step_size: int = 1, vat: str | None = None) -> Json:
    """A price component."""
    rate = {} if vat is None else {"vat": Decimal(vat)}
    return {"type": kind, "price": Decimal(price), "step_size": step_size, **rate}


def codes(rating: Json) -> list[str]:
    """The codes of a rating's notes."""
    return [note["code"] for note in rating["notes"]]


def two(first: Json, second: Json, **restrictions: object) -> Json:
    """One element with restrictions, then one without."""
    content = tariff([first], **restrictions)
    content["elements"].append({"price_components": [second]})
    return content


NIGHT = two(
    component("ENERGY", "0.10"), component("ENERGY", "0.30"), start_time="22:00", end_time="06:00"
)
