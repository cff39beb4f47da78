"""From the quarter hours of a month to its figures.

Pure. Every sum goes over measured quarter hours only, money over those that also have a price:
what was not measured is counted, never filled. Energies in kWh, >= 0 where the name says which
way they flow; money in EUR.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from apps.flexibility.choices import ControlMode
from apps.flexibility.reporting.month import (
    DeviceGap,
    ReportBattery,
    ReportMonth,
    ReportSlot,
    slot_kwh,
)

KWH_PER_MWH = 1000
_DIGITS = 9
"""Decimals of a kWh that count in money: a thousandth of a milliwatt hour."""


@dataclass(frozen=True, slots=True)
class Flows:
    """What flowed over some quarter hours, kWh, all >= 0."""

    import_kwh: float
    export_kwh: float
    pv_kwh: float
    charging_kwh: float
    load_kwh: float
    charged_kwh: float
    discharged_kwh: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest mean power drawn over a quarter hour."""

    power_kw: float
    at: datetime


@dataclass(frozen=True, slots=True)
class BatteryCycles:
    """How often a battery was filled and emptied: half the energy in and out over its capacity."""

    code: str
    name: str
    cycles: float


@dataclass(frozen=True, slots=True)
class PlanMatch:
    """How well the batteries followed the plan, over the quarter hours that have both."""

    slot_count: int
    mae_kw: float
    planned_kwh: float
    actual_kwh: float

    @property
    def deviation_kwh(self) -> float:
        """More charged (+) or more discharged (-) than planned."""
        return self.actual_kwh - self.planned_kwh


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One local day; `cost_eur` None: no quarter hour of it has a price."""

    day: date
    slot_count: int
    measured_count: int
    import_kwh: float
    export_kwh: float
    pv_kwh: float
    cost_eur: Decimal | None


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """The figures of a month at a site; None where nothing is known."""

    slot_count: int
    measured_count: int
    priced_count: int
    co2_count: int
    flows: Flows
    cost_eur: Decimal | None
    co2_kg: float | None
    self_consumption_percent: float | None
    self_sufficiency_percent: float | None
    peak: Peak | None
    cycles: tuple[BatteryCycles, ...]
    plan: PlanMatch | None
    mode_percent: Mapping[str, float]
    days: tuple[DayFigures, ...]
    gaps: tuple[DeviceGap, ...]

    @property
    def measured_percent(self) -> float:
        """The share of quarter hours that were measured."""
        return 100.0 * self.measured_count / self.slot_count if self.slot_count else 0.0


def month_figures(month: ReportMonth) -> MonthFigures:
    """Every figure of the month."""
    measured = [slot for slot in month.slots if slot.is_measured]
    priced = [slot for slot in measured if slot.is_priced]
    with_co2 = [slot for slot in measured if slot.co2_g_per_kwh is not None]
    flows = flows_of(measured)
    return MonthFigures(
        slot_count=month.slot_count,
        measured_count=len(measured),
        priced_count=len(priced),
        co2_count=len(with_co2),
        flows=flows,
        cost_eur=cost_eur(priced, month.feed_in_margin_eur_per_mwh) if priced else None,
        co2_kg=co2_kg(with_co2) if with_co2 else None,
        self_consumption_percent=self_consumption_percent(measured),
        self_sufficiency_percent=self_sufficiency_percent(flows),
        peak=peak_import(measured),
        cycles=_cycles(month.batteries, measured),
        plan=plan_match(measured),
        mode_percent=_mode_percent(month.slots),
        days=_days(month),
        gaps=month.gaps,
    )


def flows_of(measured: Iterable[ReportSlot]) -> Flows:
    """The energies of measured quarter hours, kWh."""
    drawn = fed = sun = cars = load = charged = discharged = 0.0
    for slot in measured:
        grid = slot_kwh(slot.grid_kw)
        drawn += max(grid, 0.0)
        fed += max(-grid, 0.0)
        sun -= slot_kwh(slot.pv_kw or 0.0)
        cars += slot_kwh(slot.charging_kw)
        load += slot_kwh(slot.load_kw or 0.0)
        for power_kw in slot.battery_kw or ():
            charged += slot_kwh(max(power_kw, 0.0))
            discharged += slot_kwh(max(-power_kw, 0.0))
    return Flows(drawn, fed, sun, cars, load, charged, discharged)


def slot_cost_eur(grid_kw: float, price_eur_per_mwh: Decimal, margin: Decimal) -> Decimal:
    """What a quarter hour costs (+) or earns (-), unrounded EUR.

    What is drawn costs the price, what is fed in earns the price less `margin` (EUR/MWh).
    """
    energy = Decimal(str(round(slot_kwh(grid_kw), _DIGITS)))
    price = price_eur_per_mwh if energy >= 0 else price_eur_per_mwh - margin
    return energy * price / KWH_PER_MWH


def cost_eur(priced: Iterable[ReportSlot], margin: Decimal) -> Decimal:
    """What the energy of priced quarter hours cost (+) or earned (-), unrounded EUR."""
    return sum(
        (
            slot_cost_eur(slot.grid_kw, slot.price_eur_per_mwh, margin)
            for slot in priced
            if slot.price_eur_per_mwh is not None
        ),
        Decimal(0),
    )


def co2_kg(slots: Iterable[ReportSlot]) -> float:
    """The CO2 of what was drawn less that of what was fed in, at the grid's intensity, kg."""
    return sum(slot_kwh(slot.grid_kw) * (slot.co2_g_per_kwh or 0.0) / 1000 for slot in slots)


