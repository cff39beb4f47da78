"""The driver `sunspec`: a device that describes itself, no register map needed."""

from apps.assets.drivers import registry
from apps.assets.drivers.blocks import Span
from apps.assets.drivers.errors import ReadbackMismatchError
from apps.assets.drivers.measurement import Measurement
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.registry import DeviceSpec, Identity
from apps.assets.drivers.sunspec import (
    MeasurementReader,
    Registers,
    SunspecMap,
    scan,
)
from apps.assets.drivers.sunspec_control import SetpointWriter


class SunspecDevice:
    """One unit; it is scanned once per connection, then read in at most three requests."""

    def __init__(self, connection: ModbusConnection, spec: DeviceSpec) -> None:
        self._connection = connection
        self._spec = spec
        self._map: SunspecMap | None = None
        self._reader: MeasurementReader | None = None
        self._scanned_epoch = -1

    async def identify(self) -> Identity:
        device_map = await self._scanned()
        return Identity(
            manufacturer=device_map.manufacturer,
            model_name=device_map.model_name,
            serial_number=device_map.serial_number,
            models=device_map.model_list,
        )

    async def measure(self) -> Measurement:
        await self._scanned()
        assert self._reader is not None  # noqa: S101 - set by the scan
        return self._reader.decode(await self._read(self._reader.spans))

    async def setpoint_write(self, *, power_kw: float, reversion_s: int) -> float:
        writer = await self._writer()
        before = await self._read(writer.spans)
        writes = writer.writes(power_kw=power_kw, reversion_s=reversion_s, registers=before)
        for write in writes:
            await self._connection.write(self._spec.unit_id, write.address, write.registers)
        after = await self._read(writer.spans)
        readback = writer.readback(after)
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
            await self._connection.write(self._spec.unit_id, write.address, write.registers)

    async def setpoint_read(self) -> float | None:
        writer = await self._writer()
        readback = writer.readback(await self._read(writer.spans))
        return readback.power_kw if readback.is_enabled else None

    async def _writer(self) -> SetpointWriter:
        return SetpointWriter(
            await self._scanned(),
            is_battery=self._spec.is_battery,
            rated_power_kw=self._spec.rated_power_kw,
        )

    async def _scanned(self) -> SunspecMap:
        # After a reconnect another device may sit at the address: its map is read again.
        if self._map is None or self._scanned_epoch != self._connection.epoch:
            self._map = None
            device_map = await scan(self._read_registers)
            self._reader = MeasurementReader(device_map)
            self._map, self._scanned_epoch = device_map, self._connection.epoch
        return self._map

    async def _read(self, spans: tuple[Span, ...]) -> Registers:
        registers = Registers()
        for span in spans:
            registers.add(span.address, await self._read_registers(span.address, span.count))
        return registers

    async def _read_registers(self, address: int, count: int) -> list[int]:
        return await self._connection.read(self._spec.unit_id, address, count)


registry.register("sunspec", SunspecDevice)
