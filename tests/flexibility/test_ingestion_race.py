"""No plan on values that are not in yet: a FlexMeasures that saves posted values in the background.

Version 1.0.1 answers 202 and a job as soon as a worker listens on its queue `ingestion`; a schedule
asked for before that job is through is made of the old values (FlexMeasures issue 2368).
"""

import pytest
from django.utils import translation

from apps.flexibility.choices import PlanReason, PlanStatus
from apps.flexibility.clients import flexmeasures
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresSensor
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from tests.contracts.flexmeasures_fake import TRACEBACK, FlexmeasuresFake
from tests.flexibility.conftest import NOW, Island

# How a job that saves posted values stands, and what FlexMeasures says of it.
NOT_IN = {"held": "QUEUED", "at work": "STARTED", "failed": "FAILED", "forgotten": None}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No patience: one look at each job."""
    monkeypatch.setattr(flexmeasures, "INGESTION_TIMEOUT_S", 0.0)


@pytest.mark.usefixtures("priced", "short")
@pytest.mark.parametrize("case", NOT_IN)
def test_values_that_are_not_in_hold_the_trigger_back(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake, case: str
) -> None:
    fake.ingestion = NOT_IN[case] or "QUEUED"
    fake.exc_info = TRACEBACK
    fake.forgets_jobs = NOT_IN[case] is None

    (late,) = plan_refresh(server=server, now=NOW)

    assert (late.status, late.reason_code) == (PlanStatus.FAILED, PlanReason.INGESTION_LATE)
    assert fake.triggers() == []
    assert fake.deletions == []
    count = len(fake.posts)
    assert late.detail == f"{count} of {count} posts are not in yet"
    # A job that is forgotten there does not mean that we are.
    assert FlexmeasuresAccount.objects.get().provisioned_at == NOW
    with translation.override("en"):
        assert late.reason == "FlexMeasures has not taken in the latest values yet"

    fake.ingestion, fake.forgets_jobs = "FINISHED", False
    assert late.retry_at is not None
    (made,) = plan_refresh(server=server, now=late.retry_at)

    assert (made.status, made.reason_code) == (PlanStatus.ACCEPTED, "")
    # What was not seen in is posted once more; FlexMeasures skips what it has.
    price = FlexmeasuresSensor.objects.get(role="consumption_price")
    first, second = fake.posted(price.sensor_id)
    assert len(first["values"]) >= 96
    assert first == second


@pytest.mark.usefixtures("priced")
def test_each_finished_job_is_looked_at_once(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    fake.ingestion = "FINISHED"

    (plan,) = plan_refresh(server=server, now=NOW)

    assert plan.status == PlanStatus.ACCEPTED
    looks = [fake.server.count("GET", f"/jobs/{job_id}") for job_id in fake.ingestion_jobs]
    assert looks == [1] * len(fake.posts)
