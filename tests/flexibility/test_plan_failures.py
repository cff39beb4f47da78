"""Every way a plan can go wrong: the reason in words, the wait, and what is left out."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from apps.assets.models import SensorLatest
from apps.flexibility.choices import PlanReason, PlanStatus, SensorRole
from apps.flexibility.models import FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.selectors import (
    plan_device_slots,
    plan_in_force,
)
from apps.flexibility.services import plan_asking
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import SeriesValue
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.fake_server import Answer
from tests.contracts.flexmeasures_fake import TRACEBACK, FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island, prices_make, report

SECOND = timedelta(seconds=1)


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
    "another sum": ({"site_error_kw": 25.0}, PlanStatus.REFUSED, PlanReason.BALANCE, 30),
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
    fake.forced, fake.job_status, fake.exc_info, fake.site_error_kw = {}, "FINISHED", None, 0.0
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
    monkeypatch.setattr(plan_asking, "JOB_TIMEOUT_S", 0.2)
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
    price_sensor = FlexmeasuresSensor.objects.get(
        role=SensorRole.CONSUMPTION_PRICE, asset__device__isnull=True
    )
    posts = fake.posted(price_sensor.sensor_id)
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
    SeriesValue.objects.filter(start__gte=SLOT + timedelta(hours=11)).delete()

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
