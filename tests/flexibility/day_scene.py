"""A day of the test's island whose plans and measurements can be added up by hand.

Local day 2026-03-11 of Guadeloupe: 04:00 UTC to 04:00 UTC of the next day; it is 12:05 UTC.
Plan A was made for 11:45 on, plan B for 12:00 on, a third attempt failed.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.assets.models import Setpoint
from apps.chargers.models import ChargingStation, Evse, MeterValue, Session
from apps.chargers.services import station_register
from apps.flexibility.basis import PlanBasis
from apps.flexibility.models import CarGoal, ControlState, Plan, PlanSlot
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import NOW, SLOT, Island

DAY_START = datetime.fromisoformat("2026-03-11T04:00:00+00:00")
NOW_SLOT = (SLOT - DAY_START) // QUARTER_HOUR
"""12:00 UTC is quarter hour 32 of the day."""


def basis(start: datetime, *, pv_kw: float = -40.0, **changes: Any) -> PlanBasis:
    """24 hours at 80 EUR/MWh, cheap (40) in the first hour, dear (200) from the tenth to the 11th;
    10 kW of load, 5 kW of cars that are not planned."""
    prices = tuple(40.0 if n < 4 else 200.0 if 40 <= n < 44 else 80.0 for n in range(96))

    def always(value: float | None) -> tuple[Any, ...]:
        return (value,) * 96

    values = {
        "consumption_eur_per_mwh": prices,
        "production_eur_per_mwh": tuple(price - 10 for price in prices),
        "steering_eur_per_mwh": prices,
        "co2_g_per_kwh": always(500.0),
        "pv_kw": always(pv_kw),
        "load_kw": always(10.0),
        "charging_kw": always(5.0),
        "import_limit_kw": always(500.0),
        "export_limit_kw": always(500.0),
        **changes,
    }
    return PlanBasis(start=start, resolution_s=900, forecast_methods={"pv": "pvlib"}, **values)


def plan(island: Island, start: datetime, *, power_kw: float, **changes: Any) -> Plan:
    """An accepted plan of 24 h in which both batteries do the same, from 50 % up 1 % a slot."""
    made = Plan.objects.create(
        **{
            "site": island.site, "status": "accepted", "start": start,
            "end": start + timedelta(hours=24), "requested_at": start, "computed_at": start,
            "duration_s": 12.5, "lease_until": start, "basis": basis(start).as_json(), **changes,
        }
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(
            plan=made, device=device, start=start + n * QUARTER_HOUR, power_kw=power_kw,
            soc_percent=min(90.0, 51.0 + n),
        )
        for device in island.batteries
        for n in range(96)
    )  # fmt: skip
    return made


def plans(island: Island) -> tuple[Plan, Plan, Plan]:
    """Plan A (both batteries 10 kW), plan B (both 20 kW), and an attempt that failed."""
    first = plan(island, SLOT - QUARTER_HOUR, power_kw=10.0)
    second = plan(island, SLOT, power_kw=20.0, trigger="prices", requested_at=NOW)
    failed = Plan.objects.create(
        site=island.site, status="failed", start=SLOT, end=SLOT + timedelta(hours=24),
        requested_at=NOW + timedelta(seconds=30), lease_until=NOW, reason_code="unavailable",
        findings={"unresolved": {"soc-minima": "x"}},
    )  # fmt: skip
    ControlState.objects.create(site=island.site, mode="plan", since=SLOT, plan=second)
    return first, second, failed


def car(site_pk: int, plan_of_it: Plan, *, power_kw: float = 8.0) -> Session:
    """A car since 11:45 that drew 2 kWh until 12:00 (8 kW), planned with `power_kw` from then."""
    station = station_register(
        station_id="CS-1", rated_power_kw=22.0, name="Marina", site_id=site_pk
    )
    stored = ChargingStation.objects.get(pk=station.pk)
    session = Session.objects.create(
        station=stored, evse=Evse.objects.get(station=stored), transaction_id="TX-1",
        id_token="CAR-1", started_at=SLOT - QUARTER_HOUR, power_kw=8.0,  # noqa: S106 - a card
    )  # fmt: skip
    for number, (at, energy_kwh, soc) in enumerate(
        ((SLOT - QUARTER_HOUR, "100", 40), (SLOT, "102", 43))
    ):
        for ordinal, (measurand, value, unit) in enumerate(
            (("Energy.Active.Import.Register", Decimal(energy_kwh), "kWh"), ("SoC", soc, "%"))
        ):
            MeterValue.objects.create(
                station=stored, session=session, seq_no=number, ordinal=ordinal, at=at,
                measurand=measurand, value=value, unit=unit,
            )  # fmt: skip
    CarGoal.objects.create(
        session=session, departure_at=SLOT + timedelta(hours=6), capacity_kwh=60.0,
        soc_percent=45.0, soc_at=SLOT, most_charge_kw=11.0, updated_at=SLOT,
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(plan=plan_of_it, session=session, start=SLOT + n * QUARTER_HOUR,
                 power_kw=power_kw, soc_percent=48.0 + 3 * n)
        for n in range(12)
    )  # fmt: skip
    return session


def setpoint(island: Island, **changes: Any) -> Setpoint:
    """The first battery was asked for its plan's 20 kW at 12:00."""
    return Setpoint.objects.create(
        **{
            "device": island.bat_1, "power_kw": 20.0, "source": "plan", "reason": "plan 2",
            "requested_at": SLOT, "expires_at": SLOT + timedelta(minutes=17), "status": "applied",
            **changes,
        }
    )  # fmt: skip
