"""Set-points of SunSpec devices: which registers, in which order, and how to read them back.

The order is always value and reversion timer first, enable last: a device that loses us between
two writes keeps what it did. A device without a reversion timer gets no set-point at all, for
nothing would end it if we died.

A battery obeys model 704 (WSet, watts) or, without it, model 124: the window of its power, in
percent, from -InWRte (charging at most) to OutWRte (discharging at most). With both ends at the
same power and both limits active there is one power left, in either direction. 802 and 713 are
never written. A PV plant obeys the limit of model 123 or, without it, of model 704.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, SetpointUnsupportedError
from apps.assets.drivers.sunspec_catalogue import layout, point_encode
from apps.assets.drivers.sunspec_scan import (
    BASIC_SETTINGS,
    DER_CAPACITY,
    DER_CONTROLS,
    IMMEDIATE_CONTROLS,
    NAMEPLATE,
    STORAGE_CONTROLS,
    Block,
    Registers,
    SunspecMap,
)
from apps.assets.drivers.sunspec_units import (
    consumption_kw_from_injection_w,
    injection_w_from_consumption_kw,
    limit_percent_from_consumption_kw,
)

ENABLED = 1
DISABLED = 0
WATTS = 1  # WSetMod of model 704
BOTH_LIMITS = 3  # StorCtl_Mod of model 124: charging and discharging
READBACK_SHARE = 0.002
"""A set-point counts as taken when it reads back within this share of the rating."""
_MOST_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Registers to write in one request."""

    address: int
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Readback:
    """What the device shows of its set-point; `power_kw` in house sign.

    `power_kw` is None when the registers hold no single power.
    """

    power_kw: float | None
    is_enabled: bool
    reversion_s: int | None


@dataclass(frozen=True, slots=True)
class _Points:
    """The names of one control function in its model; `values` in the order of the registers."""

    enable: str
    values: tuple[str, ...]
    reversion: str
    enabled: int = ENABLED
    before_value: tuple[tuple[str, int], ...] = ()
    before_reversion: tuple[tuple[str, int], ...] = ()


_BATTERY_704 = _Points(
    enable="WSetEna",
    values=("WSet",),
    reversion="WSetRvrtTms",
    before_value=(("WSetMod", WATTS),),
    before_reversion=(("WSetEnaRvrt", DISABLED),),
)
_LIMIT_704 = _Points(
    enable="WMaxLimPctEna",
    values=("WMaxLimPct",),
    reversion="WMaxLimPctRvrtTms",
    before_reversion=(("WMaxLimPctEnaRvrt", DISABLED),),
)
_LIMIT_123 = _Points(enable="WMaxLim_Ena", values=("WMaxLimPct",), reversion="WMaxLimPct_RvrtTms")
_BATTERY_124 = _Points(
    enable="StorCtl_Mod",
    values=("OutWRte", "InWRte"),
    reversion="InOutWRte_RvrtTms",
    enabled=BOTH_LIMITS,
)


class _Scale(ABC):
    """How the values of a function mean a power in kW (house sign)."""

    needs: tuple[str, ...] = ()
    """Further points of the block that must be read to know it."""

    @abstractmethod
    def wire(self, power_kw: float, block: Block, registers: Registers) -> tuple[float, ...]:
        """The values of the function's points, in the catalogue's units."""

    @abstractmethod
    def house_kw(
        self, values: tuple[float, ...], block: Block, registers: Registers
    ) -> float | None:
        """The power that the values mean; None when they mean no single one."""

    @abstractmethod
    def step_kw(self, step: float, block: Block, registers: Registers) -> float:
        """What one step of the wire's value is in kW."""


class _Watts(_Scale):
    def wire(self, power_kw: float, block: Block, registers: Registers) -> tuple[float, ...]:
        return (injection_w_from_consumption_kw(power_kw),)

    def house_kw(
        self, values: tuple[float, ...], block: Block, registers: Registers
    ) -> float | None:
        return consumption_kw_from_injection_w(values[0])

    def step_kw(self, step: float, block: Block, registers: Registers) -> float:
        return step / 1000.0


