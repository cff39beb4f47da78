"""What is asked of FlexMeasures for one site: prices, expected loads, batteries, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.flexibility.choices import PlanReason, SensorRole
from apps.flexibility.loads import PERSISTENCE_DAYS, persistence, site_powers
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor
from apps.flexibility.planning import BatteryState, SiteLimits
from apps.flexibility.services.slot_means import Run, consecutive
from apps.markets.choices import Quality
from apps.markets.selectors import price_series, prices
from cariflex.common.time import format_rfc3339
from cariflex.common.units import QUARTER_HOUR

HORIZON: Final = timedelta(hours=24)
SLOT_COUNT: Final = HORIZON // QUARTER_HOUR
# What is fed into the grid earns this much less than what is drawn costs. It also keeps the
# optimum finite: with equal prices, drawing and feeding at once would be free.
FEED_IN_MARGIN_EUR_PER_MWH: Final = Decimal(10)
# An older state of charge is not one to plan with.
SOC_MAX_AGE_S: Final = 900.0


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
class PlanRequest:
    """Everything one asyncio run needs; no database behind it."""

    email: str
    password: str
    site_asset_id: int
    start: datetime
    batteries: tuple[BatteryState, ...]
    planned_sensor_ids: dict[int, int]
    price_sensor_id: int
    posts: tuple[Run, ...]
    # Per sensor (primary key of ours): the values FlexMeasures holds once `posts` are through.
    posted: dict[int, dict[str, float]]
    flex_model: tuple[dict[str, Any], ...]
    flex_context: dict[str, Any]
    limits: SiteLimits
    prices: PriceBasis


def plan_request(
    *, site: Site, account: FlexmeasuresAccount, start: datetime, now: datetime
) -> PlanRequest:
    """The request for [start, start + 24 h); raises PlanImpossible without prices or batteries."""
    basis = _price_basis(start)
    sensors = _site_sensors(site)
    planned = _planned_sensors(site)
    batteries = battery_states(site=site, now=now, only=set(planned))
    if not batteries:
        raise PlanImpossible(PlanReason.SOC_MISSING)
    loads = _expected_loads(site, start)
    ahead: list[tuple[FlexmeasuresSensor, dict[datetime, float]]] = [
        (sensors[SensorRole.CONSUMPTION_PRICE], _floats(basis.consumption)),
        (sensors[SensorRole.PRODUCTION_PRICE], _floats(basis.production)),
        (sensors[SensorRole.PV_POWER], loads[SensorRole.PV_POWER]),
        (sensors[SensorRole.CHARGING_POWER], loads[SensorRole.CHARGING_POWER]),
    ]
    posts, posted = _posts(ahead)
    rest = [sum(load[slot] for load in loads.values()) for slot in sorted(basis.consumption)]
    return PlanRequest(
        email=account.email,
        password=account.password,
        site_asset_id=sensors[SensorRole.PV_POWER].asset.asset_id,
        start=start,
        batteries=batteries,
        planned_sensor_ids={battery.device_id: planned[battery.device_id] for battery in batteries},
        price_sensor_id=sensors[SensorRole.CONSUMPTION_PRICE].sensor_id,
        posts=tuple(posts),
        posted=posted,
        flex_model=tuple(_flex_model(battery, planned[battery.device_id]) for battery in batteries),
        flex_context=_flex_context(site, sensors, batteries, rest),
        limits=SiteLimits(site.grid_import_limit_kw, site.grid_export_limit_kw, rest),
        prices=basis,
    )


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
    """A battery as the planner sees it; None while its state of charge is unknown or old."""
    if latest.soc_percent is None or latest.age_s is None or latest.age_s > SOC_MAX_AGE_S:
        return None
    return BatteryState(
        device_id=device.pk,
        rated_power_kw=device.rated_power_kw,
        capacity_kwh=device.capacity_kwh or 0.0,
        soc_percent=latest.soc_percent,
        soc_min_percent=device.soc_min_percent,
        soc_max_percent=device.soc_max_percent,
        charging_efficiency=device.charging_efficiency,
        discharging_efficiency=device.discharging_efficiency,
    )


def _price_basis(start: datetime) -> PriceBasis:
    points = prices(start=start, end=start + HORIZON)
    if len(points) < SLOT_COUNT:
        raise PlanImpossible(PlanReason.PRICES_MISSING, f"{len(points)} of {SLOT_COUNT}")
    series = price_series()
    return PriceBasis(
        consumption={point.start: point.price_eur_per_mwh for point in points},
        production={
            point.start: point.price_eur_per_mwh - FEED_IN_MARGIN_EUR_PER_MWH for point in points
        },
        actual_count=sum(point.quality == Quality.ACTUAL for point in points),
        area=series.area if series else "",
    )


def _site_sensors(site: Site) -> dict[SensorRole, FlexmeasuresSensor]:
    found = {
        SensorRole(sensor.role): sensor
        for sensor in FlexmeasuresSensor.objects.filter(
            asset__site=site, asset__device__isnull=True
        ).select_related("asset")
    }
    if not found:
        raise PlanImpossible(PlanReason.NOT_PROVISIONED)
    return found


def _planned_sensors(site: Site) -> dict[int, int]:
    return {
        sensor.asset.device_id: sensor.sensor_id
        for sensor in FlexmeasuresSensor.objects.filter(
            asset__site=site, role=SensorRole.PLANNED_POWER, asset__device__isnull=False
        ).select_related("asset")
        if sensor.asset.device_id is not None
    }


def _expected_loads(site: Site, start: datetime) -> dict[SensorRole, dict[datetime, float]]:
    history: dict[SensorRole, dict[datetime, float]] = {}
    for days in PERSISTENCE_DAYS:
        earlier = start - timedelta(days=days)
        for role, measured in site_powers(
            site_id=site.pk, start=earlier, end=earlier + HORIZON
        ).items():
            history.setdefault(role, {}).update(measured)
        if len(history[SensorRole.PV_POWER]) >= SLOT_COUNT:
            # The usual case: yesterday is known whole, older readings are not touched.
            break
    return {
        role: {
            start + number * QUARTER_HOUR: round(power_kw, 3)
            for number, power_kw in enumerate(
                persistence(history=measured, start=start, slot_count=SLOT_COUNT)
            )
        }
        for role, measured in history.items()
    }


def _floats(values: dict[datetime, Decimal]) -> dict[datetime, float]:
    # Prices leave for the optimiser here; money computed by us stays Decimal.
    return {start: float(value) for start, value in values.items()}


def _posts(
    ahead: Sequence[tuple[FlexmeasuresSensor, dict[datetime, float]]],
) -> tuple[list[Run], dict[int, dict[str, float]]]:
    posts: list[Run] = []
    posted: dict[int, dict[str, float]] = {}
    for sensor, values in ahead:
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


def _flex_model(battery: BatteryState, planned_sensor_id: int) -> dict[str, Any]:
    soc_kwh = battery.capacity_kwh * battery.soc_percent / 100
    # A battery outside its window must be allowed to be where it is, or no plan is feasible.
    soc_min = min(battery.soc_min_percent, battery.soc_percent)
    soc_max = max(battery.soc_max_percent, battery.soc_percent)
    return {
        "sensor": planned_sensor_id,
        # As an output sensor it is stored consumption-positive; as `sensor` alone it would not be.
        "consumption": {"sensor": planned_sensor_id},
        "soc-at-start": f"{soc_kwh:.4f} kWh",
        "soc-min": f"{battery.capacity_kwh * soc_min / 100:.4f} kWh",
        "soc-max": f"{battery.capacity_kwh * soc_max / 100:.4f} kWh",
        "power-capacity": f"{battery.rated_power_kw} kW",
        "charging-efficiency": f"{battery.charging_efficiency * 100:.2f}%",
        "discharging-efficiency": f"{battery.discharging_efficiency * 100:.2f}%",
    }


def _flex_context(
    site: Site,
    sensors: dict[SensorRole, FlexmeasuresSensor],
    batteries: Sequence[BatteryState],
    rest: Sequence[float],
) -> dict[str, Any]:
    batteries_kw = sum(battery.rated_power_kw for battery in batteries)
    # The site's capacity is a hard limit there: the rest alone must never make it infeasible.
    rest_kw = max((abs(power) for power in rest), default=0.0)
    unlimited_kw = batteries_kw + rest_kw
    import_kw = site.grid_import_limit_kw if site.grid_import_limit_kw is not None else unlimited_kw
    export_kw = site.grid_export_limit_kw if site.grid_export_limit_kw is not None else unlimited_kw
    return {
        "consumption-price": {"sensor": sensors[SensorRole.CONSUMPTION_PRICE].sensor_id},
        "production-price": {"sensor": sensors[SensorRole.PRODUCTION_PRICE].sensor_id},
        "site-power-capacity": f"{max(import_kw, export_kw, rest_kw):.1f} kW",
        "site-consumption-capacity": f"{import_kw:.1f} kW",
        "site-production-capacity": f"{export_kw:.1f} kW",
        "inflexible-consumption": [
            {"sensor": sensors[SensorRole.PV_POWER].sensor_id},
            {"sensor": sensors[SensorRole.CHARGING_POWER].sensor_id},
        ],
    }
