"""What a driver reads from a device, in house units and signs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

SensorKey = tuple[str, str]
"""(quantity, channel); the channel is empty for the whole device."""


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """A sensor that a device has. `period_s` None: read as often as the device."""

    quantity: str
    channel: str = ""
    period_s: float | None = None
    rollover_kwh: float | None = None

    @property
    def key(self) -> SensorKey:
        return self.quantity, self.channel


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """A fault that the device reports now. `words`: language code -> text; may be empty."""

    code: str
    severity: int
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One poll's values: consumption and charging positive, kW and kWh.

    A value that the device does not say is absent. `faults` is None when the fault registers were
    not read this time. `device_at` is the device's own clock, where it has one.
    """

    values: Mapping[SensorKey, float]
    out_of_range: frozenset[SensorKey] = frozenset()
    faults: tuple[DeviceFault, ...] | None = None
    device_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PointValue:
    """One point of a device beside its raw registers, for the eyes of an engineer.

    `quantity` is empty for a point that is no sensor (a rating, a status). `is_in_range` is None
    when nothing is known about its range. `words`: language code -> what the value means.
    """

    name: str
    quantity: str
    channel: str
    address: int
    registers: tuple[int, ...]
    value: float | str | None
    unit: str
    is_in_range: bool | None = None
    words: Mapping[str, str] = field(default_factory=dict)
