"""Drivers by the name that a device carries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from apps.assets.drivers.measurement import Measurement, SensorSpec
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


class Driver(Protocol):
    """One device on an open connection. Every method may raise a DeviceError."""

    async def identify(self) -> Identity:
        """Find out what the device is; `measure` does it first when nobody did."""

    async def measure(self) -> Measurement:
        """What the device measures now."""

    async def setpoint_write(self, *, power_kw: float, reversion_s: int) -> float:
        """Write a set-point, restart its reversion timer and read it back; gives kW read back.

        Raises ReadbackMismatchError when the device does not show what was written.
        """

    async def setpoint_release(self) -> None:
        """End the set-point that is in force."""

    async def setpoint_read(self) -> float | None:
        """The set-point in force in kW; None when none is enabled."""


_drivers: dict[str, Callable[[ModbusConnection, DeviceSpec], Driver]] = {}


def register(name: str, build: Callable[[ModbusConnection, DeviceSpec], Driver]) -> None:
    """Make a driver known under a name."""
    _drivers[name] = build


def driver_names() -> list[str]:
    """The names a device may carry."""
    return sorted(_drivers)


def driver_build(connection: ModbusConnection, spec: DeviceSpec) -> Driver:
    """The driver of a device; KeyError for an unknown name."""
    return _drivers[spec.driver](connection, spec)
