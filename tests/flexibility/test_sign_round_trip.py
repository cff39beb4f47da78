"""+50, 0 and -50 kW all the way: FlexMeasures' answer, its table, our plan, the register, OCPP.

The signs: charging is positive everywhere but on the Modbus register, where SunSpec counts what is
injected (model 704, point WSet, watts: charging 50 kW is -50000).
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import psycopg2
import pytest
from pymodbus.client import AsyncModbusTcpClient

from apps.assets.drivers.poller import Poller, SetpointCommand, SetpointOutcome
from apps.assets.drivers.registry import DeviceSpec
from apps.assets.models import Device, Setpoint
from apps.flexibility.cars.profiles import PlannedCar, Wanted, WireStation, plan_powers, profile_of
from apps.flexibility.choices import PlanStatus, SensorRole
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.services.dispatch import dispatch
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import SeriesValue
from apps.simulation.clock import SystemClock
from apps.simulation.devices.battery import Battery
from cariflex.common.http import HttpClient
from cariflex.common.units import QUARTER_HOUR
from cariflex.runtime import postgres
from tests.assets.conftest import DeviceLoop, FreePortServer, island_battery
from tests.assets.polling import eventually
from tests.flexibility.conftest import NOW, SLOT, Island, prices_make, report
from tests.stack import Stack

pytestmark = pytest.mark.stack
WANTED_KW: Final = (50.0, 0.0, -50.0)
PRICES: Final = (Decimal(1), Decimal(70), Decimal(1000))
"""EUR/MWh of the first three slots. The other 93 are at 80 and what is fed in earns 10 less.

What is bought at 1 and stored sells at 70: all there is. At 70 nothing is bought, for the way in
and out costs 8 %, nor sold at 60, for later it is 70. At 1000 all there is is sold.
"""
WSET: Final = 40301
"""WSet of model 704, two registers, behind the models 1, 701 and 702 of the simulated battery."""
STATION: Final = WireStation(most_charge_kw=50.0, most_discharge_kw=50.0, has_setpoints=True)


@dataclass(frozen=True)
class Row:
    """One power in the five places, each with the number that stands there."""

    api_kw: float
    table_kw: float
    plan_kw: float
    wset_w: int
    readback_kw: float | None
    ocpp_w: int


@pytest.fixture
def there(servers: Stack) -> FlexmeasuresServer:
    return FlexmeasuresServer(
        f"http://127.0.0.1:{servers.ports.flexmeasures}",
        servers.secrets["FLEXMEASURES_PROVISION_TOKEN"],
    )


@pytest.fixture
def simulated() -> Iterator[FreePortServer]:
    """The demo island's battery with 50 kW and 100 kWh, on a socket."""
    loop = DeviceLoop()
    asset = replace(island_battery(), rated_power_kw=50.0, capacity_kwh=100.0)
    yield loop.start(FreePortServer(Battery("guadeloupe", asset, SystemClock())))
    loop.close()


def api_kw(server: FlexmeasuresServer, sensor_id: int, job_id: str) -> list[float]:
    """GET schedule, as it comes over the wire."""
    account = FlexmeasuresAccount.objects.get()
    http = HttpClient(system="flexmeasures", base_url=server.base_url, own_network=True)
    login = {"email": account.email, "password": account.password}
    token = http.request("POST", "/api/requestAuthToken", json_body=login).json()["auth_token"]
    answer = http.request(
        "GET",
        f"/api/v3_0/sensors/{sensor_id}/schedules/{job_id}",
        params={"duration": "PT24H", "unit": "kW"},
        headers={"Authorization": token},
    )
    return [float(value) for value in answer.json()["values"]]


def table_kw(stack: Stack, sensor_id: int) -> list[float]:
    """What FlexMeasures' scheduler wrote into its own table, the newest belief per event."""
    url = postgres.url(stack.layout, stack.secrets, postgres.FLEXMEASURES_ROLE)
    with closing(psycopg2.connect(url)) as link, link.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (b.event_start) b.event_value FROM timed_belief b"
            " JOIN data_source s ON s.id = b.source_id"
            " WHERE b.sensor_id = %s AND b.event_start >= %s AND s.type = 'scheduler'"
            " ORDER BY b.event_start, b.belief_horizon",
            (sensor_id, SLOT),
        )
        return [float(value) for (value,) in cursor.fetchall()]


def dispatched(island: Island, at: datetime) -> Setpoint:
    """What the dispatch asks of the first battery at an instant."""
    report(island, at, pv_kw=0.0)
    dispatch(now=at)
    return Setpoint.objects.filter(device=island.bat_1).latest("pk")


