"""Whether the unit at an address is of a device model, as its register map says."""

import re

from apps.assets.drivers.blocks import Span
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.map_decode import MapRegisters, point_text, point_value
from apps.assets.drivers.map_reader import NOT_HERE, MapReader
from apps.assets.drivers.register_map import IdentityCheck, MapPoint, RegisterMap
from apps.assets.drivers.registry import Identity, ReadTable


async def map_identify(register_map: RegisterMap, read: ReadTable) -> Identity | None:
    """What the unit behind `read` says of itself; None when it is of another model.

    Raises a DeviceError when the unit does not answer at all.
    """

    async def read_span(table: str, span: Span) -> list[int]:
        return await read(span.address, span.count, table=table)

    try:
        return await identity_read(register_map, MapReader(register_map, read_span))
    except DeviceGarbledError:
        return None
    except DeviceRefusalError as error:
        if error.exception_code in NOT_HERE:
            return None
        raise


async def identity_read(register_map: RegisterMap, reader: MapReader) -> Identity:
    """What a unit says of itself; DeviceGarbledError when it is not of this model."""
    registers = await reader.read(_identity_points(register_map))
    for check in register_map.identification:
        point = register_map.by_name[check.point]
        shown = _shown(point, registers)
        if not _passes(check, shown):
            raise DeviceGarbledError(
                f"not a {register_map.vendor} {register_map.model}: {check.point} is {shown}"
            )
    return Identity(
        manufacturer=register_map.manufacturer,
        model_name=_text(register_map, register_map.model_point, registers) or register_map.model,
        serial_number=_text(register_map, register_map.serial_point, registers),
        models="",
        sensors=register_map.sensors,
        driver_version=register_map.version,
        kinds=register_map.kinds,
        can_control=register_map.can_control,
    )


def _identity_points(register_map: RegisterMap) -> list[MapPoint]:
    names = {check.point for check in register_map.identification}
    names |= {register_map.model_point, register_map.serial_point}
    return [point for point in register_map.points if point.name in names]


def _shown(point: MapPoint, registers: MapRegisters) -> float | str | None:
    raw = registers.of(point)
    if raw is None:
        return None
    return point_text(point, raw) if point.kind == "string" else point_value(point, raw)


def _passes(check: IdentityCheck, shown: float | str | None) -> bool:
    if shown is None:
        return False
    if check.one_of:
        return shown in check.one_of
    if check.between is not None:
        return isinstance(shown, float | int) and check.between[0] <= shown <= check.between[1]
    return re.search(check.matches, str(shown)) is not None


def _text(register_map: RegisterMap, name: str, registers: MapRegisters) -> str:
    if not name:
        return ""
    point = register_map.by_name[name]
    shown = _shown(point, registers)
    if isinstance(shown, str) or shown is None:
        return shown or ""
    # A model code has a word, a serial number is a whole number.
    return point.words.get(int(shown), {}).get("en") or f"{shown:.15g}"
