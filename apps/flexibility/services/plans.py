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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from apps.assets.choices import DeviceKind
from apps.assets.models import Site
from apps.flexibility.choices import PlanReason, PlanStatus
from apps.flexibility.clients.flexmeasures import (
    FlexmeasuresClient,
    IngestionLate,
    JobFailed,
    JobLate,
    Schedule,
    UnexpectedAnswer,
    UnknownThere,
)
from apps.flexibility.events import PlanChanged
from apps.flexibility.models import IN_FLIGHT, FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.planning import PlanCheck, battery_cost_eur, plan_check
from apps.flexibility.services.plan_request import (
    HORIZON,
    SLOT_COUNT,
    PlanImpossible,
    PlanRequest,
    plan_request,
)
from apps.flexibility.services.provisioning import (
    FlexmeasuresServer,
    mapping_drop,
    provision,
)
from apps.tenants.context import current_schema, operator_context
from cariflex.common import events
from cariflex.common.errors import ExternalError
from cariflex.common.time import utc_now
from cariflex.common.units import QUARTER_HOUR, floor_slot

logger = logging.getLogger(__name__)

JOB_TIMEOUT_S: Final = 120.0
# Renewed while the attempt lives: a killed one gives way within this time.
LEASE: Final = timedelta(seconds=45)
RENEW_EVERY_S: Final = 10.0
RETRY_FIRST: Final = timedelta(seconds=30)
RETRY_MAX: Final = timedelta(minutes=5)
KEEP_WHOLE_PLANS: Final = timedelta(days=2)
# Asking again costs FlexMeasures nothing, so the wait does not grow.
_CHEAP: Final = frozenset(
    {
        PlanReason.UNAVAILABLE,
        PlanReason.STARTING,
        PlanReason.MAPPING_LOST,
        PlanReason.NOT_PROVISIONED,
        PlanReason.PRICES_MISSING,
        PlanReason.SOC_MISSING,
        PlanReason.INGESTION_LATE,
    }
)


@dataclass
class _Answer:
    """What one run against FlexMeasures gave, as far as it got."""

    posts_done: bool = False
    job_id: str = ""
    server_version: str = ""
    schedules: dict[int, Schedule] = field(default_factory=dict)
    error: ExternalError | None = None


@dataclass(frozen=True)
class _Failure:
    status: PlanStatus
    reason: PlanReason
    detail: str = ""
    retry_after_s: float | None = None


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
    """Start an attempt for the current quarter hour if one is due and nobody is at it."""
    start = floor_slot(now)
    mine = Plan.objects.filter(site_id=site_id)
    mine.filter(status__in=IN_FLIGHT, lease_until__lte=now).update(
        status=PlanStatus.FAILED, reason_code=PlanReason.LEASE_LOST, computed_at=now, retry_at=None
    )
    if not force and mine.filter(status=PlanStatus.ACCEPTED, start=start).exists():
        return None
    last = mine.exclude(status__in=IN_FLIGHT).order_by("-requested_at", "-pk").first()
    if not force and last is not None and last.retry_at is not None and last.retry_at > now:
        return None
    fresh = {
        "status": PlanStatus.REQUESTED,
        "requested_at": now,
        "lease_until": now + LEASE,
        "retry_at": None,
        "job_id": "",
    }
    try:
        with transaction.atomic():
            if last is not None and last.start == start and _ended_badly(last):
                # One row per quarter hour, however often it is tried.
                taken = mine.filter(pk=last.pk, status=last.status, attempts=last.attempts).update(
                    attempts=F("attempts") + 1, **fresh
                )
                return mine.get(pk=last.pk) if taken else None
            return Plan.objects.create(site_id=site_id, start=start, end=start + HORIZON, **fresh)
    except IntegrityError:
        return None


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
        _fail(plan, _Failure(PlanStatus.FAILED, PlanReason.INTERNAL), now, began)
        raise
    if isinstance(outcome, _Failure):
        _fail(plan, outcome, now, began)
    else:
        request, answer, check = outcome
        _accept(plan, request, answer, check, began)
    plan.refresh_from_db()
    return plan


