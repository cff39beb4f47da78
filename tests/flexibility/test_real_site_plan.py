"""The real FlexMeasures plans batteries, a car and PV together, to an objective, within limits."""

import os
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.assets.models import Device, Sensor
from apps.assets.services import ReadingRow, readings_store
from apps.chargers.models import Session
from apps.flexibility.choices import CarGoalOrigin, GridRequestKind, Objective, PlanStatus
from apps.flexibility.models import CarGoal, GridRequest, Plan, PlanSlot, SitePolicy
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import SeriesValue
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.cars.conftest import session_make, station_make
from tests.flexibility.conftest import NOW, SLOT, Island

pytestmark = pytest.mark.stack
SLOTS = [SLOT + n * QUARTER_HOUR for n in range(96)]


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> FlexmeasuresServer:
    url = os.environ.get("TEST_FLEXMEASURES_URL")
    if url:
        return FlexmeasuresServer(url, os.environ["TEST_FLEXMEASURES_TOKEN"])
    stack = request.getfixturevalue("servers")
    return FlexmeasuresServer(
        f"http://127.0.0.1:{stack.ports.flexmeasures}",
        stack.secrets["FLEXMEASURES_PROVISION_TOKEN"],
    )


def car_plug_in(*, most_discharge_kw: float = 22.0) -> Session:
    """A car of 75 kWh at 40 % that wants 80 % in eight hours and may go down to 30 %."""
    session = session_make(station_make())
    CarGoal.objects.create(
        session=session, origin=CarGoalOrigin.OPERATOR, departure_at=SLOT + timedelta(hours=8),
        capacity_kwh=75.0, soc_percent=40.0, soc_at=NOW, soc_energy_kwh=0.0,
        target_soc_percent=80.0, min_soc_percent=30.0, max_soc_percent=90.0,
        most_charge_kw=22.0, most_discharge_kw=most_discharge_kw, updated_at=NOW,
    )  # fmt: skip
    return session


def powers(plan: Plan, **whose: object) -> list[float]:
    rows = PlanSlot.objects.filter(plan=plan, **whose).order_by("start")
    return list(rows.values_list("power_kw", flat=True))


def made(real: FlexmeasuresServer) -> Plan:
    (plan,) = plan_refresh(server=real, now=NOW, force=True)
    assert (plan.status, plan.reason_code, plan.detail) == (PlanStatus.ACCEPTED, "", "")
    return plan


@pytest.mark.usefixtures("priced")
def test_car_is_charged_by_its_departure_and_left_alone_after(
    island: Island, real: FlexmeasuresServer
) -> None:
    session = car_plug_in()

    plan = made(real)

    slots = list(PlanSlot.objects.filter(plan=plan, session=session).order_by("start"))
    assert len(slots) == 96
    at_departure = next(s for s in slots if s.start == SLOT + timedelta(hours=7, minutes=45))
    assert at_departure.soc_percent == pytest.approx(80, abs=1.2)
    assert all(s.power_kw == pytest.approx(0, abs=0.01) for s in slots[32:])
    assert all(-22.01 <= s.power_kw <= 22.01 for s in slots)
    assert all((s.soc_percent or 0) >= 29 for s in slots)
    assert plan.basis["import_limit_kw"] == [500.0] * 96


@pytest.mark.usefixtures("priced")
def test_request_of_the_grid_binds_the_slots_it_holds_for(
    island: Island, real: FlexmeasuresServer
) -> None:
    # Five kW instead of 500 in the cheap night from 04:00 to 06:00 UTC.
    start = SLOT + timedelta(hours=16)
    GridRequest.objects.create(
        site=island.site, kind=GridRequestKind.IMPORT_LIMIT, limit_kw=5.0, start=start,
        end=start + timedelta(hours=2),
    )  # fmt: skip

    plan = made(real)

    bound = [
        sum(PlanSlot.objects.filter(plan=plan, start=slot).values_list("power_kw", flat=True))
        for slot in SLOTS[64:72]
    ]
    assert max(bound) <= 5.3
    assert plan.basis["import_limit_kw"][63:66] == [500.0, 5.0, 5.0]


@pytest.mark.usefixtures("priced")
def test_reserve_is_kept_free_in_both_directions(island: Island, real: FlexmeasuresServer) -> None:
    SitePolicy.objects.create(
        site=island.site, objective=Objective.RESERVE, reserve_kw=40.0, reserve_minutes=60
    )

    plan = made(real)

    # 20 of 50 kW each; 20 kWh over an hour: 10 % + 20 / 0.96 kWh, 90 % - 20 x 0.96 kWh.
    for battery in island.batteries:
        rows = PlanSlot.objects.filter(plan=plan, device=battery)
        assert max(abs(power) for power in rows.values_list("power_kw", flat=True)) <= 30.1
        socs = [soc or 0.0 for soc in rows.values_list("soc_percent", flat=True)]
        assert min(socs) >= 30.8 - 1
        assert max(socs) <= 70.8 + 1
    assert plan.objective == Objective.RESERVE


@pytest.mark.usefixtures("priced")
def test_sun_is_curtailed_when_feeding_in_costs(island: Island, real: FlexmeasuresServer) -> None:
    Device.objects.filter(kind="pv").update(control_enabled=True, stage="in_service")
    Device.objects.filter(kind="battery").update(soc_min_percent=89.0)
    # From 16:00 to 18:00 UTC it costs 50 EUR/MWh to feed in, and 40 kW of sun are expected.
    costly = SLOTS[16:24]
    SeriesValue.objects.filter(start__in=costly).update(value=Decimal(-40))
    sunny_yesterday(island, [slot - timedelta(days=1) for slot in SLOTS[8:32]], power_kw=-20.0)

    plan = made(real)

    assert plan.basis["pv_kw"][8:32] == [-40.0] * 24
    rows = PlanSlot.objects.filter(plan=plan, device__kind="pv").order_by("start")
    assert {row.start for row in rows} <= set(costly)
    assert len({row.start for row in rows}) >= 6
    assert all(-20 <= row.power_kw <= 0 for row in rows)


def sunny_yesterday(island: Island, starts: list[datetime], power_kw: float) -> None:
    """Each plant measured that power in these quarter hours."""
    for device in (island.pv_1, island.pv_2):
        sensor = Sensor.objects.get(device=device, quantity="power_kw")
        readings_store(
            [
                ReadingRow(sensor.pk, start + minute * timedelta(minutes=1), power_kw)
                for start in starts
                for minute in range(15)
            ]
        )
