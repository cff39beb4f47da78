"""The map of the island: which coastline belongs to the operator's assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.assets.selectors import devices_latest
from apps.chargers.selectors import stations_latest
from apps.console.viewmodels.assets import AssetNow, device_asset, station_asset

# West, south, east, north of each coastline in static/vendor/coastline/ (its `bbox`, widened).
COASTLINES: dict[str, tuple[float, float, float, float]] = {
    "guadeloupe": (-61.90, 15.80, -60.95, 16.56),
    "martinique": (-61.30, 14.34, -60.75, 14.93),
}


@dataclass(frozen=True, slots=True)
class IslandMap:
    """The assets and the coastline to draw beneath them, if there is one."""

    assets: tuple[AssetNow, ...]
    coastline: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be shown and hidden; meters only where there are any."""
        has_meter = any(asset.kind == "meter" for asset in self.assets)
        return ("pv", "battery", *(("meter",) if has_meter else ()), "station")


def island_map(*, now: datetime) -> IslandMap:
    """Every asset with its place; six queries."""
    assets = (
        *(device_asset(device) for device in devices_latest(now=now)),
        *(station_asset(station) for station in stations_latest(now=now)),
    )
    return IslandMap(assets=assets, coastline=coastline_of(assets))


def coastline_of(assets: Sequence[AssetNow]) -> str:
    """The coastline that holds most of the assets; empty when none holds any."""
    held = {name: sum(_holds(box, asset) for asset in assets) for name, box in COASTLINES.items()}
    best = max(held, key=lambda name: held[name])
    return best if held[best] else ""


def _holds(box: tuple[float, float, float, float], asset: AssetNow) -> bool:
    if asset.latitude is None or asset.longitude is None:
        return False
    west, south, east, north = box
    return west <= asset.longitude <= east and south <= asset.latitude <= north
