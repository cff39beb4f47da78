"""The island as FlexMeasures shall know it: assets and sensors, matched and created by name.

Nothing here touches the database: a plain description goes in, ids come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.flexibility.choices import AssetKind, SensorRole
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient, RemoteAsset, RemoteSensor
from cariflex.common.errors import ExternalError

ASSET_TYPES: Final = {
    AssetKind.SITE: "building",
    AssetKind.PV: "solar",
    AssetKind.BATTERY: "battery",
    AssetKind.EVSE: "two-way_evse",
}
PRICE_UNIT: Final = "EUR/MWh"
POWER_UNIT: Final = "kW"
SENSOR_NAMES: Final = {
    SensorRole.POWER: "power",
    SensorRole.PLANNED_POWER: "planned power",
    SensorRole.PV_POWER: "PV power",
    SensorRole.CHARGING_POWER: "charging power",
    SensorRole.LOAD_POWER: "load power",
    SensorRole.PV_FORECAST: "PV forecast",
    SensorRole.CHARGING_FORECAST: "charging forecast",
    SensorRole.LOAD_FORECAST: "load forecast",
    SensorRole.CONSUMPTION_PRICE: "consumption price",
    SensorRole.PRODUCTION_PRICE: "production price",
    SensorRole.SITE_PRICE: "price",
    SensorRole.CO2: "CO2 intensity",
    SensorRole.IRRADIANCE: "irradiance",
    SensorRole.TEMPERATURE: "temperature",
    SensorRole.SESSION_ENERGY: "session energy",
    SensorRole.SESSION_COST: "session cost",
    SensorRole.SOC: "state of charge",
}
SENSOR_UNITS: Final = {
    SensorRole.CONSUMPTION_PRICE: PRICE_UNIT,
    SensorRole.PRODUCTION_PRICE: PRICE_UNIT,
    SensorRole.SITE_PRICE: PRICE_UNIT,
    SensorRole.CO2: "kg/MWh",
    SensorRole.IRRADIANCE: "W/m²",
    SensorRole.TEMPERATURE: "°C",
    SensorRole.SESSION_ENERGY: "kWh",
    SensorRole.SESSION_COST: "EUR",
    SensorRole.SOC: "%",
}
"""Of those that are not in kW; a kg/MWh of CO2 is a g/kWh."""
SITE_ROLES: Final = (
    SensorRole.PV_POWER,
    SensorRole.CHARGING_POWER,
    SensorRole.LOAD_POWER,
    SensorRole.PV_FORECAST,
    SensorRole.CHARGING_FORECAST,
    SensorRole.LOAD_FORECAST,
    SensorRole.PLANNED_POWER,
    SensorRole.CONSUMPTION_PRICE,
    SensorRole.PRODUCTION_PRICE,
    SensorRole.SITE_PRICE,
    SensorRole.CO2,
    SensorRole.IRRADIANCE,
    SensorRole.TEMPERATURE,
    SensorRole.SESSION_ENERGY,
    SensorRole.SESSION_COST,
)
"""Planned power of a site: the sum that FlexMeasures itself makes of its plan."""
DEVICE_ROLES: Final = {
    AssetKind.PV: (SensorRole.POWER, SensorRole.PLANNED_POWER),
    AssetKind.BATTERY: (SensorRole.POWER, SensorRole.PLANNED_POWER, SensorRole.SOC),
    AssetKind.EVSE: (SensorRole.PLANNED_POWER,),
}


def roles_of(kind: AssetKind) -> tuple[SensorRole, ...]:
    """The sensors that belong on an asset."""
    return SITE_ROLES if kind == AssetKind.SITE else DEVICE_ROLES[kind]


@dataclass(frozen=True, slots=True)
class AssetWanted:
    """A device or an EVSE of ours; the site itself when both are None."""

    device_id: int | None
    kind: AssetKind
    name: str
    latitude: float
    longitude: float
    evse_id: int | None = None

    @property
    def roles(self) -> tuple[SensorRole, ...]:
        """The sensors that belong on it."""
        return roles_of(self.kind)


@dataclass(frozen=True, slots=True)
class SiteWanted:
    """A site with its devices."""

    site_id: int
    time_zone: str
    site: AssetWanted
    devices: tuple[AssetWanted, ...]


@dataclass(frozen=True, slots=True)
class AssetFound:
    """An asset with its sensors as they are in FlexMeasures now."""

    wanted: AssetWanted
    asset_id: int
    sensor_ids: dict[SensorRole, int]


@dataclass(frozen=True, slots=True)
class SiteFound:
    """A site as it is in FlexMeasures now, and how much had to be created for that."""

    site_id: int
    assets: tuple[AssetFound, ...]
    created: int


def sensor_unit(role: SensorRole) -> str:
    """The unit of a sensor."""
    return SENSOR_UNITS.get(role, POWER_UNIT)


async def site_ensure(
    client: FlexmeasuresClient, *, account_id: int, wanted: SiteWanted
) -> SiteFound:
    """Find or create the site's assets and sensors; what is there already is left alone."""
    type_ids = await client.asset_type_ids()
    known = await client.assets(account_id=account_id)
    site, created = await _asset_ensure(client, account_id, wanted.site, None, known, type_ids)
    assets = [(wanted.site, site)]
    for device in wanted.devices:
        asset, is_new = await _asset_ensure(
            client, account_id, device, site.asset_id, known, type_ids
        )
        assets.append((device, asset))
        created += is_new
    # Asked once: the sensors of an asset come with those of the assets below it.
    known_sensors = await client.sensors(asset_id=site.asset_id)
    found: list[AssetFound] = []
    for asset_wanted, asset in assets:
        sensor_ids, new_sensors = await _sensors_ensure(
            client, asset_wanted, asset.asset_id, wanted.time_zone, known_sensors
        )
        found.append(AssetFound(asset_wanted, asset.asset_id, sensor_ids))
        created += new_sensors
    return SiteFound(wanted.site_id, tuple(found), created)


