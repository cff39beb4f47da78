"""What a plan of a site is made of: prices, expected flows, limits, batteries and cars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.flexibility.basis import PlanBasis
from apps.flexibility.car_state import CarState
from apps.flexibility.choices import (
    ForecastMethod,
    ForecastQuantity,
    Objective,
    PlanReason,
    SensorRole,
)
from apps.flexibility.loads import PERSISTENCE_DAYS, persistence, site_powers
from apps.flexibility.models import SitePolicy
from apps.flexibility.objectives import Aim, Steering, steering
from apps.flexibility.planning import BatteryState
from apps.flexibility.selectors.cars import cars_to_plan, cars_unplanned_kw
from apps.flexibility.selectors.forecasts import Expected, expected
from apps.flexibility.selectors.grid_requests import grid_limits
from apps.markets.choices import Quality, SeriesKind
from apps.markets.selectors import best_known, leading_series, price_series, prices
from cariflex.common.units import QUARTER_HOUR, slots

HORIZON: Final = timedelta(hours=24)
SLOT_COUNT: Final = HORIZON // QUARTER_HOUR
SLOTS_PER_HOUR: Final = 4
ROLES: Final = {
    ForecastQuantity.PV: SensorRole.PV_POWER,
    ForecastQuantity.LOAD: SensorRole.LOAD_POWER,
    ForecastQuantity.CHARGING: SensorRole.CHARGING_POWER,
}
# An older state of charge is not one to plan with.
SOC_MAX_AGE_S: Final = 900.0
# A car that is here now and is not planned goes on for about this long.
UNPLANNED_LASTS: Final = timedelta(hours=1)


class PlanImpossible(Exception):  # noqa: N818 - a plain statement, caught right above
    """A plan cannot even be asked for; says why."""

    def __init__(self, reason: PlanReason, detail: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PriceBasis:
    """The prices a plan is made of, per slot start, EUR/MWh."""

    consumption: dict[datetime, Decimal]
    production: dict[datetime, Decimal]
    actual_count: int
    area: str


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Everything about the site that the plan depends on; no FlexMeasures in it."""

    start: datetime
    policy: SitePolicy
    prices: PriceBasis
    steering: Steering
    basis: PlanBasis
    batteries: tuple[BatteryState, ...]
    cars: tuple[CarState, ...]

    @property
    def rest_kw(self) -> tuple[float, ...]:
        """What flows beside batteries and planned cars, per slot."""
        basis = self.basis
        flows = zip(basis.pv_kw, basis.load_kw, basis.charging_kw, strict=True)
        return tuple(sum(flow) for flow in flows)


def plan_inputs(*, site: Site, start: datetime, now: datetime) -> PlanInputs:
    """The inputs of a plan for [start, start + 24 h).

    Raises PlanImpossible without prices or without one battery whose state of charge is recent.
    """
    end = start + HORIZON
    policy = policy_of(site)
    basis = price_basis(start, policy.feed_in_margin_eur_per_mwh)
    batteries = battery_states(site=site, now=now)
    if not batteries:
        raise PlanImpossible(PlanReason.SOC_MISSING)
    known = cars_to_plan(site_id=site.pk, now=now)
    cars = tuple(car for car in known if car.departure_at)
    flows = {
        quantity: expected(site_id=site.pk, quantity=quantity, start=start, end=end, now=now)
        for quantity in ROLES
    }
    starts = slots(start, end)
    co2 = _co2(start, end)
    steered = steering(
        aim=_aim(policy, site),
        starts=starts,
        consumption=_floats(basis.consumption),
        production=_floats(basis.production),
        co2_g_per_kwh=co2,
    )
    limits = grid_limits(site.pk, start, end)
    here_kw = cars_unplanned_kw(site_id=site.pk, now=now)
    plan_basis = PlanBasis(
        start=start,
        resolution_s=int(QUARTER_HOUR.total_seconds()),
        consumption_eur_per_mwh=_floats(basis.consumption),
        production_eur_per_mwh=_floats(basis.production),
        steering_eur_per_mwh=steered.consumption,
        co2_g_per_kwh=co2,
        pv_kw=_flow(site, flows, ForecastQuantity.PV),
        load_kw=_flow(site, flows, ForecastQuantity.LOAD),
        charging_kw=unplanned_charging(
            expected_kw=_flow(site, flows, ForecastQuantity.CHARGING),
            cars=known,
            here_kw=here_kw,
            starts=starts,
            now=now,
        ),
        import_limit_kw=limits.import_limit_kw,
        export_limit_kw=limits.export_limit_kw,
        forecast_methods=_methods(flows),
    )
    return PlanInputs(start, policy, basis, steered, plan_basis, batteries, cars)


def policy_of(site: Site) -> SitePolicy:
    """The site's policy, or the usual values while nobody chose; writes nothing."""
    return SitePolicy.objects.filter(site=site).first() or SitePolicy(site=site)


def battery_states(
    *, site: Site, now: datetime, only: set[int] | None = None
) -> tuple[BatteryState, ...]:
    """The site's batteries whose state of charge is known and recent, ordered by device."""
    latest = {row.device_id: row for row in devices_latest(now=now, kind=DeviceKind.BATTERY)}
    states: list[BatteryState] = []
    for device in Device.objects.filter(site=site, kind=DeviceKind.BATTERY).order_by("pk"):
        row = latest.get(device.pk)
        if row is None or (only is not None and device.pk not in only):
            continue
        state = battery_state(device, row)
        if state is not None:
            states.append(state)
    return tuple(states)