def written(end: FreePortServer, device: Device, setpoint: Setpoint, poller: Poller) -> float:
    """Bring a set-point to the device as a poll worker does; gives what it read back, kW."""
    session = poller.open("guadeloupe")
    session.poll(
        [DeviceSpec(device.pk, device.code, "sunspec", "127.0.0.1", end.port, 1, 0.5, True, 50.0)]
    )
    session.leave.renew(frozenset({setpoint.pk}), asked_at_s=time.monotonic())
    session.command([SetpointCommand(setpoint.pk, device.pk, setpoint.power_kw, 60)])
    found: list[SetpointOutcome] = []

    def done() -> bool:
        found.extend(event for event in session.drain() if isinstance(event, SetpointOutcome))
        return bool(found)

    eventually(done)
    session.stop()
    assert found[0].error is None
    assert found[0].readback_kw is not None
    return found[0].readback_kw


async def register(port: int) -> int:
    """WSet as a stranger reads it: 32 bits, two's complement, watts."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    answer = await client.read_holding_registers(WSET, count=2, device_id=1)
    client.close()
    bits = answer.registers[0] << 16 | answer.registers[1]
    return bits - (1 << 32) if bits & 1 << 31 else bits


def ocpp_w(powers_kw: list[float]) -> list[int]:
    """The set-points of the profile of a DC car of 50 kW both ways that has this plan."""
    slots = [Wanted(SLOT + n * QUARTER_HOUR, kw) for n, kw in enumerate(powers_kw)]
    car = plan_powers(
        slots, resolution=QUARTER_HOUR, now=SLOT, trust_until=SLOT + timedelta(hours=4)
    )
    assert isinstance(car, PlannedCar)
    profile = profile_of(car, transaction_id="tx-1", station=STATION)
    (schedule,) = profile["chargingSchedule"]
    return [int(period["setpoint"]) for period in schedule["chargingSchedulePeriod"]]


def round_trip(
    stack: Stack, server: FlexmeasuresServer, island: Island, end: FreePortServer
) -> list[Row]:
    """The three powers in the five places."""
    (plan,) = plan_refresh(server=server, now=NOW)
    assert (plan.status, plan.reason_code) == (PlanStatus.ACCEPTED, "")
    sensor = FlexmeasuresSensor.objects.get(
        role=SensorRole.PLANNED_POWER, asset__device=island.bat_1
    )
    api = api_kw(server, sensor.sensor_id, plan.job_id)
    table = table_kw(stack, sensor.sensor_id)
    ours = planned(plan, island)
    ocpp = ocpp_w(ours[:3])
    rows = []
    for number in range(3):
        setpoint = dispatched(island, SLOT + number * QUARTER_HOUR + timedelta(minutes=6))
        poller = Poller()
        readback_kw = written(end, island.bat_1, setpoint, poller)
        poller.close()
        wset_w = asyncio.run(register(end.port))
        rows.append(
            Row(api[number], table[number], ours[number], wset_w, readback_kw, ocpp[number])
        )
    return rows


def planned(plan: Plan, island: Island) -> list[float]:
    slots = PlanSlot.objects.filter(plan=plan, device=island.bat_1).order_by("start")
    return list(slots.values_list("power_kw", flat=True))


def test_fifty_in_nothing_and_fifty_out_are_the_same_in_every_place(
    servers: Stack, there: FlexmeasuresServer, island: Island, simulated: FreePortServer
) -> None:
    prices_make()
    SeriesValue.objects.update(value=Decimal(80))
    for number, price in enumerate(PRICES):
        SeriesValue.objects.filter(start=SLOT + number * QUARTER_HOUR).update(value=price)
    report(island, NOW, pv_kw=0.0)

    rows = round_trip(servers, there, island, simulated)

    head = ("wanted kW", "API kW", "timed_belief kW", "PlanSlot kW", "WSet W", "readback", "OCPP W")
    table = [head] + [
        (wanted, row.api_kw, row.table_kw, row.plan_kw, row.wset_w, row.readback_kw, row.ocpp_w)
        for wanted, row in zip(WANTED_KW, rows, strict=True)
    ]
    for line in table:
        words = (f"{w:+.3f}" if isinstance(w, float) else str(w) for w in line)
        sys.stdout.write("  ".join(word.rjust(15) for word in words) + "\n")
    for wanted, row in zip(WANTED_KW, rows, strict=True):
        assert row.api_kw == pytest.approx(wanted, abs=0.001)
        assert row.table_kw == pytest.approx(wanted, abs=0.001)
        assert row.plan_kw == pytest.approx(wanted, abs=0.001)
        assert row.wset_w == -1000 * wanted
        assert row.readback_kw == pytest.approx(wanted, abs=0.001)
        assert row.ocpp_w == 1000 * wanted
