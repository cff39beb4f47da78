"""From the registers of a SunSpec device to a measurement, by a plan made once after the scan.

Points that matter (power, energy, state of charge, faults) are read at every poll, the rest at a
slower period. A plan is a list of reads and, for each sensor, where in them its registers are: the
decoding of a poll is one pass over that list. Scale factors are read with their values, for some
devices change them as they go.
"""

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.measurement import DeviceFault, Measurement, SensorKey, SensorSpec
from apps.assets.drivers.sunspec_catalogue import Point, layout
from apps.assets.drivers.sunspec_scan import (
    METERS,
    MPPT,
    SANE_EXPONENTS,
    Block,
    Registers,
    SunspecMap,
)
from apps.assets.drivers.sunspec_values import (
    EXPORT_POSITIVE_VENDORS,
    FAULT_POINTS,
    MEASURED,
    METER_EXPORT_POSITIVE,
    POWER_MODELS,
    REPEATED,
    STATE_MODELS,
    VALID,
    Convert,
    Measured,
)

SLOW_PERIOD_S = 15.0
"""How often the points are read that do not matter at every poll."""
DC_POWER: SensorKey = ("dc_power_kw", "")
_BITS = 31  # The 32nd says that the bit field is not implemented.

# --- reading one value ---

ReadRaw = Callable[[Sequence[int], int], float | None]
"""(registers, index) -> the raw number, or None when it is not implemented."""


def _int16(registers: Sequence[int], at: int) -> float | None:
    raw = registers[at]
    if raw < 0x8000:
        return raw
    return None if raw == 0x8000 else raw - 0x10000


def _uint16(registers: Sequence[int], at: int) -> float | None:
    raw = registers[at]
    return None if raw == 0xFFFF else raw


def _int32(registers: Sequence[int], at: int) -> float | None:
    raw = registers[at] << 16 | registers[at + 1]
    if raw < 0x80000000:
        return raw
    return None if raw == 0x80000000 else raw - 0x100000000


def _uint32(registers: Sequence[int], at: int) -> float | None:
    raw = registers[at] << 16 | registers[at + 1]
    return None if raw == 0xFFFFFFFF else raw


def _acc32(registers: Sequence[int], at: int) -> float | None:
    # 0 is "not accumulated" (and what a restarting device shows for a moment): not a reading.
    return registers[at] << 16 | registers[at + 1] or None


def _uint64(registers: Sequence[int], at: int) -> float | None:
    high, low = registers[at] << 16 | registers[at + 1], registers[at + 2] << 16 | registers[at + 3]
    raw = high << 32 | low
    return None if raw == 0xFFFFFFFFFFFFFFFF else raw


def _float32(registers: Sequence[int], at: int) -> float | None:
    value: float = struct.unpack(">f", struct.pack(">HH", registers[at], registers[at + 1]))[0]
    return value if math.isfinite(value) else None


_READERS: Mapping[str, ReadRaw] = {
    "int16": _int16,
    "uint16": _uint16,
    "int32": _int32,
    "uint32": _uint32,
    "acc32": _acc32,
    "uint64": _uint64,
    "float32": _float32,
}

_FACTORS: Mapping[int, tuple[int, int]] = {
    exponent & 0xFFFF: (10 ** max(0, exponent), 10 ** max(0, -exponent))
    for exponent in SANE_EXPONENTS
}
"""The register of a scale factor -> (multiply by, divide by)."""


# --- what a device has ---


@dataclass(frozen=True, slots=True)
class Sensed:
    """A point of the device that is a sensor."""

    block: Block
    name: str
    quantity: str
    channel: str
    convert: Convert
    is_fast: bool

    @property
    def key(self) -> SensorKey:
        return self.quantity, self.channel

    @property
    def point(self) -> Point:
        place = self.block.place(self.name)
        if place is None:
            raise DeviceGarbledError(f"model {self.block.model_id} has no {self.name}")
        return place[0]

    @property
    def spans(self) -> Iterator[Span]:
        """The point's registers and those of its scale factor."""
        scale_factor = self.block.scale_factor(self.name)
        for name in (self.name, scale_factor):
            span = self.block.span(name) if isinstance(name, str) else None
            if span is not None:
                yield span


