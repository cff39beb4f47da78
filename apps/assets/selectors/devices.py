"""Reads of devices and of what they measure now. Power in kW, consumption and charging positive."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, FilteredRelation, Q

from apps.assets.choices import SETPOINT_ACTIVE, DeviceStage, Quality, Quantity
from apps.assets.models import Device, Sensor

STALE_POLLS = 3
"""A value counts as stale when this many polls were missed."""
STORING_DELAY_S = 1.5
"""How long a reading may take from the device to the table (flushes are 1 s apart)."""

_OF_A_DEVICE = (
    Quantity.POWER_KW,
    Quantity.SOC_PERCENT,
    Quantity.ENERGY_IMPORT_KWH,
    Quantity.ENERGY_EXPORT_KWH,
)
_IN_SERVICE = DeviceStage.IN_SERVICE


@dataclass(frozen=True, slots=True)
class DeviceLatest:
    """A device now. The two energies are its counters, both >= 0 and growing.

    `quality` is `good`, `stale`, `bad` or `substituted`; a value that is no number is None.
    """

    device_id: int
    code: str
    name: str
    commune: str
    kind: str
    site_id: int
    latitude: float | None
    longitude: float | None
    rated_power_kw: float
    capacity_kwh: float | None
    power_kw: float | None
    soc_percent: float | None
    energy_import_kwh: float | None
    energy_export_kwh: float | None
    at: datetime | None
    age_s: float | None
    quality: str
    connection_state: str
    setpoint_kw: float | None
    setpoint_source: str | None
    control_enabled: bool


@dataclass(slots=True)
class _Values:
    """The newest values of one device as they are read from the table."""

    power_kw: float | None = None
    soc_percent: float | None = None
    energy_import_kwh: float | None = None
    energy_export_kwh: float | None = None
    at: datetime | None = None
    quality: Quality = Quality.GOOD
    is_power_known: bool = False


def devices_latest(*, now: datetime, kind: str | None = None) -> list[DeviceLatest]:
    """Every device in service (or those of a kind) with its newest values, by code. Two queries."""
    devices = (
        Device.objects.filter(stage=_IN_SERVICE)
        .order_by("code")
        .annotate(
            active=FilteredRelation(
                "setpoints",
                condition=Q(setpoints__status__in=SETPOINT_ACTIVE, setpoints__expires_at__gt=now),
            ),
            setpoint_kw=F("active__power_kw"),
            setpoint_source=F("active__source"),
        )
    )
    sensors = Sensor.objects.filter(
        latest__isnull=False, channel="", quantity__in=_OF_A_DEVICE, device__stage=_IN_SERVICE
    )
    if kind is not None:
        devices = devices.filter(kind=kind)
        sensors = sensors.filter(device__kind=kind)
    values = _latest_values(
        sensors.values_list(
            "device_id", "quantity", "latest__at", "latest__value", "latest__quality"
        )
    )
    return [_device_latest(device, values.get(device.pk), now) for device in devices]


def _latest_values(
    rows: Iterable[tuple[int, str, datetime, float, int]],
) -> dict[int, _Values]:
    found: dict[int, _Values] = {}
    for device_id, quantity, at, value, quality in rows:
        values = found.setdefault(device_id, _Values())
        setattr(values, quantity, value if math.isfinite(value) else None)
        if values.at is None or at > values.at:
            values.at = at
        is_power = quantity == Quantity.POWER_KW
        if is_power or not values.is_power_known:
            values.quality = Quality(quality)
        values.is_power_known = values.is_power_known or is_power
    return found


def _device_latest(device: Device, values: _Values | None, now: datetime) -> DeviceLatest:
    values = values or _Values()
    age_s = None if values.at is None else max(0.0, (now - values.at).total_seconds())
    return DeviceLatest(
        device_id=device.pk,
        code=device.code,
        name=device.name,
        commune=device.commune,
        kind=device.kind,
        site_id=device.site_id,
        latitude=device.latitude,
        longitude=device.longitude,
        rated_power_kw=device.rated_power_kw,
        capacity_kwh=device.capacity_kwh,
        power_kw=values.power_kw,
        soc_percent=values.soc_percent,
        energy_import_kwh=values.energy_import_kwh,
        energy_export_kwh=values.energy_export_kwh,
        at=values.at,
        age_s=age_s,
        quality=_quality_word(values.quality, age_s, device.poll_period_s),
        connection_state=device.connection_state,
        setpoint_kw=device.setpoint_kw,  # type: ignore[attr-defined]
        setpoint_source=device.setpoint_source,  # type: ignore[attr-defined]
        control_enabled=device.control_enabled,
    )


def _quality_word(quality: Quality, age_s: float | None, poll_period_s: float) -> str:
    if age_s is None or age_s > STALE_POLLS * poll_period_s + STORING_DELAY_S:
        return Quality.STALE.word
    return quality.word


def sensor_ids_by_device(quantity: str) -> dict[int, int]:
    """The sensor of each device that measures `quantity`: device id -> sensor id."""
    return dict(Sensor.objects.filter(quantity=quantity, channel="").values_list("device_id", "id"))
