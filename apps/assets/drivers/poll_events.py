"""What happens while devices are polled: the news from the event loop to the thread that stores."""

from dataclasses import dataclass
from datetime import datetime

from apps.assets.drivers.errors import DeviceError
from apps.assets.drivers.jobs import GatewayAsk, JsonObject
from apps.assets.drivers.measurement import Measurement
from apps.assets.drivers.registry import DeviceSpec, Identity


@dataclass(frozen=True, slots=True)
class Sample:
    """A device answered a poll."""

    spec: DeviceSpec
    at: datetime
    measurement: Measurement
    identity: Identity


@dataclass(frozen=True, slots=True)
class PollFailure:
    """A device did not answer a poll, or wrongly."""

    spec: DeviceSpec
    at: datetime
    error: DeviceError


@dataclass(frozen=True, slots=True)
class SetpointCommand:
    """What to write to a device; no `power_kw` ends the set-point that is in force."""

    setpoint_id: int
    device_id: int
    power_kw: float | None
    reversion_s: int


@dataclass(frozen=True, slots=True)
class SetpointOutcome:
    """What came of a command."""

    command: SetpointCommand
    at: datetime
    readback_kw: float | None
    error: DeviceError | None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of a person's question: the answer, or the error that says why there is none."""

    ask: GatewayAsk
    answer: JsonObject | None
    error: DeviceError | None


PollEvent = Sample | PollFailure | SetpointOutcome | JobOutcome
