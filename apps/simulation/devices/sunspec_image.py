"""The register image of a SunSpec device, laid out by pysunspec2's catalogue of models.

Units here are those of the wire (W, Wh, V); each point is scaled by its scale-factor point.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sunspec2

BASE_ADDRESS = 40000
_MARKER = (0x5375, 0x6E53)  # "SunS"
_END_MODEL = (0xFFFF, 0)
_CATALOGUE = Path(sunspec2.__file__).parent / "models" / "json"

# type -> struct code, value of a point that is not implemented (SunSpec Device Information Model
# Specification 1.1, table "Data types")
_TYPES: dict[str, tuple[str, int]] = {
    "int16": ("h", -0x8000),
    "uint16": ("H", 0xFFFF),
    "count": ("H", 0),
    "acc16": ("H", 0),
    "enum16": ("H", 0xFFFF),
    "bitfield16": ("H", 0xFFFF),
    "pad": ("H", 0x8000),
    "sunssf": ("h", -0x8000),
    "int32": ("i", -0x80000000),
    "uint32": ("I", 0xFFFFFFFF),
    "acc32": ("I", 0),
    "enum32": ("I", 0xFFFFFFFF),
    "bitfield32": ("I", 0xFFFFFFFF),
    "int64": ("q", -0x8000000000000000),
    "uint64": ("Q", 0xFFFFFFFFFFFFFFFF),
    "acc64": ("Q", 0),
    "float32": ("f", 0x7FC00000),
}
_FLOATS = {"float32"}
_ACCUMULATORS = {"acc16", "acc32", "acc64"}


@dataclass(frozen=True)
class Point:
    """One point at its offset (registers) from the start of its model."""

    name: str
    kind: str
    size: int
    offset: int
    scale_factor: str | None


@dataclass(frozen=True)
class Layout:
    """The points of one model, with fixed repetition counts."""

    model_id: int
    points: dict[str, Point]
    length: int


@cache
def model_layout(model_id: int, repeats: int = 1) -> Layout:
    """The layout of a catalogue model; a group of any number stands `repeats` times."""
    document = json.loads((_CATALOGUE / f"model_{model_id}.json").read_text("utf-8"))
    points = {point.name: point for point in _walk(document["group"], "", [0], repeats)}
    return Layout(model_id, points, sum(point.size for point in points.values()))


def _walk(group: dict[str, Any], prefix: str, cursor: list[int], repeats: int) -> Iterator[Point]:
    for entry in group["points"]:
        scale_factor = entry.get("sf")
        yield Point(
            prefix + entry["name"],
            entry["type"],
            entry["size"],
            cursor[0],
            scale_factor if isinstance(scale_factor, str) else None,
        )
        cursor[0] += entry["size"]
    for inner in group.get("groups", []):
        if inner.get("count") == 0:
            for number in range(1, repeats + 1):
                yield from _walk(inner, f"{prefix}{inner['name']}{number}.", cursor, repeats)
        else:
            yield from _walk(inner, f"{prefix}{inner['name']}.", cursor, repeats)


class ReadOnlyError(Exception):
    """A write touches a register that cannot be written (Modbus exception 2)."""


class SunspecImage:
    """The holding registers of one device from "SunS" to the end model.

    A point that nobody sets keeps its "not implemented" value. `writable` names the points that
    a client may write, as (model id, point name); `repeats` how often a model's group stands.
    """

    def __init__(
        self,
        model_ids: Iterable[int],
        *,
        writable: set[tuple[int, str]],
        repeats: Mapping[int, int] | None = None,
    ) -> None:
        self._layouts: dict[int, Layout] = {}
        self._starts: dict[int, int] = {}
        self.registers: list[int] = list(_MARKER)
        for model_id in model_ids:
            layout = model_layout(model_id, (repeats or {}).get(model_id, 1))
            self._layouts[model_id] = layout
            self._starts[model_id] = len(self.registers)
            self.registers.extend([0] * layout.length)
            for name in layout.points:
                self.clear(model_id, name)
            self.write(model_id, "ID", model_id)
            self.write(model_id, "L", layout.length - 2)
        self.registers.extend(_END_MODEL)
        self._writable_at: dict[int, tuple[int, str]] = {}
        for key in writable:
            start, point = self._place(*key)
            for index in range(start, start + point.size):
                self._writable_at[index] = key

    @property
    def end(self) -> int:
        """The address after the last register."""
        return BASE_ADDRESS + len(self.registers)

    def has(self, model_id: int, name: str) -> bool:
        """Whether the model has a point of that name."""
        return name in self._layouts[model_id].points

    def address(self, model_id: int, name: str) -> int:
        """The Modbus address of a point."""
        return BASE_ADDRESS + self._place(model_id, name)[0]

    def clear(self, model_id: int, name: str) -> None:
        """Mark a point as not implemented."""
        start, point = self._place(model_id, name)
        if point.kind == "string":
            self.registers[start : start + point.size] = [0] * point.size
        else:
            self._put(start, point.size, _TYPES[point.kind][1])

    def write(self, model_id: int, name: str, value: int) -> None:
        """Set the raw number of a point."""
        self._pack(*self._place(model_id, name), value)

    def write_text(self, model_id: int, name: str, text: str) -> None:
        """Set a string point, cut to its length."""
        start, point = self._place(model_id, name)
        raw = text.encode("ascii", "replace")[: point.size * 2].ljust(point.size * 2, b"\0")
        self.registers[start : start + point.size] = struct.unpack(f">{point.size}H", raw)

    def scale(self, model_id: int, name: str, value: float) -> None:
        """Set a point from its value in the unit of the catalogue, held inside its range."""
        start, point = self._place(model_id, name)
        if point.kind in _FLOATS:
            self._pack(start, point, value)
            return
        raw = round(value / 10.0 ** self._exponent(model_id, point))
        self._pack(start, point, _held(point.kind, raw))

    def read(self, model_id: int, name: str) -> int | None:
        """The raw number of a point; None when not implemented."""
        start, point = self._place(model_id, name)
        code, missing = _TYPES[point.kind]
        raw = struct.pack(f">{point.size}H", *self.registers[start : start + point.size])
        value: int = struct.unpack(f">{code}", raw)[0]
        return None if value == missing and point.kind not in _ACCUMULATORS else value

    def scaled(self, model_id: int, name: str) -> float | None:
        """The value of a point in the unit of the catalogue; None when not implemented."""
        raw = self.read(model_id, name)
        point = self._place(model_id, name)[1]
        return None if raw is None else raw * 10.0 ** self._exponent(model_id, point)

    def read_only_runs(self) -> list[tuple[int, int, bool]]:
        """(address, count, read only) for each run of registers of the same kind."""
        runs: list[tuple[int, int, bool]] = []
        for index in range(len(self.registers)):
            read_only = index not in self._writable_at
            if runs and runs[-1][2] == read_only:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1, read_only)
            else:
                runs.append((BASE_ADDRESS + index, 1, read_only))
        return runs

    def store(self, address: int, values: list[int]) -> set[tuple[int, str]]:
        """A client's write; gives the points it touched. ReadOnlyError when one may not be."""
        start = address - BASE_ADDRESS
        touched: set[tuple[int, str]] = set()
        for index in range(start, start + len(values)):
            if index not in self._writable_at:
                raise ReadOnlyError(f"register {BASE_ADDRESS + index} is read only")
            touched.add(self._writable_at[index])
        self.registers[start : start + len(values)] = values
        return touched

    def _place(self, model_id: int, name: str) -> tuple[int, Point]:
        point = self._layouts[model_id].points[name]
        return self._starts[model_id] + point.offset, point

    def _exponent(self, model_id: int, point: Point) -> int:
        if point.scale_factor is None:
            return 0
        return self.read(model_id, point.scale_factor) or 0

    def _put(self, start: int, size: int, bits: int) -> None:
        raw = (bits & ((1 << 16 * size) - 1)).to_bytes(2 * size, "big")
        self.registers[start : start + size] = struct.unpack(f">{size}H", raw)

    def _pack(self, start: int, point: Point, value: float) -> None:
        raw = struct.pack(f">{_TYPES[point.kind][0]}", value)
        self.registers[start : start + point.size] = struct.unpack(f">{point.size}H", raw)


def _held(kind: str, raw: int) -> int:
    """`raw` inside the range of its type, beside the not-implemented value; counters wrap."""
    bits = {"h": 16, "H": 16, "i": 32, "I": 32, "q": 64, "Q": 64}[_TYPES[kind][0]]
    if kind in _ACCUMULATORS:
        return raw % (1 << bits)
    if _TYPES[kind][0].islower():
        return max(-(1 << (bits - 1)) + 1, min((1 << (bits - 1)) - 1, raw))
    return max(0, min((1 << bits) - 2, raw))