def _ask_and_check(
    plan: Plan, server: FlexmeasuresServer, now: datetime
) -> tuple[PlanRequest, _Answer, PlanCheck] | _Failure:
    try:
        account = provision(server=server, now=now).account
    except ExternalError as err:
        failure = _failure(err)
        if failure.reason == PlanReason.BAD_ANSWER:
            return _Failure(PlanStatus.FAILED, PlanReason.NOT_PROVISIONED, err.message)
        return failure
    try:
        request = plan_request(site=plan.site, account=account, start=plan.start, now=now)
    except PlanImpossible as err:
        return _Failure(PlanStatus.FAILED, err.reason, err.detail)
    _running(plan, request)
    answer = asyncio.run(_ask(server.base_url, request))
    if answer.posts_done:
        for sensor_pk, posted in request.posted.items():
            FlexmeasuresSensor.objects.filter(pk=sensor_pk).update(posted=posted)
    plan.job_id = answer.job_id
    plan.server_version = answer.server_version
    if answer.error is not None:
        return _failure(answer.error)
    late = [s for s in answer.schedules.values() if s.start != request.start]
    if late:
        return _Failure(PlanStatus.REFUSED, PlanReason.LENGTH, "starts in another slot")
    check = plan_check(
        batteries=request.batteries,
        schedules={key: schedule.power_kw for key, schedule in answer.schedules.items()},
        start=request.start,
        slot_count=SLOT_COUNT,
        resolution=QUARTER_HOUR,
        limits=request.limits,
    )
    if not check.is_accepted:
        return _Failure(PlanStatus.REFUSED, PlanReason(check.reason_code), check.detail)
    return request, answer, check


async def _ask(base_url: str, request: PlanRequest) -> _Answer:
    answer = _Answer()
    try:
        async with FlexmeasuresClient(
            base_url=base_url, email=request.email, password=request.password
        ) as client:
            await client.values_post_all(request.posts)
            answer.posts_done = True
            for sensor_id in request.planned_sensor_ids.values():
                # FlexMeasures compares each new value with all that were ever planned for its
                # slot: measured 9 s for a first plan, 50 s for the fourth that overlaps it.
                await client.values_delete(
                    sensor_id=sensor_id, start=request.start, end=request.start + HORIZON
                )
            answer.job_id = await client.schedule_trigger(
                asset_id=request.site_asset_id,
                start=request.start,
                duration=HORIZON,
                flex_model=request.flex_model,
                flex_context=request.flex_context,
            )
            await client.job_wait(job_id=answer.job_id, timeout_s=JOB_TIMEOUT_S)
            for device_id, sensor_id in request.planned_sensor_ids.items():
                answer.schedules[device_id] = await client.schedule(
                    sensor_id=sensor_id, job_id=answer.job_id, duration=HORIZON
                )
            answer.server_version = client.server_version
    except ExternalError as err:
        answer.error = err
    return answer