def sensed_points(device_map: SunspecMap) -> list[Sensed]:
    """All points of the device that may be sensors; of two for one sensor the better comes first.

    Raises DeviceGarbledError when the device has no model that measures power.
    """
    power = device_map.first(POWER_MODELS)
    if power is None:
        raise DeviceGarbledError(f"no power measurement in models {device_map.model_list}")
    blocks = [power]
    blocks += [b for b in (device_map.first((m,)) for m in STATE_MODELS) if b is not None]
    blocks += [b for b in (device_map.first((m,)) for m in REPEATED) if b is not None]
    return [sensed for block in blocks for sensed in _of_block(block, device_map.manufacturer)]


def _of_block(block: Block, manufacturer: str) -> Iterator[Sensed]:
    measured = MEASURED.get(block.model_id, ())
    if block.model_id in METERS and manufacturer.startswith(EXPORT_POSITIVE_VENDORS):
        measured = METER_EXPORT_POSITIVE
    for each in measured:
        if block.span(each.point) is not None:
            yield _sensed(block, each.point, each, each.channel)
    group = layout(block.model_id).group_name
    for number in range(1, block.repeats + 1):
        for each in REPEATED.get(block.model_id, ()):
            yield _sensed(block, f"{group}{number}.{each.point}", each, each.channel.format(number))


def _sensed(block: Block, name: str, measured: Measured, channel: str) -> Sensed:
    return Sensed(block, name, measured.quantity, channel, measured.convert, measured.is_fast)


def is_implemented(sensed: Sensed, registers: Registers) -> bool:
    """Whether the device has the point: mandatory, or it says something now.

    An inverter may say nothing at night, so a mandatory point counts whatever it says; so does a
    counter that has not counted yet, if its scale factor is there.
    """
    point = sensed.point
    if registers.exponent(sensed.block, sensed.name) is None:
        return False
    if point.is_mandatory or point.kind.startswith("acc"):
        return True
    return registers.raw(sensed.block, sensed.name) is not None


# --- the plan ---


@dataclass(frozen=True, slots=True)
class _Value:
    key: SensorKey
    read: ReadRaw
    at: int
    factor_at: int
    convert: Convert
    valid: tuple[float, float] | None


class ReadPlan:
    """Which registers to read, and how to understand them."""

    def __init__(
        self, sensed: Iterable[Sensed], fault_blocks: Iterable[Block], *, sums_dc: bool = False
    ) -> None:
        points = list(sensed)
        faults = [(block, FAULT_POINTS[block.model_id]) for block in fault_blocks]
        fault_spans = [span for block, name in faults if (span := block.span(name)) is not None]
        spans = [span for point in points for span in point.spans]
        self.spans = coalesce([*spans, *fault_spans])
        self._index: dict[int, int] = {}
        for span in self.spans:
            start = len(self._index)
            addresses = range(span.address, span.address + span.count)
            self._index.update((address, start + n) for n, address in enumerate(addresses))
        self._values = [self._value(point) for point in points]
        self._faults = [
            (self._index[span.address], _fault_table(block.model_id, name))
            for block, name in faults
            if (span := block.span(name)) is not None
        ]
        self._sums_dc = sums_dc

    def _value(self, sensed: Sensed) -> _Value:
        scale_factor = sensed.block.scale_factor(sensed.name)
        factor_at = -1
        spans = list(sensed.spans)
        if isinstance(scale_factor, str):
            # A model that is cut off before its scale factor: point at a register that is none.
            factor_at = self._index[spans[1].address] if len(spans) > 1 else -2
        return _Value(
            key=sensed.key,
            read=_READERS[sensed.point.kind],
            at=self._index[spans[0].address],
            factor_at=factor_at,
            convert=sensed.convert,
            valid=VALID.get(sensed.quantity),
        )

    def decode(self, registers: Sequence[int]) -> Measurement:
        """The measurement in the registers of `spans`, one after the other."""
        values: dict[SensorKey, float] = {}
        strange: set[SensorKey] | None = None
        for each in self._values:
            raw = each.read(registers, each.at)
            if raw is None:
                continue
            if each.factor_at != -1:
                factor = _FACTORS.get(registers[each.factor_at]) if each.factor_at >= 0 else None
                if factor is None:
                    continue
                raw = raw * factor[0] / factor[1]
            value = each.convert(raw)
            values[each.key] = value
            if each.valid is not None and not each.valid[0] <= value <= each.valid[1]:
                strange = strange or set()
                strange.add(each.key)
        if self._sums_dc:
            _add_dc_total(values)
        return Measurement(
            values,
            out_of_range=frozenset(strange) if strange else frozenset(),
            faults=self._active_faults(registers) if self._faults else None,
        )

    def _active_faults(self, registers: Sequence[int]) -> tuple[DeviceFault, ...]:
        active: dict[str, DeviceFault] = {}
        for at, table in self._faults:
            bits = registers[at] << 16 | registers[at + 1]
            if bits and not bits >> _BITS:
                for bit in range(_BITS):
                    if bits >> bit & 1:
                        active[table[bit].code] = table[bit]
        return tuple(active.values())


