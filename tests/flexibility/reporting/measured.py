"""A month as devices, cars and markets store it, by the services that do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from apps.assets.models import Device, Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store, site_register
from apps.assets.services.rollups import rollups_update
from apps.chargers.models import ChargingStation, MeterValue, Session
from apps.flexibility.models import Plan, PlanSlot
from apps.markets.choices import SeriesKind
from apps.markets.models import Series, SeriesValue
from cariflex.common.units import QUARTER_HOUR

# Read once a quarter hour: one reading is the whole of it.
PERIOD_S = 900


def site_make(code: str = "island", *, time_zone: str = "America/Guadeloupe") -> Site:
    return site_register(
        code=code, name=code.title(), latitude=16.2, longitude=-61.5, time_zone=time_zone,
        grid_import_limit_kw=500.0, grid_export_limit_kw=500.0,
    )  # fmt: skip


def device_make(site: Site, code: str, kind: str, **more: object) -> Device:
    number = Device.objects.count()
    values: dict[str, object] = {
        "site": site, "code": code, "name": code.upper(), "kind": kind, "host": "127.0.0.1",
        "port": 16000 + number, "rated_power_kw": 50.0, "poll_period_s": PERIOD_S,
    }  # fmt: skip
    if kind == "battery":
        values |= {
            "capacity_kwh": 100.0, "soc_min_percent": 10.0, "soc_max_percent": 90.0,
            "charging_efficiency": 0.8, "discharging_efficiency": 1.0,
        }  # fmt: skip
    return device_register(**(values | more))


def measure(
    device: Device, powers_kw: Mapping[datetime, float], quantity: str = "power_kw"
) -> None:
    """Store a reading in each of the quarter hours and roll them up."""
    sensor = Sensor.objects.get(device=device, quantity=quantity, channel="")
    readings_store(
        [ReadingRow(sensor.pk, at + timedelta(minutes=5), kw) for at, kw in powers_kw.items()]
    )
    while rollups_update(now=max(powers_kw) + QUARTER_HOUR):
        pass


def quarter_hours(start: datetime, powers_kw: Sequence[float]) -> dict[datetime, float]:
    return {start + number * QUARTER_HOUR: kw for number, kw in enumerate(powers_kw)}


def series_make(kind: SeriesKind, values: Mapping[datetime, Decimal], **more: object) -> Series:
    series, _made = Series.objects.get_or_create(
        kind=kind, area="GP", source="upload", defaults={"is_leading": True, **more}
    )
    SeriesValue.objects.bulk_create(
        SeriesValue(series=series, start=at, value=value, published_at=at)
        for at, value in values.items()
    )
    return series


def car_make(readings: Mapping[datetime, str], *, measurand: str = "Import") -> Session:
    """A session whose register was read at some moments, kWh."""
    station, _made = ChargingStation.objects.get_or_create(
        station_id="CP-1", defaults={"rated_power_kw": 22.0}
    )
    session = Session.objects.create(
        station=station, transaction_id=f"tx-{Session.objects.count()}", started_at=min(readings)
    )
    MeterValue.objects.bulk_create(
        MeterValue(
            station=station, session=session, seq_no=number, at=at, unit="kWh",
            measurand=f"Energy.Active.{measurand}.Register", value=Decimal(value),
        )
        for number, (at, value) in enumerate(readings.items())
    )  # fmt: skip
    return session


def plan_make(site: Site, start: datetime, powers_kw: Mapping[Device, Sequence[float]]) -> Plan:
    """An accepted plan of as many quarter hours as it has powers."""
    count = max(map(len, powers_kw.values()))
    plan = Plan.objects.create(
        site=site, status="accepted", start=start, end=start + count * QUARTER_HOUR,
        requested_at=start, lease_until=start,
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(plan=plan, device=device, start=start + number * QUARTER_HOUR, power_kw=power_kw)
        for device, powers in powers_kw.items()
        for number, power_kw in enumerate(powers)
    )
    return plan
