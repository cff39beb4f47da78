"""A site of the size asked for, in the bench's operator: devices, stations, cars, prices."""

from datetime import datetime, timedelta
from decimal import Decimal

from apps.assets.choices import DeviceKind
from apps.assets.models import Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store, site_register
from apps.chargers.choices import ConnectionState, RegistrationStatus
from apps.chargers.models import Evse, Session
from apps.chargers.services import station_register
from apps.flexibility.choices import CarGoalOrigin
from apps.flexibility.models import CarGoal
from apps.markets.models import SeriesValue
from apps.markets.selectors import price_series
from apps.markets.services.sources import market_source_configure
from bench.value_world import world
from cariflex.common.units import QUARTER_HOUR, floor_slot

AREA = "10YFR-RTE------C"
DAY = timedelta(days=1)


def island(count: int, now: datetime) -> int:
    """Batteries, PV roofs and cars, `count` of each, with prices for two days; gives the site."""
    site = site_register(
        code="bench", name="Bench", latitude=16.2, longitude=-61.5,
        grid_import_limit_kw=60.0 * count, grid_export_limit_kw=60.0 * count,
    )  # fmt: skip
    for number in range(count):
        for kind in (DeviceKind.BATTERY, DeviceKind.PV):
            _device(site, kind, number)
        _car(number, now)
    _prices(now)
    _yesterday(site.pk, now)
    report_all(site.pk, now)
    return site.pk


def report_all(site_id: int, now: datetime) -> None:
    """Every device reports once."""
    rows = []
    for pk, kind, quantity in Sensor.objects.filter(device__site_id=site_id).values_list(
        "pk", "device__kind", "quantity"
    ):
        if quantity == "soc_percent":
            rows.append(ReadingRow(pk, now, 40.0 + pk % 30))
        elif quantity == "power_kw":
            rows.append(ReadingRow(pk, now, 0.0 if kind == DeviceKind.BATTERY else -2.0))
    readings_store(rows)


def _device(site: Site, kind: DeviceKind, number: int) -> None:
    is_battery = kind == DeviceKind.BATTERY
    device_register(
        site=site, code=f"{kind}-{number:02d}", name=f"{kind} {number}",
        kind=kind, host="127.0.0.1", port=15000 + number + (100 if is_battery else 0),
        latitude=16.2, longitude=-61.5, rated_power_kw=50.0 if is_battery else 5.0,
        capacity_kwh=100.0 if is_battery else None, soc_min_percent=5.0, soc_max_percent=98.0,
        charging_efficiency=0.96, discharging_efficiency=0.96, control_enabled=True,
    )  # fmt: skip


def _car(number: int, now: datetime) -> None:
    """A car that came a while ago and leaves in 6 to 15 hours."""
    station = station_register(
        station_id=f"BENCH-{number:02d}", password=f"bench-secret-{number:08d}",
        name=f"Bench {number}", rated_power_kw=22.0,
    )  # fmt: skip
    station.ocpp_version = "2.1"
    station.connection_state = ConnectionState.ONLINE
    station.registration_status = RegistrationStatus.ACCEPTED
    station.save()
    evse, _ = Evse.objects.get_or_create(station=station, evse_id=1)
    session = Session.objects.create(
        station=station,
        evse=evse,
        transaction_id=f"TX-{number}",
        started_at=now - timedelta(minutes=10),
        start_meter_kwh=Decimal(1000),
    )
    CarGoal.objects.create(
        session=session,
        origin=CarGoalOrigin.DEFAULT,
        departure_at=floor_slot(now) + timedelta(hours=6 + number % 10),
        capacity_kwh=75.0,
        soc_percent=30.0 + 2 * (number % 10),
        soc_at=now,
        most_charge_kw=22.0,
        most_discharge_kw=22.0,
        updated_at=now,
    )


def _prices(now: datetime) -> None:
    """Two days of the demo island's prices, at their time of day."""
    market_source_configure(area=AREA, token="t", base_url="http://127.0.0.1:9")  # noqa: S106
    series, month, first = price_series(), world(days=3), floor_slot(now) - DAY
    offset = (first - month.first) % DAY // QUARTER_HOUR
    SeriesValue.objects.bulk_create(
        SeriesValue(
            series=series,
            start=first + number * QUARTER_HOUR,
            value=Decimal(str(month.day_ahead[offset + number])),
            published_at=now,
        )
        for number in range(96 * 3)
    )


def _yesterday(site_id: int, now: datetime) -> None:
    """A sunny day before, from which the plan expects the next."""
    month, first = world(days=3), floor_slot(now) - DAY
    offset = (first - month.first) % DAY // QUARTER_HOUR
    sensors = Sensor.objects.filter(
        device__site_id=site_id, device__kind=DeviceKind.PV, quantity="power_kw"
    ).values_list("pk", flat=True)
    readings_store(
        [
            ReadingRow(
                pk,
                first + number * QUARTER_HOUR + timedelta(minutes=5),
                month.pv_kw[offset + number] / 10,
            )
            for pk in sensors
            for number in range(96)
        ]
    )
