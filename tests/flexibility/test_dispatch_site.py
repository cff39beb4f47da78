"""Set-points that follow the whole site: clouds, cars that left, curtailed sun, grid requests."""

from datetime import timedelta

import pytest

from apps.assets.models import Device, Setpoint, Site
from apps.assets.services import limits_hold
from apps.flexibility.basis import PlanBasis
from apps.flexibility.choices import GridRequestKind
from apps.flexibility.models import GridRequest, Plan, PlanSlot
from apps.flexibility.services.dispatch import dispatch
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, report
from tests.flexibility.test_dispatch import plan_make, setpoints

SECOND = timedelta(seconds=1)


def basis(pv_kw: float) -> PlanBasis:
    """Expected: that much sun and nothing else."""
    flat = (0.0,) * 96
    return PlanBasis(
        start=SLOT, resolution_s=900, consumption_eur_per_mwh=flat, production_eur_per_mwh=flat,
        steering_eur_per_mwh=flat, co2_g_per_kwh=(None,) * 96, pv_kw=(pv_kw,) * 96, load_kw=flat,
        charging_kw=flat, import_limit_kw=(None,) * 96, export_limit_kw=(None,) * 96,
        forecast_methods={},
    )  # fmt: skip


def planned(island: Island, *, power_kw: float, pv_kw: float) -> Plan:
    plan = plan_make(island, power_kw=power_kw)
    plan.basis = basis(pv_kw).as_json()
    plan.save(update_fields=["basis"])
    return plan


def newest(device: Device) -> Setpoint:
    return Setpoint.objects.filter(device=device).order_by("-pk")[0]


def test_cloud_makes_batteries_store_less_not_buy(island: Island) -> None:
    # 60 kW of sun expected and stored, 30 each; the plants give 2 x 15.
    planned(island, power_kw=30.0, pv_kw=-60.0)
    report(island, NOW, pv_kw=-15.0)

    dispatch(now=NOW)

    assert setpoints() == {"bat-1": (15.0, "plan"), "bat-2": (15.0, "plan")}
    reason = newest(island.bat_1).reason
    assert reason.endswith(", +30.0 kW planned, sun or load differ")


def test_plan_that_buys_on_purpose_is_followed_to_the_number(island: Island) -> None:
    planned(island, power_kw=50.0, pv_kw=-60.0)
    report(island, NOW, pv_kw=-15.0)

    dispatch(now=NOW)

    assert setpoints() == {"bat-1": (50.0, "plan"), "bat-2": (50.0, "plan")}


@pytest.fixture
def plants(island: Island) -> list[Device]:
    """Both plants may be written to."""
    Device.objects.filter(kind="pv").update(control_enabled=True)
    return [island.pv_1, island.pv_2]


def test_plant_is_curtailed_in_its_slots_and_let_go_after(
    island: Island, plants: list[Device]
) -> None:
    plan = plan_make(island, power_kw=0.0)
    PlanSlot.objects.create(plan=plan, device=island.pv_1, start=SLOT, power_kw=-12.0)

    dispatch(now=NOW)

    assert setpoints()["pv-1"] == (-12.0, "plan")
    assert "pv-2" not in setpoints()
    assert newest(island.pv_1).reason.endswith(", curtailed")

    after = SLOT + QUARTER_HOUR + SECOND
    report(island, after)
    dispatch(now=after)

    # As much as the plant can, no limit any more.
    assert newest(island.pv_1).power_kw == -50.0
    assert newest(island.pv_1).reason.endswith(", not curtailed")


def test_own_rule_curtails_what_neither_batteries_nor_grid_take(
    island: Island, plants: list[Device]
) -> None:
    Site.objects.update(grid_export_limit_kw=10.0)
    report(island, NOW, pv_kw=-45.0, soc=90.0)

    dispatch(now=NOW)

    # Full batteries, 90 kW of sun, 10 kW may leave: 5 kW each. The first is cut to 0 as long as the
    # second still gives 45 kW; `limits_hold` gives it back.
    asked = {s.device.code: s.power_kw if s.asked_kw is None else s.asked_kw
             for s in Setpoint.objects.select_related("device")}  # fmt: skip
    assert asked == {"bat-1": 0.0, "bat-2": 0.0, "pv-1": -5.0, "pv-2": -5.0}
    assert setpoints()["pv-2"] == (-5.0, "fallback")
    assert {source for _, source in setpoints().values()} == {"fallback"}


def test_plants_that_nobody_may_write_to_are_left_alone(island: Island) -> None:
    Site.objects.update(grid_export_limit_kw=10.0)
    report(island, NOW, pv_kw=-45.0, soc=90.0)

    dispatch(now=NOW)

    assert set(setpoints()) == {"bat-1", "bat-2"}


def request(island: Island, limit_kw: float) -> GridRequest:
    return GridRequest.objects.create(
        site=island.site, kind=GridRequestKind.IMPORT_LIMIT, limit_kw=limit_kw,
        start=NOW + 20 * SECOND, end=NOW + 300 * SECOND,
    )  # fmt: skip


def test_request_of_the_grid_cuts_what_is_in_force_and_gives_it_back(island: Island) -> None:
    plan_make(island, power_kw=50.0)
    report(island, NOW, pv_kw=0.0)
    dispatch(now=NOW)
    Setpoint.objects.update(status="applied", written_at=NOW, applied_kw=50.0)
    request(island, 30.0)
    during = NOW + 30 * SECOND
    report(island, during, pv_kw=0.0, power=50.0)

    limits_hold(now=during)

    rows = Setpoint.objects.filter(status="requested")
    assert sum(row.power_kw for row in rows) <= 30.0
    assert {row.limited_by for row in rows} == {"grid_import_limit"}


def test_request_of_another_operator_limits_nothing(island: Island, operator_b: Operator) -> None:
    with operator_context("martinique"):
        request(island_make(), 0.0)
    plan_make(island, power_kw=50.0)

    dispatch(now=NOW + 30 * SECOND)

    assert setpoints() == {"bat-1": (50.0, "plan"), "bat-2": (50.0, "plan")}
