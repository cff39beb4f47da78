"""The state of one operator's island now: what the live feed sends and the pages start with.

It carries codes, not words: one text is shared by viewers of all languages, whose pages bring
the words (`apps.console.words`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.core.cache import cache

from apps.assets.models import Site
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.assets.selectors.alarms import AlarmCounts, alarm_counts
from apps.chargers.selectors import SessionRow, StationLatest, sessions_live, stations_latest
from apps.console.viewmodels.assets import AssetNow, device_asset, is_fresh, station_asset
from apps.console.viewmodels.flow import PowerFlow, power_flow
from apps.flexibility.selectors import control_state
from apps.markets.selectors import prices
from apps.tenants.context import current_schema
from cariflex.common.units import QUARTER_HOUR, floor_slot

PRICE_CACHE_S = 60
# What a meter measures flows through the others already: it would be counted twice.
BALANCED_KINDS = ("pv", "battery")


@dataclass(frozen=True, slots=True)
class PriceNow:
    """The price of the current quarter hour."""

    price_eur_per_mwh: float
    quality: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ControlNow:
    """What the batteries follow, why and since when."""

    mode: str
    reason_code: str
    since: datetime | None
    plan_id: int | None


@dataclass(frozen=True, slots=True)
class BatteryFleet:
    """All batteries together; the state of charge is weighted by capacity.

    Energy and capacity are of the batteries whose state of charge is known; None when none is.
    """

    soc_percent: float | None
    energy_kwh: float | None
    capacity_kwh: float | None
    charging_count: int
    discharging_count: int
    idle_count: int


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """How many devices are up to date."""

    total_count: int
    fresh_count: int
    stale_count: int
    silent_count: int
    error_count: int
    unknown_count: int


@dataclass(frozen=True, slots=True)
class StationCounts:
    """How many stations are connected and in use."""

    total_count: int
    connected_count: int
    in_use_count: int
    faulted_count: int


@dataclass(frozen=True, slots=True)
class SessionNow:
    """A session in progress."""

    session_id: int
    station_id: str
    station_name: str
    started_at: datetime
    charging_state: str
    energy_kwh: float
    power_kw: float | None
    soc_percent: float | None


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Everything that changes by itself on the console's pages."""

    schema: str
    at: datetime
    flow: PowerFlow
    price: PriceNow | None
    control: ControlNow
    fleet: BatteryFleet
    devices: DeviceCounts
    stations: StationCounts
    alarms: AlarmCounts
    assets: tuple[AssetNow, ...]
    sessions: tuple[SessionNow, ...]


def live_snapshot(*, now: datetime) -> LiveSnapshot:
    """The snapshot of the current operator, in at most 11 queries."""
    devices = devices_latest(now=now)
    stations = stations_latest(now=now)
    return LiveSnapshot(
        schema=current_schema(),
        at=now,
        flow=flow_of(devices, stations),
        price=price_now(now),
        control=_control(),
        fleet=battery_fleet([device for device in devices if device.kind == "battery"]),
        devices=device_counts([device_asset(device) for device in devices]),
        stations=station_counts([station_asset(station) for station in stations]),
        alarms=alarm_counts(),
        assets=(
            *(device_asset(device) for device in devices),
            *(station_asset(station) for station in stations),
        ),
        sessions=tuple(_session(session) for session in sessions_live()),
    )


def snapshot_text(snapshot: LiveSnapshot) -> str:
    """The snapshot as JSON; keys carry their units, times are UTC."""
    return orjson.dumps(snapshot, option=orjson.OPT_UTC_Z).decode()


def flow_of(devices: Sequence[DeviceLatest], stations: Sequence[StationLatest]) -> PowerFlow:
    """The balance of the fresh values; partial when a device has none. Meters are no part of it."""
    balanced = [device for device in devices if device.kind in BALANCED_KINDS]
    fresh = [device for device in balanced if is_fresh(device) and device.power_kw is not None]
    powers = {
        kind: sum(device.power_kw or 0.0 for device in fresh if device.kind == kind)
        for kind in BALANCED_KINDS
    }
    return power_flow(
        pv_power_kw=powers["pv"],
        battery_power_kw=powers["battery"],
        charging_power_kw=sum(station.power_kw or 0.0 for station in stations),
        is_partial=len(fresh) < len(balanced),
    )


def battery_fleet(batteries: Sequence[DeviceLatest]) -> BatteryFleet:
    """Capacity-weighted state of charge, and how many batteries do what."""
    known = [b for b in batteries if b.soc_percent is not None and b.capacity_kwh]
    capacity_kwh = sum(b.capacity_kwh or 0.0 for b in known)
    energy_kwh = sum((b.capacity_kwh or 0.0) * (b.soc_percent or 0.0) / 100 for b in known)
    activities = [device_asset(battery).activity for battery in batteries]
    return BatteryFleet(
        soc_percent=100 * energy_kwh / capacity_kwh if capacity_kwh else None,
        energy_kwh=energy_kwh if known else None,
        capacity_kwh=capacity_kwh if known else None,
        charging_count=activities.count("charging"),
        discharging_count=activities.count("discharging"),
        idle_count=activities.count("idle"),
    )


def device_counts(devices: Sequence[AssetNow]) -> DeviceCounts:
    """Devices by state."""
    states = [device.state for device in devices]
    return DeviceCounts(
        total_count=len(states),
        fresh_count=states.count("ok"),
        stale_count=states.count("stale"),
        silent_count=states.count("silent"),
        error_count=states.count("error"),
        unknown_count=states.count("unknown"),
    )


def station_counts(stations: Sequence[AssetNow]) -> StationCounts:
    """Stations by what matters first: connected, in use, faulted."""
    states = [station.state for station in stations]
    return StationCounts(
        total_count=len(states),
        connected_count=sum(state != "offline" for state in states),
        in_use_count=sum(state in {"charging", "occupied"} for state in states),
        faulted_count=states.count("faulted"),
    )


def price_now(now: datetime) -> PriceNow | None:
    """The price of the quarter hour that holds `now`; kept for a minute, it changes rarely."""
    start = floor_slot(now, QUARTER_HOUR)
    key = f"console.price_now:{start.isoformat()}"
    found = cache.get(key)
    if found is None:
        points = prices(start=start, end=start + QUARTER_HOUR)
        found = (float(points[0].price_eur_per_mwh), str(points[0].quality)) if points else ()
        cache.set(key, found, PRICE_CACHE_S)
    if not found:
        return None
    return PriceNow(found[0], found[1], start, start + QUARTER_HOUR)


def main_site_id() -> int | None:
    """The operator's first site: the one whose plan the overview shows."""
    return Site.objects.order_by("pk").values_list("pk", flat=True).first()


def _control() -> ControlNow:
    site_id = main_site_id()
    if site_id is None:
        return ControlNow("unknown", "", None, None)
    state = control_state(site_id)
    # Nothing has been decided since the operator was set up.
    mode = str(state.mode) if state.since else "unknown"
    return ControlNow(mode, state.reason_code, state.since, state.plan_id)


def _session(session: SessionRow) -> SessionNow:
    return SessionNow(
        session_id=session.session_id,
        station_id=session.station_id,
        station_name=session.station_name or session.station_id,
        started_at=session.started_at,
        charging_state=session.charging_state,
        energy_kwh=float(session.energy_kwh),
        power_kw=session.power_kw,
        soc_percent=session.soc_percent,
    )
