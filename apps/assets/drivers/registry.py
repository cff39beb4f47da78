"""Drivers by the name that a device carries."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from apps.assets.drivers.measurement import Measurement, PointValue, SensorSpec
from apps.assets.drivers.modbus import ModbusConnection


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """What polling needs to know of a device."""

    device_id: int
    code: str
    driver: str
    host: str
    port: int
    unit_id: int
    poll_period_s: float
    is_battery: bool
    rated_power_kw: float
    transport: str = "modbus_tcp"
    timeout_s: float | None = None
    """None: as the device model says."""
    inter_frame_delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says about itself."""

    manufacturer: str
    model_name: str
    serial_number: str
    models: str
    sensors: tuple[SensorSpec, ...] = ()
    driver_version: int = 0
    kinds: tuple[str, ...] = ()
    """What the device may be (`pv`, `battery`, `meter`); empty: as the device model says."""
    can_control: bool | None = None
    """None: as the device model says."""


class Driver(Protocol):
    """One device on an open connection. Every method may raise a DeviceError."""

    async def identify(self) -> Identity:
        """Find out what the device is; `measure` does it first when nobody did."""

    async def measure(self) -> Measurement:
        """What the device measures now: its fast points, and the slow ones that are due.

        Which poll groups are due is the driver's own business (a monotonic clock).
        """

    async def inspect(self) -> list[PointValue]:
        """All points with their raw registers, read now."""

    async def setpoint_write(self, *, power_kw: float, reversion_s: int) -> float:
        """Write a set-point, restart its reversion timer and read it back; gives kW read back.

        Raises ReadbackMismatchError when the device does not show what was written.
        """

    async def setpoint_release(self) -> None:
        """End the set-point that is in force."""

    async def setpoint_read(self) -> float | None:
        """The set-point in force in kW; None when none is enabled."""


class ReadTable(Protocol):
    """Registers of the unit that is being identified. Raises a DeviceError."""

    async def __call__(self, address: int, count: int, *, table: str = "holding") -> list[int]:
        """Registers [address, address + count) of `table` (`holding` or `input`)."""


@dataclass(frozen=True, slots=True)
class DriverChoice:
    """A device model as it is offered to a person. `names`: language code -> name."""

    name: str
    vendor: str
    model: str
    kinds: tuple[str, ...]
    tried_on: str
    """The hardware it was tried on; empty: written from documentation, not tried on hardware."""
    names: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    can_control: bool = False


DriverBuild = Callable[[ModbusConnection, DeviceSpec], Driver]


Lookup = Callable[[str], DriverBuild | None]
Recognise = Callable[[str, ReadTable], Awaitable[Identity | None]]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where drivers come from that are not named in code: the register maps."""

    lookup: Lookup
    choices: Callable[[], Sequence[DriverChoice]]
    recognise: Recognise


_drivers: dict[str, tuple[DriverBuild, DriverChoice | None]] = {}
_sources: list[_Source] = []


def register(name: str, build: DriverBuild, choice: DriverChoice | None = None) -> None:
    """Make a driver known under a name."""
    _drivers[name] = build, choice


def register_source(
    lookup: Lookup,
    *,
    choices: Callable[[], Sequence[DriverChoice]],
    recognise: Recognise,
) -> None:
    """Ask a source too for names that no fixed driver has.

    `lookup` gives the driver of a name or None, `choices` what is on offer, and `recognise` (name,
    read) the identity of the unit behind `read` if it is of that model, else None.
    """
    _sources.append(_Source(lookup, choices, recognise))


def driver_names() -> list[str]:
    """The names a device may carry."""
    return sorted({*_drivers, *(choice.name for choice in driver_choices())})


def driver_choices() -> list[DriverChoice]:
    """The device models to choose from: the fixed drivers first."""
    fixed = [choice for _build, choice in _drivers.values() if choice is not None]
    return fixed + [choice for source in _sources for choice in source.choices()]


def driver_choice(name: str) -> DriverChoice | None:
    """The device model of that name, as it is offered."""
    return next((choice for choice in driver_choices() if choice.name == name), None)


def driver_build(connection: ModbusConnection, spec: DeviceSpec) -> Driver:
    """The driver of a device; KeyError for an unknown name."""
    if spec.driver in _drivers:
        return _drivers[spec.driver][0](connection, spec)
    for source in _sources:
        build = source.lookup(spec.driver)
        if build is not None:
            return build(connection, spec)
    raise KeyError(spec.driver)


async def driver_recognise(name: str, read: ReadTable) -> Identity | None:
    """Whether the unit behind `read` is of this device model; None when it is another."""
    for source in _sources:
        if source.lookup(name) is not None:
            return await source.recognise(name, read)
    return None