class _PercentLimit(_Scale):
    """A limit of production in percent of the device's own maximum."""

    def __init__(self, maximum_kw: float) -> None:
        self._maximum_kw = maximum_kw

    def wire(self, power_kw: float, block: Block, registers: Registers) -> tuple[float, ...]:
        return (limit_percent_from_consumption_kw(power_kw, self._maximum_kw),)

    def house_kw(
        self, values: tuple[float, ...], block: Block, registers: Registers
    ) -> float | None:
        return 0.0 - values[0] / 100.0 * self._maximum_kw

    def step_kw(self, step: float, block: Block, registers: Registers) -> float:
        return step / 100.0 * self._maximum_kw


class _PercentWindow(_Scale):
    """Model 124: both ends of the window at one power, each in percent of its own maximum."""

    needs = ("WChaMax", "WChaMax_SF")

    def __init__(self, discharging_max_w: float | None) -> None:
        self._discharging_max_w = discharging_max_w

    def wire(self, power_kw: float, block: Block, registers: Registers) -> tuple[float, ...]:
        charging_max_w, discharging_max_w = self._maxima_w(block, registers)
        injection_w = injection_w_from_consumption_kw(power_kw)
        return (
            _held(injection_w / discharging_max_w * 100.0),
            _held(0.0 - injection_w / charging_max_w * 100.0),
        )

    def house_kw(
        self, values: tuple[float, ...], block: Block, registers: Registers
    ) -> float | None:
        charging_max_w, discharging_max_w = self._maxima_w(block, registers)
        discharging_w = values[0] / 100.0 * discharging_max_w
        charging_w = values[1] / 100.0 * charging_max_w
        # The ends are rounded to the resolution of the registers, each for itself.
        if (
            abs(discharging_w + charging_w)
            > READBACK_SHARE * max(charging_max_w, discharging_max_w) + 1e-6
        ):
            return None
        nearer_w = discharging_w if discharging_w > 0 else 0.0 - charging_w
        return consumption_kw_from_injection_w(nearer_w)

    def step_kw(self, step: float, block: Block, registers: Registers) -> float:
        return step / 100.0 * max(self._maxima_w(block, registers)) / 1000.0

    def _maxima_w(self, block: Block, registers: Registers) -> tuple[float, float]:
        """(charging, discharging): what 100 % are; the nameplate's where 124 does not say it."""
        charging_max_w = registers.value(block, "WChaMax")
        if not charging_max_w:
            raise SetpointUnsupportedError("WChaMax is not implemented: percent of what?")
        return charging_max_w, self._discharging_max_w or charging_max_w


def _held(percent: float) -> float:
    return max(-_MOST_PERCENT, min(_MOST_PERCENT, percent))


