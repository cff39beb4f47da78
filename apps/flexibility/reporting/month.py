"""What a report is made of: the quarter hours of a local month, its batteries and its terms.

Pure. Powers in kW at the AC terminals, consumption and charging positive; PV is production, <= 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.flexibility.choices import ControlMode
from cariflex.common.time import Interval
from cariflex.common.units import QUARTER_HOUR, energy_kwh

SLOT_S: Final = QUARTER_HOUR.total_seconds()


@dataclass(frozen=True, slots=True)
class ReportSlot:
    """One quarter hour of a site as it was measured; None: not known, never 0 instead.

    `battery_kw` has one power per battery, in the order of `ReportMonth.batteries`.
    """

    start: datetime
    pv_kw: float | None
    battery_kw: tuple[float, ...] | None
    charging_kw: float
    load_kw: float | None
    price_eur_per_mwh: Decimal | None = None
    co2_g_per_kwh: float | None = None
    planned_kw: float | None = None
    """All batteries together, as the plan in force had them."""
    mode: ControlMode | None = None
    has_all_batteries: bool = True
    """Whether each battery of the month was in service; else it is compared with nothing."""

    @property
    def is_measured(self) -> bool:
        """Whether every device of the site was measured."""
        return self.pv_kw is not None and self.battery_kw is not None and self.load_kw is not None

    @property
    def is_priced(self) -> bool:
        """Whether it was measured and has a price: only then it costs something known."""
        return self.is_measured and self.price_eur_per_mwh is not None

    @property
    def rest_kw(self) -> float:
        """What flows beside the batteries; of a measured slot."""
        return (self.pv_kw or 0.0) + self.charging_kw + (self.load_kw or 0.0)

    @property
    def batteries_kw(self) -> float:
        """All batteries together; of a measured slot."""
        return sum(self.battery_kw or ())

    @property
    def grid_kw(self) -> float:
        """What the site draws from the grid (+) or feeds in (-); of a measured slot."""
        return self.rest_kw + self.batteries_kw


@dataclass(frozen=True, slots=True)
class ReportBattery:
    """A battery of the site; `soc_start_percent` is the first that the month knows of."""

    code: str
    name: str
    capacity_kwh: float
    rated_power_kw: float
    soc_min_percent: float
    soc_max_percent: float
    charging_efficiency: float
    discharging_efficiency: float
    soc_start_percent: float | None

    def stored_kwh(self, energy_at_terminals_kwh: float) -> float:
        """What an energy at the terminals (charging positive) adds to the cells, kWh."""
        if energy_at_terminals_kwh >= 0:
            return energy_at_terminals_kwh * self.charging_efficiency
        return energy_at_terminals_kwh / self.discharging_efficiency


@dataclass(frozen=True, slots=True)
class DeviceGap:
    """A device that was not measured in `slot_count` quarter hours of the month.

    `is_silent`: it was not measured at all, and is left out of the report.
    """

    code: str
    name: str
    slot_count: int
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class ReportMonth:
    """[start, end) of a local month, or as much of it as is over, and what is known of it."""

    time_zone: str
    start: datetime
    end: datetime
    slots: tuple[ReportSlot, ...]
    batteries: tuple[ReportBattery, ...]
    feed_in_margin_eur_per_mwh: Decimal
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None
    gaps: tuple[DeviceGap, ...] = ()

    @property
    def slot_count(self) -> int:
        """The quarter hours from start to end, known or not."""
        return (self.end - self.start) // QUARTER_HOUR


def month_interval(month: date, time_zone: str) -> Interval:
    """The local month that begins with the day `month`, as UTC instants."""
    zone = ZoneInfo(time_zone)
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Interval(_midnight(month.replace(day=1), zone), _midnight(following, zone))


def local_month(at: datetime, time_zone: str) -> date:
    """The first day of the local month that holds an instant."""
    return at.astimezone(ZoneInfo(time_zone)).date().replace(day=1)


def slot_kwh(power_kw: float) -> float:
    """The energy of a power over a quarter hour, kWh."""
    return energy_kwh(power_kw=power_kw, duration_s=SLOT_S)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