def self_consumption_percent(measured: Iterable[ReportSlot]) -> float | None:
    """The share of the sun's energy that was not fed in at once; None without sun."""
    produced = kept = 0.0
    for slot in measured:
        sun = max(-(slot.pv_kw or 0.0), 0.0)
        produced += sun
        kept += max(sun - max(-slot.grid_kw, 0.0), 0.0)
    return min(100.0, 100.0 * kept / produced) if produced > 0 else None


def self_sufficiency_percent(flows: Flows) -> float | None:
    """The share of consumption (cars and load) not drawn from the grid; None without any."""
    consumed = flows.charging_kwh + flows.load_kwh
    if consumed <= 0:
        return None
    return 100.0 * max(0.0, 1.0 - flows.import_kwh / consumed)


def peak_import(measured: Sequence[ReportSlot]) -> Peak | None:
    """The highest quarter hour drawn, the first of equals; None where nothing was drawn."""
    highest = max(measured, key=lambda slot: slot.grid_kw, default=None)
    if highest is None or highest.grid_kw <= 0:
        return None
    return Peak(highest.grid_kw, highest.start)


def plan_match(measured: Iterable[ReportSlot]) -> PlanMatch | None:
    """Plan against actual power of all batteries; None where there was no plan."""
    pairs = [
        (slot.batteries_kw, slot.planned_kw) for slot in measured if slot.planned_kw is not None
    ]
    if not pairs:
        return None
    return PlanMatch(
        slot_count=len(pairs),
        mae_kw=sum(abs(actual - planned) for actual, planned in pairs) / len(pairs),
        planned_kwh=sum(slot_kwh(planned) for _actual, planned in pairs),
        actual_kwh=sum(slot_kwh(actual) for actual, _planned in pairs),
    )


def _cycles(
    batteries: Sequence[ReportBattery], measured: Iterable[ReportSlot]
) -> tuple[BatteryCycles, ...]:
    moved = [0.0] * len(batteries)
    for slot in measured:
        for number, power_kw in enumerate(slot.battery_kw or ()):
            moved[number] += abs(batteries[number].stored_kwh(slot_kwh(power_kw)))
    return tuple(
        BatteryCycles(battery.code, battery.name, energy / 2 / battery.capacity_kwh)
        for battery, energy in zip(batteries, moved, strict=True)
    )


def _mode_percent(slots: Iterable[ReportSlot]) -> dict[str, float]:
    counts = Counter(slot.mode.value for slot in slots if slot.mode is not None)
    total = counts.total()
    return {mode.value: 100.0 * counts[mode.value] / total for mode in ControlMode if total}


def _days(month: ReportMonth) -> tuple[DayFigures, ...]:
    zone = ZoneInfo(month.time_zone)
    by_day = groupby(month.slots, key=lambda slot: slot.start.astimezone(zone).date())
    return tuple(_day(day, list(slots), month.feed_in_margin_eur_per_mwh) for day, slots in by_day)


def _day(day: date, slots: Sequence[ReportSlot], margin: Decimal) -> DayFigures:
    measured = [slot for slot in slots if slot.is_measured]
    priced = [slot for slot in measured if slot.is_priced]
    flows = flows_of(measured)
    return DayFigures(
        day=day,
        slot_count=len(slots),
        measured_count=len(measured),
        import_kwh=flows.import_kwh,
        export_kwh=flows.export_kwh,
        pv_kwh=flows.pv_kwh,
        cost_eur=cost_eur(priced, margin) if priced else None,
    )
