"""The life of a set-point after it was asked for: written, ramped, refreshed, ended.

`setpoint_step` and `setpoint_next_kw` decide (pure); the poll loop acts on the device and reports
back here.

A ramp leads from where the device stands to the set-point. There is none on the way back: at its
end a set-point is disabled on the device, and a device that lost us lets go by its own timer; how
fast it then returns is the device's own matter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Exists, OuterRef

from apps.assets.choices import SETPOINT_ACTIVE, DeviceStage, JobKind, JobStatus, SetpointStatus
from apps.assets.events import SetpointChanged
from apps.assets.models import GatewayJob, Setpoint
from apps.tenants.context import current_schema
from cariflex.common.events import publish

RAMP_EVERY = timedelta(seconds=0.8)
"""Steps of a ramp are about a second apart: the loop looks each second, after the last answer."""
RAMP_LONGEST_STEP_S = 2.0
"""A ramp that was held up goes on as if it had stood still, not with a jump."""


class Step(Enum):
    """What the poll loop does next about a set-point."""

    WAIT = "wait"
    WRITE = "write"
    """Write value and timer, enable, read back: the first time, a ramp's step, or a refresh."""
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
    applied_kw: float | None
    ramp_from_kw: float | None
    ramp_kw_per_s: float | None
    control_enabled: bool
    stage: str = DeviceStage.IN_SERVICE
    hands_off: bool = False
    site_hands_off: bool = False

    @property
    def may_write(self) -> bool:
        """False: nothing is written to the device, not even a release."""
        return (
            self.control_enabled
            and self.stage == DeviceStage.IN_SERVICE
            and not self.hands_off
            and not self.site_hands_off
        )

    @property
    def is_on_ramp(self) -> bool:
        """True while what was written last is not yet the power that was granted."""
        return self.ramp_kw_per_s is not None and self.applied_kw != self.power_kw


def setpoint_step(setpoint: ActiveSetpoint, now: datetime) -> Step:
    """What to do now. A device that may not be written to gets no write, not even a release."""
    is_expired = setpoint.expires_at <= now
    if setpoint.status == SetpointStatus.REQUESTED:
        if is_expired:
            return Step.END_EXPIRED
        return Step.WRITE if setpoint.may_write else Step.END_REFUSED
    refreshed_at = setpoint.refreshed_at or now
    reversion = timedelta(seconds=setpoint.reversion_s)
    if refreshed_at + reversion <= now:
        # The device let go by itself: its timer ran out before we could restart it.
        return Step.END_EXPIRED if is_expired else Step.END_REVERTED
    if not setpoint.may_write:
        return Step.WAIT
    if is_expired:
        return Step.RELEASE
    wait = min(RAMP_EVERY, reversion / 2) if setpoint.is_on_ramp else reversion / 2
    return Step.WRITE if refreshed_at + wait <= now else Step.WAIT


def setpoint_next_kw(setpoint: ActiveSetpoint, now: datetime) -> float:
    """The power to write now: the set-point's own, or the next step towards it on the ramp.

    The first step is one second's worth, each later one what the ramp allows since the last.
    """
    here_kw = setpoint.ramp_from_kw if setpoint.applied_kw is None else setpoint.applied_kw
    if setpoint.ramp_kw_per_s is None or here_kw is None:
        return setpoint.power_kw
    elapsed_s = 1.0
    if setpoint.applied_kw is not None and setpoint.refreshed_at is not None:
        elapsed_s = (now - setpoint.refreshed_at).total_seconds()
    step_kw = setpoint.ramp_kw_per_s * min(max(elapsed_s, 0.0), RAMP_LONGEST_STEP_S)
    if abs(setpoint.power_kw - here_kw) <= step_kw:
        return setpoint.power_kw
    return here_kw + (step_kw if setpoint.power_kw > here_kw else -step_kw)


def setpoints_active(*, device_ids: list[int]) -> list[ActiveSetpoint]:
    """The active set-points of these devices, and whether they may be written. One query.

    A device that is in a person's test write is left out: the test alone writes to it.
    """
    tests = GatewayJob.objects.filter(
        device=OuterRef("device"), kind=JobKind.TEST_WRITE, status=JobStatus.RUNNING
    )
    rows = Setpoint.objects.filter(
        ~Exists(tests), device_id__in=device_ids, status__in=SETPOINT_ACTIVE
    ).values_list(
        "id",
        "device_id",
        "power_kw",
        "status",
        "expires_at",
        "refreshed_at",
        "reversion_s",
        "applied_kw",
        "ramp_from_kw",
        "device__ramp_kw_per_s",
        "device__control_enabled",
        "device__stage",
        "device__hands_off",
        "device__site__hands_off",
    )
    return [ActiveSetpoint(*row) for row in rows]


def setpoint_applied(
    *,
    setpoint_id: int,
    device_id: int,
    applied_kw: float,
    readback_kw: float | None,
    written_at: datetime,
) -> None:
    """The device took it and shows it. One that was overridden meanwhile keeps its status."""
    is_first = bool(
        Setpoint.objects.filter(pk=setpoint_id, written_at=None).update(written_at=written_at)
    )
    Setpoint.objects.filter(pk=setpoint_id).update(
        applied_kw=applied_kw, readback_kw=readback_kw, refreshed_at=written_at
    )
    applied = Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).update(
        status=SetpointStatus.APPLIED, error="", error_code=""
    )
    if is_first and applied:
        _changed(device_id)


def setpoint_delayed(*, setpoint_id: int, error: str) -> None:
    """The device could not be reached; it is tried again until the set-point expires."""
    Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).exclude(
        error=error[:300]
    ).update(error=error[:300])


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
    *,
    setpoint_id: int,
    device_id: int,
    status: SetpointStatus,
    now: datetime,
    error: str = "",
    error_code: str = "",
) -> None:
    """It is over: expired, reverted by the device, or refused because it may not be written."""
    ended = Setpoint.objects.filter(pk=setpoint_id, status__in=SETPOINT_ACTIVE).update(
        status=status, ended_at=now, error=error[:300], error_code=error_code
    )
    if ended:
        _changed(device_id)


def _changed(device_id: int) -> None:
    publish(SetpointChanged(schema=current_schema(), device_id=device_id))
