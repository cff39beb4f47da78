"""A charging station with a car at it, at Guadeloupe; orders end as the test lets it answer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.assets.models import Site
from apps.assets.services import site_register
from apps.chargers.choices import ConnectionState, RegistrationStatus
from apps.chargers.models import ChargingStation, Evse, MeterValue, Session
from apps.chargers.ports import register_needs_planner, unregister_needs_planner
from apps.chargers.services import station_register
from apps.chargers.services.charging_needs import charging_needs_store
from apps.flexibility.needs_planner import CarPlanner
from apps.tenants.models import Operator

# 12:05 UTC: the quarter hour began five minutes ago.
NOW = datetime(2026, 3, 11, 12, 5, tzinfo=UTC)
SLOT = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
EVENING = datetime(2026, 3, 11, 18, 0, tzinfo=UTC)
PASSWORD = "guadeloupe-secret-000001"  # noqa: S105


def needs_2_0_1(
    *,
    departure_at: datetime | None = EVENING,
    soc: int | None = 40,
    capacity_wh: int | None = 50000,
) -> dict[str, Any]:
    """ChargingNeedsType of a car at 2.0.1: DC parameters are those that know a state of charge."""
    dc: dict[str, Any] = {"evMaxCurrent": 32, "evMaxVoltage": 690, "evMaxPower": 22000}
    if soc is not None:
        dc["stateOfCharge"] = soc
    if capacity_wh is not None:
        dc["evEnergyCapacity"] = capacity_wh
    needs: dict[str, Any] = {"requestedEnergyTransfer": "DC", "dcChargingParameters": dc}
    if departure_at is not None:
        needs["departureTime"] = departure_at.isoformat().replace("+00:00", "Z")
    return needs


def needs_both_ways(departure_at: datetime | None = EVENING) -> dict[str, Any]:
    """ChargingNeedsType of 2.1: charges and gives back with 11 kW, 40 % of 60 kWh."""
    needs = needs_2_0_1(departure_at=departure_at, capacity_wh=60000) | {
        "requestedEnergyTransfer": "DC_BPT",
        "availableEnergyTransfer": ["DC", "DC_BPT"],
    }
    needs["v2xChargingParameters"] = {"maxChargePower": 11000, "maxDischargePower": 11000}
    return needs


def station_make(station_id: str = "CS-001", version: str = "2.0.1") -> ChargingStation:
    """A station of 22 kW with one EVSE, online."""
    station = station_register(
        station_id=station_id, password=PASSWORD, name="Marina", rated_power_kw=22.0
    )
    station.ocpp_version = version
    station.connection_state = ConnectionState.ONLINE
    station.registration_status = RegistrationStatus.ACCEPTED
    station.save()
    Evse.objects.get_or_create(station=station, evse_id=1)
    return station


def session_make(station: ChargingStation, **fields: Any) -> Session:
    """A car plugged in ten minutes before NOW that has drawn nothing yet."""
    return Session.objects.create(
        station=station,
        evse=Evse.objects.get(station=station, evse_id=1),
        transaction_id=f"TX-{station.station_id}",
        started_at=NOW - timedelta(minutes=10),
        start_meter_kwh=Decimal(1000),
        **fields,
    )


def tell_needs(
    session: Session, needs: dict[str, Any], *, at: datetime = NOW - timedelta(minutes=9)
) -> None:
    """The car tells what it wants."""
    charging_needs_store(station_pk=session.station_id, evse_id=1, needs=needs, told_at=at)


def meter(session: Session, measurand: str, value: float, at: datetime) -> None:
    """One value of the session's meter."""
    MeterValue.objects.create(
        station=session.station, session=session, seq_no=MeterValue.objects.count(),
        evse_number=1, at=at, measurand=measurand, value=Decimal(str(value)),
        unit="Percent" if measurand == "SoC" else "kWh",
    )  # fmt: skip


def charged(session: Session, energy_kwh: float, at: datetime = NOW) -> None:
    """The session's meter has come this far."""
    meter(session, "Energy.Active.Import.Register", 1000 + energy_kwh, at)
    Session.objects.filter(pk=session.pk).update(
        energy_kwh=Decimal(str(energy_kwh)), measured_at=at, power_kw=11.0
    )
    session.refresh_from_db()


@pytest.fixture(autouse=True)
def _planner() -> Iterator[None]:
    """As when the apps are ready, whatever other tests did to it."""
    ours = CarPlanner()
    register_needs_planner(ours)
    yield
    unregister_needs_planner(ours)
    register_needs_planner(CarPlanner())


@pytest.fixture
def site(operator_a: Operator) -> Site:
    """The operator's first site: stations are counted there."""
    return site_register(code="island", name="Island", latitude=16.2, longitude=-61.5)


@pytest.fixture
def session(site: Site) -> Session:
    """TX-CS-001 at a 2.0.1 station; the car has said nothing yet."""
    return session_make(station_make())
