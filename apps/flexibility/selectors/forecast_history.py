"""What is known of each quantity of a site: measured powers, published prices and intensities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.chargers.models import Session
from apps.flexibility.choices import ForecastMethod, ForecastQuantity, SensorRole
from apps.flexibility.loads import site_powers
from apps.markets.choices import Quality, SeriesKind
from apps.markets.models import Series
from apps.markets.selectors import best_known, leading_series
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

POWER_ROLES: Final = {
    ForecastQuantity.PV: SensorRole.PV_POWER,
    ForecastQuantity.LOAD: SensorRole.LOAD_POWER,
    ForecastQuantity.CHARGING: SensorRole.CHARGING_POWER,
}
SERIES_KINDS: Final = {
    ForecastQuantity.PRICE: SeriesKind.PRICE,
    ForecastQuantity.CO2: SeriesKind.CO2_LIFECYCLE,
}
BOUNDS: Final[dict[ForecastQuantity, tuple[float | None, float | None]]] = {
    ForecastQuantity.PV: (None, 0.0),
    ForecastQuantity.LOAD: (0.0, None),
    ForecastQuantity.CHARGING: (0.0, None),
    ForecastQuantity.PRICE: (None, None),
    ForecastQuantity.CO2: (0.0, None),
}
"""Lowest and highest value that can be; a price may be below zero."""
_SURE: Final = frozenset({Quality.ACTUAL, Quality.ESTIMATED})
Known = dict[ForecastQuantity, dict[datetime, float]]


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What of a site can be forecast at all."""

    site: Site
    has_pv: bool
    has_grid_meter: bool
    charging_since: datetime | None
    """The first session at this site, None before it and where stations belong elsewhere."""
    series: dict[ForecastQuantity, Series]

    @property
    def quantities(self) -> tuple[ForecastQuantity, ...]:
        """What is forecast; the load is named also where nothing measures it."""
        asked = {
            ForecastQuantity.PV: self.has_pv,
            ForecastQuantity.LOAD: True,
            ForecastQuantity.CHARGING: self.charging_since is not None,
        }
        return tuple(
            quantity
            for quantity in ForecastQuantity
            if asked.get(quantity, quantity in self.series)
        )


def site_facts(site: Site) -> SiteFacts:
    """What of a site can be forecast. Five queries."""
    devices = set(Device.objects.filter(site=site).values_list("kind", "is_grid_meter"))
    first_site = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    since = None
    if site.pk == first_site:
        # Stations are counted at the operator's first site, as in `site_powers`.
        since = Session.objects.order_by("started_at").values_list("started_at", flat=True).first()
    found = {quantity: leading_series(kind) for quantity, kind in SERIES_KINDS.items()}
    return SiteFacts(
        site=site,
        has_pv=any(kind == DeviceKind.PV for kind, _is_grid_meter in devices),
        has_grid_meter=any(is_grid_meter for _kind, is_grid_meter in devices),
        charging_since=since,
        series={quantity: series for quantity, series in found.items() if series is not None},
    )


def methods_of(quantity: ForecastQuantity) -> tuple[ForecastMethod, ...]:
    """Who can forecast a quantity, simplest first."""
    return tuple(
        method
        for method in ForecastMethod
        if method != ForecastMethod.PVLIB or quantity == ForecastQuantity.PV
    )


def known_in(
    facts: SiteFacts, *, spans: Iterable[tuple[datetime, datetime]], as_of: datetime
) -> Known:
    """What was known at `as_of` of the quarter hours of several spans [start, end).

    Powers are known once their quarter hour is over, a price or an intensity once it is
    published; of one that lies ahead only what is final, no forecast of others.
    """
    known: Known = {quantity: {} for quantity in facts.quantities}
    for start, end in spans:
        _powers(facts, known, start, min(end, floor_slot(as_of)))
        for quantity, series in facts.series.items():
            known[quantity].update(_published(series, start, end, as_of))
    return known


def _powers(facts: SiteFacts, known: Known, start: datetime, end: datetime) -> None:
    if end <= start:
        return
    by_role = site_powers(site_id=facts.site.pk, start=start, end=end)
    for quantity, role in POWER_ROLES.items():
        if quantity in known:
            known[quantity].update(by_role.get(role, {}))
    if facts.charging_since is not None:
        # A slot without any session is one in which nobody charged.
        idle = known[ForecastQuantity.CHARGING]
        for slot in slots(max(start, floor_slot(facts.charging_since)), end):
            idle.setdefault(slot, 0.0)


def _published(
    series: Series, start: datetime, end: datetime, as_of: datetime
) -> dict[datetime, float]:
    first = floor_slot(start, series.resolution)
    found: dict[datetime, float] = {}
    for value in best_known(series=series, start=first, end=end, as_of=as_of):
        if value.start >= as_of and value.quality not in _SURE:
            continue
        for number in range(series.resolution // QUARTER_HOUR):
            slot = value.start + number * QUARTER_HOUR
            if start <= slot < end:
                found[slot] = float(value.value)
    return found
