"""Reads of the island price: its day with reasons, its calendars, what is declared for it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Count, QuerySet

from apps.markets.choices import BaseSource, Feed, Quality, SeriesKind
from apps.markets.feeds.day_ahead import local_day_slots, local_day_start
from apps.markets.island import calendar as pure
from apps.markets.island.base import Reason, ReasonCode
from apps.markets.island.definition import calendar_read
from apps.markets.island.local_days import DayRules
from apps.markets.models import (
    EmissionFactor,
    IslandPriceSlot,
    IslandPricing,
    ScarcityAlert,
    SeriesValue,
    TouCalendar,
)
from cariflex.common.units import QUARTER_HOUR

PART_KINDS: Final = {
    SeriesKind.PRICE_BASE: "base",
    SeriesKind.PRICE_CARBON: "carbon",
    SeriesKind.PRICE_SCARCITY: "scarcity",
    SeriesKind.PRICE_CURTAILMENT: "curtailment",
    SeriesKind.PRICE: "total",
}
"""The series of an island price and the names of the parts."""
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class IslandSlot:
    """The price of the quarter hour from `start` (UTC), parts in EUR/MWh, and why.

    The four parts add up to `total`. `base_source` and `reasons` are None and empty when the slot
    was never explained (it was stored by hand).
    """

    start: datetime
    base: Decimal
    carbon: Decimal
    scarcity: Decimal
    curtailment: Decimal
    total: Decimal
    quality: Quality
    published_at: datetime
    base_source: BaseSource | None = None
    tried: tuple[BaseSource, ...] = ()
    reasons: tuple[Reason, ...] = ()
    intensity_g_per_kwh: Decimal | None = None
    intensity_quality: Quality | None = None
    pv_mw: Decimal | None = None
    pv_quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class IslandPriceDay:
    """The priced slots of a local day in order, and the starts of those without a price."""

    pricing: IslandPricing
    day: date
    slots: tuple[IslandSlot, ...]
    missing: tuple[datetime, ...]


def island_pricing(pricing_id: int | None = None) -> IslandPricing | None:
    """A pricing by its key; without one the first enabled, else the first of all, else None."""
    rows = IslandPricing.objects.select_related("calendar")
    if pricing_id is not None:
        return rows.filter(pk=pricing_id).first()
    return rows.order_by("-enabled", "pk").first()


def island_price_day(*, day: date, pricing: IslandPricing | None = None) -> IslandPriceDay | None:
    """The price of a local day of the area; None when no island price is declared.

    Without `pricing` it is `island_pricing`'s. Two queries, one more without `pricing`.
    """
    pricing = pricing or island_pricing()
    if pricing is None:
        return None
    starts = local_day_slots(day, pricing.zone, QUARTER_HOUR)
    start = local_day_start(day, pricing.zone)
    end = local_day_start(day + timedelta(days=1), pricing.zone)
    parts = _parts(pricing, start, end)
    why = {
        row.start: row
        for row in IslandPriceSlot.objects.filter(pricing=pricing, start__gte=start, start__lt=end)
    }
    whole = {at: part for at, part in parts.items() if len(part) == len(PART_KINDS)}
    return IslandPriceDay(
        pricing=pricing,
        day=day,
        slots=tuple(_slot(at, whole[at], why.get(at)) for at in starts if at in whole),
        missing=tuple(at for at in starts if at not in whole),
    )


def alerts_listed(pricing: IslandPricing) -> QuerySet[ScarcityAlert]:
    """The alerts of an area, the latest first."""
    return pricing.alerts.select_related("pricing")


def calendars_listed() -> QuerySet[TouCalendar]:
    """The calendars by name with their areas; `pricings_count` says how many use each."""
    return (
        TouCalendar.objects.annotate(pricings_count=Count("pricings"))
        .order_by("name")
        .prefetch_related("pricings")
    )


def calendar_named(calendar_id: int) -> TouCalendar | None:
    """A calendar by its key with the areas that use it; None when there is none."""
    return TouCalendar.objects.prefetch_related("pricings").filter(pk=calendar_id).first()


def factors_listed() -> QuerySet[EmissionFactor]:
    """The emission factors by fuel, the latest of each first."""
    return EmissionFactor.objects.order_by("fuel", "-valid_from")


def calendar_is_used(calendar: TouCalendar) -> bool:
    """Whether an area's price names the calendar."""
    return IslandPricing.objects.filter(calendar=calendar).exists()


def calendar_of(row: TouCalendar) -> pure.TouCalendar:
    """The checked calendar of a stored row. Raises IslandError that names the field."""
    return calendar_read(
        name=row.name,
        time_zone=row.time_zone,
        days=DayRules(
            row.territory,
            row.with_custom,
            frozenset(date.fromisoformat(day) for day in row.added),
            frozenset(date.fromisoformat(day) for day in row.removed),
        ),
        definition=row.definition,
    )


_Row = tuple[Decimal, Quality, datetime]


def _parts(
    pricing: IslandPricing, start: datetime, end: datetime
) -> dict[datetime, dict[str, _Row]]:
    rows = (
        SeriesValue.objects.filter(
            series__kind__in=[*PART_KINDS],
            series__area=pricing.area,
            series__source=Feed.ISLAND,
            series__variant="",
            start__gte=start,
            start__lt=end,
        )
        .order_by("series_id", "start", "-published_at", "-pk")
        .distinct("series_id", "start")
        .values_list("series__kind", "start", "value", "quality", "published_at")
    )
    found: dict[datetime, dict[str, _Row]] = defaultdict(dict)
    for kind, at, value, quality, published_at in rows:
        found[at][PART_KINDS[SeriesKind(kind)]] = (value, Quality(quality), published_at)
    return found


def _slot(at: datetime, parts: dict[str, _Row], why: IslandPriceSlot | None) -> IslandSlot:
    def part(name: str) -> Decimal:
        return parts[name][0].quantize(_CENT)

    priced = IslandSlot(
        start=at,
        base=part("base"),
        carbon=part("carbon"),
        scarcity=part("scarcity"),
        curtailment=part("curtailment"),
        total=part("total"),
        quality=parts["total"][1],
        published_at=max(published_at for _value, _quality, published_at in parts.values()),
    )
    return priced if why is None else _explained(priced, why)


def _explained(priced: IslandSlot, why: IslandPriceSlot) -> IslandSlot:
    return replace(
        priced,
        base_source=BaseSource(why.base_source),
        tried=tuple(BaseSource(source) for source in why.tried),
        reasons=tuple(Reason(ReasonCode(code), subject) for code, subject in why.reasons),
        intensity_g_per_kwh=why.intensity_g_per_kwh,
        intensity_quality=Quality(why.intensity_quality) if why.intensity_quality else None,
        pv_mw=why.pv_mw,
        pv_quality=Quality(why.pv_quality) if why.pv_quality else None,
    )
