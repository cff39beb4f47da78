"""What a car can still get before it leaves, and what it will lack. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.flexibility.cars.goals import CHARGING_EFFICIENCY
from cariflex.common.units import energy_kwh

# Rounding in plans and meters is no shortfall.
NOTHING_KWH = 0.05


@dataclass(frozen=True, slots=True)
class Shortfall:
    """At departure: what is expected (%), and what is missing to the target (kWh, battery)."""

    expected_soc_percent: float
    missing_kwh: float


def reachable_kwh(
    *, now: datetime, departure_at: datetime, most_charge_kw: float, site_kw: float | None = None
) -> float:
    """The most energy that can reach the battery by the departure, kWh.

    `site_kw`: what the connection leaves for this car, None without a limit.
    """
    power_kw = most_charge_kw if site_kw is None else min(most_charge_kw, max(0.0, site_kw))
    duration_s = max(0.0, (departure_at - now).total_seconds())
    return energy_kwh(power_kw=power_kw, duration_s=duration_s) * CHARGING_EFFICIENCY


def shortfall(
    *,
    now: datetime,
    departure_at: datetime,
    capacity_kwh: float,
    soc_percent: float,
    target_soc_percent: float,
    most_charge_kw: float,
    site_kw: float | None = None,
    planned_soc_percent: float | None = None,
) -> Shortfall:
    """What a car will have and lack when it leaves, charged as well as it can be.

    `planned_soc_percent`: what the plan that it follows has at the departure; a plan cannot give
    more than can be reached, and what it gives less is missing too.
    """
    most_kwh = reachable_kwh(
        now=now, departure_at=departure_at, most_charge_kw=most_charge_kw, site_kw=site_kw
    )
    reachable = min(100.0, soc_percent + most_kwh / capacity_kwh * 100)
    # A car that has more than its target keeps it, or gives it back down to the target.
    expected = min(reachable, max(target_soc_percent, min(soc_percent, 100.0)))
    if planned_soc_percent is not None:
        expected = min(reachable, planned_soc_percent)
    missing_kwh = max(0.0, target_soc_percent - expected) / 100 * capacity_kwh
    return Shortfall(expected, missing_kwh if missing_kwh > NOTHING_KWH else 0.0)
