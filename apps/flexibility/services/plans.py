"""Making plans: who may ask, asking FlexMeasures, checking the answer, keeping it.

At most one attempt per site is in flight: the row of the attempt is the lease, and the database
allows one such row. An attempt whose lease ended (its process was killed) gives way to the next;
if it ends after all, its result is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet

from apps.assets.choices import DeviceKind
from apps.assets.models import Site
from apps.flexibility.choices import PlanReason, PlanStatus, ReplanReason
from apps.flexibility.models import IN_FLIGHT, FlexmeasuresSensor, Plan, ReplanCall
from apps.flexibility.plan_check import Frame, plan_check
from apps.flexibility.services.plan_asking import (
    Answer,
    Failure,
    failure_of,
    plan_ask,
    schedules_of,
)
from apps.flexibility.services.plan_inputs import HORIZON, SLOT_COUNT, PlanImpossible
from apps.flexibility.services.plan_request import PlanRequest, plan_request
from apps.flexibility.services.plan_storing import (
    Made,
    mine,
    plan_accept,
    plan_fail,
    plan_running,
)
from apps.flexibility.services.provisioning import (
    FlexmeasuresServer,
    mapping_drop,
    provision,
)
from apps.tenants.context import current_schema, operator_context
from cariflex.common.errors import ExternalError
from cariflex.common.time import utc_now
from cariflex.common.units import QUARTER_HOUR, floor_slot

logger = logging.getLogger(__name__)

# Renewed while the attempt lives: a killed one gives way within this time.
LEASE: Final = timedelta(seconds=45)
RENEW_EVERY_S: Final = 10.0
# Several things that happen at once (a car's arrival is told in parts) make one plan.
GATHER: Final = timedelta(seconds=5)
# Cars come and go; so often is a site planned anew at most within a quarter hour.
SPACING: Final = timedelta(seconds=40)


def plan_refresh(*, server: FlexmeasuresServer, now: datetime, force: bool = False) -> list[Plan]:
    """Plan every site that is due; gives the attempts made, each ended one way or the other.

    Due is a site with batteries that has no accepted plan for the current quarter hour, no
    attempt in flight and no wait to sit out; `force` plans anew all the same.
    """
    attempts: list[Plan] = []
    with_batteries = Site.objects.filter(devices__kind=DeviceKind.BATTERY).distinct()
    for site in with_batteries.order_by("pk"):
        plan = plan_claim(site_id=site.pk, now=now, force=force)
        if plan is not None:
            attempts.append(plan_make(plan=plan, server=server, now=now))
    return attempts


def plan_claim(*, site_id: int, now: datetime, force: bool = False) -> Plan | None:
    """Start an attempt for the current quarter hour if one is due and nobody is at it.

    Due: the quarter hour has no accepted plan yet, or something happened since that was made
    (`replan_ask`), or `force`. A wait after a failure is sat out unless forced.
    """
    start = floor_slot(now)
    of_site = Plan.objects.filter(site_id=site_id)
    of_site.filter(status__in=IN_FLIGHT, lease_until__lte=now).update(
        status=PlanStatus.FAILED, reason_code=PlanReason.LEASE_LOST, computed_at=now, retry_at=None
    )
    reason = ReplanReason.OPERATOR if force else _due(of_site, site_id, start, now)
    if reason is None:
        return None
    last = of_site.exclude(status__in=IN_FLIGHT).order_by("-requested_at", "-pk").first()
    if not force and last is not None and last.retry_at is not None and last.retry_at > now:
        return None
    fresh: dict[str, Any] = {
        "status": PlanStatus.REQUESTED,
        "requested_at": now,
        "lease_until": now + LEASE,
        "retry_at": None,
        "job_id": "",
        "trigger": reason,
    }
    try:
        with transaction.atomic():
            if last is not None and last.start == start and _ended_badly(last):
                # One row per quarter hour, however often it is tried.
                taken = of_site.filter(
                    pk=last.pk, status=last.status, attempts=last.attempts
                ).update(attempts=F("attempts") + 1, **fresh)
                return of_site.get(pk=last.pk) if taken else None
            return Plan.objects.create(site_id=site_id, start=start, end=start + HORIZON, **fresh)
    except IntegrityError:
        return None


def _due(
    of_site: QuerySet[Plan], site_id: int, start: datetime, now: datetime
) -> ReplanReason | None:
    accepted = of_site.filter(status=PlanStatus.ACCEPTED, start=start).first()
    if accepted is None:
        return ReplanReason.SCHEDULED
    call = ReplanCall.objects.filter(site_id=site_id).first()
    if call is None or call.asked_at <= accepted.requested_at:
        return None
    if now - accepted.requested_at < SPACING:
        return None
    # Not while more of the same may follow at once, but not for ever either.
    if now - call.asked_at < GATHER and now - call.first_asked_at < 3 * GATHER:
        return None
    return ReplanReason(call.reason)


def prices_arrived() -> None:
    """Let attempts that only lacked prices be made again at once."""
    Plan.objects.filter(
        status=PlanStatus.FAILED, reason_code=PlanReason.PRICES_MISSING, retry_at__isnull=False
    ).update(retry_at=None)


def plan_make(*, plan: Plan, server: FlexmeasuresServer, now: datetime) -> Plan:
    """Carry a claimed attempt to its end: accepted, or failed with a reason in words."""
    began = time.monotonic()
    try:
        with _lease_kept(plan):
            outcome = _ask_and_check(plan, server, now)
    except Exception:
        # The attempt must not stay in flight; the fault itself goes on to the log.
        plan_fail(plan, Failure(PlanStatus.FAILED, PlanReason.INTERNAL), now, began)
        raise
    if isinstance(outcome, Failure):
        plan_fail(plan, outcome, now, began)
    else:
        plan_accept(plan, outcome, began)
    plan.refresh_from_db()
    return plan


def _ask_and_check(plan: Plan, server: FlexmeasuresServer, now: datetime) -> Made | Failure:
    try:
        account = provision(server=server, now=now).account
    except ExternalError as err:
        failure = failure_of(err)
        if failure.reason == PlanReason.BAD_ANSWER:
            return Failure(PlanStatus.FAILED, PlanReason.NOT_PROVISIONED, err.message)
        return failure
    try:
        request = plan_request(site=plan.site, account=account, start=plan.start, now=now)
    except PlanImpossible as err:
        return Failure(PlanStatus.FAILED, err.reason, err.detail)
    plan_running(plan, request)
    answer = asyncio.run(plan_ask(server.base_url, request))
    if answer.posts_done:
        for sensor_pk, posted in request.posted.items():
            FlexmeasuresSensor.objects.filter(pk=sensor_pk).update(posted=posted)
    plan.job_id = answer.job_id
    plan.server_version = answer.server_version
    if answer.error is not None:
        failure = failure_of(answer.error)
        if failure.reason == PlanReason.MAPPING_LOST:
            mapping_drop()
        return failure
    return _checked(request, answer)


def _checked(request: PlanRequest, answer: Answer) -> Made | Failure:
    if any(schedule.start != request.start for schedule in answer.schedules.values()):
        return Failure(PlanStatus.REFUSED, PlanReason.LENGTH, "starts in another slot")
    check = plan_check(
        batteries=request.inputs.batteries,
        cars=request.inputs.cars,
        schedules=schedules_of(request, answer),
        frame=Frame(request.start, SLOT_COUNT, QUARTER_HOUR),
        limits=request.limits,
    )
    if not check.is_accepted:
        return Failure(PlanStatus.REFUSED, PlanReason(check.reason_code), check.detail)
    return Made(request, answer, check)


@contextmanager
def _lease_kept(plan: Plan) -> Iterator[None]:
    """Renew the attempt's lease from a thread of its own while the block runs."""
    schema = current_schema()
    ended = threading.Event()

    def renew() -> None:
        try:
            while not ended.wait(RENEW_EVERY_S):
                with operator_context(schema):
                    mine(plan).update(lease_until=utc_now() + LEASE)
        finally:
            connection.close()

    keeper = threading.Thread(target=renew, name=f"plan-{plan.pk}-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _ended_badly(plan: Plan) -> bool:
    return plan.status in (PlanStatus.FAILED, PlanStatus.REFUSED, PlanStatus.LATE)
