"""Finding the SunSpec models of a device, and its registers by point name.

Pure but for the register access handed in.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.modbus import MOST_REGISTERS_READ
from apps.assets.drivers.sunspec_catalogue import HEADER, Point, is_known, layout, point_decode

# SunSpec Device Information Model Specification 1.1, section 6.2.2: where the map may begin.
BASE_ADDRESSES = (40000, 50000, 0)
SUNS = (0x5375, 0x6E53)
END_MODEL = 0xFFFF
COMMON = 1
INVERTERS = (101, 102, 103, 111, 112, 113)
NAMEPLATE = 120
BASIC_SETTINGS = 121
IMMEDIATE_CONTROLS = 123
STORAGE_CONTROLS = 124
MPPT = 160
METERS = (201, 202, 203, 204)
DER_MEASUREMENT = 701
DER_CAPACITY = 702
DER_CONTROLS = 704
DER_STORAGE = 713
BATTERY_BASE = 802
STORAGES = (STORAGE_CONTROLS, DER_STORAGE, BATTERY_BASE)
"""A device with one of these has a battery."""
MOST_MODELS = 64
SANE_EXPONENTS = range(-10, 11)
STATIC_MODELS = (COMMON, NAMEPLATE, BASIC_SETTINGS, DER_CAPACITY)
"""Names and ratings: read once with the scan."""

ReadRegisters = Callable[[int, int], Awaitable[list[int]]]
"""(address, count) -> registers."""


@dataclass(frozen=True, slots=True)
class Block:
    """A model found in a device: the address of its ID register, its length with header."""

    model_id: int
    address: int
    length: int

    @property
    def spans(self) -> tuple[Span, ...]:
        """The whole block in reads of at most what one request carries."""
        return tuple(
            Span(self.address + start, min(MOST_REGISTERS_READ, self.length - start))
            for start in range(0, self.length, MOST_REGISTERS_READ)
        )

    @property
    def repeats(self) -> int:
        """How many groups follow the model's own points."""
        shape = layout(self.model_id)
        return (self.length - shape.size) // shape.group_size if shape.group_size else 0

    def span(self, name: str) -> Span | None:
        """The registers of a point; None when the device's model is too short for it."""
        place = self.place(name)
        if place is None:
            return None
        point, offset = place
        return Span(self.address + offset, point.size)

    def place(self, name: str) -> tuple[Point, int] | None:
        """A point and its offset in the block: `W`, or `module2.DCW` of the second group."""
        shape = layout(self.model_id)
        prefix, _dot, inner = name.partition(".")
        if not inner:
            point = shape.points[name]
            offset = point.offset
        else:
            number = int(prefix.removeprefix(shape.group_name))
            point = shape.group_points[inner]
            offset = shape.size + (number - 1) * shape.group_size + point.offset
        return (point, offset) if offset + point.size <= self.length else None

    def scale_factor(self, name: str) -> str | int | None:
        """The name of a point's scale factor in the block, or its fixed exponent, or None."""
        shape = layout(self.model_id)
        prefix, _dot, inner = name.partition(".")
        point = shape.group_points[inner] if inner else shape.points[name]
        if inner and isinstance(point.scale_factor, str):
            local = point.scale_factor in shape.group_points
            return f"{prefix}.{point.scale_factor}" if local else point.scale_factor
        return point.scale_factor

    def names(self) -> Iterator[str]:
        """All points of the block by name, the groups' after the model's own."""
        shape = layout(self.model_id)
        yield from shape.points
        for number in range(1, self.repeats + 1):
            for name in shape.group_points:
                yield f"{shape.group_name}{number}.{name}"


class Registers:
    """Registers that were read, by address."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def add(self, address: int, registers: Sequence[int]) -> None:
        """Remember the registers from `address` on."""
        self._at.update(enumerate(registers, start=address))

    def of(self, span: Span) -> list[int] | None:
        """The registers of a span; None when they were not all read."""
        addresses = range(span.address, span.address + span.count)
        found = [self._at[address] for address in addresses if address in self._at]
        return found if len(found) == span.count else None

    def raw(self, block: Block, name: str) -> Any:
        """The raw value of a point; None when not implemented, cut off or not read."""
        span = block.span(name)
        registers = None if span is None else self.of(span)
        place = block.place(name)
        if registers is None or place is None:
            return None
        return point_decode(place[0].kind, registers)

    def value(self, block: Block, name: str) -> float | None:
        """The value of a point in its unit, scaled; None when unknown."""
        raw = self.raw(block, name)
        exponent = self.exponent(block, name)
        if raw is None or exponent is None or isinstance(raw, str):
            return None
        value = float(raw) * 10.0**exponent if exponent >= 0 else float(raw) / 10.0**-exponent
        return value if math.isfinite(value) else None

    def exponent(self, block: Block, name: str) -> int | None:
        """The power of ten of a point; None when its scale factor is missing or absurd."""
        scale_factor = block.scale_factor(name)
        if scale_factor is None:
            return 0
        raw = scale_factor if isinstance(scale_factor, int) else self.raw(block, scale_factor)
        return raw if raw in SANE_EXPONENTS else None


@dataclass(frozen=True, slots=True)
class SunspecMap:
    """What a scan found; `static` holds the registers of names and ratings."""

    base_address: int
    blocks: tuple[Block, ...]
    manufacturer: str
    model_name: str
    serial_number: str
    static: Registers = field(default_factory=Registers)

    def first(self, model_ids: Iterable[int]) -> Block | None:
        """The first block of one of these models."""
        wanted = set(model_ids)
        return next((block for block in self.blocks if block.model_id in wanted), None)

    def rating(self, model_id: int, name: str) -> float | None:
        """A rating in its unit; None when the device does not say it."""
        block = self.first((model_id,))
        return None if block is None else self.static.value(block, name)

    @property
    def model_list(self) -> str:
        """The model ids in order: `1, 103, 123`."""
        return ", ".join(str(block.model_id) for block in self.blocks)


async def scan(read: ReadRegisters) -> SunspecMap:
    """Find the map, walk its chain of models, read names and ratings.

    Raises DeviceGarbledError when there is no SunSpec map, or what `read` raises when the device
    does not answer.
    """
    base = await _find_base(read)
    blocks: list[Block] = []
    address = base + len(SUNS)
    while len(blocks) < MOST_MODELS:
        model_id, length = await read(address, HEADER)
        if model_id == END_MODEL:
            break
        if model_id == 0 or length == 0:
            raise DeviceGarbledError(f"broken SunSpec chain at {address}: {model_id}, {length}")
        blocks.append(Block(model_id, address, length + HEADER))
        address += length + HEADER
    else:
        raise DeviceGarbledError(f"SunSpec chain longer than {MOST_MODELS} models")
    return await _identified(read, base, tuple(blocks))


async def read_spans(read: ReadRegisters, spans: Iterable[Span]) -> Registers:
    """The registers of spans."""
    registers = Registers()
    for span in spans:
        registers.add(span.address, await read(span.address, span.count))
    return registers


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
    # A second common model names a meter behind the inverter: the first one is the device.
    firsts: dict[int, Block] = {}
    for block in blocks:
        if block.model_id in STATIC_MODELS and is_known(block.model_id):
            firsts.setdefault(block.model_id, block)
    static = await read_spans(read, coalesce(s for block in firsts.values() for s in block.spans))
    texts = {"Mn": "", "Md": "", "SN": ""}
    if COMMON in firsts:
        texts = {name: static.raw(firsts[COMMON], name) or "" for name in texts}
    return SunspecMap(base, blocks, texts["Mn"], texts["Md"], texts["SN"], static)