def _add_dc_total(values: dict[SensorKey, float]) -> None:
    modules = [
        v for (quantity, channel), v in values.items() if quantity == DC_POWER[0] and channel
    ]
    if modules:
        values[DC_POWER] = math.fsum(modules)


def _fault_table(model_id: int, name: str) -> list[DeviceFault]:
    """The fault of each bit; one that the catalogue does not name is told by its number."""
    symbols = layout(model_id)[name].symbols
    table = []
    for bit in range(_BITS):
        symbol = symbols.get(bit)
        code = symbol.name if symbol else f"{name.upper()}_BIT_{bit}"
        label = symbol.label if symbol else f"{name}, bit {bit}"
        table.append(DeviceFault(code, fault_severity(code), {"en": label}))
    return table


_WARNING, _CRITICAL = 1, 2
_MILD = ("WARNING", "M_EVENT_OEM", "M_EVENT_Reserved", "_BIT_", "RESERVED", "CABINET_OPEN")
_MILD_TOO = ("MANUAL_SHUTDOWN", "AC_DISCONNECT", "DC_DISCONNECT", "Low_PF", "_VOLTAGE")


def fault_severity(code: str) -> int:
    """Warning for what a person did or what may pass, critical for the rest."""
    return _WARNING if any(mild in code for mild in (*_MILD, *_MILD_TOO)) else _CRITICAL


class MeasurementReader:
    """The plans of a device: what to read at a normal poll, and what every SLOW_PERIOD_S."""

    def __init__(self, device_map: SunspecMap) -> None:
        """Raises DeviceGarbledError when the device has no model that measures power."""
        self._sensed = sensed_points(device_map)
        self._fault_blocks = [
            block
            for block in (device_map.first((model_id,)) for model_id in FAULT_POINTS)
            if block is not None
        ]
        self._has_modules = device_map.first((MPPT,)) is not None
        # Before the first look at the device everything that may be there is read.
        self.full = self._plan(self._sensed)
        self.fast = self._plan([point for point in self._sensed if point.is_fast])

    def keep_implemented(self, registers: Registers) -> None:
        """Forget the points that the device does not have; `registers` cover `full`."""
        kept: dict[SensorKey, Sensed] = {}
        for point in self._sensed:
            if is_implemented(point, registers):
                kept.setdefault(point.key, point)
        self._sensed = list(kept.values())
        self.full = self._plan(self._sensed)
        self.fast = self._plan([point for point in self._sensed if point.is_fast])

    def sensors(self, registers: Registers, *, poll_period_s: float) -> tuple[SensorSpec, ...]:
        """What the device measures; `registers` cover `full` and tell where counters roll over."""
        slow_s = SLOW_PERIOD_S if poll_period_s < SLOW_PERIOD_S else None
        sensors = [
            SensorSpec(
                point.quantity,
                point.channel,
                None if point.is_fast else slow_s,
                _rollover_kwh(point, registers),
            )
            for point in self._sensed
        ]
        if self._sums_dc(self._sensed):
            sensors.append(SensorSpec(*DC_POWER, slow_s))
        return tuple(sensors)

    @property
    def points(self) -> list[Sensed]:
        """The points that are sensors."""
        return list(self._sensed)

    def _plan(self, sensed: list[Sensed]) -> ReadPlan:
        return ReadPlan(sensed, self._fault_blocks, sums_dc=self._sums_dc(sensed))

    def _sums_dc(self, sensed: Iterable[Sensed]) -> bool:
        """The modules' powers are added up when the inverter does not say the total."""
        keys = {point.key for point in sensed}
        return DC_POWER not in keys and any(quantity == DC_POWER[0] for quantity, _c in keys)


def _rollover_kwh(sensed: Sensed, registers: Registers) -> float | None:
    """Where a counter of 32 bits starts again from 0; wider ones never do."""
    exponent = registers.exponent(sensed.block, sensed.name)
    if sensed.point.kind != "acc32" or exponent is None:
        return None
    return sensed.convert(2.0**32 * 10.0**exponent)
