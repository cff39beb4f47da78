"""What is known of the slots of an area: load, costs, intensity, sun, calendar, alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Max, Q

from apps.markets.choices import BaseSource, IntensityKind, PvSource, Quality, SeriesKind
from apps.markets.co2 import Fuel
from apps.markets.island import merit_order as pure
from apps.markets.island.base import BaseInputs, Known, worst
from apps.markets.island.calendar import TouSlot, tou_slots
from apps.markets.island.cost_profile import CostProfile, cost_profile
from apps.markets.island.local_days import DayRules, DayType, DayWindow
from apps.markets.island.price import PriceInputs, PriceRules
from apps.markets.island.scarcity import Alert, PeakWindow
from apps.markets.models import IslandPricing, Series
from apps.markets.selectors.island import calendar_of
from apps.markets.selectors.pv import TOTAL_AREA, pv_forecast
from apps.markets.selectors.series import KnownValue, best_known, known_or_filled
from cariflex.common.units import floor_slot, slots

PROFILE_DAYS: Final = timedelta(days=28)
DAY_AHEAD: Final = "day_ahead"
_KW_PER_MW: Final = Decimal(1000)
_NOTHING: Final = Decimal(0)

Values = dict[datetime, Known]


def rules_of(pricing: IslandPricing) -> PriceRules:
    """The rules that an area declares. Raises IslandError that names the field."""
    return PriceRules(
        zone=pricing.zone,
        days=days_of(pricing),
        carbon_price_eur_per_tonne=pricing.carbon_price_eur_per_tonne,
        floor_eur_per_mwh=pricing.floor_eur_per_mwh,
        pv_threshold_mw=pricing.pv_threshold_mw,
        curtailment_discount_eur_per_mwh=pricing.curtailment_discount_eur_per_mwh,
        chain=tuple(BaseSource(source) for source in pricing.base_order),
        peaks=tuple(
            PeakWindow(
                peak.name,
                DayWindow(peak.start_minute, peak.end_minute),
                peak.adder_eur_per_mwh,
                frozenset(DayType(kind) for kind in peak.day_types),
                peak.valid_from,
                peak.valid_to,
            )
            for peak in pricing.peaks.all()
        ),
    )


def days_of(pricing: IslandPricing) -> DayRules:
    """The holidays of an area: its calendar's, else its territory's."""
    row = pricing.calendar
    if row is None:
        return DayRules(pricing.territory, pricing.with_custom)
    return calendar_of(row).days


def inputs_read(pricing: IslandPricing, *, start: datetime, end: datetime) -> PriceInputs:
    """All that the price of [start, end) draws on. Raises IslandError for a calendar of faults."""
    area = pricing.inputs_of
    kind = (
        SeriesKind.CO2_DIRECT
        if pricing.intensity_kind == IntensityKind.DIRECT
        else SeriesKind.CO2_LIFECYCLE
    )
    costs = _series(SeriesKind.PRODUCTION_COST, area)
    return PriceInputs(
        base=BaseInputs(
            marginal=_marginal(pricing, start, end),
            costs=_known(costs, start, end),
            profile=_profile(costs, pricing, end),
            tou=_tou(pricing, start, end),
        ),
        intensity=_filled(_series(kind, area), start, end),
        pv_mw=_pv(pricing, start, end),
        alerts=_alerts(pricing, start, end),
    )


def _marginal(
    pricing: IslandPricing, start: datetime, end: datetime
) -> Mapping[datetime, tuple[pure.MarginalSlot, Quality]]:
    units = [
        pure.GeneratingUnit(
            unit.name,
            unit.capacity_mw,
            unit.marginal_cost_eur_per_mwh,
            (pure.Available(unit.available_from, unit.available_to),),
        )
        for unit in pricing.units.filter(enabled=True)
    ]
    if not units:
        return {}
    load = _load(pricing.inputs_of, start, end)
    must_run = _must_run(pricing, start, end)
    loads = [
        pure.LoadSlot(at, known.value, must_run[at].value if at in must_run else _NOTHING)
        for at, known in load.items()
    ]
    return {
        slot.start: (
            slot,
            worst(load[slot.start].quality, must_run[slot.start].quality)
            if slot.start in must_run
            else load[slot.start].quality,
        )
        for slot in pure.merit_order(units, loads)
    }


def _load(area: str, start: datetime, end: datetime) -> Values:
    """Measured, else forecast for the day, else of an earlier day, else all that generates."""
    measured = _series(SeriesKind.LOAD, area)
    ahead = _series(SeriesKind.LOAD, area, variant=DAY_AHEAD)
    if measured is None and ahead is None:
        return _generation_sum(area, start, end)
    found = _filled(measured, start, end)
    found |= _known(ahead, start, end)
    found |= _known(measured, start, end)
    return _positive(found)


def _generation_sum(area: str, start: datetime, end: datetime) -> Values:
    """Without a load series: on an island all that is generated is consumed or lost there."""
    parts = [
        _filled(series, start, end)
        for series in Series.objects.filter(kind=SeriesKind.GENERATION, area=area).order_by("pk")
    ]
    return _summed([_positive(part) for part in parts])


def _must_run(pricing: IslandPricing, start: datetime, end: datetime) -> Values:
    area = pricing.inputs_of
    parts = []
    for fuel in pricing.must_run_fuels:
        generation = _series(SeriesKind.GENERATION, area, variant=fuel)
        found = _filled(generation, start, end)
        found |= _known(_series(SeriesKind.WIND_SOLAR, area, variant=fuel), start, end)
        found |= _known(generation, start, end)
        parts.append(_positive(found))
    return _summed(parts)


def _profile(series: Series | None, pricing: IslandPricing, end: datetime) -> CostProfile | None:
    """From the last 28 days that have costs: open data come late."""
    if series is None or BaseSource.COST_PROFILE not in pricing.base_order:
        return None
    last = series.values.filter(start__lt=end).aggregate(last=Max("start"))["last"]
    if last is None:
        return None
    costs = best_known(series=series, start=last - PROFILE_DAYS, end=last + series.resolution)
    return cost_profile(
        ((quarter, cost.value) for cost in costs for quarter in _quarters(cost, series)),
        zone=pricing.zone,
        days=days_of(pricing),
    )


def _tou(pricing: IslandPricing, start: datetime, end: datetime) -> dict[datetime, TouSlot]:
    if pricing.calendar is None:
        return {}
    calendar = calendar_of(pricing.calendar)
    return {slot.start: slot for slot in tou_slots(calendar, start=start, end=end)}


def _pv(pricing: IslandPricing, start: datetime, end: datetime) -> Values:
    if pricing.pv_threshold_mw is None:
        return {}
    if pricing.pv_source == PvSource.PLANTS:
        points = pv_forecast(codes=[TOTAL_AREA], start=start, end=end)[TOTAL_AREA]
        return {point.start: Known(point.p50_kw / _KW_PER_MW, point.quality) for point in points}
    area = pricing.inputs_of
    found = _filled(_series(SeriesKind.GENERATION, area, variant=Fuel.SOLAR), start, end)
    found |= _known(_series(SeriesKind.WIND_SOLAR, area, variant=Fuel.SOLAR), start, end)
    return found


def _alerts(pricing: IslandPricing, start: datetime, end: datetime) -> tuple[Alert, ...]:
    rows = pricing.alerts.filter(start__lt=end, end__gt=start).filter(
        Q(cancelled_at=None) | Q(cancelled_at__gt=start)
    )
    found = []
    for row in rows:
        until = row.end if row.cancelled_at is None else min(row.end, row.cancelled_at)
        if until > row.start:
            found.append(Alert(row.reason, row.start, until, row.adder_eur_per_mwh))
    return tuple(found)


def _series(kind: SeriesKind, area: str, *, variant: str | None = None) -> Series | None:
    """The leading series of an area, else its first; `variant` None: intensities of any source."""
    rows = Series.objects.filter(kind=kind, area=area)
    if variant is not None:
        rows = rows.filter(variant=variant)
    elif kind not in {SeriesKind.CO2_LIFECYCLE, SeriesKind.CO2_DIRECT}:
        rows = rows.filter(variant="")
    return rows.order_by("-is_leading", "pk").first()


def _known(series: Series | None, start: datetime, end: datetime) -> Values:
    if series is None:
        return {}
    first = floor_slot(start, series.resolution)
    return _by_quarter(series, best_known(series=series, start=first, end=end), start, end)


def _filled(series: Series | None, start: datetime, end: datetime) -> Values:
    if series is None:
        return {}
    known = known_or_filled(series=series, start=start, end=end)
    return _by_quarter(series, known, start, end)


def _by_quarter(
    series: Series, values: Iterable[KnownValue], start: datetime, end: datetime
) -> Values:
    return {
        quarter: Known(value.value, value.quality)
        for value in values
        for quarter in _quarters(value, series)
        if start <= quarter < end
    }


def _quarters(value: KnownValue, series: Series) -> list[datetime]:
    return slots(value.start, value.start + series.resolution)


def _summed(parts: Sequence[Values]) -> Values:
    """The sum of each slot that any part knows; what a part does not know counts as nothing."""
    told = [part for part in parts if part]
    found: Values = {}
    for at in sorted({at for part in told for at in part}):
        known = [part[at] for part in told if at in part]
        quality = worst(*(one.quality for one in known))
        if len(known) < len(told):
            quality = worst(quality, Quality.ESTIMATED)
        found[at] = Known(sum((one.value for one in known), _NOTHING), quality)
    return found


def _positive(values: Values) -> Values:
    return {at: Known(max(known.value, _NOTHING), known.quality) for at, known in values.items()}