async def _asset_ensure(
    client: FlexmeasuresClient,
    account_id: int,
    wanted: AssetWanted,
    parent_asset_id: int | None,
    known: Sequence[RemoteAsset],
    type_ids: dict[str, int],
) -> tuple[RemoteAsset, int]:
    for asset in known:
        if asset.name == wanted.name and asset.parent_asset_id == parent_asset_id:
            return asset, 0
    type_name = ASSET_TYPES[wanted.kind]
    if type_name not in type_ids:
        raise ExternalError("flexmeasures", f"no asset type {type_name!r}", retryable=False)
    asset = await client.asset_add(
        account_id=account_id,
        name=wanted.name,
        type_id=type_ids[type_name],
        latitude=wanted.latitude,
        longitude=wanted.longitude,
        parent_asset_id=parent_asset_id,
    )
    return asset, 1


async def _sensors_ensure(
    client: FlexmeasuresClient,
    wanted: AssetWanted,
    asset_id: int,
    time_zone: str,
    known: Sequence[RemoteSensor],
) -> tuple[dict[SensorRole, int], int]:
    by_name = {sensor.name: sensor.sensor_id for sensor in known if sensor.asset_id == asset_id}
    sensor_ids: dict[SensorRole, int] = {}
    created = 0
    for role in wanted.roles:
        sensor_id = by_name.get(SENSOR_NAMES[role])
        if sensor_id is None:
            unit = sensor_unit(role)
            sensor = await client.sensor_add(
                asset_id=asset_id,
                name=SENSOR_NAMES[role],
                unit=unit,
                time_zone=time_zone,
                is_power=unit == POWER_UNIT,
            )
            sensor_id = sensor.sensor_id
            created += 1
        sensor_ids[role] = sensor_id
    return sensor_ids, created
