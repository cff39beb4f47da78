"""The prices of a version as one OCPI tariff object: what is priced, told and sealed in a CDR."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from apps.billing.models import DynamicPrice, TariffVersion

SLOT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class SlotPrice:
    """The price of a kWh in the quarter hour from `start` (UTC) on, before taxes."""

    start: datetime
    price_per_kwh: Decimal


def tariff_content(
    version: TariffVersion, *, start: datetime, end: datetime, time_zone: str
) -> dict[str, Any]:
    """The OCPI 2.2.1 tariff object that prices [start, end) at a place in `time_zone`.

    A dynamic version's energy is written out: one element for each stretch of quarter hours at
    the same price, before the version's own elements. Seal this, not `version.content`.
    """
    content = deepcopy(dict(version.content))
    if getattr(version, "formula", None) is None:
        return content
    prices = DynamicPrice.objects.filter(
        version=version, start__gt=start - SLOT, start__lt=max(end, start + SLOT)
    ).order_by("start")
    slots = [SlotPrice(row.start, row.price_per_kwh) for row in prices]
    return with_slots(content, slots, ZoneInfo(time_zone))


def with_slots(
    content: Mapping[str, Any], slots: Iterable[SlotPrice], zone: ZoneInfo
) -> dict[str, Any]:
    """The tariff with an energy element for each stretch of slots of one price, local times.

    Tax and step are those of the tariff's own energy component. Where clocks go back two slots have
    the same local time, and the lower price holds for both.
    """
    pattern = energy_component(content)
    by_local: dict[datetime, Decimal] = {}
    for slot in slots:
        local = slot.start.astimezone(zone).replace(tzinfo=None)
        known = by_local.get(local)
        by_local[local] = slot.price_per_kwh if known is None else min(known, slot.price_per_kwh)
    elements = [
        {
            "price_components": [{**pattern, "price": price}],
            "restrictions": {
                "start_time": f"{first:%H:%M}",
                "end_time": f"{last + SLOT:%H:%M}",
                "start_date": f"{first:%Y-%m-%d}",
                "end_date": f"{first + timedelta(days=1):%Y-%m-%d}",
            },
        }
        for first, last, price in _stretches(by_local)
    ]
    return {**content, "elements": [*elements, *content.get("elements", [])]}


def energy_component(content: Mapping[str, Any]) -> dict[str, Any]:
    """The first energy component of the tariff; a bare one when there is none."""
    for element in content.get("elements", []):
        for component in element.get("price_components", []):
            if component.get("type") == "ENERGY":
                return dict(component)
    return {"type": "ENERGY", "price": Decimal(0), "step_size": 1}


def content_make(
    *, code: str, currency: str, elements: list[dict[str, Any]], at: datetime
) -> dict[str, Any]:
    """A bare OCPI tariff object of elements."""
    return {
        "id": code,
        "currency": currency,
        "elements": elements,
        "last_updated": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _stretches(
    by_local: Mapping[datetime, Decimal],
) -> Iterable[tuple[datetime, datetime, Decimal]]:
    """(first slot, last slot, price) of slots that follow each other on a day at one price."""
    numbered = [(local, price, nth) for nth, (local, price) in enumerate(sorted(by_local.items()))]
    key = lambda row: (row[0].date(), row[1], row[0] - row[2] * SLOT)  # noqa: E731
    for _key, rows in groupby(numbered, key=key):
        run = list(rows)
        yield run[0][0], run[-1][0], run[0][1]
