"""What an operator declares for the price of its island: settings, peaks, units."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypedDict, Unpack

from django.db import IntegrityError, transaction

from apps.markets.choices import BaseSource, IntensityKind, PvSource
from apps.markets.events import IslandRulesChanged
from apps.markets.island import merit_order, scarcity
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import ALL_DAYS, DayRules, DayType, DayWindow
from apps.markets.island.zones import zone_named
from apps.markets.models import GeneratingUnit, IslandPricing, PeakWindow, TouCalendar
from apps.markets.services.island.inputs import rules_of
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError

PART: Final = "pricing"
MAX_FIGURE: Final = Decimal(99_999)
MAX_NAME: Final = 80
_FIGURES: Final = (
    "carbon_price_eur_per_tonne",
    "floor_eur_per_mwh",
    "pv_threshold_mw",
    "curtailment_discount_eur_per_mwh",
)


class PricingFields(TypedDict, total=False):
    """What may be declared of an area; what is left out stays as it is."""

    input_area: str
    territory: str
    time_zone: str
    with_custom: bool
    base_order: Sequence[str]
    calendar_id: int | None
    must_run_fuels: Sequence[str]
    carbon_price_eur_per_tonne: Decimal
    intensity_kind: str
    floor_eur_per_mwh: Decimal | None
    pv_source: str
    pv_threshold_mw: Decimal | None
    curtailment_discount_eur_per_mwh: Decimal
    enabled: bool


@transaction.atomic
def pricing_save(*, area: str, by: str = "", **fields: Unpack[PricingFields]) -> IslandPricing:
    """Declare how the price of an area is formed, or change it; safe to repeat.

    A new one needs `territory` and `time_zone`. Raises DomainError that names the field.
    """
    area = area.strip()
    if not area or len(area) > 40:
        raise IslandError(PART, "area", "must have 1 to 40 signs")
    pricing = IslandPricing.objects.select_for_update().filter(area=area).first()
    pricing = pricing or IslandPricing(area=area)
    for name, value in fields.items():
        setattr(pricing, name, list(value) if isinstance(value, tuple) else value)
    pricing.changed_by = by
    _check(pricing)
    try:
        with transaction.atomic():
            pricing.save()
    except IntegrityError as err:
        # Two made the first one of an area at once.
        raise IslandError(PART, "area", "was declared a moment ago") from err
    _tell()
    return pricing


def _check(pricing: IslandPricing) -> None:
    zone_named(pricing.time_zone)
    DayRules(pricing.territory)
    if len(pricing.input_area) > 40:
        raise IslandError(PART, "input_area", "has more than 40 signs")
    if pricing.calendar_id is not None:
        calendar = TouCalendar.objects.filter(pk=pricing.calendar_id).first()
        if calendar is None:
            raise IslandError(PART, "calendar", "is no calendar")
        pricing.calendar = calendar
    for field, value, known in (
        ("intensity_kind", pricing.intensity_kind, IntensityKind.values),
        ("pv_source", pricing.pv_source, PvSource.values),
        *(("base_order", source, BaseSource.values) for source in pricing.base_order),
    ):
        if value not in known:
            raise IslandError(PART, field, f"{str(value)[:20]!r} is none of {', '.join(known)}")
    fuels = pricing.must_run_fuels
    if len(set(fuels)) < len(fuels) or not all(0 < len(fuel) <= 24 for fuel in fuels):
        raise IslandError(PART, "must_run_fuels", "names a fuel twice or none")
    for field in _FIGURES:
        figure: Decimal | None = getattr(pricing, field)
        if figure is not None and (not figure.is_finite() or abs(figure) > MAX_FIGURE):
            raise IslandError(PART, field, f"is not between -{MAX_FIGURE} and {MAX_FIGURE}")
    if pricing.pk is None:
        # Peaks hang on a stored row; the figures alone are checked before there is one.
        pricing_rules_check(pricing)
    else:
        rules_of(pricing)


def pricing_rules_check(pricing: IslandPricing) -> None:
    """The figures of a pricing that is not stored yet. Raises IslandError."""
    for field in ("carbon_price_eur_per_tonne", "curtailment_discount_eur_per_mwh"):
        if getattr(pricing, field) < 0:
            raise IslandError(PART, field, "is less than 0")
    if not pricing.base_order or len(set(pricing.base_order)) < len(pricing.base_order):
        raise IslandError(PART, "base_order", "names no source or one twice")


@transaction.atomic
def peak_save(
    *,
    pricing_id: int,
    name: str,
    start_minute: int,
    end_minute: int,
    adder_eur_per_mwh: Decimal,
    day_types: Collection[DayType] = ALL_DAYS,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> PeakWindow:
    """Declare a peak window of an area, or change the one of that name. Raises DomainError."""
    name = _named(name)
    scarcity.PeakWindow(
        name,
        DayWindow(start_minute, end_minute),
        adder_eur_per_mwh,
        frozenset(DayType(kind) for kind in day_types),
        valid_from,
        valid_to,
    )
    peak, _created = PeakWindow.objects.update_or_create(
        pricing=_pricing(pricing_id),
        name=name,
        defaults={
            "start_minute": start_minute,
            "end_minute": end_minute,
            "adder_eur_per_mwh": adder_eur_per_mwh,
            "day_types": sorted(str(kind) for kind in day_types),
            "valid_from": valid_from,
            "valid_to": valid_to,
        },
    )
    _tell()
    return peak


@transaction.atomic
def peak_remove(*, peak_id: int) -> None:
    """Take a peak window away; one that is gone already is no fault."""
    PeakWindow.objects.filter(pk=peak_id).delete()
    _tell()


@transaction.atomic
def unit_save(
    *,
    pricing_id: int,
    name: str,
    capacity_mw: Decimal,
    marginal_cost_eur_per_mwh: Decimal,
    available_from: datetime | None = None,
    available_to: datetime | None = None,
    enabled: bool = True,
) -> GeneratingUnit:
    """Declare a unit of the merit order, or change the one of that name. Raises DomainError."""
    name = _named(name)
    merit_order.GeneratingUnit(
        name,
        capacity_mw,
        marginal_cost_eur_per_mwh,
        (merit_order.Available(available_from, available_to),),
    )
    if capacity_mw > MAX_FIGURE:
        raise IslandError(PART, "capacity_mw", f"is more than {MAX_FIGURE}")
    unit, _created = GeneratingUnit.objects.update_or_create(
        pricing=_pricing(pricing_id),
        name=name,
        defaults={
            "capacity_mw": capacity_mw,
            "marginal_cost_eur_per_mwh": marginal_cost_eur_per_mwh,
            "available_from": available_from,
            "available_to": available_to,
            "enabled": enabled,
        },
    )
    _tell()
    return unit


@transaction.atomic
def unit_remove(*, unit_id: int) -> None:
    """Take a unit away; one that is gone already is no fault."""
    GeneratingUnit.objects.filter(pk=unit_id).delete()
    _tell()


def _pricing(pricing_id: int) -> IslandPricing:
    pricing = IslandPricing.objects.select_for_update().filter(pk=pricing_id).first()
    if pricing is None:
        raise DomainError("island.no_pricing", "no island price is declared", field="pricing_id")
    return pricing


def _named(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise IslandError(PART, "name", f"must have 1 to {MAX_NAME} signs")
    return name


def _tell() -> None:
    events.publish(IslandRulesChanged(schema=current_schema()))
