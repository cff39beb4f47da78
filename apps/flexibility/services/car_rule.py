"""What the own rule wants of the cars, computed once for a dispatch and only when asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum

from apps.assets.models import Device, Site
from apps.assets.selectors import devices_latest
from apps.chargers.models import Session
from apps.chargers.selectors import charging_power_kw
from apps.flexibility.brain.rules import RuleCar, RuleMoment, own_rule
from apps.flexibility.brain.storage import Storage
from apps.flexibility.car_state import CarState
from apps.flexibility.models import CarGoal
from apps.flexibility.selectors.cars import cars_to_plan
from apps.flexibility.selectors.grid_requests import grid_limits_now
from apps.flexibility.services.dispatch_wants import site_rest_kw, storage_of
from apps.flexibility.services.plan_inputs import battery_states

# A power of the own rule is given for this long, and renewed before.
RULE_LASTS: Final = timedelta(minutes=10)
# What a car must draw is asked for the next minutes only: it is asked again all the time.
_MOMENT: Final = timedelta(minutes=2)
_HELD_BACK_KW: Final = 0.3


@dataclass(frozen=True, slots=True)
class _Power:
    """What the rule gives a car, and what it could draw, kW."""

    given_kw: float
    able_kw: float


class RuleCars:
    """The own rule over all cars of a site at one moment."""

    def __init__(self, site_id: int | None, now: datetime) -> None:
        self._site_id = site_id
        self._now = now
        self._powers: dict[int, _Power] | None = None

    def power_kw(self, goal: CarGoal) -> float | None:
        """The power of a car; None when too little is known of it."""
        found = self._of(goal)
        return None if found is None else found.given_kw

    def held_back_kw(self, goal: CarGoal) -> float | None:
        """The power of a car that would take more than the connection has; None: let it charge."""
        found = self._of(goal)
        if found is None or found.given_kw + _HELD_BACK_KW >= found.able_kw:
            return None
        return found.given_kw

    def _of(self, goal: CarGoal) -> _Power | None:
        if self._powers is None:
            self._powers = {} if self._site_id is None else _powers(self._site_id, self._now)
        return self._powers.get(goal.session_id)


def rule_car(car: CarState) -> RuleCar:
    """A car in the words of our own model; energies in kWh."""
    capacity = car.capacity_kwh
    target = car.target_soc_percent
    return RuleCar(
        storage=Storage(
            key=str(car.session_id),
            capacity_kwh=capacity,
            soc_kwh=capacity * car.soc_percent / 100,
            soc_min_kwh=capacity * car.min_soc_percent / 100,
            soc_max_kwh=capacity * max(car.max_soc_percent, target) / 100,
            charge_kw=car.most_charge_kw,
            discharge_kw=car.most_discharge_kw,
            charging_efficiency=car.charging_efficiency,
            discharging_efficiency=car.discharging_efficiency,
        ),
        target_kwh=capacity * target / 100,
        departure_at=car.departure_at,
    )


def _powers(site_id: int, now: datetime) -> dict[int, _Power]:
    states = cars_to_plan(site_id=site_id, now=now)
    if not states:
        return {}
    cars = {state.session_id: rule_car(state) for state in states}
    rest_kw = _rest_kw(site_id, cars.keys(), now)
    limits = grid_limits_now(site_id, now)
    site = Site.objects.get(pk=site_id)
    found = own_rule(
        moment=RuleMoment(
            now=now,
            duration_s=_MOMENT.total_seconds(),
            pv_kw=min(0.0, rest_kw),
            load_kw=max(0.0, rest_kw),
            import_limit_kw=limits.import_limit_kw,
            export_limit_kw=limits.export_limit_kw,
        ),
        batteries=[storage_of(battery) for battery in battery_states(site=site, now=now)],
        cars=list(cars.values()),
    )
    hours = _MOMENT / timedelta(hours=1)
    return {
        session_id: _Power(
            given_kw=found.cars[car.storage.key],
            able_kw=min(car.storage.charge_kw, car.storage.charging_kwh(car.target_kwh) / hours),
        )
        for session_id, car in cars.items()
    }


def _rest_kw(site_id: int, planned: Collection[int], now: datetime) -> float:
    """What flows beside batteries and those cars (by session), kW; 0 while it is not known."""
    latest = [row for row in devices_latest(now=now) if row.site_id == site_id]
    meters = Device.objects.filter(site_id=site_id, is_grid_meter=True)
    rest_kw = site_rest_kw(
        latest=latest,
        charging_kw=charging_power_kw(),
        grid_meter_id=meters.values_list("pk", flat=True).first(),
    )
    if rest_kw is None:
        return 0.0
    drawn = Session.objects.filter(pk__in=planned).aggregate(kw=Sum("power_kw"))["kw"]
    return rest_kw - float(drawn or 0.0)
