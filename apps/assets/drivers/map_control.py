"""Set-points as a register map says: what is written, in which order, and how it reads back. Pure.

Value and reversion time are written first and enable last, so a device that loses us between two
writes keeps what it did. A map without anything that releases the device when we fall silent takes
no set-point at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.assets.drivers.errors import SetpointUnsupportedError
from apps.assets.drivers.map_decode import MapRegisters, point_registers, point_value
from apps.assets.drivers.register_map import (
    POWER_SOURCES,
    ControlMap,
    ControlStep,
    MapPoint,
    RegisterMap,
)

READBACK_SHARE = 0.002
"""A set-point counts as taken when it reads back within this share of the rating."""
LONGEST_SHARE_OF_WATCHDOG = 1.5
"""A set-point is refreshed at half its reversion time: at most 3/4 of the device's watchdog."""


@dataclass(frozen=True, slots=True)
class PointWrite:
    """Registers to write in one request."""

    point: MapPoint
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ControlReadback:
    """What the device shows. `power_kw` in the house's sign; None when it is not known."""

    power_kw: float | None
    is_enabled: bool
    differs: tuple[str, ...]
    """Points that do not show what was written, the power apart."""


def map_control(register_map: RegisterMap, *, is_battery: bool) -> ControlMap:
    """How a device of this model is steered; SetpointUnsupportedError when it is not."""
    function = "power" if is_battery else "production_limit"
    control = register_map.control(function)
    if control is None:
        raise SetpointUnsupportedError(f"{register_map.id} has no control of its {function}")
    return control


