"""The set-point behind a test write: checked twice, kept for the audit, ended with its job.

While the test runs, its set-point is the device's active one: an operator's, so that no plan comes
between, and the poll loop leaves the device to the test.
"""

from datetime import datetime, timedelta

from apps.assets.choices import SETPOINT_ACTIVE, SetpointSource, SetpointStatus
from apps.assets.drivers.errors import DeviceError, ReadbackMismatchError
from apps.assets.drivers.jobs import JsonObject
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, GatewayJob, Setpoint
from apps.assets.services.device_stages import device_lock
from apps.assets.services.setpoint_limits import measured_power_kw
from apps.assets.services.setpoint_states import setpoint_ended
from apps.assets.services.setpoints import setpoint_limits_check
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

REASON = "commissioning test"
MARGIN = timedelta(seconds=60)
"""How long after its reversion time a test's set-point still counts as active, at the most."""
NOT_ENABLED = "it does not show the set-point as enabled"
NOT_REVERTED = "its reversion timer did not end it; it was released"


def job_setpoint_check(*, job: GatewayJob, device: Device, now: datetime) -> None:
    """Raise DomainError when the test must not be made now. Codes: see `jobs.job_request`."""
    if (job.host, job.port, job.unit_id) != (device.host, device.port, device.unit_id):
        raise DomainError("job.address_invalid", "a test write goes to the device's own address")
    power_kw = float(job.parameters["power_kw"])
    setpoint_limits_check(device=device, power_kw=power_kw, now=now)
    active = Setpoint.objects.filter(device=device, status__in=SETPOINT_ACTIVE).first()
    if active is not None:
        raise DomainError(
            "job.setpoint_active",
            f"a set-point of source {active.source} is in force"
            f" until {active.expires_at:%H:%M:%S} UTC",
            field="device",
        )


def job_setpoint_refuse(
    *, job: GatewayJob, device_id: int, error: DomainError, now: datetime
) -> None:
    """Keep who asked for what, and why not."""
    setpoint = _setpoint(job, device_id, now)
    setpoint.status, setpoint.ended_at = SetpointStatus.REFUSED, now
    setpoint.error_code, setpoint.error = error.code[:60], error.message[:300]
    setpoint.save()
    publish(SetpointChanged(schema=current_schema(), device_id=setpoint.device_id))


def job_setpoint_begin(*, job: GatewayJob, now: datetime) -> None:
    """Make the set-point of a test that runs now, in its transaction. Raises as the check."""
    if job.device_id is None:
        raise DomainError("job.device_missing", "a test write needs a device", field="device")
    device = device_lock(job.device_id)
    job_setpoint_check(job=job, device=device, now=now)
    setpoint = _setpoint(job, device.pk, now)
    setpoint.before_kw = measured_power_kw(device_id=device.pk, now=now)
    setpoint.save()
    job.parameters = {**job.parameters, "setpoint_id": setpoint.pk}
    job.save(update_fields=["parameters"])
    publish(SetpointChanged(schema=current_schema(), device_id=device.pk))


def job_setpoint_end(
    *, job: GatewayJob, error: DeviceError | DomainError | str | None, now: datetime
) -> None:
    """End the set-point of a test as its job ended."""
    setpoint_id = job.parameters.get("setpoint_id")
    if job.device_id is None:
        return
    if setpoint_id is None:
        # It was refused between the request and the start.
        if isinstance(error, DomainError):
            job_setpoint_refuse(job=job, device_id=job.device_id, error=error, now=now)
        return
    answer = job.answer or {}
    readback_kw = answer.get("readback_kw")
    is_written = bool(answer)
    if isinstance(error, ReadbackMismatchError):
        readback_kw, is_written = error.readback_kw, True
    Setpoint.objects.filter(pk=setpoint_id).update(
        applied_kw=answer.get("asked_kw"),
        readback_kw=readback_kw,
        written_at=job.started_at if is_written else None,
    )
    code, words = _failure(answer, error)
    setpoint_ended(
        setpoint_id=setpoint_id,
        device_id=job.device_id,
        status=SetpointStatus.FAILED if code else SetpointStatus.EXPIRED,
        now=now,
        error=words,
        error_code=code,
    )


def _failure(answer: JsonObject, error: DeviceError | DomainError | str | None) -> tuple[str, str]:
    """Code and words of what went wrong; both empty when the device did all that was asked."""
    if isinstance(error, ReadbackMismatchError):
        return "setpoint.readback", str(error)
    if error is not None:
        code = "setpoint.device_refused" if isinstance(error, DeviceError) else "setpoint.lost"
        return code, str(error)
    if not answer.get("is_enabled"):
        return "setpoint.not_enabled", NOT_ENABLED
    if not answer.get("is_released"):
        return "setpoint.not_reverted", NOT_REVERTED
    return "", ""


def _setpoint(job: GatewayJob, device_id: int, now: datetime) -> Setpoint:
    reversion_s = int(job.parameters["reversion_s"])
    return Setpoint(
        device_id=device_id,
        power_kw=float(job.parameters["power_kw"]),
        source=SetpointSource.OPERATOR,
        reason=REASON,
        requested_by=job.requested_by,
        requested_at=now,
        expires_at=now + timedelta(seconds=reversion_s) + MARGIN,
        reversion_s=reversion_s,
    )
