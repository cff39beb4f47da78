"""The driver `sunspec`: a device that describes itself, no register map needed."""

import time

from apps.assets.drivers import registry
from apps.assets.drivers.blocks import Span
from apps.assets.drivers.errors import ReadbackMismatchError
from apps.assets.drivers.measurement import Measurement, PointValue, SensorSpec
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.registry import DeviceSpec, DriverChoice, Identity
from apps.assets.drivers.sunspec_catalogue import is_known
from apps.assets.drivers.sunspec_control import SetpointWriter, can_control
from apps.assets.drivers.sunspec_inspect import point_values
from apps.assets.drivers.sunspec_measure import SLOW_PERIOD_S, MeasurementReader, ReadPlan
from apps.assets.drivers.sunspec_scan import (
    METERS,
    STORAGES,
    Registers,
    SunspecMap,
    read_spans,
    scan,
)
from apps.assets.drivers.sunspec_values import POWER_MODELS


class SunspecDevice:
    """One unit; it is scanned once per connection, then read in one or two requests a poll."""

    def __init__(self, connection: ModbusConnection, spec: DeviceSpec) -> None:
        self._connection = connection
        self._spec = spec
        self._map: SunspecMap | None = None
        self._reader: MeasurementReader | None = None
        self._sensors: tuple[SensorSpec, ...] = ()
        self._scanned_epoch = -1
        self._slow_due_s = 0.0

    async def identify(self) -> Identity:
        device_map, _reader = await self._scanned()
        return Identity(
            manufacturer=device_map.manufacturer,
            model_name=device_map.model_name,
            serial_number=device_map.serial_number,
            models=device_map.model_list,
            sensors=self._sensors,
            kinds=_kinds(device_map),
            can_control=can_control(device_map, is_battery="battery" in _kinds(device_map)),
        )

    @property
    def fast_spans(self) -> tuple[Span, ...]:
        """What a normal poll reads; nothing before the first scan."""
        return () if self._reader is None else self._reader.fast.spans

    async def measure(self) -> Measurement:
        _map, reader = await self._scanned()
        now_s = time.monotonic()
        is_full = now_s >= self._slow_due_s
        measurement = await self._measured(reader.full if is_full else reader.fast)
        if self._connection.epoch != self._scanned_epoch:
            # The link was opened anew under way: that may have been another device.
            _map, reader = await self._scanned()
            measurement, is_full = await self._measured(reader.full), True
        if is_full:
            self._slow_due_s = now_s + SLOW_PERIOD_S
        return measurement

    async def inspect(self) -> list[PointValue]:
        device_map, reader = await self._scanned()
        known = [block for block in device_map.blocks if is_known(block.model_id)]
        spans = [span for block in known for span in block.spans]
        registers = await read_spans(self._read_registers, spans)
        measurement = reader.full.decode(_flat(reader.full, registers))
        return point_values(device_map, reader, registers, measurement)

    async def setpoint_write(self, *, power_kw: float, reversion_s: int) -> float:
        writer = await self._writer()
        before = await read_spans(self._read_registers, writer.spans)
        writes = writer.writes(power_kw=power_kw, reversion_s=reversion_s, registers=before)
        for write in writes:
            await self._write(write.address, write.registers)
        after = await read_spans(self._read_registers, writer.spans)
        readback = writer.readback(after)
        if not readback.reversion_s:
            # Enabled without a timer that would end it: never leave it like that.
            await self.setpoint_release()
            raise ReadbackMismatchError(
                f"the device does not keep its reversion time of {reversion_s} s: released",
                readback_kw=readback.power_kw,
            )
        if not writer.matches(readback, power_kw=power_kw, registers=after):
            state = "enabled" if readback.is_enabled else "not enabled"
            raise ReadbackMismatchError(
                f"wrote {power_kw:.3f} kW, device shows {readback.power_kw} kW, {state}",
                readback_kw=readback.power_kw,
            )
        return readback.power_kw if readback.power_kw is not None else power_kw

    async def setpoint_release(self) -> None:
        writer = await self._writer()
        for write in writer.release():
            await self._write(write.address, write.registers)

    async def setpoint_read(self) -> float | None:
        writer = await self._writer()
        readback = writer.readback(await read_spans(self._read_registers, writer.spans))
        return readback.power_kw if readback.is_enabled else None

    async def _writer(self) -> SetpointWriter:
        device_map, _reader = await self._scanned()
        return SetpointWriter(
            device_map,
            is_battery=self._spec.is_battery,
            rated_power_kw=self._spec.rated_power_kw,
        )

    async def _scanned(self) -> tuple[SunspecMap, MeasurementReader]:
        # After a reconnect another device may sit at the address: its map is read again.
        epoch = self._connection.epoch
        if self._map is None or self._reader is None or self._scanned_epoch != epoch:
            self._map = None
            device_map = await scan(self._read_registers)
            reader = MeasurementReader(device_map)
            registers = await read_spans(self._read_registers, reader.full.spans)
            reader.keep_implemented(registers)
            self._sensors = reader.sensors(registers, poll_period_s=self._spec.poll_period_s)
            self._map, self._reader = device_map, reader
            self._scanned_epoch = self._connection.epoch
            self._slow_due_s = 0.0
        return self._map, self._reader

    async def _measured(self, plan: ReadPlan) -> Measurement:
        if len(plan.spans) == 1:
            span = plan.spans[0]
            return plan.decode(await self._read_registers(span.address, span.count))
        registers: list[int] = []
        for span in plan.spans:
            registers += await self._read_registers(span.address, span.count)
        return plan.decode(registers)

    async def _read_registers(self, address: int, count: int) -> list[int]:
        spec = self._spec
        return await self._connection.read(
            spec.unit_id,
            address,
            count,
            timeout_s=spec.timeout_s,
            delay_s=spec.inter_frame_delay_s,
        )

    async def _write(self, address: int, registers: tuple[int, ...]) -> None:
        spec = self._spec
        await self._connection.write(
            spec.unit_id,
            address,
            registers,
            timeout_s=spec.timeout_s,
            delay_s=spec.inter_frame_delay_s,
        )


def _flat(plan: ReadPlan, registers: Registers) -> list[int]:
    """The registers of a plan's reads, one after the other."""
    return [register for span in plan.spans for register in registers.of(span) or ()]


def _kinds(device_map: SunspecMap) -> tuple[str, ...]:
    """What the device may be on the island, the likeliest first."""
    if device_map.first(STORAGES) is not None:
        return "battery", "pv"
    power = device_map.first(POWER_MODELS)
    return ("meter",) if power is not None and power.model_id in METERS else ("pv",)


registry.register(
    "sunspec",
    SunspecDevice,
    DriverChoice(
        name="sunspec",
        vendor="SunSpec",
        model="SunSpec",
        kinds=("pv", "battery", "meter"),
        tried_on="",
        names={
            "en": "SunSpec (finds its registers by itself)",
            "fr": "SunSpec (trouve ses registres tout seul)",
        },
        can_control=True,
    ),
)