@contextmanager
def _lease_kept(plan: Plan) -> Iterator[None]:
    """Renew the attempt's lease from a thread of its own while the block runs."""
    schema = current_schema()
    ended = threading.Event()

    def renew() -> None:
        try:
            while not ended.wait(RENEW_EVERY_S):
                with operator_context(schema):
                    _mine(plan).update(lease_until=utc_now() + LEASE)
        finally:
            connection.close()

    keeper = threading.Thread(target=renew, name=f"plan-{plan.pk}-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _failure(err: ExternalError) -> _Failure:
    """The one table from what FlexMeasures did to what the operator reads."""
    after_s = err.retry_after_s
    if isinstance(err, UnknownThere):
        mapping_drop()
        return _Failure(PlanStatus.FAILED, PlanReason.MAPPING_LOST, err.message)
    if isinstance(err, JobFailed):
        reason = PlanReason.INFEASIBLE if err.infeasible else PlanReason.JOB_FAILED
        return _Failure(PlanStatus.FAILED, reason)
    if isinstance(err, JobLate):
        return _Failure(PlanStatus.LATE, PlanReason.TIMEOUT, err.message)
    if isinstance(err, IngestionLate):
        return _Failure(PlanStatus.FAILED, PlanReason.INGESTION_LATE, err.message)
    if err.status == 429:
        return _Failure(PlanStatus.FAILED, PlanReason.RATE_LIMITED, err.message, after_s)
    if err.status in (502, 503, 504):
        return _Failure(PlanStatus.FAILED, PlanReason.STARTING, err.message, after_s)
    if err.retryable and not isinstance(err, UnexpectedAnswer):
        return _Failure(PlanStatus.FAILED, PlanReason.UNAVAILABLE, err.message, after_s)
    return _Failure(PlanStatus.FAILED, PlanReason.BAD_ANSWER, err.message, after_s)


def _running(plan: Plan, request: PlanRequest) -> None:
    plan.status = PlanStatus.RUNNING
    plan.price_sensor_id = request.price_sensor_id
    plan.price_count = len(request.prices.consumption)
    plan.price_actual_count = request.prices.actual_count
    plan.price_area = request.prices.area
    plan.price_min_eur_per_mwh = min(request.prices.consumption.values())
    plan.price_max_eur_per_mwh = max(request.prices.consumption.values())
    fields = ("status", "price_sensor_id", "price_count", "price_actual_count", "price_area",
              "price_min_eur_per_mwh", "price_max_eur_per_mwh")  # fmt: skip
    _mine(plan).update(**{name: getattr(plan, name) for name in fields})


def _accept(
    plan: Plan, request: PlanRequest, answer: _Answer, check: PlanCheck, began: float
) -> None:
    with transaction.atomic():
        others = Plan.objects.filter(
            site_id=plan.site_id, start=plan.start, status=PlanStatus.ACCEPTED
        )
        if not _mine(plan).select_for_update().exists():
            logger.warning("plan result dropped, the lease was lost plan=%s", plan.pk)
            return
        others.update(status=PlanStatus.SUPERSEDED)
        PlanSlot.objects.bulk_create(
            PlanSlot(
                plan=plan,
                device_id=slot.device_id,
                start=slot.start,
                power_kw=slot.power_kw,
                soc_percent=slot.soc_percent,
            )
            for slot in check.slots
        )
        duration_s = time.monotonic() - began
        _mine(plan).update(
            status=PlanStatus.ACCEPTED,
            reason_code="",
            detail="",
            computed_at=plan.requested_at + timedelta(seconds=duration_s),
            duration_s=duration_s,
            retry_at=None,
            job_id=answer.job_id,
            server_version=answer.server_version,
            battery_cost_eur=_cost(request, check),
        )
        _slots_prune(plan)
        events.publish(PlanChanged(schema=current_schema(), site_id=plan.site_id))
    logger.info("plan accepted site=%s job=%s took_s=%.1f", plan.site_id, answer.job_id, duration_s)


def _fail(plan: Plan, failure: _Failure, now: datetime, began: float) -> None:
    duration_s = time.monotonic() - began
    ended_at = now + timedelta(seconds=duration_s)
    ended = _mine(plan).update(
        status=failure.status,
        reason_code=failure.reason,
        detail=failure.detail[:300],
        computed_at=ended_at,
        duration_s=duration_s,
        retry_at=ended_at + _wait(failure, plan.attempts),
        job_id=plan.job_id,
        server_version=plan.server_version,
    )
    if ended:
        logger.warning("plan failed site=%s reason=%s", plan.site_id, failure.reason.value)
        events.publish(PlanChanged(schema=current_schema(), site_id=plan.site_id))


def _wait(failure: _Failure, attempts: int) -> timedelta:
    wait = RETRY_FIRST
    if failure.reason not in _CHEAP:
        wait = min(RETRY_FIRST * 2 ** min(attempts - 1, 10), RETRY_MAX)
    return max(wait, timedelta(seconds=failure.retry_after_s or 0))


def _mine(plan: Plan) -> QuerySet[Plan]:
    """The row while this attempt holds it: a late one must not overwrite its successor's word."""
    return Plan.objects.filter(
        pk=plan.pk,
        status__in=IN_FLIGHT,
        attempts=plan.attempts,
        requested_at=plan.requested_at,
    )


def _cost(request: PlanRequest, check: PlanCheck) -> Decimal:
    return battery_cost_eur(
        slots=check.slots,
        consumption_eur_per_mwh=request.prices.consumption,
        production_eur_per_mwh=request.prices.production,
        resolution=QUARTER_HOUR,
    )


def _ended_badly(plan: Plan) -> bool:
    return plan.status in (PlanStatus.FAILED, PlanStatus.REFUSED, PlanStatus.LATE)


def _slots_prune(plan: Plan) -> None:
    """Of old plans keep only the slots that no later plan covers: those that were followed."""
    followed_another = Plan.objects.filter(
        site_id=plan.site_id,
        status=PlanStatus.ACCEPTED,
        start__gt=OuterRef("plan__start"),
        start__lte=OuterRef("start"),
    )
    PlanSlot.objects.filter(
        Exists(followed_another),
        plan__site_id=plan.site_id,
        plan__start__lt=plan.start - KEEP_WHOLE_PLANS,
        plan__start__gte=plan.start - 2 * KEEP_WHOLE_PLANS,
    ).delete()
