"""Devices and readings for the tests of alarms."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from apps.assets.choices import ConnectionState, SetpointStatus
from apps.assets.models import Device, Sensor, Setpoint
from apps.assets.services import ReadingRow, device_register, readings_store, site_register
from apps.assets.services.partitions import partitions_ensure

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def device_make(code: str = "pv-01", *, kind: str = "pv", **changes: object) -> Device:
    """A device in service that answered at `START`; a battery of 100 kW and 100 kWh."""
    site = site_register(code=f"site-{code}", name="Island")
    device = device_register(
        site=site,
        code=code,
        name=f"Device {code}",
        kind=kind,
        host="127.0.0.1",
        port=7000 + Device.objects.count(),
        rated_power_kw=100.0,
        capacity_kwh=100.0 if kind == "battery" else None,
        control_enabled=kind == "battery",
    )
    Device.objects.filter(pk=device.pk).update(
        **{"connection_state": ConnectionState.OK, "last_seen_at": START, **changes}
    )
    device.refresh_from_db()
    return device


def readings_put(
    device: Device, quantity: str, values: Sequence[tuple[datetime, float]], *, quality: int = 0
) -> None:
    sensor_id = Sensor.objects.get(device=device, quantity=quantity).pk
    readings_store([ReadingRow(sensor_id, when, value, quality) for when, value in values])


def setpoint_put(device: Device, *, power_kw: float, written_at: datetime) -> Setpoint:
    """A set-point that the device took and shows."""
    return Setpoint.objects.create(
        device=device,
        power_kw=power_kw,
        source="operator",
        reason="test",
        requested_at=written_at,
        written_at=written_at,
        refreshed_at=written_at,
        readback_kw=power_kw,
        expires_at=written_at + timedelta(hours=1),
        status=SetpointStatus.APPLIED,
    )


def minutes_put(
    device: Device, *, power_kw: float, soc: tuple[float, float], until: datetime
) -> None:
    """Thirty rolled-up minutes before `until`: one power, a SoC that goes evenly."""
    partitions_ensure(now=until)
    power_id = Sensor.objects.get(device=device, quantity="power_kw").pk
    soc_id = Sensor.objects.get(device=device, quantity="soc_percent").pk
    rows = []
    for n in range(30):
        start = until - timedelta(minutes=30 - n)
        rows.append((power_id, start, power_kw))
        rows.append((soc_id, start, soc[0] + (soc[1] - soc[0]) * n / 29))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO assets_rollup_1m (sensor_id, start, mean, minimum, maximum, energy_kwh,"
            " count, bad_count, coverage) VALUES (%s, %s, %s, 0, 0, NULL, 30, 0, 1)",
            rows,
        )
