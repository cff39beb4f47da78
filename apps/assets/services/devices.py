"""Devices: registration, and what polling learns about them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from apps.assets.choices import ConnectionState, DeviceKind, DeviceStage, Quantity, Transport
from apps.assets.drivers.measurement import SensorKey, SensorSpec
from apps.assets.models import Device, Sensor, Site
from apps.assets.models.devices import DEFAULT_POLL_PERIOD_S
from apps.assets.services.partitions import partitions_ensure
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

QUANTITIES = {
    DeviceKind.PV: (Quantity.POWER_KW, Quantity.ENERGY_EXPORT_KWH),
    DeviceKind.BATTERY: (
        Quantity.POWER_KW,
        Quantity.ENERGY_IMPORT_KWH,
        Quantity.ENERGY_EXPORT_KWH,
        Quantity.SOC_PERCENT,
    ),
    DeviceKind.METER: (
        Quantity.POWER_KW,
        Quantity.ENERGY_IMPORT_KWH,
        Quantity.ENERGY_EXPORT_KWH,
    ),
}

CONFIGURED_FIELDS = (
    "site",
    "code",
    "name",
    "commune",
    "kind",
    "latitude",
    "longitude",
    "stage",
    "is_grid_meter",
    "driver",
    "transport",
    "host",
    "port",
    "unit_id",
    "poll_period_s",
    "timeout_s",
    "inter_frame_delay_s",
    "ramp_kw_per_s",
    "rated_power_kw",
    "capacity_kwh",
    "soc_min_percent",
    "soc_max_percent",
    "charging_efficiency",
    "discharging_efficiency",
    "control_enabled",
)


def device_register(
    *,
    site: Site,
    code: str,
    name: str,
    kind: str,
    host: str,
    port: int,
    rated_power_kw: float,
    unit_id: int = 1,
    driver: str = "sunspec",
    transport: str = Transport.MODBUS_TCP,
    timeout_s: float | None = None,
    inter_frame_delay_s: float | None = None,
    stage: str = DeviceStage.IN_SERVICE,
    is_grid_meter: bool = False,
    ramp_kw_per_s: float | None = None,
    commune: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    poll_period_s: float = DEFAULT_POLL_PERIOD_S,
    capacity_kwh: float | None = None,
    soc_min_percent: float = 0.0,
    soc_max_percent: float = 100.0,
    charging_efficiency: float = 1.0,
    discharging_efficiency: float = 1.0,
    control_enabled: bool = False,
) -> Device:
    """The device with this code and its sensors, made or brought up to date.

    Raises ValidationError for values outside their range. A device is read only unless
    `control_enabled`.
    """
    with transaction.atomic():
        device = Device.objects.select_for_update().filter(code=code).first() or Device(code=code)
        for field, value in {
            "site": site,
            "name": name,
            "kind": kind,
            "host": host,
            "port": port,
            "unit_id": unit_id,
            "driver": driver,
            "transport": transport,
            "timeout_s": timeout_s,
            "inter_frame_delay_s": inter_frame_delay_s,
            "stage": stage,
            "is_grid_meter": is_grid_meter,
            "ramp_kw_per_s": ramp_kw_per_s,
            "commune": commune,
            "latitude": latitude,
            "longitude": longitude,
            "rated_power_kw": rated_power_kw,
            "capacity_kwh": capacity_kwh,
            "soc_min_percent": soc_min_percent,
            "soc_max_percent": soc_max_percent,
            "charging_efficiency": charging_efficiency,
            "discharging_efficiency": discharging_efficiency,
            "poll_period_s": poll_period_s,
            "control_enabled": control_enabled,
        }.items():
            setattr(device, field, value)
        device.full_clean()
        return device_save(device=device)


def device_save(*, device: Device) -> Device:
    """Store a device that was checked (`full_clean`), with its sensors and this month's partition.

    What polling observes of it is left as it is in the database.
    """
    with transaction.atomic():
        if device.pk is None:
            device.save()
        else:
            before = Device.objects.select_for_update().get(pk=device.pk)
            if device.gateway != before.gateway:
                # Its new gateway may belong to another shard: the next dispatch finds one.
                device.shard = None
            device.save(update_fields=[*CONFIGURED_FIELDS, "shard"])
        device_sensors_ensure(device=device)
    partitions_ensure(now=utc_now())
    return device


def device_sensors_ensure(*, device: Device) -> None:
    """Give a device the sensors of its kind; those it has stay as they are."""
    Sensor.objects.bulk_create(
        [
            Sensor(device=device, quantity=quantity, unit=quantity.unit)
            for quantity in QUANTITIES[DeviceKind(device.kind)]
        ],
        ignore_conflicts=True,
    )


# A sensor that the device does not name any more stays, with its readings.
_LEARN = """
INSERT INTO assets_sensor AS s (device_id, quantity, channel, unit, period_s, rollover_kwh)
SELECT d.id, n.quantity, n.channel, n.unit, n.period_s, n.rollover_kwh
FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[])
    AS n(quantity, channel, unit, period_s, rollover_kwh)
