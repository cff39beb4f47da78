"""FlexMeasures' words for batteries, cars, PV and the site (its flex-model and flex-context). Pure.

Field names of FlexMeasures 1.0: storage, operation and capacity fields of the flex-model, prices,
capacities and inflexible flows of the flex-context. Powers in kW, consumption positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from apps.flexibility.car_state import CarState
from apps.flexibility.choices import Objective
from apps.flexibility.plan_check import reachable_percent
from apps.flexibility.planning import BatteryState
from cariflex.common.time import format_rfc3339
from cariflex.common.units import QUARTER_HOUR, floor_slot

REACHABLE_SHARE: Final = 0.995
"""A target at the very edge of what can be reached would be infeasible by a rounding."""
CURRENCY: Final = "EUR"


@dataclass(frozen=True, slots=True)
class Reserve:
    """What each battery keeps free for the grid's frequency, as a share of its rated power."""

    power_share: float = 0.0
    minutes: int = 0


def reserve_share(
    *, objective: str, reserve_kw: float, minutes: int, batteries: Sequence[BatteryState]
) -> Reserve | None:
    """The reserve spread over the batteries by rated power; None when none is to be held."""
    rated_kw = sum(battery.rated_power_kw for battery in batteries)
    if objective != Objective.RESERVE or reserve_kw <= 0 or not rated_kw:
        return None
    return Reserve(min(1.0, reserve_kw / rated_kw), minutes)


def battery_entry(
    battery: BatteryState, *, sensor_id: int, reserve: Reserve | None = None
) -> dict[str, Any]:
    """A battery; a reserve narrows its power and its window at both ends."""
    reserve = reserve or Reserve()
    kept_kw = battery.rated_power_kw * reserve.power_share
    kept_kwh = kept_kw * reserve.minutes / 60
    lowest = battery.capacity_kwh * battery.soc_min_percent / 100
    highest = battery.capacity_kwh * battery.soc_max_percent / 100
    room = (highest - lowest) / 2
    lowest += min(room, kept_kwh / battery.discharging_efficiency)
    highest -= min(room, kept_kwh * battery.charging_efficiency)
    soc_kwh = battery.capacity_kwh * battery.soc_percent / 100
    return {
        **_output(sensor_id),
        "soc-at-start": _kwh(soc_kwh),
        # A battery outside its window must be allowed to be where it is, or no plan is feasible.
        "soc-min": _kwh(min(lowest, soc_kwh)),
        "soc-max": _kwh(max(highest, soc_kwh)),
        "power-capacity": _kw(battery.rated_power_kw - kept_kw),
        "charging-efficiency": _percent(battery.charging_efficiency),
        "discharging-efficiency": _percent(battery.discharging_efficiency),
    }


def car_entry(car: CarState, *, sensor_id: int, start: datetime, end: datetime) -> dict[str, Any]:
    """A car: its band, its target by departure as far as it can be reached, nothing after."""
    soc_kwh = car.capacity_kwh * car.soc_percent / 100
    leaves = floor_slot(car.departure_at) if car.departure_at else end
    leaves = max(leaves, start)
    entry = {
        **_output(sensor_id),
        "soc-at-start": _kwh(soc_kwh),
        "soc-min": _kwh(min(soc_kwh, car.capacity_kwh * car.min_soc_percent / 100)),
        "soc-max": _kwh(
            max(soc_kwh, car.capacity_kwh * max(car.max_soc_percent, car.target_soc_percent) / 100)
        ),
        "power-capacity": _kw(max(car.most_charge_kw, car.most_discharge_kw)),
        "consumption-capacity": _until(car.most_charge_kw, start, leaves, end),
        "production-capacity": _until(car.most_discharge_kw, start, leaves, end),
        "charging-efficiency": _percent(car.charging_efficiency),
        "discharging-efficiency": _percent(car.discharging_efficiency),
    }
    wanted = _wanted_kwh(car, start, leaves, end)
    if wanted > 0 and min(leaves, end) > start:
        entry["soc-minima"] = [
            {"datetime": format_rfc3339(min(leaves, end)), "value": _kwh(wanted)}
        ]
    return entry