class MapControl:
    """Turns a power in kW (house sign) into register writes for one device, and back."""

    def __init__(
        self, register_map: RegisterMap, control: ControlMap, *, rated_power_kw: float
    ) -> None:
        self._map = register_map
        self._control = control
        self._rated_power_kw = rated_power_kw

    @property
    def shown_points(self) -> list[MapPoint]:
        """What to read to know the set-point that is in force."""
        names = {step.point for step in (*self._control.readback, *self._control.release)}
        return [point for point in self._map.points if point.name in names]

    def writes(self, *, power_kw: float, reversion_s: int) -> list[PointWrite]:
        """The writes of a set-point, in order. Raises SetpointUnsupportedError."""
        self._check(power_kw, reversion_s)
        return [
            self._write(step, self._wire_value(step, power_kw, reversion_s))
            for step in self._control.writes
        ]

    def release(self) -> list[PointWrite]:
        """The writes that end a set-point; none where none can have been given."""
        if not self._control.fallback.is_safe:
            return []
        return [self._write(step, self._wire_value(step, 0.0, 0)) for step in self._control.release]

    def readback(self, registers: MapRegisters, *, power_kw: float = 0.0) -> ControlReadback:
        """What the device shows; `power_kw` is what was written."""
        powers: list[float | None] = []
        differs: list[str] = []
        is_enabled = True
        for step in self._control.readback:
            point = self._map.by_name[step.point]
            value = _shown(point, registers)
            if step.source in POWER_SOURCES:
                powers.append(None if value is None else self._house_kw(step, point, value))
            elif step.role == "enable":
                is_enabled &= value in _enabling(step)
            if step.source == "" and value != self._wire_value(step, power_kw, 0):
                differs.append(step.point)
        shown = [power for power in powers if power is not None]
        return ControlReadback(
            power_kw=sum(shown) if len(shown) == len(powers) else None,
            is_enabled=is_enabled,
            differs=tuple(differs),
        )

    def in_force_kw(self, registers: MapRegisters) -> float | None:
        """The set-point in force; None when none is enabled, or it shows what a release writes."""
        readback = self.readback(registers)
        released = [
            _shown(self._map.by_name[step.point], registers) == step.number
            for step in self._control.release
        ]
        return readback.power_kw if readback.is_enabled and not all(released) else None

    def matches(self, readback: ControlReadback, *, power_kw: float) -> bool:
        """True when the device shows this set-point, enabled, within what it can resolve."""
        if readback.power_kw is None or not readback.is_enabled or readback.differs:
            return False
        tolerance_kw = max(self._step_kw(), READBACK_SHARE * self._rated_power_kw)
        return abs(readback.power_kw - self._expected_kw(power_kw)) <= tolerance_kw

    # --- what may be asked ---

    def _check(self, power_kw: float, reversion_s: int) -> None:
        model, fallback = self._map.id, self._control.fallback
        if not fallback.is_safe:
            raise SetpointUnsupportedError(
                f"{model} has no reversion timer and no watchdog: "
                "it would keep a set-point for ever, so it is only read"
            )
        limits = self._control.range_kw
        if limits is not None and not limits[0] <= power_kw <= limits[1]:
            raise SetpointUnsupportedError(
                f"{model} takes {limits[0]:g} to {limits[1]:g} kW, not {power_kw:g} kW"
            )
        if fallback.kind == "timer":
            counts = reversion_s // fallback.unit_s
            if counts < 1 or (fallback.most is not None and counts > fallback.most):
                longest = (
                    "" if fallback.most is None else f" to {fallback.most * fallback.unit_s:g}"
                )
                raise SetpointUnsupportedError(
                    f"{model} reverts after {fallback.unit_s:g}{longest} s, not {reversion_s} s"
                )
        elif not fallback.after_s <= reversion_s <= LONGEST_SHARE_OF_WATCHDOG * fallback.after_s:
            raise SetpointUnsupportedError(
                f"{model} reverts by itself after {fallback.after_s:g} s: the reversion time must "
                f"be {fallback.after_s:g} to {LONGEST_SHARE_OF_WATCHDOG * fallback.after_s:g} s"
            )

    # --- values ---

    def _write(self, step: ControlStep, value: float) -> PointWrite:
        point = self._map.by_name[step.point]
        return PointWrite(point, point_registers(point, value))

    def _wire_value(self, step: ControlStep, power_kw: float, reversion_s: int) -> float:
        if step.number is not None:
            return step.number
        if step.by_direction:
            return step.by_direction[_direction(power_kw)]
        if step.source == "reversion":
            # Rounded down: the device never holds longer than it was asked to.
            return reversion_s // self._control.fallback.unit_s
        side_kw = {
            "power": power_kw,
            "charge": max(0.0, power_kw),
            "discharge": max(0.0, -power_kw),
            "production": max(0.0, -power_kw),
        }[step.source]
        point = self._map.by_name[step.point]
        if point.unit == "%":
            signed = -side_kw if point.sign == "injection" else side_kw
            return max(-100.0, min(100.0, signed / self._rated_power_kw * 100.0))
        return point.wire(side_kw, "power_kw")

    def _house_kw(self, step: ControlStep, point: MapPoint, value: float) -> float:
        if point.unit == "%":
            side_kw = value / 100.0 * self._rated_power_kw
            side_kw = -side_kw if point.sign == "injection" else side_kw
        else:
            side_kw = point.house(value, "power_kw")
        return 0.0 - side_kw if step.source in ("discharge", "production") else side_kw

    def _expected_kw(self, power_kw: float) -> float:
        if self._control.function == "production_limit":
            return max(-self._rated_power_kw, min(0.0, power_kw))
        return power_kw

    def _step_kw(self) -> float:
        """The coarsest step of the points that show the power."""
        steps: Sequence[ControlStep] = [
            step for step in self._control.readback if step.source in POWER_SOURCES
        ]
        return max(self._point_step_kw(self._map.by_name[step.point]) for step in steps)

    def _point_step_kw(self, point: MapPoint) -> float:
        if point.kind in ("f32", "f64"):
            return 0.0
        if point.unit == "%":
            return abs(point.scale) / 100.0 * self._rated_power_kw
        return abs(point.house(point.scale, "power_kw"))


def _shown(point: MapPoint, registers: MapRegisters) -> float | None:
    raw = registers.of(point)
    return None if raw is None else point_value(point, raw)


def _direction(power_kw: float) -> str:
    if power_kw == 0:
        return "idle"
    return "charging" if power_kw > 0 else "discharging"


def _enabling(step: ControlStep) -> set[float]:
    return set(step.by_direction.values()) or {step.number or 0.0}
