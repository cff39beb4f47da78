"""What is asked of FlexMeasures for one site: values to post, devices, cars, the context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apps.assets.choices import DeviceKind, DeviceStage
from apps.assets.models import Device, Site
from apps.flexibility.choices import PlanReason, SensorRole
from apps.flexibility.flex_model import (
    Reserve,
    SiteContext,
    battery_entry,
    car_entry,
    pv_entry,
    reserve_share,
    site_context,
)
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor
from apps.flexibility.plan_check import SiteLimits
from apps.flexibility.services.plan_inputs import (
    SLOT_COUNT,
    PlanImpossible,
    PlanInputs,
    plan_inputs,
)
from apps.flexibility.services.slot_means import Run, consecutive
from cariflex.common.time import format_rfc3339
from cariflex.common.units import QUARTER_HOUR

CURTAILED_KW: Final = 0.1
"""A plan that lets a PV plant produce all but this does not curtail it."""
PosterRoles = dict[SensorRole, FlexmeasuresSensor]


@dataclass(frozen=True, slots=True)
class PvShare:
    """A PV plant that may be curtailed and what it is expected to produce, kW <= 0 per slot."""

    device_id: int
    sensor_id: int
    power_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything one asyncio run needs; no database behind it."""

    email: str
    password: str
    site_asset_id: int
    inputs: PlanInputs
    battery_sensor_ids: dict[int, int]
    """By device."""
    car_sensor_ids: dict[int, int]
    """By session."""
    pv: tuple[PvShare, ...]
    """Empty while there is no reason to curtail."""
    site_sensor_id: int
    price_sensor_id: int
    posts: tuple[Run, ...]
    posted: dict[int, dict[str, float]]
    """Per sensor (primary key of ours): what FlexMeasures holds once `posts` are through."""
    flex_model: tuple[dict[str, Any], ...]
    flex_context: dict[str, Any]
    limits: SiteLimits

    @property
    def start(self) -> datetime:
        """The first slot."""
        return self.inputs.start

    @property
    def planned_sensor_ids(self) -> tuple[int, ...]:
        """Every sensor that the plan is written to."""
        return (
            *self.battery_sensor_ids.values(),
            *self.car_sensor_ids.values(),
            *(share.sensor_id for share in self.pv),
            self.site_sensor_id,
        )


def plan_request(
    *, site: Site, account: FlexmeasuresAccount, start: datetime, now: datetime
) -> PlanRequest:
    """The request for [start, start + 24 h); raises PlanImpossible, see `plan_inputs`."""
    sensors = _site_sensors(site)
    inputs = plan_inputs(site=site, start=start, now=now)
    planned = _planned_sensors(site)
    batteries = {b.device_id: planned["device", b.device_id] for b in inputs.batteries
                 if ("device", b.device_id) in planned}  # fmt: skip
    if len(batteries) < len(inputs.batteries):
        # A battery was added since: it is set up before the next attempt.
        raise PlanImpossible(PlanReason.NOT_PROVISIONED)
    cars = {car.session_id: planned["evse", car.evse_pk] for car in inputs.cars
            if ("evse", car.evse_pk) in planned}  # fmt: skip
    if len(cars) < len(inputs.cars):
        raise PlanImpossible(PlanReason.NOT_PROVISIONED)
    pv = _pv_shares(site, inputs, planned)
    posts, posted = _posts(sensors, inputs)
    return PlanRequest(
        email=account.email,
        password=account.password,
        site_asset_id=sensors[SensorRole.PV_POWER].asset.asset_id,
        inputs=inputs,
        battery_sensor_ids=batteries,
        car_sensor_ids=cars,
        pv=pv,
        site_sensor_id=sensors[SensorRole.PLANNED_POWER].sensor_id,
        price_sensor_id=sensors[SensorRole.CONSUMPTION_PRICE].sensor_id,
        posts=tuple(posts),
        posted=posted,
        flex_model=_flex_model(inputs, batteries, cars, pv),
        flex_context=_flex_context(sensors, inputs, has_pv=bool(pv)),
        limits=_limits(inputs, has_pv=bool(pv)),
    )


def _site_sensors(site: Site) -> PosterRoles:
    found = {
        SensorRole(sensor.role): sensor
        for sensor in FlexmeasuresSensor.objects.filter(
            asset__site=site, asset__device__isnull=True, asset__evse__isnull=True
        ).select_related("asset")
    }
    if SensorRole.PLANNED_POWER not in found:
        raise PlanImpossible(PlanReason.NOT_PROVISIONED)
    return found


def _planned_sensors(site: Site) -> dict[tuple[str, int], int]:
    rows = FlexmeasuresSensor.objects.filter(
        asset__site=site, role=SensorRole.PLANNED_POWER
    ).values_list("asset__device_id", "asset__evse_id", "sensor_id")
    found: dict[tuple[str, int], int] = {}
    for device_id, evse_id, sensor_id in rows:
        if device_id is not None:
            found["device", device_id] = sensor_id
        elif evse_id is not None:
            found["evse", evse_id] = sensor_id
    return found


