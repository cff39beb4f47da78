"""Every point of a SunSpec device beside its registers, for commissioning. Pure."""

from collections.abc import Iterator
from typing import Any

from apps.assets.drivers.map_units import HOUSE_UNITS
from apps.assets.drivers.measurement import Measurement, PointValue, SensorKey
from apps.assets.drivers.sunspec_catalogue import Point, is_known
from apps.assets.drivers.sunspec_measure import MeasurementReader
from apps.assets.drivers.sunspec_scan import Block, Registers, SunspecMap

_SKIPPED_KINDS = ("pad",)
_SKIPPED_POINTS = ("ID", "L")


def point_values(
    device_map: SunspecMap,
    reader: MeasurementReader,
    registers: Registers,
    measurement: Measurement,
) -> list[PointValue]:
    """All points that the device implements; sensors in the house's unit, others in their own.

    `registers` cover all blocks, `measurement` is what the driver makes of them.
    """
    keys = {(point.block.address, point.name): point.key for point in reader.points}
    return [
        _point_value(block, name, registers, keys.get((block.address, name)), measurement)
        for block in device_map.blocks
        if is_known(block.model_id)
        for name in _names(block, registers)
    ]


def _names(block: Block, registers: Registers) -> Iterator[str]:
    for name in block.names():
        place = block.place(name)
        if place is None or place[0].kind in _SKIPPED_KINDS or name in _SKIPPED_POINTS:
            continue
        if registers.raw(block, name) is not None:
            yield name


def _point_value(
    block: Block,
    name: str,
    registers: Registers,
    key: SensorKey | None,
    measurement: Measurement,
) -> PointValue:
    span = block.span(name)
    place = block.place(name)
    assert span is not None and place is not None  # noqa: S101, PT018 - `_names` gives no other
    quantity, channel = key or ("", "")
    value = registers.raw(block, name)
    if not isinstance(value, str):
        value = registers.value(block, name)
    if key is not None:
        value = measurement.values.get(key)
    return PointValue(
        name=f"{block.model_id}.{name}",
        quantity=quantity,
        channel=channel,
        address=span.address,
        registers=tuple(registers.of(span) or ()),
        value=value,
        unit=HOUSE_UNITS[quantity] if key is not None else place[0].unit,
        is_in_range=None if key is None or value is None else key not in measurement.out_of_range,
        words=_words(place[0], registers.raw(block, name)),
    )


def _words(point: Point, raw: Any) -> dict[str, str]:
    """What an enumeration or a bit field means."""
    if not point.symbols or not isinstance(raw, int):
        return {}
    if point.kind.startswith("enum"):
        symbol = point.symbols.get(raw)
        return {"en": symbol.label} if symbol else {}
    labels = [symbol.label for bit, symbol in point.symbols.items() if raw >> bit & 1]
    return {"en": ", ".join(labels)} if labels else {}
