"""Registers to values and back, as a register map says. Pure."""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.map_units import CONVERSIONS
from apps.assets.drivers.measurement import DeviceFault, Measurement, SensorKey
from apps.assets.drivers.register_map import FaultPoint, MapPoint, RegisterMap

UNKNOWN_FAULT_SEVERITY = 1
_FLOATS = {"f32": (">I", ">f"), "f64": (">Q", ">d")}
_SIGNED = frozenset({"s16", "s32", "s64"})


class MapRegisters:
    """Registers that were read, by table and address."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, int], int] = {}

    def add(self, table: str, address: int, registers: Sequence[int]) -> None:
        """Remember the registers of `table` from `address` on."""
        for n, register in enumerate(registers, start=address):
            self._at[table, n] = register

    def of(self, point: MapPoint) -> tuple[int, ...] | None:
        """The registers of a point; None when one was not read."""
        found = [
            self._at.get((point.table, address))
            for address in range(point.address, point.address + point.count)
        ]
        return None if None in found else tuple(found)  # type: ignore[arg-type]


# --- one point ---


def raw_number(point: MapPoint, registers: Sequence[int]) -> int:
    """The registers as one unsigned number, most significant word and byte first."""
    number = 0
    for register in registers if point.word_order == "big" else reversed(registers):
        if point.byte_order == "little":
            register = (register & 0xFF) << 8 | register >> 8
        number = number << 16 | register
    return number


def raw_registers(point: MapPoint, number: int) -> tuple[int, ...]:
    """The registers of an unsigned number: the opposite of `raw_number`."""
    registers = []
    for _ in range(point.count):
        register = number & 0xFFFF
        if point.byte_order == "little":
            register = (register & 0xFF) << 8 | register >> 8
        registers.append(register)
        number >>= 16
    return tuple(registers if point.word_order == "little" else reversed(registers))


def point_text(point: MapPoint, registers: Sequence[int]) -> str | None:
    """The text of a string point up to its first NUL; None when it is empty."""
    order = registers if point.word_order == "big" else tuple(reversed(registers))
    packing = ">" if point.byte_order == "big" else "<"
    octets = struct.pack(f"{packing}{len(order)}H", *order)
    text = octets.split(b"\0", 1)[0].decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable()).strip() or None


def point_value(point: MapPoint, registers: Sequence[int]) -> float | None:
    """The value in the unit on the wire, scaled; None when the device does not know it.

    NaN and infinity mean "not known" as well: no device measures them.
    """
    number = raw_number(point, registers)
    if number in point.not_available:
        return None
    if point.kind in _FLOATS:
        packed, floating = _FLOATS[point.kind]
        value = struct.unpack(floating, struct.pack(packed, number))[0]
        return _scaled(value, point) if math.isfinite(value) else None
    if point.kind in _SIGNED and number >= 1 << (16 * point.count - 1):
        number -= 1 << 16 * point.count
    return _scaled(number, point)


def point_registers(point: MapPoint, value: float) -> tuple[int, ...]:
    """The registers of a value in the unit on the wire; DeviceGarbledError if it does not fit."""
    plain = (value - point.offset) / point.scale
    if point.kind in _FLOATS:
        packed, floating = _FLOATS[point.kind]
        return raw_registers(point, struct.unpack(packed, struct.pack(floating, plain))[0])
    number = math.floor(plain + 0.5)
    bits = 16 * point.count
    low, high = (-(1 << bits - 1), 1 << bits - 1) if point.kind in _SIGNED else (0, 1 << bits)
    if not low <= number < high:
        raise DeviceGarbledError(f"{point.name}: {value:g} does not fit {point.kind}")
    return raw_registers(point, number % (1 << bits))


def _scaled(number: float, point: MapPoint) -> float:
    # Dividing by 10 gives 230.5 where multiplying by 0.1 gives 230.50000000000003.
    divisor = round(1.0 / point.scale) if 0 < abs(point.scale) < 1 else 0
    if divisor and abs(divisor * point.scale - 1.0) < 1e-12:
        return number / divisor + point.offset
    return number * point.scale + point.offset


def is_in_range(point: MapPoint, value: float) -> bool:
    """True when the value is one that the device can have."""
    return point.valid is None or point.valid[0] <= value <= point.valid[1]


# --- a whole reading ---


@dataclass(frozen=True, slots=True)
class _Decoded:
    value: float
    is_in_range: bool


def measurement_decode(
    register_map: RegisterMap, registers: MapRegisters, groups: Iterable[str]
) -> Measurement:
    """The values of the poll groups that were read, in house units and signs.

    A value outside its valid range is kept and named in `out_of_range`.
    """
    due = set(groups)
    decoded: dict[str, _Decoded] = {}
    for point in register_map.points:
        if point.group in due and point.kind != "string":
            shown = registers.of(point)
            value = None if shown is None else point_value(point, shown)
            if value is not None:
                decoded[point.name] = _Decoded(value, is_in_range(point, value))
    values: dict[SensorKey, float] = {}
    outside: set[SensorKey] = set()
    for point in register_map.points:
        if point.quantity and point.name in decoded:
            key = (point.quantity, point.channel)
            values[key] = point.house(decoded[point.name].value)
            if not decoded[point.name].is_in_range:
                outside.add(key)
    _derive(register_map, due, decoded, values, outside)
    return Measurement(
        values=values,
        out_of_range=frozenset(outside),
        faults=faults_decode(register_map, registers, due),
        device_at=_device_clock(register_map, decoded),
    )


def _derive(
    register_map: RegisterMap,
    due: set[str],
    decoded: Mapping[str, _Decoded],
    values: dict[SensorKey, float],
    outside: set[SensorKey],
) -> None:
    for derived in register_map.derived:
        parts = [*derived.plus, *derived.minus]
        if derived.group not in due or any(name not in decoded for name in parts):
            continue
        key = (derived.quantity, derived.channel)
        values[key] = sum(
            (1.0 if name in derived.plus else -1.0)
            * part_house(register_map.by_name[name], decoded[name].value, derived.quantity)
            for name in parts
        )
        if not all(decoded[name].is_in_range for name in parts):
            outside.add(key)


def part_house(point: MapPoint, value: float, quantity: str) -> float:
    """A part of a sum in the house unit of the sum's quantity."""
    if point.quantity == quantity:
        return point.house(value)
    return CONVERSIONS[quantity][point.unit].to_house(value)


