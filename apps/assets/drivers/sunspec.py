"""SunSpec: finding the models of a device, decoding what it measures, encoding set-points.

Pure but for the register access handed in. Model files and point types come from pysunspec2's
catalogue. SunSpec counts power at the AC terminals positive for injection (SunSpec DER
Information Model 701: "positive for DER generation and negative for absorption"); the house
counts consumption positive. The two are converted in the named functions below, nowhere
else. Not-implemented points give None, as does a point whose scale factor makes no sense.
"""

import math
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sunspec2 import mb
from sunspec2.device import get_model_def

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.measurement import Measurement, SensorKey

# SunSpec Device Information Model Specification 1.1, section 6.2.2: where the map may begin.
BASE_ADDRESSES = (40000, 50000, 0)
SUNS = (0x5375, 0x6E53)
END_MODEL = 0xFFFF
COMMON = 1
INVERTERS = (101, 102, 103, 111, 112, 113)
IMMEDIATE_CONTROLS = 123
DER_MEASUREMENT = 701
DER_CAPACITY = 702
DER_CONTROLS = 704
DER_STORAGE = 713
MOST_MODELS = 64
_HEADER = 2
_SANE_EXPONENTS = range(-10, 11)

ReadRegisters = Callable[[int, int], Awaitable[list[int]]]
"""(address, count) -> registers."""


def consumption_kw_from_injection_w(injection_w: float) -> float:
    """SunSpec's W (injection positive) as the house's kW (consumption positive)."""
    return 0.0 - injection_w / 1000.0


def injection_w_from_consumption_kw(consumption_kw: float) -> float:
    """The house's kW (consumption positive) as SunSpec's W (injection positive)."""
    return 0.0 - consumption_kw * 1000.0


def energy_kwh_from_wh(energy_wh: float) -> float:
    """SunSpec's Wh counters as the house's kWh counters."""
    return energy_wh / 1000.0


def limit_percent_from_consumption_kw(consumption_kw: float, rated_power_kw: float) -> float:
    """The production limit -`consumption_kw` as percent of the rating, held in 0 to 100."""
    return max(0.0, min(100.0, -consumption_kw / rated_power_kw * 100.0))


# --- the catalogue ---


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a model; offset and size in registers from the model's ID register."""

    name: str
    kind: str
    offset: int
    size: int
    scale_factor: str | int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The fixed points of a catalogue model."""

    model_id: int
    points: Mapping[str, Point]

    def __getitem__(self, name: str) -> Point:
        return self.points[name]


@cache
def layout(model_id: int) -> Layout:
    """The layout of a model's own points (not those of its repeating groups)."""
    points: dict[str, Point] = {}
    offset = 0
    for entry in get_model_def(model_id)["group"]["points"]:
        point = Point(entry["name"], entry["type"], offset, entry["size"], entry.get("sf"))
        points[point.name] = point
        offset += point.size
    return Layout(model_id, points)


def point_decode(kind: str, registers: Sequence[int]) -> Any:
    """The raw value of a point; None when it is not implemented."""
    info = mb.point_type_info[kind]
    data = struct.pack(f">{len(registers)}H", *registers)
    if kind == "string":
        return data.split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None
    value = info.data_to(data)
    return value if value is not None and info.is_impl(value) else None


def point_encode(kind: str, value: float) -> list[int]:
    """The registers of a raw value; DeviceGarbledError when it does not fit the type."""
    info = mb.point_type_info[kind]
    try:
        data = info.to_data(value if kind.startswith("float") else round(value))
    except struct.error as error:
        raise DeviceGarbledError(f"{value} does not fit {kind}") from error
    return list(struct.unpack(f">{len(data) // 2}H", data))


