"""What happens between two quarter hours makes a plan of its own, once, and not too often."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from apps.assets.models import Setpoint
from apps.flexibility.choices import PlanStatus, ReplanReason
from apps.flexibility.models import Plan, PlanSlot, ReplanCall
from apps.flexibility.services.plans import plan_claim, plan_make, plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.flexibility.services.replanning import replan_ask
from apps.flexibility.services.watching import deviations_watch, prices_watch
from apps.markets.models import SeriesValue
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, report

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def planned(
    island: Island, priced: None, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> Plan:
    """An accepted plan of this quarter hour, made at NOW."""
    cache.clear()
    fake.schedule = lambda _entry, slots: [0.0] * slots
    (plan,) = plan_refresh(server=server, now=NOW)
    return plan


def ask(island: Island, at_s: int, reason: ReplanReason = ReplanReason.CAR_ARRIVED) -> None:
    replan_ask(site_id=island.site.pk, reason=reason, now=NOW + at_s * SECOND, detail="CS-001")


def test_call_makes_one_plan_within_the_quarter_hour_and_is_done(
    planned: Plan, island: Island, server: FlexmeasuresServer
) -> None:
    ask(island, 60)
    ask(island, 62, ReplanReason.CAR_GOAL)

    (again,) = plan_refresh(server=server, now=NOW + 70 * SECOND)
    nothing = plan_refresh(server=server, now=NOW + 200 * SECOND)

    planned.refresh_from_db()
    assert (planned.status, again.status) == (PlanStatus.SUPERSEDED, PlanStatus.ACCEPTED)
    assert (planned.trigger, again.trigger) == (ReplanReason.SCHEDULED, ReplanReason.CAR_GOAL)
    assert nothing == []
    assert not ReplanCall.objects.exists()
    # Nobody will ask for the slots of the plan that gave way.
    assert set(PlanSlot.objects.values_list("plan_id", flat=True)) == {again.pk}


def test_call_waits_for_more_of_the_same_but_not_for_ever(planned: Plan, island: Island) -> None:
    site_id = island.site.pk
    ask(island, 60)

    assert plan_claim(site_id=site_id, now=NOW + 63 * SECOND) is None
    for at_s in (64, 68, 72, 74):
        ask(island, at_s)
    # The last word is a second old, the first fifteen.
    assert plan_claim(site_id=site_id, now=NOW + 75 * SECOND) is not None


def test_plans_of_one_quarter_hour_keep_their_distance(planned: Plan, island: Island) -> None:
    ask(island, 5)

    assert plan_claim(site_id=island.site.pk, now=NOW + 39 * SECOND) is None
    assert plan_claim(site_id=island.site.pk, now=NOW + 40 * SECOND) is not None


def test_what_happens_while_a_plan_is_made_calls_for_the_next(
    planned: Plan, island: Island, server: FlexmeasuresServer
) -> None:
    ask(island, 60)
    claimed = plan_claim(site_id=island.site.pk, now=NOW + 70 * SECOND)
    assert claimed is not None
    ask(island, 80)

    plan_make(plan=claimed, server=server, now=NOW + 70 * SECOND)

    call = ReplanCall.objects.get()
    assert call.asked_at == NOW + 80 * SECOND
    assert plan_claim(site_id=island.site.pk, now=NOW + 111 * SECOND) is not None


def test_failed_plan_keeps_the_call(
    planned: Plan, island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    ask(island, 60)
    fake.job_status = "FAILED"

    (failed,) = plan_refresh(server=server, now=NOW + 70 * SECOND)

    assert failed.status == PlanStatus.FAILED
    assert ReplanCall.objects.count() == 1
    planned.refresh_from_db()
    assert planned.status == PlanStatus.ACCEPTED


def test_calls_of_one_operator_are_not_anothers(
    planned: Plan, island: Island, operator_b: Operator
) -> None:
    ask(island, 60)

    with operator_context("martinique"):
        island_make()
        assert not ReplanCall.objects.exists()
    assert ReplanCall.objects.get().site_id == island.site.pk


# --- prices ---


def revise(start: object, value: int) -> None:
    series = SeriesValue.objects.get(start=start).series
    SeriesValue.objects.create(
        series=series, start=start, value=Decimal(value), published_at=NOW + MINUTE
    )


def test_price_revision_calls_only_where_the_plan_used_it(planned: Plan, island: Island) -> None:
    assert prices_watch(now=NOW + 2 * MINUTE) == 0

    # Beyond the horizon, and gone by: no concern of this plan.
    revise(SLOT + timedelta(hours=25), 500)
    revise(SLOT - timedelta(hours=1), 500)
    assert prices_watch(now=NOW + 2 * MINUTE) == 0

    revise(SLOT + timedelta(hours=3), 500)
    assert prices_watch(now=NOW + 2 * MINUTE) == 1
    call = ReplanCall.objects.get()
    assert (call.reason, call.detail) == (ReplanReason.PRICES, "1 quarter hours")


# --- batteries and flows ---


def test_battery_that_is_not_where_the_plan_has_it_calls(planned: Plan, island: Island) -> None:
    later = SLOT + QUARTER_HOUR + 5 * MINUTE
    Plan.objects.filter(pk=planned.pk).update(basis={**planned.basis, "pv_kw": [-60.0] * 96})
    report(island, later, soc=54.0)
    assert deviations_watch(now=later) == 0

    report(island, later + SECOND, soc=56.0)
    assert deviations_watch(now=later + 2 * SECOND) == 1
    call = ReplanCall.objects.get()
    assert call.reason == ReplanReason.SOC_DRIFT
    assert call.detail == "bat-1: 56 % measured, 50 % planned"


def test_sun_that_misses_the_forecast_calls_when_seen_twice(planned: Plan, island: Island) -> None:
    # Nothing was expected; two plants give 30 kW each.
    assert deviations_watch(now=NOW + 10 * SECOND) == 0
    assert deviations_watch(now=NOW + 40 * SECOND) == 1
    call = ReplanCall.objects.get()
    assert call.reason == ReplanReason.FORECAST_MISS
    assert call.detail == "-60 kW measured, 0 kW expected"


def test_forecast_that_stays_wrong_is_not_planned_again_at_once(
    planned: Plan, island: Island, server: FlexmeasuresServer
) -> None:
    deviations_watch(now=NOW + 10 * SECOND)
    deviations_watch(now=NOW + 40 * SECOND)
    (again,) = plan_refresh(server=server, now=NOW + 50 * SECOND)

    assert again.trigger == ReplanReason.FORECAST_MISS
    assert deviations_watch(now=NOW + 80 * SECOND) == 0
    assert not ReplanCall.objects.exists()


def test_without_a_plan_nothing_is_watched(island: Island) -> None:
    assert (prices_watch(now=NOW), deviations_watch(now=NOW)) == (0, 0)
    assert not PlanSlot.objects.exists()
    assert not Setpoint.objects.exists()
