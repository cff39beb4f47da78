"""The part of a shard's poll loop that brings set-points to the devices."""

import time
from datetime import datetime, timedelta

from apps.assets.choices import DeviceStage, SetpointStatus
from apps.assets.drivers.errors import ReadbackMismatchError
from apps.assets.drivers.poller import SetpointCommand, SetpointOutcome
from apps.assets.services.setpoint_states import (
    ActiveSetpoint,
    Step,
    setpoint_applied,
    setpoint_delayed,
    setpoint_ended,
    setpoint_failed,
    setpoint_next_kw,
    setpoint_step,
    setpoints_active,
)

RETRY_UNREACHABLE = timedelta(seconds=2)
REVERTED = "the device's reversion timer ran out before it could be restarted"


class SetpointLoop:
    """Decides what to write next and stores what came of it; lives as long as a lease."""

    def __init__(self) -> None:
        self.permitted: frozenset[int] = frozenset()
        """The set-points whose device may be written to, as of the last query."""
        self.asked_at_s = 0.0
        """When that query began (monotonic)."""
        self._under_way: set[int] = set()
        """Devices that are being written to: one set-point at a time, so that none overtakes."""
        self._retry_at: dict[int, datetime] = {}
        self._outcomes: list[SetpointOutcome] = []

    def commands(self, *, device_ids: list[int], now: datetime) -> list[SetpointCommand]:
        """What to write now; ends what needs no write. One query, more only when something ends."""
        commands = []
        self.asked_at_s = time.monotonic()
        setpoints = setpoints_active(device_ids=device_ids)
        self.permitted = frozenset(s.setpoint_id for s in setpoints if s.may_write)
        for setpoint in setpoints:
            if setpoint.device_id in self._under_way:
                continue
            step = setpoint_step(setpoint, now)
            if step in (Step.WRITE, Step.RELEASE):
                if self._retry_at.get(setpoint.setpoint_id, now) <= now:
                    self._under_way.add(setpoint.device_id)
                    commands.append(_command(setpoint, step, now))
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
            self._under_way.discard(outcome.command.device_id)

    def _store(self, outcome: SetpointOutcome, now: datetime) -> None:
        command, error = outcome.command, outcome.error
        setpoint_id, device_id = command.setpoint_id, command.device_id
        if error is None:
            _store_done(outcome, now)
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


def _store_done(outcome: SetpointOutcome, now: datetime) -> None:
    command = outcome.command
    if command.power_kw is None:
        setpoint_ended(
            setpoint_id=command.setpoint_id,
            device_id=command.device_id,
            status=SetpointStatus.EXPIRED,
            now=now,
        )
    else:
        setpoint_applied(
            setpoint_id=command.setpoint_id,
            device_id=command.device_id,
            applied_kw=command.power_kw,
            readback_kw=outcome.readback_kw,
            written_at=outcome.at,
        )


def _command(setpoint: ActiveSetpoint, step: Step, now: datetime) -> SetpointCommand:
    return SetpointCommand(
        setpoint_id=setpoint.setpoint_id,
        device_id=setpoint.device_id,
        power_kw=setpoint_next_kw(setpoint, now) if step is Step.WRITE else None,
        reversion_s=setpoint.reversion_s,
    )


def _end(setpoint: ActiveSetpoint, step: Step, now: datetime) -> None:
    status, error_code, error = {
        Step.END_EXPIRED: (SetpointStatus.EXPIRED, "", ""),
        Step.END_REVERTED: (SetpointStatus.REVERTED, "", REVERTED),
        Step.END_REFUSED: (SetpointStatus.REFUSED, *_write_refusal(setpoint)),
    }[step]
    setpoint_ended(
        setpoint_id=setpoint.setpoint_id,
        device_id=setpoint.device_id,
        status=status,
        now=now,
        error=error,
        error_code=error_code,
    )


def _write_refusal(setpoint: ActiveSetpoint) -> tuple[str, str]:
    """Code and words of what keeps the device from being written to."""
    if setpoint.hands_off or setpoint.site_hands_off:
        return "setpoint.hands_off", "hands off"
    if setpoint.stage != DeviceStage.IN_SERVICE:
        return "setpoint.not_in_service", "the device was taken out of service"
    return "setpoint.control_disabled", "control was switched off"
