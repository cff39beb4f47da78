"""Set-points of the moment: plan, held plan, own rule; and how little they cost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets.models import SensorLatest, Setpoint
from apps.assets.services import setpoint_request
from apps.flexibility.choices import ControlMode, PlanStatus
from apps.flexibility.events import ControlStateChanged
from apps.flexibility.models import ControlState, Plan, PlanSlot
from apps.flexibility.selectors import control_state
from apps.flexibility.services.dispatch import dispatch
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, report

SECOND = timedelta(seconds=1)


@pytest.fixture
def changed() -> Iterator[list[ControlStateChanged]]:
    seen: list[ControlStateChanged] = []
    events.subscribe(ControlStateChanged, seen.append)
    yield seen
    events.unsubscribe(ControlStateChanged, seen.append)


def plan_make(island: Island, *, slots_ago: int = 0, power_kw: float = 20.0) -> Plan:
    """An accepted plan with one power for both batteries."""
    start = SLOT - slots_ago * QUARTER_HOUR
    plan = Plan.objects.create(
        site=island.site, status=PlanStatus.ACCEPTED, start=start,
        end=start + timedelta(days=1), requested_at=start + 5 * SECOND, lease_until=start,
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(plan=plan, device=device, start=start + n * QUARTER_HOUR, power_kw=power_kw,
                 soc_percent=50.0)
        for device in island.batteries
        for n in range(96)
    )  # fmt: skip
    return plan


def attempt_failed(island: Island, reason: str = "unavailable") -> Plan:
    return Plan.objects.create(
        site=island.site, status=PlanStatus.FAILED, reason_code=reason, start=SLOT,
        end=SLOT + timedelta(days=1), requested_at=NOW - SECOND, lease_until=NOW,
    )  # fmt: skip


def setpoints() -> dict[str, tuple[float, str]]:
    """The active set-points by device: kW and source."""
    return {
        s.device.code: (s.power_kw, s.source)
        for s in Setpoint.objects.filter(status="requested").select_related("device")
    }


def test_plan_of_the_quarter_hour_is_followed(island: Island) -> None:
    plan = plan_make(island)

    requested = dispatch(now=NOW)

    assert requested == 2
    assert setpoints() == {"bat-1": (20.0, "plan"), "bat-2": (20.0, "plan")}
    first = Setpoint.objects.first()
    assert first is not None
    assert first.expires_at == SLOT + QUARTER_HOUR + 120 * SECOND
    assert first.reason == f"plan {plan.pk}"
    state = control_state(island.site.pk)
    assert (state.mode, state.reason_code, state.plan_id) == (ControlMode.PLAN, "", plan.pk)


def test_nothing_is_asked_twice_until_the_next_slot(island: Island) -> None:
    plan_make(island)
    dispatch(now=NOW)

    again = dispatch(now=NOW + 2 * SECOND)
    next_slot = dispatch(now=SLOT + QUARTER_HOUR + SECOND)

    assert (again, next_slot) == (0, 2)
    # The value is the same: the active set-point lasts longer, no new one is made.
    assert Setpoint.objects.count() == 2
    ends = set(Setpoint.objects.values_list("expires_at", flat=True))
    assert ends == {SLOT + 2 * QUARTER_HOUR + 120 * SECOND}


def test_new_value_of_the_next_slot_replaces_the_old(island: Island) -> None:
    plan = plan_make(island)
    dispatch(now=NOW)
    PlanSlot.objects.filter(plan=plan, start=SLOT + QUARTER_HOUR).update(power_kw=-12.5)

    dispatch(now=SLOT + QUARTER_HOUR)

    assert setpoints() == {"bat-1": (-12.5, "plan"), "bat-2": (-12.5, "plan")}


def test_newer_plan_takes_over_within_the_slot(island: Island) -> None:
    plan_make(island, slots_ago=1)
    dispatch(now=NOW)
    plan_make(island, power_kw=-5.0)

    dispatch(now=NOW + 2 * SECOND)

    assert setpoints() == {"bat-1": (-5.0, "plan"), "bat-2": (-5.0, "plan")}


def test_last_plan_is_held_at_once_when_an_attempt_fails(
    island: Island, changed: list[ControlStateChanged], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        plan = plan_make(island, slots_ago=1)
        dispatch(now=NOW)
        attempt_failed(island, "rate_limited")
        dispatch(now=NOW + 2 * SECOND)
        dispatch(now=NOW + 4 * SECOND)

    state = control_state(island.site.pk)
    assert (state.mode, state.reason_code) == (ControlMode.HOLD, "rate_limited")
    assert (state.plan_id, state.since) == (plan.pk, NOW + 2 * SECOND)
    assert setpoints()["bat-1"] == (20.0, "plan")
    assert changed == [ControlStateChanged("guadeloupe", island.site.pk)] * 2


def test_without_any_plan_the_own_rule_acts_at_the_first_dispatch(island: Island) -> None:
    attempt_failed(island, "infeasible")

    requested = dispatch(now=NOW)

    assert requested == 2
    # Two PV plants with 30 kW and no car: 60 kW for two batteries.
    assert setpoints() == {"bat-1": (30.0, "fallback"), "bat-2": (30.0, "fallback")}
    state = control_state(island.site.pk)
    assert (state.mode, state.reason_code) == (ControlMode.FALLBACK, "infeasible")
    assert state.reason


def test_own_rule_follows_every_ten_seconds(island: Island) -> None:
    dispatch(now=NOW)
    report(island, NOW + 4 * SECOND, pv_kw=-10.0)

    early = dispatch(now=NOW + 5 * SECOND)
    later = dispatch(now=NOW + 10 * SECOND)

    assert (early, later) == (0, 2)
    assert setpoints()["bat-1"] == (10.0, "fallback")


def test_own_rule_is_renewed_before_it_ends(island: Island) -> None:
    dispatch(now=NOW)

    steady = dispatch(now=NOW + 50 * SECOND)
    renewed = dispatch(now=NOW + 70 * SECOND)

    assert (steady, renewed) == (0, 2)
    assert Setpoint.objects.count() == 2


def test_plan_takes_over_from_the_own_rule_at_once(island: Island) -> None:
    dispatch(now=NOW)
    plan_make(island)

    dispatch(now=NOW + 2 * SECOND)

    assert setpoints() == {"bat-1": (20.0, "plan"), "bat-2": (20.0, "plan")}
    assert control_state(island.site.pk).mode == ControlMode.PLAN


def test_old_plan_is_no_longer_followed(island: Island) -> None:
    plan_make(island, slots_ago=17)

    dispatch(now=NOW)

    state = control_state(island.site.pk)
    assert (state.mode, state.reason_code) == (ControlMode.FALLBACK, "plan_expired")
    assert setpoints()["bat-1"] == (30.0, "fallback")


@pytest.mark.parametrize(("soc", "power"), [(90.0, 20.0), (10.0, -20.0)])
def test_power_out_of_the_window_becomes_zero_with_its_reason(
    island: Island, soc: float, power: float
) -> None:
    plan_make(island, power_kw=power)
    report(island, NOW, soc=soc)

    dispatch(now=NOW)

    assert setpoints() == {"bat-1": (0.0, "plan"), "bat-2": (0.0, "plan")}
    first = Setpoint.objects.first()
    assert first is not None
    assert first.reason.endswith(f"state of charge {soc:.1f} %")


def test_battery_that_is_silent_is_left_alone(island: Island) -> None:
    plan_make(island)
    SensorLatest.objects.filter(sensor__device=island.bat_1).update(at=NOW - timedelta(hours=1))

    dispatch(now=NOW)

    assert set(setpoints()) == {"bat-2"}


def test_read_only_battery_gets_nothing(island: Island) -> None:
    plan_make(island)
    island.bat_1.control_enabled = False
    island.bat_1.save()

    dispatch(now=NOW)

    assert set(setpoints()) == {"bat-2"}


@pytest.mark.parametrize("source", ["operator", "grid"])
def test_stronger_setpoint_is_left_alone(island: Island, source: str) -> None:
    plan_make(island)
    setpoint_request(
        device_id=island.bat_1.pk, power_kw=-3.0, source=source, reason="by hand",
        expires_at=NOW + timedelta(hours=1), now=NOW,
    )  # fmt: skip

    dispatch(now=NOW)

    assert setpoints() == {"bat-1": (-3.0, source), "bat-2": (20.0, "plan")}
    assert Setpoint.objects.count() == 2


def test_steady_dispatch_is_few_queries(island: Island) -> None:
    plan_make(island)
    dispatch(now=NOW)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        dispatch(now=NOW + 2 * SECOND)

    selects = [q for q in queries.captured_queries if q["sql"].startswith(("SELECT", "UPDATE"))]
    # Devices, set-points, grid meters, the latest (2), cars, the first site, limits of the grid;
    # of the site: its state, the plan, the last failure, what the plan was made of, its slots.
    assert len(selects) == 13
    assert not any(q["sql"].startswith("UPDATE") for q in selects)


def test_second_dispatch_at_the_same_time_leaves_the_site_to_the_first(
    live_operators: tuple[Operator, Operator],
) -> None:
    with operator_context("guadeloupe"):
        island = island_make()
        plan_make(island)
        ControlState.objects.create(site=island.site, since=NOW)
        other = connection.copy()
        other.set_tenant(connection.tenant)
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("SELECT id FROM flexibility_controlstate FOR UPDATE")
                blocked = dispatch(now=NOW)
            other.rollback()
            free = dispatch(now=NOW)
        finally:
            other.close()

    assert (blocked, free) == (0, 2)


def test_dispatch_touches_its_own_operator_only(island: Island, operator_b: Operator) -> None:
    with operator_context("martinique"):
        island_make()
    plan_make(island)

    dispatch(now=NOW)

    with operator_context("martinique"):
        assert Setpoint.objects.count() == 0
        assert ControlState.objects.count() == 0