CROSS JOIN assets_device d
WHERE d.id = %s
ORDER BY n.quantity, n.channel
ON CONFLICT (device_id, quantity, channel) DO UPDATE
SET period_s = EXCLUDED.period_s, rollover_kwh = COALESCE(EXCLUDED.rollover_kwh, s.rollover_kwh)
WHERE (s.period_s, s.rollover_kwh) IS DISTINCT FROM
    (EXCLUDED.period_s, COALESCE(EXCLUDED.rollover_kwh, s.rollover_kwh))
"""


def device_sensors_learn(*, device_id: int, sensors: Sequence[SensorSpec]) -> dict[SensorKey, int]:
    """Give a device the sensors that it says it has; gives the ids of all its sensors.

    Safe to repeat, also at once by two workers. A quantity that the house does not know is left
    out and logged.
    """
    distinct = {sensor.key: sensor for sensor in sensors if sensor.quantity in Quantity.values}
    unknown = sorted({sensor.quantity for sensor in sensors} - set(Quantity.values))
    if unknown:
        logger.warning("device.quantities_unknown device_id=%s %s", device_id, ", ".join(unknown))
    with connection.cursor() as cursor:
        cursor.execute(
            _LEARN,
            [
                [sensor.quantity for sensor in distinct.values()],
                [sensor.channel for sensor in distinct.values()],
                [Quantity(sensor.quantity).unit for sensor in distinct.values()],
                [sensor.period_s for sensor in distinct.values()],
                [sensor.rollover_kwh for sensor in distinct.values()],
                device_id,
            ],
        )
    rows = Sensor.objects.filter(device_id=device_id).values_list("quantity", "channel", "id")
    return {(quantity, channel): sensor_id for quantity, channel, sensor_id in rows}


@dataclass(frozen=True, slots=True)
class DeviceObservation:
    """What polling saw of one device; None leaves the stored value as it is."""

    device_id: int
    connection_state: ConnectionState
    last_seen_at: datetime | None
    last_error: str
    manufacturer: str | None = None
    model_name: str | None = None
    serial_number: str | None = None
    sunspec_models: str | None = None
    driver_version: int | None = None


_OBSERVE = """
UPDATE assets_device d
SET connection_state = o.connection_state,
    last_seen_at = GREATEST(d.last_seen_at, o.last_seen_at::timestamptz),
    last_error = o.last_error,
    manufacturer = COALESCE(o.manufacturer, d.manufacturer),
    model_name = COALESCE(o.model_name, d.model_name),
    serial_number = COALESCE(o.serial_number, d.serial_number),
    sunspec_models = COALESCE(o.sunspec_models, d.sunspec_models),
    driver_version = COALESCE(o.driver_version, d.driver_version)
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::int[])
    AS o(device_id, connection_state, last_seen_at, last_error, manufacturer, model_name,
         serial_number, sunspec_models, driver_version)
WHERE d.id = o.device_id
"""


def devices_observe(*, observations: Sequence[DeviceObservation]) -> int:
    """Store what polling saw, in one statement; gives the number of devices updated."""
    if not observations:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _OBSERVE,
            [
                [o.device_id for o in observations],
                [o.connection_state.value for o in observations],
                [o.last_seen_at for o in observations],
                [o.last_error[:300] for o in observations],
                [o.manufacturer for o in observations],
                [o.model_name for o in observations],
                [o.serial_number for o in observations],
                [o.sunspec_models for o in observations],
                [o.driver_version for o in observations],
            ],
        )
        return int(cursor.rowcount)
