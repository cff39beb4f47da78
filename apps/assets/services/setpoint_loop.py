"""The part of a shard's poll loop that brings set-points to the devices."""

from datetime import datetime, timedelta

from apps.assets.choices import SetpointStatus
from apps.assets.drivers.errors import ReadbackMismatchError
from apps.assets.drivers.poller import SetpointCommand, SetpointOutcome
from apps.assets.services.setpoint_states import (
    ActiveSetpoint,
    Step,
    setpoint_applied,
    setpoint_delayed,
    setpoint_ended,
    setpoint_failed,
    setpoint_step,
    setpoints_active,
)

RETRY_UNREACHABLE = timedelta(seconds=2)
CONTROL_OFF = "control was switched off"
REVERTED = "the device's reversion timer ran out before it could be restarted"


class SetpointLoop:
    """Decides what to write next and stores what came of it; lives as long as a lease."""

    def __init__(self) -> None:
        self._under_way: set[int] = set()
        self._retry_at: dict[int, datetime] = {}
        self._outcomes: list[SetpointOutcome] = []

    def commands(self, *, device_ids: list[int], now: datetime) -> list[SetpointCommand]:
        """What to write now; ends what needs no write. One query, more only when something ends."""
        commands = []
        for setpoint in setpoints_active(device_ids=device_ids):
            if setpoint.setpoint_id in self._under_way:
                continue
            step = setpoint_step(setpoint, now)
            if step in (Step.WRITE, Step.RELEASE):
                if self._retry_at.get(setpoint.setpoint_id, now) <= now:
                    self._under_way.add(setpoint.setpoint_id)
                    commands.append(_command(setpoint, step))
            elif step is not Step.WAIT:
                _end(setpoint, step, now)
        return commands

    def outcome(self, outcome: SetpointOutcome) -> None:
        """A command came back; stored with the next `store`."""
        self._outcomes.append(outcome)

    def store(self, *, now: datetime) -> None:
        """Store what came of the commands."""
        outcomes, self._outcomes = self._outcomes, []
        for outcome in outcomes:
            self._store(outcome, now)
            self._under_way.discard(outcome.command.setpoint_id)

    def _store(self, outcome: SetpointOutcome, now: datetime) -> None:
        command, error = outcome.command, outcome.error
        setpoint_id, device_id = command.setpoint_id, command.device_id
        if error is None and command.power_kw is None:
            setpoint_ended(
                setpoint_id=setpoint_id,
                device_id=device_id,
                status=SetpointStatus.EXPIRED,
                now=now,
            )
        elif error is None:
            setpoint_applied(
                setpoint_id=setpoint_id,
                device_id=device_id,
                readback_kw=outcome.readback_kw,
                written_at=outcome.at,
            )
        elif error.retryable or command.power_kw is None:
            # A release that fails is tried again until the device's own timer has run out.
            self._retry_at[setpoint_id] = now + RETRY_UNREACHABLE
            setpoint_delayed(setpoint_id=setpoint_id, error=str(error))
        else:
            is_mismatch = isinstance(error, ReadbackMismatchError)
            setpoint_failed(
                setpoint_id=setpoint_id,
                device_id=device_id,
                error_code="setpoint.readback" if is_mismatch else "setpoint.device_refused",
                error=str(error),
                readback_kw=error.readback_kw if isinstance(error, ReadbackMismatchError) else None,
                now=now,
            )


def _command(setpoint: ActiveSetpoint, step: Step) -> SetpointCommand:
    return SetpointCommand(
        setpoint_id=setpoint.setpoint_id,
        device_id=setpoint.device_id,
        power_kw=setpoint.power_kw if step is Step.WRITE else None,
        reversion_s=setpoint.reversion_s,
    )


def _end(setpoint: ActiveSetpoint, step: Step, now: datetime) -> None:
    status, error = {
        Step.END_EXPIRED: (SetpointStatus.EXPIRED, ""),
        Step.END_REVERTED: (SetpointStatus.REVERTED, REVERTED),
        Step.END_REFUSED: (SetpointStatus.REFUSED, CONTROL_OFF),
    }[step]
    setpoint_ended(
        setpoint_id=setpoint.setpoint_id,
        device_id=setpoint.device_id,
        status=status,
        now=now,
        error=error,
    )