def battery_state(device: Device, latest: DeviceLatest) -> BatteryState | None:
    """A battery as the planner sees it; None while its state of charge is unknown or old.

    A state of charge outside 0 to 100 % is none: a plan made of it would be refused anyway.
    """
    soc = latest.soc_percent
    if soc is None or latest.age_s is None or latest.age_s > SOC_MAX_AGE_S or not 0 <= soc <= 100:
        return None
    return BatteryState(
        device_id=device.pk,
        rated_power_kw=device.rated_power_kw,
        capacity_kwh=device.capacity_kwh or 0.0,
        soc_percent=soc,
        soc_min_percent=device.soc_min_percent,
        soc_max_percent=device.soc_max_percent,
        charging_efficiency=device.charging_efficiency,
        discharging_efficiency=device.discharging_efficiency,
    )


def price_basis(start: datetime, feed_in_margin_eur_per_mwh: Decimal | int) -> PriceBasis:
    """The prices of the next 24 hours; raises PlanImpossible when one of them is not known.

    What is fed in earns the margin less than what is drawn costs. It also keeps the optimum
    finite: with equal prices, drawing and feeding at once would be free.
    """
    points = prices(start=start, end=start + HORIZON)
    if len(points) < SLOT_COUNT:
        raise PlanImpossible(PlanReason.PRICES_MISSING, f"{len(points)} of {SLOT_COUNT}")
    series = price_series()
    return PriceBasis(
        consumption={point.start: point.price_eur_per_mwh for point in points},
        production={
            point.start: point.price_eur_per_mwh - Decimal(feed_in_margin_eur_per_mwh)
            for point in points
        },
        actual_count=sum(point.quality == Quality.ACTUAL for point in points),
        area=series.area if series else "",
    )


def unplanned_charging(
    *,
    expected_kw: Sequence[float],
    cars: Sequence[CarState],
    here_kw: float,
    starts: Sequence[datetime],
    now: datetime,
) -> tuple[float, ...]:
    """What cars that are not planned one by one are expected to draw, kW per slot. Pure.

    The forecast is of all cars: what the planned ones could draw while they are here is taken off
    it. It is at least what those without departure draw until they are charged, and in the next
    hour what the others draw now.
    """
    at_once = [at_once_kw(car, starts) for car in cars if car.departure_at is None]
    found: list[float] = []
    for number, (start, all_kw) in enumerate(zip(starts, expected_kw, strict=True)):
        planned_kw = sum(
            car.most_charge_kw for car in cars if car.departure_at and start < car.departure_at
        )
        least_kw = sum(powers[number] for powers in at_once)
        if start < now + UNPLANNED_LASTS:
            least_kw += here_kw
        found.append(round(max(least_kw, all_kw - planned_kw, 0.0), 3))
    return tuple(found)


def at_once_kw(car: CarState, starts: Sequence[datetime]) -> list[float]:
    """What a car that may leave at any moment draws until it has its target, kW per slot. Pure."""
    missing = max(0.0, car.target_soc_percent - car.soc_percent) / 100 * car.capacity_kwh
    left_kwh = missing / car.charging_efficiency
    powers: list[float] = []
    for _ in starts:
        power_kw = min(car.most_charge_kw, left_kwh * SLOTS_PER_HOUR)
        left_kwh -= power_kw / SLOTS_PER_HOUR
        powers.append(power_kw)
    return powers


def _aim(policy: SitePolicy, site: Site) -> Aim:
    return Aim(
        objective=Objective(policy.objective),
        feed_in_margin_eur_per_mwh=float(policy.feed_in_margin_eur_per_mwh),
        co2_price_eur_per_t=float(policy.co2_price_eur_per_t),
        evening_from=policy.evening_from,
        evening_until=policy.evening_until,
        evening_bonus_eur_per_mwh=float(policy.evening_bonus_eur_per_mwh),
        time_zone=site.time_zone,
    )


def _co2(start: datetime, end: datetime) -> tuple[float | None, ...]:
    series = leading_series(SeriesKind.CO2_LIFECYCLE)
    known: dict[datetime, float] = {}
    if series is not None:
        # Of what is not published yet: the same hour of the day before.
        for back in (timedelta(days=1), timedelta(0)):
            for value in best_known(series=series, start=start - back, end=end - back):
                for slot in slots(value.start + back, value.start + back + series.resolution):
                    known[slot] = float(value.value)
    return tuple(known.get(slot) for slot in slots(start, end))


def _flow(
    site: Site, flows: Mapping[ForecastQuantity, Expected], quantity: ForecastQuantity
) -> tuple[float, ...]:
    found = flows[quantity]
    if found.method is not None:
        # Nothing expected means that a plan counts on no sun and no cars.
        return tuple(0.0 if power is None else round(power, 3) for power in found.p50)
    return tuple(round(power, 3) for power in _as_before(site, found.start, ROLES[quantity]))


def _as_before(site: Site, start: datetime, role: SensorRole) -> list[float]:
    """While no forecast was ever made: as at the same time on the last day measured."""
    history: dict[datetime, float] = {}
    for days in PERSISTENCE_DAYS:
        earlier = start - timedelta(days=days)
        history |= site_powers(site_id=site.pk, start=earlier, end=earlier + HORIZON)[role]
        if len(history) >= SLOT_COUNT:
            # The usual case: yesterday is known whole, older readings are not touched.
            break
    return persistence(history=history, start=start, slot_count=SLOT_COUNT)


def _methods(flows: Mapping[ForecastQuantity, Expected]) -> dict[str, str]:
    return {
        quantity.value: (found.method or ForecastMethod.PERSISTENCE).value
        for quantity, found in flows.items()
    }


def _floats(values: dict[datetime, Decimal]) -> tuple[float, ...]:
    # Prices leave for the optimiser here; money computed by us stays Decimal.
    return tuple(float(values[start]) for start in sorted(values))
