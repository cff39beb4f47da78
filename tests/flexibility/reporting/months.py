"""Months made by hand: few quarter hours, round numbers."""

from datetime import UTC, datetime
from decimal import Decimal

from apps.flexibility.choices import ControlMode
from apps.flexibility.reporting.baselines import WALKS, comparison
from apps.flexibility.reporting.figures import month_figures
from apps.flexibility.reporting.month import ReportBattery, ReportMonth, ReportSlot
from apps.flexibility.reporting.stored import ReportFigures
from cariflex.common.units import QUARTER_HOUR

# Midnight of 10 March in Guadeloupe.
START = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
MARGIN = Decimal(10)


def battery(**changes: object) -> ReportBattery:
    """100 kWh, 50 kW, 10 to 90 %, half full, 80 % in and 100 % out."""
    values: dict[str, object] = {
        "code": "bat-1", "name": "Battery 1", "capacity_kwh": 100.0, "rated_power_kw": 50.0,
        "soc_min_percent": 10.0, "soc_max_percent": 90.0, "charging_efficiency": 0.8,
        "discharging_efficiency": 1.0, "soc_start_percent": 50.0,
    }  # fmt: skip
    return ReportBattery(**(values | changes))  # type: ignore[arg-type]


def slot(number: int, **changes: object) -> ReportSlot:
    """A quarter hour in which nothing flows, at 100 EUR/MWh and 500 g/kWh."""
    values: dict[str, object] = {
        "start": START + number * QUARTER_HOUR, "pv_kw": 0.0, "battery_kw": (0.0,),
        "charging_kw": 0.0, "load_kw": 0.0, "price_eur_per_mwh": Decimal(100),
        "co2_g_per_kwh": 500.0,
    }  # fmt: skip
    return ReportSlot(**(values | changes))  # type: ignore[arg-type]


def month(*slots: ReportSlot, **changes: object) -> ReportMonth:
    """A month of these quarter hours alone, with one battery."""
    values: dict[str, object] = {
        "time_zone": "America/Guadeloupe", "start": START,
        "end": START + len(slots) * QUARTER_HOUR, "slots": slots, "batteries": (battery(),),
        "feed_in_margin_eur_per_mwh": MARGIN,
    }  # fmt: skip
    return ReportMonth(**(values | changes))  # type: ignore[arg-type]


def small_day(**changes: object) -> ReportMonth:
    """Six quarter hours, two of them of the next local day.

    | slot | PV | battery | cars | load | grid | price | planned | mode |
    |---|---|---|---|---|---|---|---|---|
    | 0 | 0 | 0 | 0 | 8 | +8 | 100 | 0 | plan |
    | 1 | -40 | +20 | 0 | 8 | -12 | 60 | 16 | plan |
    | 2 | -20 | 0 | 12 | 8 | 0 | 80 | 4 | hold |
    | 3 | not measured | | | | | 90 | 0 | plan |
    | 4 | 0 | -16 | 20 | 8 | +12 | 200 | -20 | plan |
    | 5 | 0 | 0 | 0 | 4 | +4 | none | none | fallback |
    """
    plan, hold, fallback = ControlMode.PLAN, ControlMode.HOLD, ControlMode.FALLBACK
    first = 96 - 4
    slots = (
        slot(first, load_kw=8.0, planned_kw=0.0, mode=plan),
        slot(first + 1, pv_kw=-40.0, battery_kw=(20.0,), load_kw=8.0, planned_kw=16.0, mode=plan,
             price_eur_per_mwh=Decimal(60)),
        slot(first + 2, pv_kw=-20.0, charging_kw=12.0, load_kw=8.0, planned_kw=4.0, mode=hold,
             price_eur_per_mwh=Decimal(80)),
        slot(first + 3, pv_kw=None, load_kw=8.0, planned_kw=0.0, mode=plan,
             price_eur_per_mwh=Decimal(90)),
        slot(first + 4, battery_kw=(-16.0,), charging_kw=20.0, load_kw=8.0, planned_kw=-20.0,
             mode=plan, price_eur_per_mwh=Decimal(200)),
        slot(first + 5, load_kw=4.0, price_eur_per_mwh=None, co2_g_per_kwh=None, mode=fallback),
    )  # fmt: skip
    end = slots[-1].start + QUARTER_HOUR
    return month(*slots, **{"start": slots[0].start, "end": end, **changes})


def reported(of: ReportMonth) -> ReportFigures:
    """The report of a month, with every case."""
    return ReportFigures(
        of.start, of.end, of.time_zone, "EUR", MARGIN, month_figures(of), comparison(of, WALKS)
    )