def pv_entry(*, sensor_id: int, start: datetime, power_kw: Sequence[float]) -> dict[str, Any]:
    """A PV plant that may be curtailed; `power_kw` (<= 0) is what it could produce per slot."""
    return {
        **_output(sensor_id),
        "power-capacity": _kw(max((-power for power in power_kw), default=0.0) + 0.001),
        "consumption-capacity": "0 kW",
        "production-capacity": _steps([-power for power in power_kw], start),
    }


@dataclass(frozen=True, slots=True)
class SiteContext:
    """The site for one request; limits and `rest_kw` (what cannot be moved) are per slot."""

    start: datetime
    consumption_price_sensor_id: int
    production_price_sensor_id: int
    inflexible_sensor_ids: tuple[int, ...]
    site_sensor_id: int
    import_limit_kw: Sequence[float | None]
    export_limit_kw: Sequence[float | None]
    rest_kw: Sequence[float]
    flexible_kw: float
    peak_price_eur_per_kw: float = 0.0


def site_context(site: SiteContext) -> dict[str, Any]:
    """The flex-context. A limit never lies below what flows anyway: that would be infeasible."""
    unlimited = site.flexible_kw + max((abs(power) for power in site.rest_kw), default=0.0)
    pairs = list(zip(site.import_limit_kw, site.export_limit_kw, site.rest_kw, strict=True))
    imports = [max(unlimited if most is None else most, rest) for most, _, rest in pairs]
    exports = [max(unlimited if least is None else least, -rest) for _, least, rest in pairs]
    context: dict[str, Any] = {
        "consumption-price": {"sensor": site.consumption_price_sensor_id},
        "production-price": {"sensor": site.production_price_sensor_id},
        "site-power-capacity": _kw(max(*imports, *exports)),
        "site-consumption-capacity": _steps(imports, site.start),
        "site-production-capacity": _steps(exports, site.start),
        "inflexible-consumption": [{"sensor": pk} for pk in site.inflexible_sensor_ids],
        "aggregate-power": {"sensor": site.site_sensor_id},
    }
    if site.peak_price_eur_per_kw > 0:
        context["site-peak-consumption"] = "0 kW"
        context["site-peak-consumption-price"] = f"{site.peak_price_eur_per_kw} {CURRENCY}/kW"
    return context


def _wanted_kwh(car: CarState, start: datetime, leaves: datetime, end: datetime) -> float:
    """What it must hold when it leaves, or at the horizon's end to make it after that."""
    reachable = reachable_percent(car, start=start, at=leaves) * REACHABLE_SHARE
    target = min(car.target_soc_percent, reachable) / 100 * car.capacity_kwh
    hours_after = max(timedelta(0), leaves - end).total_seconds() / 3600
    return target - hours_after * car.most_charge_kw * car.charging_efficiency


def _output(sensor_id: int) -> dict[str, Any]:
    # As an output sensor it is stored consumption-positive; as `sensor` alone it would not be.
    return {"sensor": sensor_id, "consumption": {"sensor": sensor_id}}


def _until(power_kw: float, start: datetime, leaves: datetime, end: datetime) -> Any:
    if leaves >= end or not power_kw:
        return _kw(power_kw)
    spans = [(start, leaves, power_kw), (leaves, end, 0.0)]
    return [
        {"start": format_rfc3339(begin), "end": format_rfc3339(until), "value": _kw(value)}
        for begin, until, value in spans
        if until > begin
    ]


def _steps(values_kw: Sequence[float], start: datetime) -> Any:
    """A capacity per slot: one value when it never changes, else one entry for each run."""
    rounded = [round(value, 3) for value in values_kw]
    if len(set(rounded)) == 1:
        return _kw(rounded[0])
    edges = [0, *(n for n in range(1, len(rounded)) if rounded[n] != rounded[n - 1]), len(rounded)]
    return [
        {
            "start": format_rfc3339(start + first * QUARTER_HOUR),
            "end": format_rfc3339(start + after * QUARTER_HOUR),
            "value": _kw(rounded[first]),
        }
        for first, after in zip(edges, edges[1:], strict=False)
    ]


def _kw(value: float) -> str:
    return f"{value:.3f} kW"


def _kwh(value: float) -> str:
    return f"{value:.4f} kWh"


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
