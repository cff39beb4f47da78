"""SunSpec models as pysunspec2's catalogue has them: points, repeating groups, symbols. Pure."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sunspec2 import mb
from sunspec2.device import get_model_def
from sunspec2.mdef import ModelDefinitionError

from apps.assets.drivers.errors import DeviceGarbledError

HEADER = 2
"""Registers of a model's ID and length."""
_NOT_IMPLEMENTED_BITS = {"bitfield16": 0x8000, "bitfield32": 0x80000000}
"""SunSpec Device Information Model Specification 1.1, 4.2: with this bit set, ignore the rest."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One value of an enumeration, or one bit of a bit field."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a model; offset and size in registers from the beginning of its group."""

    name: str
    kind: str
    offset: int
    size: int
    scale_factor: str | int | None
    unit: str = ""
    label: str = ""
    is_mandatory: bool = False
    symbols: Mapping[int, Symbol] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """A catalogue model: its own points, and those of the group that repeats after them."""

    model_id: int
    points: Mapping[str, Point]
    size: int
    group_name: str = ""
    group_points: Mapping[str, Point] = field(default_factory=dict)
    group_size: int = 0

    def __getitem__(self, name: str) -> Point:
        return self.points[name]


@cache
def layout(model_id: int) -> Layout:
    """The layout of a model; KeyError when the catalogue does not have it."""
    try:
        group = get_model_def(model_id)["group"]
    except ModelDefinitionError as error:
        raise KeyError(model_id) from error
    points, size = _points(group["points"])
    repeating = next((g for g in group.get("groups", []) if g.get("count") == 0), None)
    if repeating is None or repeating.get("groups"):
        return Layout(model_id, points, size)
    group_points, group_size = _points(repeating["points"])
    return Layout(model_id, points, size, repeating["name"], group_points, group_size)


def is_known(model_id: int) -> bool:
    """Whether the catalogue has the model."""
    try:
        layout(model_id)
    except KeyError:
        return False
    return True


def _points(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Point], int]:
    points: dict[str, Point] = {}
    offset = 0
    for entry in entries:
        points[entry["name"]] = Point(
            name=entry["name"],
            kind=entry["type"],
            offset=offset,
            size=entry["size"],
            scale_factor=entry.get("sf"),
            unit=(entry.get("units") or "").strip(),
            label=entry.get("label") or entry["name"],
            is_mandatory=entry.get("mandatory") == "M",
            symbols=_symbols(entry),
        )
        offset += entry["size"]
    return points, offset


def _symbols(entry: Mapping[str, Any]) -> dict[int, Symbol]:
    return {
        symbol["value"]: Symbol(symbol["name"], symbol.get("label") or _words(symbol["name"]))
        for symbol in entry.get("symbols", [])
    }


def _words(name: str) -> str:
    """`M_EVENT_Under_Voltage` -> `Under voltage`."""
    return name.removeprefix("M_EVENT_").replace("_", " ").capitalize()


def point_decode(kind: str, registers: Sequence[int]) -> Any:
    """The raw value of a point; None when it is not implemented."""
    data = struct.pack(f">{len(registers)}H", *registers)
    if kind == "string":
        return data.split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None
    info = mb.point_type_info[kind]
    value = info.data_to(data)
    if value is None or not info.is_impl(value):
        return None
    ignored = _NOT_IMPLEMENTED_BITS.get(kind)
    return None if ignored and value & ignored else value


def point_encode(kind: str, value: float) -> list[int]:
    """The registers of a raw value; DeviceGarbledError when it does not fit the type."""
    info = mb.point_type_info[kind]
    try:
        data = info.to_data(value if kind.startswith("float") else round(value))
    except struct.error as error:
        raise DeviceGarbledError(f"{value} does not fit {kind}", retryable=False) from error
    return list(struct.unpack(f">{len(data) // 2}H", data))
