"""The life of a set-point after it was asked for: written, refreshed, ended.

`setpoint_step` decides (pure); the poll loop acts on the device and reports back here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from apps.assets.choices import SETPOINT_ACTIVE, SetpointStatus
from apps.assets.events import SetpointChanged
from apps.assets.models import Setpoint
from apps.tenants.context import current_schema
from cariflex.common.events import publish


class Step(Enum):
    """What the poll loop does next about a set-point."""

    WAIT = "wait"
    WRITE = "write"
    """Write value and timer, enable, read back: for the first time or to restart the timer."""
    RELEASE = "release"
    """Disable on the device, then end it as expired."""
    END_EXPIRED = "end expired"
    END_REVERTED = "end reverted"
    END_REFUSED = "end refused"


@dataclass(frozen=True, slots=True)
class ActiveSetpoint:
    """An active set-point as the poll loop needs it."""

    setpoint_id: int
    device_id: int
    power_kw: float
    status: str
    expires_at: datetime
    refreshed_at: datetime | None
    reversion_s: int
    control_enabled: bool


def setpoint_step(setpoint: ActiveSetpoint, now: datetime) -> Step:
    """What to do now. A device whose control was switched off gets no write, not even a release."""
    is_expired = setpoint.expires_at <= now
    if setpoint.status == SetpointStatus.REQUESTED:
        if is_expired:
            return Step.END_EXPIRED
        return Step.WRITE if setpoint.control_enabled else Step.END_REFUSED
    refreshed_at = setpoint.refreshed_at or now
    reversion = timedelta(seconds=setpoint.reversion_s)
    if refreshed_at + reversion <= now:
        # The device let go by itself: its timer ran out before we could restart it.
        return Step.END_EXPIRED if is_expired else Step.END_REVERTED
    if not setpoint.control_enabled:
        return Step.WAIT
    if is_expired:
        return Step.RELEASE
    return Step.WRITE if refreshed_at + reversion / 2 <= now else Step.WAIT


def setpoints_active(*, device_ids: list[int]) -> list[ActiveSetpoint]:
    """The active set-points of these devices. One query."""
    rows = Setpoint.objects.filter(
        device_id__in=device_ids, status__in=SETPOINT_ACTIVE
    ).values_list(
        "id",
        "device_id",
        "power_kw",
        "status",
        "expires_at",
        "refreshed_at",
        "reversion_s",
        "device__control_enabled",
    )
    return [ActiveSetpoint(*row) for row in rows]


def setpoint_applied(
    *, setpoint_id: int, device_id: int, readback_kw: float | None, written_at: datetime
) -> None:
    """The device took it and shows it. One that was overridden meanwhile keeps its status."""
    is_first = bool(
        Setpoint.objects.filter(pk=setpoint_id, written_at=None).update(written_at=written_at)
    )
    Setpoint.objects.filter(pk=setpoint_id).update(readback_kw=readback_kw, refreshed_at=written_at)
    applied = Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).update(
        status=SetpointStatus.APPLIED, error="", error_code=""
    )
    if is_first and applied:
        _changed(device_id)


def setpoint_delayed(*, setpoint_id: int, error: str) -> None:
    """The device could not be reached; it is tried again until the set-point expires."""
    Setpoint.objects.filter(pk=setpoint_id).exclude(error=error[:300]).update(error=error[:300])


def setpoint_failed(
    *,
    setpoint_id: int,
    device_id: int,
    error_code: str,
    error: str,
    readback_kw: float | None,
    now: datetime,
) -> None:
    """The device refused it or shows something else."""
    ended = Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).update(
        status=SetpointStatus.FAILED,
        error_code=error_code,
        error=error[:300],
        readback_kw=readback_kw,
        ended_at=now,
    )
    if ended:
        _changed(device_id)


def setpoint_ended(
    *, setpoint_id: int, device_id: int, status: SetpointStatus, now: datetime, error: str = ""
) -> None:
    """It is over: expired, reverted by the device, or refused because control was switched off."""
    ended = Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).update(
        status=status, ended_at=now, error=error[:300]
    )
    if ended:
        _changed(device_id)


def _changed(device_id: int) -> None:
    publish(SetpointChanged(schema=current_schema(), device_id=device_id))
