"""Keeping what came of an attempt to plan: running, accepted with its slots, or failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.flexibility.choices import PlanReason, PlanStatus
from apps.flexibility.events import PlanChanged
from apps.flexibility.models import IN_FLIGHT, Plan, PlanSlot, ReplanCall
from apps.flexibility.plan_check import PlanCheck
from apps.flexibility.planning import battery_cost_eur
from apps.flexibility.services.plan_asking import Answer, Failure
from apps.flexibility.services.plan_request import CURTAILED_KW, PlanRequest
from apps.flexibility.services.slot_means import DESTINATION
from apps.outbox.services import outbox_hasten
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.units import QUARTER_HOUR

logger = logging.getLogger(__name__)

RETRY_FIRST: Final = timedelta(seconds=30)
RETRY_MAX: Final = timedelta(minutes=5)
KEEP_WHOLE_PLANS: Final = timedelta(days=2)
KEEP_BASIS: Final = timedelta(days=60)
"""How long a slot that was followed can be explained."""
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


@dataclass(frozen=True, slots=True)
class Made:
    """A plan that passed the checks, with what it was made of."""

    request: PlanRequest
    answer: Answer
    check: PlanCheck


def mine(plan: Plan) -> QuerySet[Plan]:
    """The row while this attempt holds it: a late one must not overwrite its successor's word."""
    return Plan.objects.filter(
        pk=plan.pk,
        status__in=IN_FLIGHT,
        attempts=plan.attempts,
        requested_at=plan.requested_at,
    )


def plan_running(plan: Plan, request: PlanRequest) -> None:
    """Note what the attempt is made of, before FlexMeasures is asked."""
    prices = request.inputs.prices
    mine(plan).update(
        status=PlanStatus.RUNNING,
        objective=request.inputs.policy.objective,
        basis=request.inputs.basis.as_json(),
        price_sensor_id=request.price_sensor_id,
        price_count=len(prices.consumption),
        price_actual_count=prices.actual_count,
        price_area=prices.area,
        price_min_eur_per_mwh=min(prices.consumption.values()),
        price_max_eur_per_mwh=max(prices.consumption.values()),
    )


def plan_accept(plan: Plan, made: Made, began: float) -> None:
    """Store the slots; the plan is in force from now on, and calls it answers are done."""
    with transaction.atomic():
        if not mine(plan).select_for_update().exists():
            logger.warning("plan result dropped, the lease was lost plan=%s", plan.pk)
            return
        _supersede(plan)
        PlanSlot.objects.bulk_create(_slots(plan, made))
        duration_s = time.monotonic() - began
        mine(plan).update(
            status=PlanStatus.ACCEPTED,
            reason_code="",
            detail="",
            computed_at=plan.requested_at + timedelta(seconds=duration_s),
            duration_s=duration_s,
            retry_at=None,
            job_id=made.answer.job_id,
            server_version=made.answer.server_version,
            battery_cost_eur=_cost(made),
            findings={"unresolved": made.answer.unresolved},
        )
        ReplanCall.objects.filter(site_id=plan.site_id, asked_at__lte=plan.requested_at).delete()
        _prune(plan)
        # FlexMeasures answers: what waits for it need not sit out its wait.
        outbox_hasten(destination_name=DESTINATION)
        events.publish(PlanChanged(schema=current_schema(), site_id=plan.site_id))
    logger.info("plan accepted site=%s job=%s took_s=%.1f",
                plan.site_id, made.answer.job_id, duration_s)  # fmt: skip


def plan_fail(plan: Plan, failure: Failure, now: datetime, began: float) -> None:
    """End the attempt without a plan, and say when it is worth trying again."""
    duration_s = time.monotonic() - began
    ended_at = now + timedelta(seconds=duration_s)
    ended = mine(plan).update(
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


def _supersede(plan: Plan) -> None:
    """The plan of the same quarter hour gives way; the row stays, its slots nobody will ask for.

    On a day of many cars they would be a million rows.
    """
    others = Plan.objects.filter(
        site_id=plan.site_id, start=plan.start, status=PlanStatus.ACCEPTED
    ).exclude(pk=plan.pk)
    ids = list(others.values_list("pk", flat=True))
    Plan.objects.filter(pk__in=ids).update(status=PlanStatus.SUPERSEDED, basis={})
    PlanSlot.objects.filter(plan_id__in=ids).delete()


def _wait(failure: Failure, attempts: int) -> timedelta:
    wait = RETRY_FIRST
    if failure.reason not in _CHEAP:
        wait = min(RETRY_FIRST * 2 ** min(attempts - 1, 10), RETRY_MAX)
    return max(wait, timedelta(seconds=failure.retry_after_s or 0))


def _slots(plan: Plan, made: Made) -> list[PlanSlot]:
    rows = [
        PlanSlot(
            plan=plan,
            device_id=slot.device_id,
            start=slot.start,
            power_kw=slot.power_kw,
            soc_percent=slot.soc_percent,
        )
        for slot in made.check.slots
    ]
    rows += [
        PlanSlot(
            plan=plan,
            session_id=slot.session_id,
            start=slot.start,
            power_kw=slot.power_kw,
            soc_percent=slot.soc_percent,
        )
        for slot in made.check.car_slots
    ]
    return rows + _curtailments(plan, made)


def _curtailments(plan: Plan, made: Made) -> list[PlanSlot]:
    """Only the slots in which a plant shall produce less than it could."""
    rows: list[PlanSlot] = []
    for share in made.request.pv:
        planned: Sequence[float] = made.answer.schedules[share.sensor_id].power_kw
        for number, (power_kw, could_kw) in enumerate(zip(planned, share.power_kw, strict=True)):
            if power_kw > could_kw + CURTAILED_KW:
                start = made.request.start + number * QUARTER_HOUR
                rows.append(
                    PlanSlot(
                        plan=plan,
                        device_id=share.device_id,
                        start=start,
                        power_kw=min(0.0, power_kw),
                    )
                )
    return rows


def _cost(made: Made) -> Decimal:
    prices = made.request.inputs.prices
    return battery_cost_eur(
        slots=made.check.slots,
        consumption_eur_per_mwh=prices.consumption,
        production_eur_per_mwh=prices.production,
        resolution=QUARTER_HOUR,
    )


def _prune(plan: Plan) -> None:
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
    Plan.objects.filter(
        site_id=plan.site_id,
        start__lt=plan.start - KEEP_BASIS,
        start__gte=plan.start - KEEP_BASIS - KEEP_WHOLE_PLANS,
    ).update(basis={})
