"""One asset as the map, the lists and the live feed show it."""

from dataclasses import dataclass
from datetime import datetime

from apps.assets.selectors import DeviceLatest
from apps.chargers.selectors import StationLatest

# A device counts as up to date when its last value is younger than this (issue 2: "fresh").
FRESH_S = 5.0
# Below this share of the rated power an asset counts as idle: inverters draw a little always.
IDLE_SHARE = 0.005

STATION_STATES = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


@dataclass(frozen=True, slots=True)
class AssetNow:
    """A device or a charging station now; kW, consumption and charging positive."""

    asset_id: str
    kind: str
    name: str
    commune: str
    latitude: float | None
    longitude: float | None
    state: str
    activity: str
    power_kw: float | None
    rated_power_kw: float
    soc_percent: float | None
    capacity_kwh: float | None
    setpoint_kw: float | None
    setpoint_source: str | None
    at: datetime | None
    session_id: int | None
    device_id: int | None

    @property
    def family(self) -> str:
        """Which table of states the state belongs to."""
        return "station" if self.kind == "station" else "device"


def is_fresh(device: DeviceLatest) -> bool:
    """True when the device answers and its last value is a young number."""
    return (
        device.connection_state == "ok"
        and device.quality != "bad"
        and device.age_s is not None
        and device.age_s <= FRESH_S
    )


def device_state(device: DeviceLatest) -> str:
    """`ok`, `stale`, `silent`, `error` or `unknown`."""
    if device.connection_state in {"silent", "error"}:
        return str(device.connection_state)
    if device.at is None:
        return "unknown"
    if device.quality == "bad":
        return "error"
    return "ok" if is_fresh(device) else "stale"


def device_activity(device: DeviceLatest) -> str:
    """`producing`, `charging`, `discharging`, `importing`, `exporting`, `idle` or `unknown`."""
    if device.power_kw is None:
        return "unknown"
    if abs(device.power_kw) < IDLE_SHARE * device.rated_power_kw:
        return "idle"
    if device.kind == "pv":
        return "producing" if device.power_kw < 0 else "idle"
    if device.kind == "meter":
        return "importing" if device.power_kw > 0 else "exporting"
    return "charging" if device.power_kw > 0 else "discharging"


def station_state(station: StationLatest) -> str:
    """`charging`, `available`, `occupied`, `reserved`, `unavailable`, `faulted`, `offline`."""
    if station.connection_state != "online":
        return "offline"
    if station.connector_status == "Faulted":
        return "faulted"
    if is_drawing(station):
        return "charging"
    return STATION_STATES.get(station.connector_status, "unknown")


def is_drawing(station: StationLatest) -> bool:
    """True when a car takes power at the station."""
    return (station.power_kw or 0.0) >= IDLE_SHARE * station.rated_power_kw


def device_asset(device: DeviceLatest) -> AssetNow:
    """A device as an asset of the console."""
    return AssetNow(
        asset_id=device.code,
        kind=str(device.kind),
        name=device.name,
        commune=device.commune,
        latitude=device.latitude,
        longitude=device.longitude,
        state=device_state(device),
        activity=device_activity(device),
        power_kw=device.power_kw,
        rated_power_kw=device.rated_power_kw,
        soc_percent=device.soc_percent,
        capacity_kwh=device.capacity_kwh,
        setpoint_kw=device.setpoint_kw,
        setpoint_source=device.setpoint_source,
        at=device.at,
        session_id=None,
        device_id=device.device_id,
    )


def station_asset(station: StationLatest) -> AssetNow:
    """A station as an asset of the console."""
    return AssetNow(
        asset_id=station.station_id,
        kind="station",
        name=station.name or station.station_id,
        commune=station.commune,
        latitude=station.latitude,
        longitude=station.longitude,
        state=station_state(station),
        activity="charging" if is_drawing(station) else "idle",
        power_kw=station.power_kw,
        rated_power_kw=station.rated_power_kw,
        soc_percent=None,
        capacity_kwh=None,
        setpoint_kw=None,
        setpoint_source=None,
        at=None,
        session_id=station.session_id,
        device_id=None,
    )
