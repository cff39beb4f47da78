"""The driver of every device model that is a register map."""

import time
from collections.abc import Callable, Sequence

from apps.assets.drivers.blocks import Span
from apps.assets.drivers.errors import ReadbackMismatchError
from apps.assets.drivers.map_control import MapControl, map_control
from apps.assets.drivers.map_decode import (
    MapRegisters,
    is_in_range,
    measurement_decode,
    point_text,
    point_value,
    point_words,
)
from apps.assets.drivers.map_identify import identity_read
from apps.assets.drivers.map_reader import MapReader
from apps.assets.drivers.measurement import Measurement, PointValue
from apps.assets.drivers.modbus import ModbusConnection
from apps.assets.drivers.register_map import MapPoint, PollGroup, RegisterMap
from apps.assets.drivers.registry import DeviceSpec, Identity


class MapDevice:
    """One unit; it is identified once per connection, then read group by group as they are due."""

    def __init__(
        self,
        connection: ModbusConnection,
        spec: DeviceSpec,
        register_map: RegisterMap,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._map = register_map
        self._clock = clock
        self._reader = MapReader(register_map, self._read_span)
        self._identity: Identity | None = None
        self._identified_epoch = -1
        self._due_at: dict[str, float] = {}

    async def identify(self) -> Identity:
        # After a reconnect another device may sit at the address.
        if self._identity is None or self._identified_epoch != self._connection.epoch:
            self._identity = None
            self._reader.forget()
            self._due_at.clear()
            identity = await identity_read(self._map, self._reader)
            self._identity, self._identified_epoch = identity, self._connection.epoch
        return self._identity

    async def measure(self) -> Measurement:
        await self.identify()
        now = self._clock()
        groups = [group for group in self._map.groups if self._is_due(group, now)]
        names = {group.name for group in groups}
        registers = await self._reader.read(
            [point for point in self._map.points if point.group in names]
        )
        # Only now: a group whose read failed stays due.
        for group in groups:
            if group.period_s is not None:
                self._due_at[group.name] = now + group.period_s
        return measurement_decode(self._map, registers, names)

    async def inspect(self) -> list[PointValue]:
        await self.identify()
        registers = await self._reader.read(self._map.points)
        return [self._inspected(point, registers) for point in self._map.points]

    async def setpoint_write(self, *, power_kw: float, reversion_s: int) -> float:
        control = self._control()
        writes = control.writes(power_kw=power_kw, reversion_s=reversion_s)
        await self.identify()
        for write in writes:
            await self._write(write.point, write.registers)
        shown = await self._reader.read(control.shown_points)
        readback = control.readback(shown, power_kw=power_kw)
        if not control.matches(readback, power_kw=power_kw):
            state = "enabled" if readback.is_enabled else "not enabled"
            differs = f", {', '.join(readback.differs)} as before" if readback.differs else ""
            raise ReadbackMismatchError(
                f"wrote {power_kw:.3f} kW, device shows {readback.power_kw} kW, {state}{differs}",
                readback_kw=readback.power_kw,
            )
        return power_kw if readback.power_kw is None else readback.power_kw

    async def setpoint_release(self) -> None:
        for write in self._control().release():
            await self._write(write.point, write.registers)

    async def setpoint_read(self) -> float | None:
        control = self._control()
        return control.in_force_kw(await self._reader.read(control.shown_points))

    def _control(self) -> MapControl:
        return MapControl(
            self._map,
            map_control(self._map, is_battery=self._spec.is_battery),
            rated_power_kw=self._spec.rated_power_kw,
        )

    def _is_due(self, group: PollGroup, now: float) -> bool:
        # Half a poll early is nearer than half a poll late.
        return now + self._spec.poll_period_s / 2 >= self._due_at.get(group.name, 0.0)

    def _inspected(self, point: MapPoint, registers: MapRegisters) -> PointValue:
        raw = registers.of(point)
        value: float | str | None = None
        in_range: bool | None = None
        words = {}
        if raw is not None and point.kind == "string":
            value = point_text(point, raw)
        elif raw is not None:
            number = point_value(point, raw)
            if number is not None:
                value = point.house(number)
                in_range = None if point.valid is None else is_in_range(point, number)
                words = dict(point_words(self._map, point, raw))
        return PointValue(
            name=point.name,
            quantity=point.quantity,
            channel=point.channel,
            address=point.address,
            registers=raw or (),
            value=value,
            unit=point.house_unit,
            is_in_range=in_range,
            words=words,
        )

    async def _read_span(self, table: str, span: Span) -> list[int]:
        return await self._connection.read(
            self._spec.unit_id,
            span.address,
            span.count,
            timeout_s=self._timeout_s,
            delay_s=self._delay_s,
            table=table,
        )

    async def _write(self, point: MapPoint, registers: Sequence[int]) -> None:
        await self._connection.write(
            self._spec.unit_id,
            point.address,
            registers,
            timeout_s=self._timeout_s,
            delay_s=self._delay_s,
        )

    @property
    def _timeout_s(self) -> float | None:
        own = self._spec.timeout_s
        return self._map.connection.timeout_s if own is None else own

    @property
    def _delay_s(self) -> float | None:
        own = self._spec.inter_frame_delay_s
        return self._map.connection.inter_frame_delay_s if own is None else own
