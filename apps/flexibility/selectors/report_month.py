"""The quarter hours of a local month at a site, for its report: our own SQL over the roll-ups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection

from apps.assets.choices import DeviceKind
from apps.assets.models import Site
from apps.flexibility.choices import ControlMode
from apps.flexibility.control import HOLD_AT_MOST
from apps.flexibility.models import SitePolicy
from apps.flexibility.reporting.month import (
    DeviceGap,
    ReportBattery,
    ReportMonth,
    ReportSlot,
    month_interval,
)
from apps.flexibility.selectors.report_sql import CHARGING, DEVICES, PLANNED, SLOTS
from apps.markets.choices import SeriesKind
from apps.markets.models import Series
from apps.markets.selectors import best_known, leading_series, price_series
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

LEAST_COVERAGE: Final = 0.5
# The last readings of a quarter hour take a moment to reach its roll-up.
CLOSED_FOR: Final = timedelta(minutes=2)


class _Device(NamedTuple):
    """A row of DEVICES: the first and last quarter hours it was ever measured in."""

    pk: int
    code: str
    name: str
    kind: str
    capacity_kwh: float | None
    rated_power_kw: float
    soc_min_percent: float
    soc_max_percent: float
    charging_efficiency: float
    discharging_efficiency: float
    in_service: bool
    first: datetime | None
    last: datetime | None
    slot_count: int
    soc_start_percent: float | None

    def is_expected(self, slot: datetime) -> bool:
        """From its first measurement ever, to its last where it is out of service."""
        if self.first is None or self.last is None or slot < self.first:
            return False
        return self.in_service or slot <= self.last


class _Powers(NamedTuple):
    """A row of SLOTS."""

    start: datetime
    pv_kw: float | None
    pv_count: int
    grid_kw: float | None
    battery_kw: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Sources:
    """Everything that is read for a month, by quarter hour."""

    devices: Sequence[_Device]
    powers: Mapping[datetime, _Powers]
    charging_kw: Mapping[datetime, float]
    plans: Mapping[datetime, tuple[datetime, float | None]]
    prices: Mapping[datetime, Decimal]
    co2: Mapping[datetime, float]


def report_month(*, site_id: int, month: date, now: datetime) -> ReportMonth:
    """The local month of a site, or as much of it as is over at `now`.

    One statement a source: site, policy, devices, powers, cars, plans, prices, CO2.
    """
    site = Site.objects.get(pk=site_id)
    policy = SitePolicy.objects.filter(site=site).first() or SitePolicy(site=site)
    whole = month_interval(month, site.time_zone)
    start = whole.start
    end = max(start, min(whole.end, floor_slot(now - CLOSED_FOR)))
    sources = _read(site, start, end)
    heard = [device for device in sources.devices if device.slot_count]
    return ReportMonth(
        time_zone=site.time_zone,
        start=start,
        end=end,
        slots=tuple(_slot(at, sources, heard) for at in slots(start, end)),
        batteries=tuple(_battery(one) for one in heard if one.kind == DeviceKind.BATTERY),
        feed_in_margin_eur_per_mwh=Decimal(policy.feed_in_margin_eur_per_mwh),
        import_limit_kw=site.grid_import_limit_kw,
        export_limit_kw=site.grid_export_limit_kw,
        gaps=tuple(_gaps(sources.devices, start, end)),
    )


def _read(site: Site, start: datetime, end: datetime) -> _Sources:
    asked = {"site_id": site.pk, "start": start, "end": end, "coverage": LEAST_COVERAGE}
    price, co2 = price_series(), _co2_series()
    return _Sources(
        devices=[_Device(*row) for row in _rows(DEVICES, asked)],
        powers={row[0]: _powers(*row) for row in _rows(SLOTS, asked)},
        charging_kw=dict(_rows(CHARGING, asked)) if _has_stations(site) else {},
        plans={row[0]: (row[1], row[2]) for row in _rows(PLANNED, asked)},
        prices=_known(price, start, end) if price else {},
        co2={at: float(value) for at, value in _known(co2, start, end).items()} if co2 else {},
    )


def _rows(statement: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _powers(
    start: datetime,
    pv_kw: float | None,
    pv_count: int,
    grid_kw: float | None,
    battery_kw: str | Mapping[str, float] | None,
) -> _Powers:
    # Django leaves JSON of a plain cursor as text.
    told = json.loads(battery_kw) if isinstance(battery_kw, str) else battery_kw
    return _Powers(start, pv_kw, pv_count, grid_kw, told or {})


def _has_stations(site: Site) -> bool:
    """Stations are counted at the operator's first site until each names its own."""
    return site.pk == Site.objects.order_by("pk").values_list("pk", flat=True).first()


