"""A small island in the current schema whose figures can be added up by hand.

Two PV plants produce 3 kW and 2 kW; a battery charges with 4 kW (10 kWh, 50 %), another
discharges with 1 kW (30 kWh, 90 %); a car takes 20 kW at one of two stations.
In: PV 5 + grid 18 = 23. Out: batteries 4 - 1 = 3 + car 20 = 23.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from apps.assets.choices import ConnectionState
from apps.assets.models import Device, Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store, site_register
from apps.chargers.choices import ConnectionState as StationConnection
from apps.chargers.choices import ConnectorStatus
from apps.chargers.models import ChargingStation, Connector, Evse, MeterValue, Session, SessionEvent
from apps.chargers.services import station_register
from apps.flexibility.models import ControlState, Plan, PlanSlot
from apps.markets.models import Series, SeriesValue
from cariflex.common.units import QUARTER_HOUR, floor_slot

POWERS_KW = {"pv-01": -3.0, "pv-02": -2.0, "bat-01": 4.0, "bat-02": -1.0}
CAPACITY_KWH = {"bat-01": 10.0, "bat-02": 30.0}
SOC_PERCENT = {"bat-01": 50.0, "bat-02": 90.0}
CAR_KW = 20.0
PLANNED_KW = {"bat-01": 4.5, "bat-02": -1.5}
PRICE_EUR_PER_MWH = Decimal("81.25")


def island_build(*, now: datetime) -> Site:
    """The whole scene at `now`."""
    site = site_register(code="main", name="Island", latitude=16.2, longitude=-61.5)
    for number, code in enumerate(POWERS_KW):
        device_build(site, code, port=7000 + number)
    readings_put(now=now)
    Device.objects.update(connection_state=ConnectionState.OK, last_seen_at=now)
    stations_build(site, now=now)
    prices_build(now=now)
    plan_build(site, now=now)
    return site


def meter_build(site: Site, *, now: datetime, power_kw: float) -> Device:
    """The meter at the grid connection, drawing `power_kw`, counters 40 kWh in and 7 kWh out."""
    meter = device_register(
        site=site,
        code="grid-01",
        name="Grid meter",
        kind="meter",
        host="127.0.0.1",
        port=7090,
        rated_power_kw=100.0,
    )
    Device.objects.filter(pk=meter.pk).update(
        is_grid_meter=True, connection_state=ConnectionState.OK, last_seen_at=now
    )
    values = {"power_kw": power_kw, "energy_import_kwh": 40.0, "energy_export_kwh": 7.0}
    readings_store(
        [
            ReadingRow(sensor.pk, now, values[sensor.quantity])
            for sensor in Sensor.objects.filter(device=meter, quantity__in=values)
        ]
    )
    return meter


def device_build(site: Site, code: str, *, port: int) -> Device:
    """One device of the scene; its place follows from its port."""
    is_battery = code.startswith("bat")
    return device_register(
        site=site,
        code=code,
        name=f"Device {code}",
        commune="Sainte-Anne",
        kind="battery" if is_battery else "pv",
        host="127.0.0.1",
        port=port,
        rated_power_kw=5.0,
        capacity_kwh=CAPACITY_KWH.get(code),
        latitude=16.2 + (port - 7000) / 100,
        longitude=-61.5,
        control_enabled=is_battery,
    )


def readings_put(*, now: datetime, powers_kw: dict[str, float] | None = None) -> None:
    """One reading of each sensor at `now`."""
    powers_kw = powers_kw or POWERS_KW
    rows = []
    for sensor in Sensor.objects.select_related("device"):
        code = sensor.device.code
        values = {
            "power_kw": powers_kw[code],
            "energy_import_kwh": 100.0,
            "energy_export_kwh": 250.0,
            "soc_percent": SOC_PERCENT.get(code, 0.0),
        }
        rows.append(ReadingRow(sensor.pk, now, values[sensor.quantity]))
    readings_store(rows)


def stations_build(site: Site, *, now: datetime) -> None:
    """Two stations; a car has charged at the first for ten minutes."""
    for number in (1, 2):
        station_register(
            station_id=f"CS-{number}", rated_power_kw=22.0, name=f"Station {number}",
            commune="Le Gosier", latitude=16.21, longitude=-61.49, site_id=site.pk,
        )  # fmt: skip
    ChargingStation.objects.update(connection_state=StationConnection.ONLINE, last_seen_at=now)
    Connector.objects.update(status=ConnectorStatus.AVAILABLE)
    Connector.objects.filter(evse__station__station_id="CS-1").update(
        status=ConnectorStatus.OCCUPIED
    )
    session_build(station_id="CS-1", now=now)


def session_build(*, station_id: str, now: datetime, transaction_id: str = "TX-1") -> Session:
    """A session in progress with three samples, 5 minutes apart."""
    station = ChargingStation.objects.get(station_id=station_id)
    start = now - timedelta(minutes=10)
    session = Session.objects.create(
        station=station,
        evse=Evse.objects.get(station=station),
        transaction_id=transaction_id,
        id_token="GP-CAR-0001",  # noqa: S106 - a card number, not a secret
        charging_state="Charging",
        started_at=start,
        energy_kwh=Decimal("3.5"),
        power_kw=CAR_KW,
        soc_percent=42.0,
    )
    SessionEvent.objects.create(
        session=session, seq_no=0, event_type="Started", trigger_reason="Authorized", at=start,
        payload="{}", received_at=start,
    )  # fmt: skip
    SessionEvent.objects.create(
        session=session, seq_no=1, event_type="Updated", trigger_reason="MeterValuePeriodic",
        at=now, payload="{}", received_at=now,
    )  # fmt: skip
    for n in range(3):
        at = start + n * timedelta(minutes=5)
        for ordinal, (measurand, value, unit) in enumerate(
            (
                ("Power.Active.Import", Decimal(20), "kW"),
                ("Energy.Active.Import.Register", Decimal("100") + n * Decimal("1.75"), "kWh"),
                ("SoC", Decimal(40 + n), "%"),
            )
        ):
            MeterValue.objects.create(
                station=station, session=session, seq_no=n, ordinal=ordinal, at=at,
                measurand=measurand, value=value, unit=unit,
            )  # fmt: skip
    return session


def prices_build(*, now: datetime) -> None:
    """One price for every quarter hour of two days around `now`."""
    series = Series.objects.create(area="10YFR-RTE------C")
    first = floor_slot(now, QUARTER_HOUR) - timedelta(days=1)
    SeriesValue.objects.bulk_create(
        SeriesValue(
            series=series,
            start=first + n * QUARTER_HOUR,
            value=PRICE_EUR_PER_MWH,
            published_at=now,
        )
        for n in range(2 * 96)
    )


def plan_build(site: Site, *, now: datetime) -> Plan:
    """An accepted plan from the current quarter hour on, in force."""
    start = floor_slot(now, QUARTER_HOUR)
    plan = Plan.objects.create(
        site=site, status="accepted", start=start, end=start + timedelta(hours=24),
        requested_at=now, computed_at=now, duration_s=3.5, lease_until=now, server_version="1.0.1",
        price_count=96, price_actual_count=90,
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(
            plan=plan, device=device, start=start + n * QUARTER_HOUR,
            power_kw=PLANNED_KW[device.code], soc_percent=60.0,
        )
        for device in Device.objects.filter(kind="battery")
        for n in range(96)
    )  # fmt: skip
    ControlState.objects.create(site=site, mode="plan", since=now, plan=plan)
    return plan