class Registers:
    """Registers that were read, by address."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def add(self, address: int, registers: Sequence[int]) -> None:
        """Remember the registers from `address` on."""
        self._at.update(enumerate(registers, start=address))

    def raw(self, block: "Block", name: str) -> Any:
        """The raw value of a point; None when not implemented, cut off or not read."""
        point = layout(block.model_id)[name]
        if point.offset + point.size > block.length:
            return None
        start = block.address + point.offset
        registers = [self._at.get(address) for address in range(start, start + point.size)]
        if None in registers:
            return None
        return point_decode(point.kind, registers)  # type: ignore[arg-type]

    def value(self, block: "Block", name: str) -> float | None:
        """The value of a point in its unit, scaled; None when unknown."""
        raw = self.raw(block, name)
        exponent = self.exponent(block, name)
        if raw is None or exponent is None:
            return None
        value = float(raw) * 10.0**exponent if exponent >= 0 else float(raw) / 10.0**-exponent
        return value if math.isfinite(value) else None

    def exponent(self, block: "Block", name: str) -> int | None:
        """The power of ten of a point; None when its scale factor is missing or absurd."""
        scale_factor = layout(block.model_id)[name].scale_factor
        if scale_factor is None:
            return 0
        raw = scale_factor if isinstance(scale_factor, int) else self.raw(block, scale_factor)
        return raw if raw in _SANE_EXPONENTS else None


# --- the model chain ---


@dataclass(frozen=True, slots=True)
class Block:
    """A model found in a device: the address of its ID register, its length with header."""

    model_id: int
    address: int
    length: int


@dataclass(frozen=True, slots=True)
class SunspecMap:
    """What a scan found."""

    base_address: int
    blocks: tuple[Block, ...]
    manufacturer: str
    model_name: str
    serial_number: str

    def first(self, model_ids: Iterable[int]) -> Block | None:
        """The first block of one of these models."""
        wanted = set(model_ids)
        return next((block for block in self.blocks if block.model_id in wanted), None)

    @property
    def model_list(self) -> str:
        """The model ids in order: `1, 103, 123`."""
        return ", ".join(str(block.model_id) for block in self.blocks)


async def scan(read: ReadRegisters) -> SunspecMap:
    """Find the map and walk its chain of models.

    Raises DeviceGarbledError when there is no SunSpec map, or what `read` raises when the device
    does not answer.
    """
    base = await _find_base(read)
    blocks: list[Block] = []
    address = base + len(SUNS)
    while len(blocks) < MOST_MODELS:
        model_id, length = await read(address, _HEADER)
        if model_id == END_MODEL:
            break
        if model_id == 0 or length == 0:
            raise DeviceGarbledError(f"broken SunSpec chain at {address}: {model_id}, {length}")
        blocks.append(Block(model_id, address, length + _HEADER))
        address += length + _HEADER
    else:
        raise DeviceGarbledError(f"SunSpec chain longer than {MOST_MODELS} models")
    return await _identified(read, base, tuple(blocks))


async def _find_base(read: ReadRegisters) -> int:
    for base in BASE_ADDRESSES:
        try:
            marker = await read(base, len(SUNS))
        except DeviceRefusalError as refusal:
            # 2 = no such address here: try the next; other refusals say that it is broken.
            if refusal.exception_code != 2:
                raise
            continue
        if tuple(marker) == SUNS:
            return base
    raise DeviceGarbledError("no SunSpec map at 40000, 50000 or 0")


async def _identified(read: ReadRegisters, base: int, blocks: tuple[Block, ...]) -> SunspecMap:
    texts = {"Mn": "", "Md": "", "SN": ""}
    common = next((block for block in blocks if block.model_id == COMMON), None)
    if common is not None:
        registers = Registers()
        registers.add(common.address, await read(common.address, min(common.length, 68)))
        texts = {name: registers.raw(common, name) or "" for name in texts}
    return SunspecMap(base, blocks, texts["Mn"], texts["Md"], texts["SN"])


# --- measuring ---


_ENERGIES = ("energy_export_kwh", "energy_import_kwh")


class MeasurementReader:
    """Which registers to read at each poll, and how to understand them."""

    def __init__(self, device_map: SunspecMap) -> None:
        """Raises DeviceGarbledError when the device has no model that measures power."""
        power = device_map.first((DER_MEASUREMENT, *INVERTERS))
        if power is None:
            raise DeviceGarbledError(f"no power measurement in models {device_map.model_list}")
        self._power = power
        self._storage = device_map.first((DER_STORAGE,))
        needed = [(power, name) for name in ("W", *self._energy_points)]
        if self._storage is not None:
            needed.append((self._storage, "SoC"))
        self.spans = coalesce(_needed_spans(needed))

    @property
    def _energy_points(self) -> tuple[str, ...]:
        if self._power.model_id == DER_MEASUREMENT:
            return ("TotWhInj", "TotWhAbs")
        return ("WH",)

    def decode(self, registers: Registers) -> Measurement:
        """The measurement in registers that cover `spans`."""
        values: dict[SensorKey, float] = {}
        power_w = registers.value(self._power, "W")
        if power_w is not None:
            values["power_kw", ""] = consumption_kw_from_injection_w(power_w)
        for quantity, name in zip(_ENERGIES, self._energy_points, strict=False):
            energy_wh = registers.value(self._power, name)
            if energy_wh is not None:
                values[quantity, ""] = energy_kwh_from_wh(energy_wh)
        soc = None if self._storage is None else registers.value(self._storage, "SoC")
        if soc is not None:
            values["soc_percent", ""] = soc
        return Measurement(values)


def _needed_spans(needed: Iterable[tuple[Block, str]]) -> list[Span]:
    """The spans of these points and their scale factors, as far as the device has them."""
    spans = []
    for block, name in needed:
        points = layout(block.model_id).points
        scale_factor = points[name].scale_factor
        names = (name, scale_factor) if isinstance(scale_factor, str) else (name,)
        for point in (points[each] for each in names):
            if point.offset + point.size <= block.length:
                spans.append(Span(block.address + point.offset, point.size))
    return spans
