"""What a person asks a gateway: taken down, run by whoever polls the gateway, answered or failed.

A job runs at most once: who takes it sets it running in the same statement, and what was running
when its worker died is failed by the sweep, never run again. For a test write that matters.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from celery import current_app
from django.db import connection, transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.assets.choices import DeviceStage, JobKind, JobStatus, Transport
from apps.assets.drivers.errors import DeviceError
from apps.assets.drivers.jobs import LONGEST_TEST_S, SUNSPEC, GatewayAsk, JsonObject
from apps.assets.models import Device, GatewayJob
from apps.assets.services.device_specs import device_spec
from apps.assets.services.job_setpoints import (
    job_setpoint_begin,
    job_setpoint_check,
    job_setpoint_end,
    job_setpoint_refuse,
)
from apps.assets.services.networks import device_address_check
from apps.tenants.tasking import OperatorTask
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

ANSWER_TASK = "assets.job_answer"
PATIENCE = timedelta(seconds=60)
"""A job that nobody took by then is failed."""
LONGEST_RUN = timedelta(seconds=150)
"""Longer than any answer takes (`drivers.poller.ASK_PATIENCE_S`): its worker is gone."""
WAKE_AFTER = timedelta(seconds=3)
KEPT = timedelta(days=90)
TAKEN_AT_ONCE = 4
MOST_WAITING = 200
"""Jobs of one operator that are not answered yet."""
NOBODY = "nobody answered"
LOST = "the worker that ran it is gone"
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)

_TAKE_OF_SHARD = """
UPDATE assets_gatewayjob SET status = 'running', started_at = %(now)s
WHERE id IN (
    SELECT j.id FROM assets_gatewayjob j
    WHERE j.status = 'queued' AND j.requested_at > %(oldest)s AND EXISTS (
        SELECT FROM assets_device d WHERE d.shard_id = %(shard_id)s AND d.stage = %(in_service)s
            AND lower(d.host) = lower(j.host) AND d.port = j.port)
    ORDER BY j.id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
# Only of a gateway that nobody polls: many take one connection at a time.
_TAKE_ONE = """
UPDATE assets_gatewayjob j SET status = 'running', started_at = %(now)s
WHERE j.id = %(job_id)s AND j.status = 'queued' AND j.requested_at > %(oldest)s AND NOT EXISTS (
    SELECT FROM assets_device d JOIN assets_pollshard s ON s.id = d.shard_id
    WHERE lower(d.host) = lower(j.host) AND d.port = j.port AND d.stage = %(in_service)s
        AND s.lease_until > clock_timestamp())
RETURNING id
"""


def job_request(
    *,
    kind: str,
    requested_by: User | None,
    device: Device | None = None,
    host: str | None = None,
    port: int | None = None,
    unit_id: int | None = None,
    transport: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> GatewayJob:
    """Ask a gateway; it is answered within a second or so while it is polled.

    The address is the device's unless another is given. A test write (`power_kw`, `reversion_s`)
    needs a device and goes to its own address; one that is refused leaves a refused set-point.

    Raises DomainError: `job.kind_unknown`, `job.address_invalid`, `job.parameters_invalid`,
    `job.device_missing`, `job.setpoint_active`, `job.too_many`, those of
    `networks.device_address_check`, and for a test write those of `setpoint_limits_check`.
    """
    now = now or utc_now()
    if kind not in JobKind.values:
        raise DomainError("job.kind_unknown", f"there is no job {kind!r}", field="kind")
    job = GatewayJob(
        kind=kind,
        device=device,
        host=host or (device.host if device else ""),
        port=port or (device.port if device else 0),
        unit_id=unit_id if unit_id is not None else (device.unit_id if device else 1),
        transport=transport or (device.transport if device else Transport.MODBUS_TCP),
        parameters={"driver": device.driver if device else SUNSPEC, **(parameters or {})},
        requested_by=requested_by,
        requested_at=now,
    )
    _address_check(job)
    refusal = None
    with transaction.atomic():
        if GatewayJob.objects.filter(status__in=_OPEN).count() >= MOST_WAITING:
            raise DomainError("job.too_many", "too many jobs wait for an answer")
        if kind == JobKind.TEST_WRITE:
            refusal = _test_write_refusal(job, now)
        if refusal is None:
            job.save()
            cast(OperatorTask, current_app.tasks[ANSWER_TASK]).enqueue(job.pk)
    if refusal is not None:
        raise refusal
    return job


def _address_check(job: GatewayJob) -> None:
    if not 1 <= job.port <= 65_535 or not 0 <= job.unit_id <= 255:
        raise DomainError("job.address_invalid", "a port is 1 to 65535, a unit id 0 to 255")
    if job.transport not in Transport.values:
        raise DomainError("job.address_invalid", f"no transport {job.transport!r}")
    device_address_check(job.host)


def _test_write_refusal(job: GatewayJob, now: datetime) -> DomainError | None:
    """Why a test write is not taken down; what the device's rules refuse is kept for the audit."""
    power_kw, reversion_s = job.parameters.get("power_kw"), job.parameters.get("reversion_s")
    if job.device is None:
        return DomainError("job.device_missing", "a test write needs a device", field="device")
    if (
        not isinstance(power_kw, int | float)
        or isinstance(power_kw, bool)
        or not math.isfinite(power_kw)
        or not isinstance(reversion_s, int)
        or not 1 <= reversion_s <= LONGEST_TEST_S
    ):
        return DomainError(
            "job.parameters_invalid",
            f"a test write needs power_kw and a reversion_s of 1 to {LONGEST_TEST_S} s",
        )
    try:
        job_setpoint_check(job=job, device=job.device, now=now)
    except DomainError as error:
        job_setpoint_refuse(job=job, device_id=job.device.pk, error=error, now=now)
        return error
    return None


def jobs_take(*, shard_id: int, now: datetime) -> list[GatewayAsk]:
    """The jobs that wait for gateways of this shard, as asks; they are running now. One statement
    when there is none."""
    return _take(
        _TAKE_OF_SHARD,
        {
            "now": now,
            "oldest": now - PATIENCE,
            "shard_id": shard_id,
            "in_service": DeviceStage.IN_SERVICE,
            "most": TAKEN_AT_ONCE,
        },
        now,
    )


def job_take(*, job_id: int, now: datetime) -> GatewayAsk | None:
    """A job whose gateway nobody polls, as an ask; None when it is not ours to run."""
    asks = _take(
        _TAKE_ONE,
        {
            "now": now,
            "oldest": now - PATIENCE,
            "job_id": job_id,
            "in_service": DeviceStage.IN_SERVICE,
        },
        now,
    )
    return asks[0] if asks else None


def _take(statement: str, parameters: Mapping[str, Any], now: datetime) -> list[GatewayAsk]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        job_ids = sorted(job_id for (job_id,) in cursor.fetchall())
    asks = []
    for job_id in job_ids:
        try:
            asks.append(_ask(job_id, now))
        except DomainError as error:
            job_finish(job_id=job_id, error=error, now=now)
    return asks


@transaction.atomic
def _ask(job_id: int, now: datetime) -> GatewayAsk:
    job = GatewayJob.objects.select_related("device").get(pk=job_id)
    if job.kind == JobKind.TEST_WRITE:
        # Asked again: control may have been switched off since the request.
        job_setpoint_begin(job=job, now=now)
    spec = None
    if job.device is not None:
        spec = replace(
            device_spec(job.device),
            host=job.host,
            port=job.port,
            unit_id=job.unit_id,
            transport=job.transport,
        )
    return GatewayAsk(
        job_id=job.pk,
        kind=job.kind,
        host=job.host,
        port=job.port,
        unit_id=job.unit_id,
        transport=job.transport,
        driver=str(job.parameters.get("driver") or SUNSPEC),
        spec=spec,
        parameters=job.parameters,
    )


def job_finish(
    *,
    job_id: int,
    answer: JsonObject | None = None,
    error: DeviceError | DomainError | str | None = None,
    now: datetime,
) -> bool:
    """Store what came of a running job; False when it was over already."""
    with transaction.atomic():
        job = (
            GatewayJob.objects.select_for_update(of=("self",))
            .filter(pk=job_id, status__in=_OPEN)
            .first()
        )
        if job is None:
            return False
        job.status = JobStatus.FAILED if answer is None else JobStatus.DONE
        job.answer, job.error, job.finished_at = answer, str(error or "")[:300], now
        job.save(update_fields=["status", "answer", "error", "finished_at"])
        if job.kind == JobKind.TEST_WRITE:
            job_setpoint_end(job=job, error=error, now=now)
        return True


def job_answer(
    *,
    job_id: int,
    ask_once: Callable[[GatewayAsk], JsonObject],
    clock: Callable[[], datetime] = utc_now,
) -> bool:
    """Run a job whose gateway nobody polls; False when it is not ours to run."""
    ask = job_take(job_id=job_id, now=clock())
    if ask is None:
        return False
    try:
        answer = ask_once(ask)
    except (DeviceError, TimeoutError) as error:
        words = error if isinstance(error, DeviceError) else NOBODY
        return job_finish(job_id=job_id, error=words, now=clock())
    # Whatever went wrong, the person who asked is told.
    except Exception as error:
        job_finish(job_id=job_id, error=f"failed: {type(error).__name__}", now=clock())
        raise
    return job_finish(job_id=job_id, answer=answer, now=clock())


def jobs_sweep(*, now: datetime) -> Sequence[int]:
    """Fail what nobody answered, forget what is old; gives the jobs that somebody should run."""
    late = GatewayJob.objects.filter(
        Q(status=JobStatus.QUEUED, requested_at__lte=now - PATIENCE)
        | Q(status=JobStatus.RUNNING, started_at__lte=now - LONGEST_RUN)
    )
    for job_id, status in late.values_list("id", "status"):
        job_finish(job_id=job_id, error=NOBODY if status == JobStatus.QUEUED else LOST, now=now)
    GatewayJob.objects.filter(finished_at__lt=now - KEPT).delete()
    return list(
        GatewayJob.objects.filter(
            status=JobStatus.QUEUED, requested_at__lte=now - WAKE_AFTER
        ).values_list("id", flat=True)
    )