def _device_clock(register_map: RegisterMap, decoded: Mapping[str, _Decoded]) -> datetime | None:
    clock = next((point for point in register_map.points if point.is_clock), None)
    if clock is None or clock.name not in decoded:
        return None
    try:
        return datetime.fromtimestamp(decoded[clock.name].value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


# --- faults ---


def faults_decode(
    register_map: RegisterMap, registers: MapRegisters, groups: Iterable[str]
) -> tuple[DeviceFault, ...] | None:
    """The faults that are shown now; None when no fault register was read this time."""
    due = set(groups)
    shown: list[DeviceFault] = []
    is_read = False
    for told in register_map.faults:
        point = register_map.by_name[told.point]
        raw = registers.of(point) if point.group in due else None
        if raw is None:
            continue
        is_read = True
        number = raw_number(point, raw)
        if number not in point.not_available:
            shown.extend(_faults_of(told, point, number))
    return tuple(shown) if is_read else None


def _faults_of(told: FaultPoint, point: MapPoint, number: int) -> list[DeviceFault]:
    if told.is_bits:
        set_bits = [bit for bit in range(16 * point.count) if number >> bit & 1]
    else:
        set_bits = [number]
    faults = []
    for index in set_bits:
        if index in told.normal:
            continue
        known = told.faults.get(index)
        if known is None:
            code = f"{point.name}.{index}"
            faults.append(DeviceFault(code, UNKNOWN_FAULT_SEVERITY))
        else:
            faults.append(DeviceFault(known.code, known.severity, known.words))
    return faults


def point_words(
    register_map: RegisterMap, point: MapPoint, registers: Sequence[int]
) -> Mapping[str, str]:
    """What a status or fault point means now, by language; empty when nobody says."""
    number = raw_number(point, registers)
    if number in point.words:
        return point.words[number]
    told = next((each for each in register_map.faults if each.point == point.name), None)
    if told is None or number in point.not_available:
        return {}
    faults = [fault for fault in _faults_of(told, point, number) if fault.words]
    languages = {language for fault in faults for language in fault.words}
    return {
        language: "; ".join(fault.words[language] for fault in faults) for language in languages
    }
