"""The contract with the real FlexMeasures 1.0.1: set-up, signs, isolation, a plan that makes sense.

It runs against the server of the test stack, or against one that is up already
(TEST_FLEXMEASURES_URL and TEST_FLEXMEASURES_TOKEN).
"""

import asyncio
import os
from datetime import timedelta

import pytest

from apps.flexibility.choices import PlanReason, PlanStatus, SensorRole
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient, UnknownThere
from apps.flexibility.models import (
    FlexmeasuresAccount,
    FlexmeasuresAsset,
    FlexmeasuresSensor,
    Plan,
    PlanSlot,
)
from apps.flexibility.selectors import plan_summary
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, price_of, report

pytestmark = pytest.mark.stack
DAY = timedelta(days=1)


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


@pytest.fixture
def ready(island: Island, real: FlexmeasuresServer) -> FlexmeasuresAccount:
    """Guadeloupe, set up there."""
    return provision(server=real, now=NOW).account


def client(server: FlexmeasuresServer, account: FlexmeasuresAccount) -> FlexmeasuresClient:
    return FlexmeasuresClient(
        base_url=server.base_url, email=account.email, password=account.password
    )


def planned_sensor(island: Island) -> FlexmeasuresSensor:
    return FlexmeasuresSensor.objects.get(role=SensorRole.PLANNED_POWER, asset__device=island.bat_1)


def test_set_up_twice_changes_nothing_the_second_time(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer
) -> None:
    again = provision(server=real, now=NOW, verify=True)

    assert again.created == 0
    assert FlexmeasuresAsset.objects.count() == 5
    assert FlexmeasuresSensor.objects.count() == 25
    assert again.account.server_version == "1.0.1"


async def visible(server: FlexmeasuresServer, account: FlexmeasuresAccount) -> set[int]:
    """The assets that FlexMeasures shows to this operator."""
    async with client(server, account) as ours:
        return {a.asset_id for a in await ours.assets(account_id=account.account_id or 0)}


async def trespass(
    server: FlexmeasuresServer, account: FlexmeasuresAccount, sensor_id: int, asset_id: int
) -> list[int | None]:
    """The status of writing, reading and planning at another operator's."""
    statuses: list[int | None] = []
    async with client(server, account) as ours:
        for attempt in (
            ours.values_post(sensor_id=sensor_id, start=SLOT, values=[1.0], unit="kW"),
            ours.values(sensor_id=sensor_id, start=SLOT, duration=DAY, unit="kW"),
            ours.schedule_trigger(
                asset_id=asset_id, start=SLOT, duration=DAY, flex_model=[], flex_context={}
            ),
        ):
            with pytest.raises(UnknownThere) as caught:
                await attempt
            statuses.append(caught.value.status)
    return statuses


def test_operator_is_refused_at_another_operators_sensor_and_site(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, operator_b: Operator
) -> None:
    with operator_context("martinique"):
        island_make()
        provision(server=real, now=NOW)
        theirs = FlexmeasuresSensor.objects.get(role=SensorRole.PV_POWER)
        their_site = theirs.asset.asset_id

    mapped = set(FlexmeasuresAsset.objects.values_list("asset_id", flat=True))
    assert their_site not in mapped
    assert asyncio.run(visible(real, ready)) == mapped
    assert asyncio.run(trespass(real, ready, theirs.sensor_id, their_site)) == [403] * 3


def test_posted_power_comes_back_with_the_same_sign(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, island: Island
) -> None:
    measured = FlexmeasuresSensor.objects.get(role=SensorRole.POWER, asset__device=island.bat_1)

    async def round_trip() -> list[float | None]:
        async with client(real, ready) as ours:
            for _twice in range(2):
                await ours.values_post(
                    sensor_id=measured.sensor_id, start=SLOT, values=[50.0, -50.0, 0.0], unit="kW"
                )
            return await ours.values(
                sensor_id=measured.sensor_id, start=SLOT, duration=3 * QUARTER_HOUR, unit="kW"
            )

    assert asyncio.run(round_trip()) == [50.0, -50.0, 0.0]


@pytest.mark.usefixtures("priced")
def test_plan_charges_when_cheap_and_discharges_when_dear(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, island: Island
) -> None:
    (plan,) = plan_refresh(server=real, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.ACCEPTED, "")
    slots = list(PlanSlot.objects.filter(plan=plan, device=island.bat_1).order_by("start"))
    assert len(slots) == 96
    charged = [s for s in slots if s.power_kw > 1]
    discharged = [s for s in slots if s.power_kw < -1]
    dear = [s for s in discharged if price_of(s.start) == 200]
    cheap = [s for s in charged if price_of(s.start) == 20]
    # 80 kWh of window at 50 kW: the dear evening empties it, the cheap night fills it.
    assert sum(s.power_kw for s in dear) / 4 < -35
    assert sum(s.power_kw for s in cheap) / 4 > 35
    assert not [s for s in charged if price_of(s.start) == 200]
    assert not [s for s in discharged if price_of(s.start) == 20]
    assert plan.battery_cost_eur is not None
    assert plan.battery_cost_eur < 0
    summary = plan_summary(island.site.pk, NOW)
    assert summary is not None
    assert (summary.server_version, summary.price_count) == ("1.0.1", 96)


@pytest.mark.usefixtures("priced")
def test_planned_power_is_stored_there_with_our_sign(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, island: Island
) -> None:
    (plan,) = plan_refresh(server=real, now=NOW)
    sensor = planned_sensor(island)

    async def stored() -> list[float | None]:
        async with client(real, ready) as ours:
            return await ours.values(
                sensor_id=sensor.sensor_id, start=plan.start, duration=DAY, unit="kW"
            )

    there = asyncio.run(stored())
    ours = PlanSlot.objects.filter(plan=plan, device=island.bat_1).order_by("start")
    assert there == pytest.approx([s.power_kw for s in ours], abs=0.001)
    assert min(value for value in there if value is not None) < -10
    assert max(value for value in there if value is not None) > 10


@pytest.mark.usefixtures("priced")
def test_next_quarter_hours_plan_of_batteries_outside_their_window(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, island: Island
) -> None:
    later = NOW + QUARTER_HOUR
    report(island, later, soc=4.0)

    (plan,) = plan_refresh(server=real, now=later)

    assert (plan.status, plan.reason_code) == (PlanStatus.ACCEPTED, "")
    first = PlanSlot.objects.filter(plan=plan).order_by("start").first()
    assert first is not None
    assert first.power_kw > -0.1


@pytest.mark.usefixtures("priced")
def test_wrong_password_drops_the_mapping_and_the_next_attempt_recovers(
    ready: FlexmeasuresAccount, real: FlexmeasuresServer, island: Island
) -> None:
    # As after a restore of our database: the password there is another one.
    FlexmeasuresAccount.objects.update(password="another-password-0123")

    (lost,) = plan_refresh(server=real, now=NOW)
    assert lost.retry_at is not None
    (found,) = plan_refresh(server=real, now=lost.retry_at)

    assert lost.reason_code == PlanReason.MAPPING_LOST
    assert found.status == PlanStatus.ACCEPTED
    assert Plan.objects.count() == 1
