"""Attempts at one plan: killed, late, renewed, and many at once."""

import threading
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection

from apps.flexibility.choices import PlanStatus
from apps.flexibility.models import Plan, PlanSlot
from apps.flexibility.selectors import (
    plan_device_slots,
)
from apps.flexibility.services import plans
from apps.flexibility.services.plans import plan_claim, plan_make, plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, Island, island_make, prices_make

SECOND = timedelta(seconds=1)


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
