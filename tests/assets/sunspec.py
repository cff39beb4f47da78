"""SunSpec devices as plain registers, for tests by hand calculation."""

import asyncio
from collections.abc import Mapping, Sequence

from apps.assets.drivers.errors import DeviceRefusalError
from apps.assets.drivers.measurement import DeviceFault, Measurement, SensorKey, SensorSpec
from apps.assets.drivers.sunspec_catalogue import layout, point_encode
from apps.assets.drivers.sunspec_measure import MeasurementReader, ReadPlan
from apps.assets.drivers.sunspec_scan import Registers, read_spans, scan

_FILLERS = {"int16": 0x8000, "sunssf": 0x8000, "acc32": 0, "acc64": 0, "string": 0, "count": 0}
_WIDE_FILLERS = {"int32": [0x8000, 0], "float32": [0x7FC0, 0]}


class FakeRegisters:
    """Registers by address; others answer exception 2, as a device without them does."""

    def __init__(self, registers: Mapping[int, list[int]]) -> None:
        self.at: dict[int, int] = {}
        self.reads: list[tuple[int, int]] = []
        for address, values in registers.items():
            self.at.update(enumerate(values, start=address))

    async def read(self, address: int, count: int) -> list[int]:
        self.reads.append((address, count))
        try:
            return [self.at[n] for n in range(address, address + count)]
        except KeyError:
            raise DeviceRefusalError(2, "illegal data address") from None


def model_registers(
    model_id: int, *, groups: Sequence[Mapping[str, float]] = (), **raw: float
) -> list[int]:
    """A model with the given raw values; the rest is not implemented."""
    shape = layout(model_id)
    registers = _filled(shape.points.values(), shape.size)
    for name, value in raw.items():
        _put(registers, shape.points[name], value)
    for group in groups:
        part = _filled(shape.group_points.values(), shape.group_size)
        for name, value in group.items():
            _put(part, shape.group_points[name], value)
        registers += part
    registers[:2] = [model_id, len(registers) - 2]
    return registers


def _filled(points, size: int) -> list[int]:
    registers = [0xFFFF] * size
    for point in points:
        end = point.offset + point.size
        if point.kind in _WIDE_FILLERS:
            registers[point.offset : end] = _WIDE_FILLERS[point.kind]
        elif point.kind in _FILLERS:
            registers[point.offset : end] = [_FILLERS[point.kind]] * point.size
    return registers


def _put(registers: list[int], point, value: float) -> None:
    registers[point.offset : point.offset + point.size] = point_encode(point.kind, value)


def device_at(base: int, *models: list[int]) -> FakeRegisters:
    """A device with these models; `base` is where "SunS" stands."""
    chain = [0x5375, 0x6E53, *(register for model in models for register in model), 0xFFFF, 0]
    return FakeRegisters({base: chain})


def named(manufacturer: str) -> list[int]:
    """Model 1 of a manufacturer."""
    common = model_registers(1)
    raw = manufacturer.encode().ljust(32, b"\0")
    common[2:18] = [int.from_bytes(raw[n : n + 2], "big") for n in range(0, 32, 2)]
    return common


def reader_of(device: FakeRegisters) -> tuple[MeasurementReader, Registers]:
    """What the driver knows after the scan, and the registers it saw."""

    async def look() -> tuple[MeasurementReader, Registers]:
        reader = MeasurementReader(await scan(device.read))
        registers = await read_spans(device.read, reader.full.spans)
        reader.keep_implemented(registers)
        return reader, registers

    return asyncio.run(look())


def polled(device: FakeRegisters, plan: ReadPlan) -> Measurement:
    """One poll with a plan."""

    async def poll() -> Measurement:
        registers: list[int] = []
        for span in plan.spans:
            registers += await device.read(span.address, span.count)
        return plan.decode(registers)

    return asyncio.run(poll())


def measured(*models: list[int]) -> Measurement:
    """All that a device at 40000 measures, slow points included."""
    device = device_at(40000, *models)
    reader, _registers = reader_of(device)
    return polled(device, reader.full)


def values_of(*models: list[int]) -> Mapping[SensorKey, float]:
    return measured(*models).values


def faults_of(*models: list[int]) -> dict[str, DeviceFault]:
    """The active faults by code."""
    return {fault.code: fault for fault in measured(*models).faults or ()}


def sensors_of(*models: list[int], poll_period_s: float = 1.0) -> dict[SensorKey, SensorSpec]:
    reader, registers = reader_of(device_at(40000, *models))
    return {s.key: s for s in reader.sensors(registers, poll_period_s=poll_period_s)}