def _co2_series() -> Series | None:
    return leading_series(SeriesKind.CO2_LIFECYCLE) or leading_series(SeriesKind.CO2_DIRECT)


def _known(series: Series, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """The best known value of each quarter hour; a gap stays one."""
    first = floor_slot(start, series.resolution)
    known = {one.start: one.value for one in best_known(series=series, start=first, end=end)}
    spread = ((at, known.get(floor_slot(at, series.resolution))) for at in slots(start, end))
    return {at: value for at, value in spread if value is not None}


def _slot(at: datetime, sources: _Sources, devices: Sequence[_Device]) -> ReportSlot:
    powers = sources.powers.get(at) or _Powers(at, None, 0, None, {})
    charging_kw = float(sources.charging_kw.get(at, 0.0))
    pv_kw = _pv_kw(at, powers, devices)
    battery_kw = _battery_kw(at, powers, devices)
    planned_from, planned_kw = sources.plans.get(at, (None, None))
    batteries = [one for one in devices if one.kind == DeviceKind.BATTERY]
    return ReportSlot(
        start=at,
        pv_kw=pv_kw,
        battery_kw=battery_kw,
        charging_kw=charging_kw,
        load_kw=_load_kw(at, powers, devices, (pv_kw, battery_kw, charging_kw)),
        price_eur_per_mwh=sources.prices.get(at),
        co2_g_per_kwh=sources.co2.get(at),
        planned_kw=planned_kw,
        mode=_mode(at, planned_from) if batteries else None,
        has_all_batteries=all(one.is_expected(at) for one in batteries),
    )


def _pv_kw(at: datetime, powers: _Powers, devices: Sequence[_Device]) -> float | None:
    expected = [one.kind for one in devices if one.is_expected(at)]
    # Where no device of any kind is at work, nothing is known of the site.
    if not expected or powers.pv_count < expected.count(DeviceKind.PV):
        return None
    return powers.pv_kw or 0.0


def _battery_kw(
    at: datetime, powers: _Powers, devices: Sequence[_Device]
) -> tuple[float, ...] | None:
    found: list[float] = []
    for device in devices:
        if device.kind != DeviceKind.BATTERY:
            continue
        power_kw = powers.battery_kw.get(str(device.pk))
        if power_kw is None and device.is_expected(at):
            return None
        found.append(power_kw or 0.0)
    return tuple(found)


def _load_kw(
    at: datetime,
    powers: _Powers,
    devices: Sequence[_Device],
    others: tuple[float | None, tuple[float, ...] | None, float],
) -> float | None:
    """What the grid's meter shows beyond PV, batteries and cars; without such a meter, none."""
    meter = next((one for one in devices if one.kind == DeviceKind.METER), None)
    if meter is None or not meter.is_expected(at):
        return 0.0
    pv_kw, battery_kw, charging_kw = others
    if powers.grid_kw is None or pv_kw is None or battery_kw is None:
        return None
    return powers.grid_kw - pv_kw - sum(battery_kw) - charging_kw


def _mode(at: datetime, planned_from: datetime | None) -> ControlMode:
    """What the batteries followed by the age of the plan in force, as `control_decide` has it."""
    if planned_from is None or at - planned_from > HOLD_AT_MOST:
        return ControlMode.FALLBACK
    return ControlMode.PLAN if at - planned_from <= QUARTER_HOUR else ControlMode.HOLD


def _battery(device: _Device) -> ReportBattery:
    return ReportBattery(
        code=device.code,
        name=device.name,
        capacity_kwh=device.capacity_kwh or 0.0,
        rated_power_kw=device.rated_power_kw,
        soc_min_percent=device.soc_min_percent,
        soc_max_percent=device.soc_max_percent,
        charging_efficiency=device.charging_efficiency,
        discharging_efficiency=device.discharging_efficiency,
        soc_start_percent=device.soc_start_percent,
    )


def _gaps(devices: Sequence[_Device], start: datetime, end: datetime) -> list[DeviceGap]:
    gaps: list[DeviceGap] = []
    for device in devices:
        expected = sum(device.is_expected(at) for at in slots(start, end))
        missing = expected - device.slot_count
        if device.in_service and not device.slot_count and end > start:
            missing = (end - start) // QUARTER_HOUR
        if missing > 0:
            silent = not device.slot_count
            gaps.append(DeviceGap(device.code, device.name, missing, is_silent=silent))
    return gaps