def _pv_shares(
    site: Site, inputs: PlanInputs, planned: Mapping[tuple[str, int], int]
) -> tuple[PvShare, ...]:
    """The plants to curtail: all that may be controlled, once there is a reason; else none."""
    if not inputs.policy.curtails_pv or not _may_curtail(inputs):
        return ()
    plants = [
        (pk, rated_kw, can_control)
        for pk, rated_kw, can_control, stage in Device.objects.filter(site=site, kind=DeviceKind.PV)
        .order_by("pk")
        .values_list("pk", "rated_power_kw", "control_enabled", "stage")
        if stage == DeviceStage.IN_SERVICE
    ]
    total_kw = sum(rated_kw for _, rated_kw, _ in plants)
    if not total_kw or not all(can_control for _, _, can_control in plants):
        # With a plant that nobody may write to, what the others must not produce is not known.
        return ()
    return tuple(
        PvShare(
            pk,
            planned["device", pk],
            tuple(power * rated_kw / total_kw for power in inputs.basis.pv_kw),
        )
        for pk, rated_kw, _ in plants
        if ("device", pk) in planned
    )


def _may_curtail(inputs: PlanInputs) -> bool:
    basis = inputs.basis
    if any(price < 0 for price in inputs.steering.production):
        return True
    return any(
        limit is not None and -rest > limit
        for limit, rest in zip(basis.export_limit_kw, inputs.rest_kw, strict=True)
    )


def _posts(
    sensors: PosterRoles, inputs: PlanInputs
) -> tuple[list[Run], dict[int, dict[str, float]]]:
    """Only what FlexMeasures does not hold yet is posted."""
    basis = inputs.basis
    ahead = {
        SensorRole.CONSUMPTION_PRICE: inputs.steering.consumption,
        SensorRole.PRODUCTION_PRICE: inputs.steering.production,
        SensorRole.PV_FORECAST: basis.pv_kw,
        SensorRole.LOAD_FORECAST: basis.load_kw,
        SensorRole.CHARGING_FORECAST: basis.charging_kw,
    }
    posts: list[Run] = []
    posted: dict[int, dict[str, float]] = {}
    for role, series in ahead.items():
        sensor = sensors[role]
        values = {inputs.start + n * QUARTER_HOUR: value for n, value in enumerate(series)}
        changed = {
            start: value
            for start, value in values.items()
            if sensor.posted.get(format_rfc3339(start)) != value
        }
        posts.extend(
            Run(sensor.sensor_id, start, sensor.unit, run) for start, run in consecutive(changed)
        )
        posted[sensor.pk] = {format_rfc3339(start): value for start, value in values.items()}
    return posts, posted


def _flex_model(
    inputs: PlanInputs,
    batteries: Mapping[int, int],
    cars: Mapping[int, int],
    pv: Sequence[PvShare],
) -> tuple[dict[str, Any], ...]:
    policy = inputs.policy
    reserve = reserve_share(
        objective=policy.objective,
        reserve_kw=policy.reserve_kw,
        minutes=policy.reserve_minutes,
        batteries=inputs.batteries,
    )
    end = inputs.start + SLOT_COUNT * QUARTER_HOUR
    return (
        *(
            battery_entry(b, sensor_id=batteries[b.device_id], reserve=reserve or Reserve())
            for b in inputs.batteries
        ),
        *(
            car_entry(car, sensor_id=cars[car.session_id], start=inputs.start, end=end)
            for car in inputs.cars
        ),
        *(pv_entry(sensor_id=s.sensor_id, start=inputs.start, power_kw=s.power_kw) for s in pv),
    )


def _flex_context(sensors: PosterRoles, inputs: PlanInputs, *, has_pv: bool) -> dict[str, Any]:
    forecasts = [SensorRole.LOAD_FORECAST, SensorRole.CHARGING_FORECAST]
    if not has_pv:
        forecasts.insert(0, SensorRole.PV_FORECAST)
    flexible_kw = sum(b.rated_power_kw for b in inputs.batteries)
    flexible_kw += sum(car.most_charge_kw for car in inputs.cars)
    return site_context(
        SiteContext(
            start=inputs.start,
            consumption_price_sensor_id=sensors[SensorRole.CONSUMPTION_PRICE].sensor_id,
            production_price_sensor_id=sensors[SensorRole.PRODUCTION_PRICE].sensor_id,
            inflexible_sensor_ids=tuple(sensors[role].sensor_id for role in forecasts),
            site_sensor_id=sensors[SensorRole.PLANNED_POWER].sensor_id,
            import_limit_kw=inputs.basis.import_limit_kw,
            export_limit_kw=inputs.basis.export_limit_kw,
            rest_kw=inputs.rest_kw,
            flexible_kw=flexible_kw,
            peak_price_eur_per_kw=float(inputs.policy.peak_price_eur_per_kw),
        )
    )


def _limits(inputs: PlanInputs, *, has_pv: bool) -> SiteLimits:
    rest = inputs.rest_kw
    if has_pv:
        rest = tuple(all_kw - pv for all_kw, pv in zip(rest, inputs.basis.pv_kw, strict=True))
    return SiteLimits(inputs.basis.import_limit_kw, inputs.basis.export_limit_kw, rest)