class SetpointWriter:
    """Turns a power in kW (house sign) into register writes for one device."""

    def __init__(self, device_map: SunspecMap, *, is_battery: bool, rated_power_kw: float) -> None:
        """Raises SetpointUnsupportedError when the device has no model that takes a set-point."""
        self._rated_power_kw = rated_power_kw
        found = _battery(device_map) if is_battery else _plant(device_map, rated_power_kw)
        if found is None:
            raise SetpointUnsupportedError(f"no set-point in models {device_map.model_list}")
        self._block, self._points, self._scale = found

    @property
    def spans(self) -> tuple[Span, ...]:
        """What to read to know the set-point that is in force, its scale factor included."""
        points = self._points
        names = [points.enable, *points.values, points.reversion, *self._scale.needs]
        names += [f for f in map(self._block.scale_factor, points.values) if isinstance(f, str)]
        spans = [self._block.span(name) for name in names]
        if None in spans:
            raise SetpointUnsupportedError(
                f"model {self._block.model_id} of the device is cut off before its controls"
            )
        return coalesce(span for span in spans if span is not None)

    def writes(
        self, *, power_kw: float, reversion_s: int, registers: Registers
    ) -> list[RegisterWrite]:
        """Value, reversion timer, enable. `registers` cover `spans`.

        Raises SetpointUnsupportedError for a device without a reversion timer.
        """
        points = self._points
        if registers.raw(self._block, points.reversion) is None:
            raise SetpointUnsupportedError(
                f"no reversion timer: {points.reversion} of model {self._block.model_id} is not"
                " implemented, so nothing would end a set-point if this system stopped"
            )
        wire = self._scale.wire(power_kw, self._block, registers)
        raw = [self._raw(n, v, registers) for n, v in zip(points.values, wire, strict=True)]
        return [
            *self._run([*points.before_value, *zip(points.values, raw, strict=True)]),
            *self._run([*points.before_reversion, (points.reversion, reversion_s)]),
            *self._run([(points.enable, points.enabled)]),
        ]

    def release(self) -> list[RegisterWrite]:
        """Disable the set-point."""
        return self._run([(self._points.enable, DISABLED)])

    def readback(self, registers: Registers) -> Readback:
        """What the device shows in registers that cover `spans`."""
        block, points = self._block, self._points
        values = [registers.value(block, name) for name in points.values]
        known = tuple(value for value in values if value is not None)
        reversion = registers.raw(block, points.reversion)
        is_whole = len(known) == len(values)
        return Readback(
            power_kw=self._scale.house_kw(known, block, registers) if is_whole else None,
            is_enabled=registers.raw(block, points.enable) == points.enabled,
            reversion_s=None if reversion is None else int(reversion),
        )

    def matches(self, readback: Readback, *, power_kw: float, registers: Registers) -> bool:
        """True when the device shows this set-point, enabled, within what it can resolve."""
        if readback.power_kw is None or not readback.is_enabled:
            return False
        exponent = registers.exponent(self._block, self._points.values[0]) or 0
        step_kw = self._scale.step_kw(10.0**exponent, self._block, registers)
        tolerance_kw = max(step_kw, READBACK_SHARE * self._rated_power_kw)
        return abs(readback.power_kw - power_kw) <= tolerance_kw

    def _raw(self, name: str, value: float, registers: Registers) -> int:
        exponent = registers.exponent(self._block, name)
        if exponent is None:
            raise DeviceGarbledError(f"{name} has no scale factor", retryable=False)
        return round(value / 10.0**exponent)

    def _run(self, values: list[tuple[str, int]]) -> list[RegisterWrite]:
        """Writes of these points, neighbours joined in one request."""
        writes: list[RegisterWrite] = []
        for name, value in values:
            point = layout(self._block.model_id)[name]
            address = self._block.address + point.offset
            registers = tuple(point_encode(point.kind, value))
            if writes and writes[-1].address + len(writes[-1].registers) == address:
                joined = writes[-1].registers + registers
                writes[-1] = RegisterWrite(writes[-1].address, joined)
            else:
                writes.append(RegisterWrite(address, registers))
        return writes


_Found = tuple[Block, _Points, _Scale]


def _battery(device_map: SunspecMap) -> _Found | None:
    controls = device_map.first((DER_CONTROLS,))
    if controls is not None:
        return controls, _BATTERY_704, _Watts()
    storage = device_map.first((STORAGE_CONTROLS,))
    if storage is not None:
        return storage, _BATTERY_124, _PercentWindow(device_map.rating(NAMEPLATE, "MaxDisChaRte"))
    return None


def _plant(device_map: SunspecMap, rated_power_kw: float) -> _Found | None:
    maximum_kw = _maximum_kw(device_map) or rated_power_kw
    immediate = device_map.first((IMMEDIATE_CONTROLS,))
    if immediate is not None:
        return immediate, _LIMIT_123, _PercentLimit(maximum_kw)
    controls = device_map.first((DER_CONTROLS,))
    if controls is not None:
        return controls, _LIMIT_704, _PercentLimit(maximum_kw)
    return None


def _maximum_kw(device_map: SunspecMap) -> float | None:
    """What the device's limits are a percentage of: its own WMax, else its nameplate."""
    ratings = ((BASIC_SETTINGS, "WMax"), (DER_CAPACITY, "WMax"), (NAMEPLATE, "WRtg"))
    watts = (device_map.rating(model_id, name) for model_id, name in ratings)
    return next((value / 1000.0 for value in watts if value), None)


def can_control(device_map: SunspecMap, *, is_battery: bool) -> bool:
    """Whether the device has a model that takes a set-point."""
    models = (DER_CONTROLS, STORAGE_CONTROLS) if is_battery else (IMMEDIATE_CONTROLS, DER_CONTROLS)
    return device_map.first(models) is not None
