"""Set-points of SunSpec devices: which registers, in which order, and how to read them back.

The order is always value and reversion timer first, enable last: a device that loses us between
two writes keeps what it did. A battery obeys model 704 (WSet, watts); a PV plant obeys the limit
of model 123 or, without it, of model 704.
"""

from dataclasses import dataclass

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.sunspec import (
    DER_CONTROLS,
    IMMEDIATE_CONTROLS,
    Registers,
    SunspecMap,
    consumption_kw_from_injection_w,
    injection_w_from_consumption_kw,
    layout,
    limit_percent_from_consumption_kw,
    point_encode,
)

ENABLED = 1
DISABLED = 0
WATTS = 1  # WSetMod of model 704
READBACK_SHARE = 0.002
"""A set-point counts as taken when it reads back within this share of the rating."""


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Registers to write in one request."""

    address: int
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Readback:
    """What the device shows of its set-point; `power_kw` in house sign."""

    power_kw: float | None
    is_enabled: bool
    reversion_s: int | None


@dataclass(frozen=True, slots=True)
class _Points:
    """The names of one control function in its model."""

    enable: str
    value: str
    reversion: str
    before_value: tuple[tuple[str, int], ...] = ()
    before_reversion: tuple[tuple[str, int], ...] = ()


_BATTERY_704 = _Points(
    enable="WSetEna",
    value="WSet",
    reversion="WSetRvrtTms",
    before_value=(("WSetMod", WATTS),),
    before_reversion=(("WSetEnaRvrt", DISABLED),),
)
_LIMIT_704 = _Points(
    enable="WMaxLimPctEna",
    value="WMaxLimPct",
    reversion="WMaxLimPctRvrtTms",
    before_reversion=(("WMaxLimPctEnaRvrt", DISABLED),),
)
_LIMIT_123 = _Points(enable="WMaxLim_Ena", value="WMaxLimPct", reversion="WMaxLimPct_RvrtTms")


class SetpointWriter:
    """Turns a power in kW (house sign) into register writes for one device."""

    def __init__(self, device_map: SunspecMap, *, is_battery: bool, rated_power_kw: float) -> None:
        """Raises DeviceGarbledError when the device has no model that takes a set-point."""
        self._is_battery = is_battery
        self._rated_power_kw = rated_power_kw
        controls = device_map.first((DER_CONTROLS,))
        immediate = device_map.first((IMMEDIATE_CONTROLS,))
        if is_battery and controls is not None:
            self._block, self._points = controls, _BATTERY_704
        elif not is_battery and immediate is not None:
            self._block, self._points = immediate, _LIMIT_123
        elif not is_battery and controls is not None:
            self._block, self._points = controls, _LIMIT_704
        else:
            raise DeviceGarbledError(f"no set-point in models {device_map.model_list}")

    @property
    def spans(self) -> tuple[Span, ...]:
        """What to read to know the set-point that is in force, its scale factor included."""
        points = self._points
        names = [points.enable, points.value, points.reversion]
        factor = layout(self._block.model_id)[points.value].scale_factor
        if isinstance(factor, str):
            names.append(factor)
        return coalesce(self._span(name) for name in names)

    def writes(
        self, *, power_kw: float, reversion_s: int, registers: Registers
    ) -> list[RegisterWrite]:
        """Value, reversion timer, enable. `registers` cover `spans`."""
        points = self._points
        exponent = registers.exponent(self._block, points.value)
        if exponent is None:
            raise DeviceGarbledError(f"{points.value} has no scale factor")
        raw = round(self._wire_value(power_kw) / 10.0**exponent)
        return [
            *self._run([*points.before_value, (points.value, raw)]),
            *self._run([*points.before_reversion, (points.reversion, reversion_s)]),
            *self._run([(points.enable, ENABLED)]),
        ]

    def release(self) -> list[RegisterWrite]:
        """Disable the set-point."""
        return self._run([(self._points.enable, DISABLED)])

    def readback(self, registers: Registers) -> Readback:
        """What the device shows in registers that cover `spans`."""
        value = registers.value(self._block, self._points.value)
        reversion = registers.raw(self._block, self._points.reversion)
        return Readback(
            power_kw=None if value is None else self._house_value(value),
            is_enabled=registers.raw(self._block, self._points.enable) == ENABLED,
            reversion_s=None if reversion is None else int(reversion),
        )

    def matches(self, readback: Readback, *, power_kw: float, registers: Registers) -> bool:
        """True when the device shows this set-point, enabled, within what it can resolve."""
        if readback.power_kw is None or not readback.is_enabled:
            return False
        exponent = registers.exponent(self._block, self._points.value) or 0
        step_kw = self._house_step_kw(10.0**exponent)
        tolerance_kw = max(step_kw, READBACK_SHARE * self._rated_power_kw)
        return abs(readback.power_kw - power_kw) <= tolerance_kw

    def _wire_value(self, power_kw: float) -> float:
        if self._is_battery:
            return injection_w_from_consumption_kw(power_kw)
        return limit_percent_from_consumption_kw(power_kw, self._rated_power_kw)

    def _house_value(self, value: float) -> float:
        if self._is_battery:
            return consumption_kw_from_injection_w(value)
        return 0.0 - value / 100.0 * self._rated_power_kw

    def _house_step_kw(self, step: float) -> float:
        return step / 1000.0 if self._is_battery else step / 100.0 * self._rated_power_kw

    def _span(self, name: str) -> Span:
        point = layout(self._block.model_id)[name]
        return Span(self._block.address + point.offset, point.size)

    def _run(self, values: list[tuple[str, int]]) -> list[RegisterWrite]:
        """Writes of these points, neighbours joined in one request."""
        writes: list[RegisterWrite] = []
        for name, value in values:
            span = self._span(name)
            registers = tuple(point_encode(layout(self._block.model_id)[name].kind, value))
            if writes and writes[-1].address + len(writes[-1].registers) == span.address:
                joined = writes[-1].registers + registers
                writes[-1] = RegisterWrite(writes[-1].address, joined)
            else:
                writes.append(RegisterWrite(span.address, registers))
        return writes
