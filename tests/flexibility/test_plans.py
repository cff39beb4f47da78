"""Plans through the whole way to a stand-in for FlexMeasures, and every way it can go wrong."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from apps.assets.models import SensorLatest
from apps.flexibility.choices import PlanReason, PlanStatus, SensorRole
from apps.flexibility.events import PlanChanged
from apps.flexibility.models import FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.selectors import (
    plan_device_slots,
    plan_in_force,
    plan_slots_total,
    plan_summary,
    plan_today,
)
from apps.flexibility.services import plans
from apps.flexibility.services.plans import plan_claim, plan_make, plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.events import PricesChanged
from apps.markets.models import PriceValue
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.fake_server import Answer
from tests.contracts.flexmeasures_fake import TRACEBACK, FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, price_of, prices_make, report

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def changed() -> Iterator[list[PlanChanged]]:
    """The PlanChanged events of the test."""
    seen: list[PlanChanged] = []
    events.subscribe(PlanChanged, seen.append)
    yield seen
    events.unsubscribe(PlanChanged, seen.append)


def sensor(role: SensorRole) -> FlexmeasuresSensor:
    return FlexmeasuresSensor.objects.get(role=role, asset__device__isnull=True)


@pytest.mark.usefixtures("priced")
def test_plan_covers_24_hours_from_the_current_quarter_hour(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (plan,) = plan_refresh(server=server, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.ACCEPTED, "")
    assert (plan.start, plan.end) == (SLOT, SLOT + DAY)
    assert PlanSlot.objects.filter(plan=plan).count() == 2 * 96
    first = plan_device_slots(plan.pk)[:3]
    assert [s.device_id for s in first] == [island.bat_1.pk] * 3
    assert [s.power_kw for s in first] == [8.0, -4.0, 0.0]
    # 50 % of 100 kWh, 2 kWh in at 96 %, then 1 kWh out at 96 %.
    assert [round(s.soc_percent, 3) for s in first] == [51.92, 50.878, 50.878]


@pytest.mark.usefixtures("priced")
def test_plan_says_what_it_was_made_of(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (plan,) = plan_refresh(server=server, now=NOW)

    summary = plan_summary(island.site.pk, NOW)
    assert summary is not None
    assert summary.job_id in fake.jobs
    assert summary.server_version == "1.0.1"
    assert summary.price_sensor_id == sensor(SensorRole.CONSUMPTION_PRICE).sensor_id
    assert (summary.price_count, summary.price_actual_count) == (96, 96)
    assert summary.price_area == "10YFR-RTE------C"
    assert (plan.price_min_eur_per_mwh, plan.price_max_eur_per_mwh) == (20, 200)
    # Two batteries: 2 kWh bought at 80 and 1 kWh sold at 70 EUR/MWh each.
    assert summary.battery_cost_eur == Decimal("0.1800")
    assert plan.duration_s is not None


@pytest.mark.usefixtures("priced")
def test_prices_and_expected_loads_are_posted_before_the_trigger(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    (buy,) = fake.posted(sensor(SensorRole.CONSUMPTION_PRICE).sensor_id)
    (sell,) = fake.posted(sensor(SensorRole.PRODUCTION_PRICE).sensor_id)
    expected = [float(price_of(SLOT + n * QUARTER_HOUR)) for n in range(96)]
    assert buy["values"] == expected
    assert sell["values"] == [price - 10 for price in expected]
    assert buy["unit"] == "EUR/MWh"
    assert buy["start"] == "2026-03-11T12:00:00+00:00"
    paths = [r.path.rsplit("/", 1)[-1] for r in fake.server.requests]
    assert max(n for n, p in enumerate(paths) if p == "data") < paths.index("trigger")


@pytest.mark.usefixtures("priced")
def test_request_names_outputs_limits_and_state_of_charge(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    (trigger,) = fake.triggers()
    planned = FlexmeasuresSensor.objects.get(
        role=SensorRole.PLANNED_POWER, asset__device=island.bat_1
    )
    assert trigger["flex-model"][0] == {
        "sensor": planned.sensor_id,
        "consumption": {"sensor": planned.sensor_id},
        "soc-at-start": "50.0000 kWh",
        "soc-min": "10.0000 kWh",
        "soc-max": "90.0000 kWh",
        "power-capacity": "50.0 kW",
        "charging-efficiency": "96.00%",
        "discharging-efficiency": "96.00%",
    }
    context = trigger["flex-context"]
    assert context["site-power-capacity"] == "500.0 kW"
    assert context["inflexible-consumption"] == [
        {"sensor": sensor(SensorRole.PV_POWER).sensor_id},
        {"sensor": sensor(SensorRole.CHARGING_POWER).sensor_id},
    ]
    assert trigger["start"] == "2026-03-11T12:00:00+00:00"


@pytest.mark.usefixtures("priced")
def test_one_trigger_per_quarter_hour_and_only_changed_prices_again(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    same_slot = plan_refresh(server=server, now=NOW + timedelta(minutes=9))
    (second,) = plan_refresh(server=server, now=NOW + timedelta(minutes=10))

    assert same_slot == []
    assert (second.status, second.start) == (PlanStatus.ACCEPTED, SLOT + QUARTER_HOUR)
    assert len(fake.triggers()) == 2
    posts = fake.posted(sensor(SensorRole.CONSUMPTION_PRICE).sensor_id)
    assert [len(post["values"]) for post in posts] == [96, 1]
    assert posts[1]["start"] == "2026-03-12T12:00:00+00:00"


@pytest.mark.usefixtures("priced")
def test_superseded_plans_are_deleted_there_before_the_trigger(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    planned = FlexmeasuresSensor.objects.filter(role=SensorRole.PLANNED_POWER)
    assert {sensor_id for sensor_id, _ in fake.deletions} == {s.sensor_id for s in planned}
    assert {(body["start"], body["until"]) for _, body in fake.deletions} == {
        ("2026-03-11T12:00:00+00:00", "2026-03-12T12:00:00+00:00")
    }
    assert fake.triggers()[0]["force-new-job-creation"] is True


@pytest.mark.usefixtures("priced")
def test_forced_plan_replaces_the_one_of_the_same_quarter_hour(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (first,) = plan_refresh(server=server, now=NOW)
    fake.schedule = lambda entry, slots: [0.0] * slots
    (second,) = plan_refresh(server=server, now=NOW + 60 * SECOND, force=True)

    first.refresh_from_db()
    assert (first.status, second.status) == (PlanStatus.SUPERSEDED, PlanStatus.ACCEPTED)
    assert plan_in_force(island.site.pk, NOW) == second


@pytest.mark.usefixtures("priced")
def test_totals_follow_the_plan_that_was_in_force(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    fake.schedule = lambda entry, slots: [1.0] * slots
    plan_refresh(server=server, now=NOW + QUARTER_HOUR)

    totals = plan_slots_total(island.site.pk, start=SLOT, end=SLOT + timedelta(minutes=45))

    assert [(t.start, t.power_kw) for t in totals] == [
        (SLOT, 16.0), (SLOT + QUARTER_HOUR, 2.0), (SLOT + 2 * QUARTER_HOUR, 2.0),
    ]  # fmt: skip
    # The island's day runs from 04:00 UTC to 04:00 UTC: 16 hours of it are planned.
    assert len(plan_today(island.site.pk, NOW)) == 64


FAILURES: dict[str, tuple[dict[str, Any], str, PlanReason, int]] = {
    "infeasible": (
        {"job_status": "FAILED", "exc_info": TRACEBACK + "InfeasibleProblemException: infeasible"},
        PlanStatus.FAILED, PlanReason.INFEASIBLE, 30,
    ),
    "job failed": (
        {"job_status": "FAILED", "exc_info": TRACEBACK}, PlanStatus.FAILED, PlanReason.JOB_FAILED,
        30,
    ),
    "rate limited": (
        {"forced": {"/schedules/trigger": Answer.of({"message": "x"}, 429, Retry_After="250")}},
        PlanStatus.FAILED, PlanReason.RATE_LIMITED, 250,
    ),
    "not ready": (
        {"forced": {"/cariflex/accounts": Answer(503, headers={"Retry-After": "7"})}},
        PlanStatus.FAILED, PlanReason.STARTING, 30,
    ),
    "server error": (
        {"forced": {"/schedules/trigger": Answer.of({"message": TRACEBACK}, 500)}},
        PlanStatus.FAILED, PlanReason.UNAVAILABLE, 30,
    ),
    "refused request": (
        {"forced": {"/schedules/trigger": Answer.of({"message": {"json": "no"}}, 422)}},
        PlanStatus.FAILED, PlanReason.BAD_ANSWER, 30,
    ),
    "garbage": (
        {"forced": {"/schedules/trigger": Answer(200, b"<html>", {"Content-Type": "text/html"})}},
        PlanStatus.FAILED, PlanReason.BAD_ANSWER, 30,
    ),
    "no job": (
        {"forced": {"/schedules/trigger": Answer.of({"status": "PROCESSED"}, 200)}},
        PlanStatus.FAILED, PlanReason.BAD_ANSWER, 30,
    ),
    "cut off": (
        {"forced": {"/schedules/trigger": Answer(200, b"{", close=True)}},
        PlanStatus.FAILED, PlanReason.UNAVAILABLE, 30,
    ),
    "too strong": (
        {"schedule": lambda entry, slots: [60.0] + [0.0] * (slots - 1)},
        PlanStatus.REFUSED, PlanReason.POWER_LIMIT, 30,
    ),
    "too much energy": (
        {"schedule": lambda entry, slots: [50.0] * slots},
        PlanStatus.REFUSED, PlanReason.SOC_LIMIT, 30,
    ),
    "too short": (
        {"schedule": lambda entry, slots: [0.0] * (slots - 1)},
        PlanStatus.REFUSED, PlanReason.LENGTH, 30,
    ),
    "null values": (
        {"schedule": lambda entry, slots: [None] * slots}, PlanStatus.FAILED,
        PlanReason.BAD_ANSWER, 30,
    ),
}  # fmt: skip


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize("case", FAILURES)
def test_failure_becomes_a_reason_in_words_and_a_wait(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake, case: str
) -> None:
    changes, status, reason, wait_s = FAILURES[case]
    for name, value in changes.items():
        setattr(fake, name, value)

    (plan,) = plan_refresh(server=server, now=NOW)

    assert (plan.status, plan.reason_code) == (status, reason)
    assert plan.reason
    assert "Traceback" not in plan.detail + plan.reason
    assert plan.retry_at is not None
    assert plan.computed_at is not None
    assert plan.retry_at - plan.computed_at == pytest.approx(wait_s * SECOND, abs=SECOND / 10)
    assert PlanSlot.objects.count() == 0
    assert plan_refresh(server=server, now=plan.retry_at - SECOND) == []
    fake.forced, fake.job_status, fake.exc_info = {}, "FINISHED", None
    fake.schedule = lambda entry, slots: [0.0] * slots
    (again,) = plan_refresh(server=server, now=plan.retry_at)
    assert again.status == PlanStatus.ACCEPTED
    assert Plan.objects.count() == (2 if plan.retry_at >= SLOT + QUARTER_HOUR else 1)


@pytest.mark.usefixtures("priced")
def test_server_that_is_down(island: Island) -> None:
    down = FlexmeasuresServer("http://127.0.0.1:9", "t")

    (plan,) = plan_refresh(server=down, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.FAILED, PlanReason.UNAVAILABLE)
    with translation.override("en"):
        assert plan.reason == "FlexMeasures cannot be reached"


@pytest.mark.usefixtures("priced")
def test_server_that_goes_down_after_the_set_up(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    down = FlexmeasuresServer("http://127.0.0.1:9", "t")

    (plan,) = plan_refresh(server=down, now=NOW + QUARTER_HOUR)

    assert (plan.status, plan.reason_code) == (PlanStatus.FAILED, PlanReason.UNAVAILABLE)
    assert plan_in_force(island.site.pk, NOW + QUARTER_HOUR) is not None


@pytest.mark.usefixtures("priced")
def test_job_that_never_ends_is_too_late(
    island: Island,
    server: FlexmeasuresServer,
    fake: FlexmeasuresFake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "JOB_TIMEOUT_S", 0.2)
    fake.job_status = "STARTED"

    (plan,) = plan_refresh(server=server, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.LATE, PlanReason.TIMEOUT)


@pytest.mark.usefixtures("priced")
def test_wait_grows_with_each_failed_job_of_a_quarter_hour(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    fake.job_status = "FAILED"
    waits, now = [], NOW
    for _attempt in range(3):
        (plan,) = plan_refresh(server=server, now=now)
        assert plan.retry_at is not None
        assert plan.computed_at is not None
        waits.append(round((plan.retry_at - plan.computed_at).total_seconds()))
        now = plan.retry_at

    assert waits == [30, 60, 120]
    assert Plan.objects.get().attempts == 3


@pytest.mark.usefixtures("priced")
def test_emptied_flexmeasures_is_set_up_again_by_the_next_attempt(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    fake.empty()
    report(island, NOW + QUARTER_HOUR)

    (lost,) = plan_refresh(server=server, now=NOW + QUARTER_HOUR)
    assert lost.retry_at is not None
    (found,) = plan_refresh(server=server, now=lost.retry_at)

    assert (lost.status, lost.reason_code) == (PlanStatus.FAILED, PlanReason.MAPPING_LOST)
    assert found.reason_code == ""
    assert found.status == PlanStatus.ACCEPTED
    posts = fake.posted(sensor(SensorRole.CONSUMPTION_PRICE).sensor_id)
    assert len(posts[-1]["values"]) == 96


def test_no_prices_no_trigger(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (plan,) = plan_refresh(server=server, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.FAILED, PlanReason.PRICES_MISSING)
    assert fake.triggers() == []


def test_estimated_prices_are_counted_as_such(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    prices_make(days=2)
    PriceValue.objects.filter(start__gte=SLOT + timedelta(hours=11)).delete()

    (plan,) = plan_refresh(server=server, now=NOW)

    assert plan.status == PlanStatus.ACCEPTED
    assert (plan.price_count, plan.price_actual_count) == (96, 44)


@pytest.mark.usefixtures("priced")
def test_battery_without_state_of_charge_is_left_out_not_the_island(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    SensorLatest.objects.filter(sensor__device=island.bat_1).update(at=NOW - timedelta(hours=1))

    (plan,) = plan_refresh(server=server, now=NOW)

    assert plan.status == PlanStatus.ACCEPTED
    assert {s.device_id for s in plan_device_slots(plan.pk)} == {island.bat_2.pk}
    SensorLatest.objects.update(at=NOW - timedelta(hours=1))
    (blind,) = plan_refresh(server=server, now=NOW + QUARTER_HOUR)
    assert blind.reason_code == PlanReason.SOC_MISSING


@pytest.mark.usefixtures("priced")
def test_killed_attempt_gives_way_after_its_lease(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    killed = plan_claim(site_id=island.site.pk, now=NOW)
    assert killed is not None

    meanwhile = plan_refresh(server=server, now=NOW + plans.LEASE - SECOND)
    (successor,) = plan_refresh(server=server, now=NOW + plans.LEASE)

    assert meanwhile == []
    assert successor.pk == killed.pk
    assert (successor.status, successor.attempts) == (PlanStatus.ACCEPTED, 2)


@pytest.mark.usefixtures("priced")
def test_result_that_comes_after_the_lease_is_dropped(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    slow = plan_claim(site_id=island.site.pk, now=NOW)
    assert slow is not None
    (successor,) = plan_refresh(server=server, now=NOW + plans.LEASE)
    fake.schedule = lambda entry, slots: [1.0] * slots

    late = plan_make(plan=slow, server=server, now=NOW)

    assert (late.status, late.job_id) == (PlanStatus.ACCEPTED, successor.job_id)
    assert PlanSlot.objects.count() == 2 * 96
    assert plan_device_slots(successor.pk)[0].power_kw == 8.0


@pytest.mark.usefixtures("priced")
def test_plan_changed_is_told_after_success_and_failure(
    island: Island,
    server: FlexmeasuresServer,
    fake: FlexmeasuresFake,
    changed: list[PlanChanged],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        plan_refresh(server=server, now=NOW)
        fake.job_status = "FAILED"
        plan_refresh(server=server, now=NOW + QUARTER_HOUR)

    assert changed == [PlanChanged("guadeloupe", island.site.pk)] * 2


def test_lease_is_renewed_while_the_attempt_lives(
    live_operators: tuple[Operator, Operator],
    fake: FlexmeasuresFake,
    server: FlexmeasuresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "RENEW_EVERY_S", 0.02)
    leases: list[datetime] = []

    def wait_for_renewal() -> None:
        try:
            with operator_context("guadeloupe"):
                for _poll in range(200):
                    leases.append(Plan.objects.get().lease_until)
                    if leases[-1] > NOW + plans.LEASE:
                        return
                    time.sleep(0.02)
        finally:
            connection.close()

    fake.on_trigger = wait_for_renewal
    with operator_context("guadeloupe"):
        island_make()
        prices_make()
        (plan,) = plan_refresh(server=server, now=NOW)

    # NOW is long past: a renewed lease counts from the real clock.
    assert plan.status == PlanStatus.ACCEPTED
    assert leases[-1] > NOW + plans.LEASE


def test_plan_that_lacked_prices_is_made_when_they_arrive(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    prices_make()

    plans.prices_arrived()
    (plan,) = plan_refresh(server=server, now=NOW + SECOND)

    assert (plan.status, plan.attempts) == (PlanStatus.ACCEPTED, 2)


def test_new_prices_enqueue_a_plan_and_nothing_more(
    operator_a: Operator,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        "apps.tenants.tasking.OperatorTask.apply_async",
        lambda task, *_args, **_options: sent.append(task.name),
    )

    with django_capture_on_commit_callbacks(execute=True):
        events.publish(PricesChanged(schema="guadeloupe", day=NOW.date()))

    assert sent == ["flexibility.prices_arrived"]


def test_ten_refreshes_at_once_make_one_trigger(
    live_operators: tuple[Operator, Operator], fake: FlexmeasuresFake, server: FlexmeasuresServer
) -> None:
    with operator_context("guadeloupe"):
        island_make()
        prices_make()
    together = threading.Barrier(10)
    made: list[int] = []

    def refresh() -> None:
        try:
            with operator_context("guadeloupe"):
                together.wait(timeout=10)
                made.extend(p.pk for p in plan_refresh(server=server, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(made) == 1
    assert len(fake.triggers()) == 1
    with operator_context("guadeloupe"):
        assert Plan.objects.get().status == PlanStatus.ACCEPTED


@pytest.mark.usefixtures("priced")
def test_plans_of_one_operator_are_not_seen_by_another(
    island: Island, operator_b: Operator, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    with operator_context("martinique"):
        other = island_make()
        assert Plan.objects.count() == 0
        assert plan_in_force(other.site.pk, NOW) is None
        assert plan_slots_total(other.site.pk, start=SLOT, end=SLOT + DAY) == []
        # No prices there: Guadeloupe's are not borrowed.
        (plan,) = plan_refresh(server=server, now=NOW)
        assert plan.reason_code == PlanReason.PRICES_MISSING
