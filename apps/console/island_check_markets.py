"""Is what the island knows of energy there and fresh? Prices, CO2, weather, PV, island price."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.markets.choices import Feed, SeriesKind
from apps.markets.models import Series, SeriesValue
from apps.markets.selectors import best_known, leading_series
from apps.markets.selectors.island import island_price_day, island_pricing
from apps.markets.selectors.pv import P50, TOTAL_AREA, cell_area, pv_forecast, weather_cells
from cariflex.common.units import QUARTER_HOUR, floor_slot

Line = tuple[str, bool, str]
CO2_DELAY: Final = timedelta(minutes=75)
"""A mix comes a quarter hour or, from ENTSO-E, an hour after its slot, and is asked for each
quarter hour."""
AHEAD: Final = timedelta(hours=12)
AUCTION_AHEAD: Final = timedelta(hours=1)
CENT: Final = Decimal("0.01")


def market_lines(*, now: datetime) -> list[Line]:
    """The lines (name, passed, measured) of the current operator."""
    return [_auction(now), _co2(now), _weather(now), _pv(now), _island_price(now)]


def _auction(now: datetime) -> Line:
    name = "day-ahead prices published"
    series = Series.objects.filter(kind=SeriesKind.PRICE, source=Feed.ENTSOE).first()
    if series is None:
        return name, False, "no series"
    known = best_known(series=series, start=floor_slot(now), end=now + AUCTION_AHEAD)
    last = series.values.order_by("-start").values_list("start", flat=True).first()
    until = "nothing" if last is None else f"until {last + series.resolution:%Y-%m-%dT%H:%MZ}"
    return name, bool(known) and known[0].start == floor_slot(now), f"{series.area} {until}"


def _co2(now: datetime) -> Line:
    name = f"CO2 intensity (< {CO2_DELAY / timedelta(minutes=1):g} min old)"
    series = leading_series(SeriesKind.CO2_LIFECYCLE)
    known = (
        best_known(series=series, start=now - CO2_DELAY - QUARTER_HOUR, end=now) if series else []
    )
    if series is None or not known:
        return name, False, "none"
    last = known[-1]
    return name, True, f"{last.value:.0f} g/kWh at {last.start:%H:%MZ} from {series.variant}"


def _weather(now: datetime) -> Line:
    """Every cell with plants has a forecast for twelve hours from some feed."""
    name = f"weather of the cells ({AHEAD / timedelta(hours=1):g} h ahead)"
    areas = [cell_area(cell) for cell in weather_cells()]
    told = (
        SeriesValue.objects.filter(
            series__kind=SeriesKind.GHI,
            series__variant=P50,
            series__area__in=areas,
            start=floor_slot(now + AHEAD),
        )
        .values_list("series__area", "series__source")
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for area, source in told:
        found.setdefault(area, set()).add(source)
    sources = ", ".join(sorted(set().union(*found.values()))) or "none"
    passed = bool(areas) and len(found) == len(areas)
    return name, passed, f"{len(found)}/{len(areas)} from {sources}"


def _pv(now: datetime) -> Line:
    name = "PV forecast from the weather"
    start = floor_slot(now)
    points = pv_forecast(codes=[TOTAL_AREA], start=start, end=start + AHEAD)[TOTAL_AREA]
    whole = len(points) == AHEAD // QUARTER_HOUR
    origins = sorted({point.origin for point in points})
    measured = (
        f"{points[0].p50_kw:.1f} kW now, {len(points)} slots from {', '.join(origins)}"
        if points
        else "none"
    )
    return name, whole and "clear_sky" not in origins, measured


def _island_price(now: datetime) -> Line:
    """Today has every slot, each the sum of its four parts."""
    name = "island price of today, part by part"
    pricing = island_pricing()
    priced = (
        island_price_day(day=now.astimezone(pricing.zone).date(), pricing=pricing)
        if pricing
        else None
    )
    if pricing is None or priced is None or not priced.slots:
        return name, False, pricing.last_error if pricing else "none declared"
    sums = all(
        abs(slot.base + slot.carbon + slot.scarcity + slot.curtailment - slot.total) <= CENT
        for slot in priced.slots
    )
    dearest = max(priced.slots, key=lambda slot: slot.total)
    count = len(priced.slots)
    measured = (
        f"{count}/{count + len(priced.missing)}, dearest {dearest.total:.0f} EUR/MWh"
        f" at {dearest.start.astimezone(pricing.zone):%H:%M}"
    )
    return name, sums and not priced.missing, measured
