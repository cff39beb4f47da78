"""Asking FlexMeasures for one plan, and what its refusals mean for the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

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
from apps.flexibility.plan_check import Schedules
from apps.flexibility.services.plan_inputs import HORIZON
from apps.flexibility.services.plan_request import PlanRequest
from cariflex.common.errors import ExternalError
from cariflex.common.units import QUARTER_HOUR

JOB_TIMEOUT_S: Final = 120.0
AT_ONCE: Final = 4
T = TypeVar("T")


@dataclass
class Answer:
    """What one run against FlexMeasures gave, as far as it got."""

    posts_done: bool = False
    job_id: str = ""
    server_version: str = ""
    schedules: dict[int, Schedule] = field(default_factory=dict)
    """By sensor."""
    unresolved: list[str] = field(default_factory=list)
    error: ExternalError | None = None


@dataclass(frozen=True)
class Failure:
    """Why an attempt ended without a plan."""

    status: PlanStatus
    reason: PlanReason
    detail: str = ""
    retry_after_s: float | None = None


async def plan_ask(base_url: str, request: PlanRequest) -> Answer:
    """Post what is new, ask for one schedule of the whole site, wait for it and read it.

    Never raises ExternalError: the answer holds it, beside what was done before.
    """
    answer = Answer()
    try:
        async with FlexmeasuresClient(
            base_url=base_url, email=request.email, password=request.password
        ) as client:
            await _ask(client, request, answer)
    except ExternalError as err:
        answer.error = err
    return answer


async def _ask(client: FlexmeasuresClient, request: PlanRequest, answer: Answer) -> None:
    # Comes back when everything is in: no plan is made of values that are still on their way.
    await client.values_post_all(request.posts)
    answer.posts_done = True
    end = request.start + HORIZON
    # FlexMeasures compares each new value with all that were ever planned for its slot: measured
    # 9 s for a first plan, 50 s for the fourth that overlaps it.
    await side_by_side(
        client.values_delete(sensor_id=sensor_id, start=request.start, end=end)
        for sensor_id in request.planned_sensor_ids
    )
    answer.job_id = await client.schedule_trigger(
        asset_id=request.site_asset_id,
        start=request.start,
        duration=HORIZON,
        flex_model=request.flex_model,
        flex_context=request.flex_context,
    )
    answer.unresolved = await client.job_wait(job_id=answer.job_id, timeout_s=JOB_TIMEOUT_S)
    devices = [pk for pk in request.planned_sensor_ids if pk != request.site_sensor_id]
    schedules = await side_by_side(
        client.schedule(sensor_id=sensor_id, job_id=answer.job_id, duration=HORIZON)
        for sensor_id in devices
    )
    answer.schedules.update(zip(devices, schedules, strict=True))
    answer.schedules[request.site_sensor_id] = await _site_sum(client, request)
    answer.server_version = client.server_version


async def side_by_side(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all calls give, in their order; a few at once, as many as the server has threads."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(call: Coroutine[Any, Any, T]) -> T:
        async with turns:
            return await call

    return list(await asyncio.gather(*(in_turn(call) for call in calls)))


async def _site_sum(client: FlexmeasuresClient, request: PlanRequest) -> Schedule:
    # The sum is no device's schedule; it is read like any value. A hole shows as too short.
    values = await client.values(
        sensor_id=request.site_sensor_id, start=request.start, duration=HORIZON, unit="kW"
    )
    return Schedule(request.start, tuple(value for value in values if value is not None))


def schedules_of(request: PlanRequest, answer: Answer) -> Schedules:
    """The answer by device and session, as `plan_check` takes it."""
    powers = {sensor_id: one.power_kw for sensor_id, one in answer.schedules.items()}
    slot_count = HORIZON // QUARTER_HOUR
    plants = [powers[share.sensor_id] for share in request.pv]
    whole = all(len(plant) == slot_count for plant in plants)
    return Schedules(
        batteries={pk: powers[sensor] for pk, sensor in request.battery_sensor_ids.items()},
        cars={pk: powers[sensor] for pk, sensor in request.car_sensor_ids.items()},
        pv_kw=[sum(slot) for slot in zip(*plants, strict=True)]
        if plants and whole
        else ([] if plants else None),
        site_kw=powers[request.site_sensor_id],
    )


def failure_of(err: ExternalError) -> Failure:
    """The one table from what FlexMeasures did to what the operator reads."""
    after_s = err.retry_after_s
    if isinstance(err, UnknownThere):
        return Failure(PlanStatus.FAILED, PlanReason.MAPPING_LOST, err.message)
    if isinstance(err, JobFailed):
        reason = PlanReason.INFEASIBLE if err.infeasible else PlanReason.JOB_FAILED
        return Failure(PlanStatus.FAILED, reason)
    if isinstance(err, JobLate):
        return Failure(PlanStatus.LATE, PlanReason.TIMEOUT, err.message)
    if isinstance(err, IngestionLate):
        return Failure(PlanStatus.FAILED, PlanReason.INGESTION_LATE, err.message)
    if err.status == 429:
        return Failure(PlanStatus.FAILED, PlanReason.RATE_LIMITED, err.message, after_s)
    if err.status in (502, 503, 504):
        return Failure(PlanStatus.FAILED, PlanReason.STARTING, err.message, after_s)
    if err.retryable and not isinstance(err, UnexpectedAnswer):
        return Failure(PlanStatus.FAILED, PlanReason.UNAVAILABLE, err.message, after_s)
    return Failure(PlanStatus.FAILED, PlanReason.BAD_ANSWER, err.message, after_s)
