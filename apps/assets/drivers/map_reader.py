"""Reads the points of a register map in as few requests as the device allows."""

from collections.abc import Awaitable, Callable, Sequence

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceRefusalError
from apps.assets.drivers.map_decode import MapRegisters
from apps.assets.drivers.register_map import MapPoint, RegisterMap

ReadSpan = Callable[[str, Span], Awaitable[list[int]]]
"""(table, span) -> registers. Raises a DeviceError."""

# Modbus Application Protocol 1.1b3, section 7: the device has no such function, address or count.
NOT_HERE = frozenset({1, 2, 3})


class MapReader:
    """The reads of one device. Holding and input registers are read apart.

    A device may refuse a read that bridges registers it does not have, or have fewer points than
    its model's document lists. A refused block is read point by point from then on, and a point
    that is refused alone is left out.
    """

    def __init__(self, register_map: RegisterMap, read: ReadSpan) -> None:
        self._map = register_map
        self._read = read
        self._alone = {point.name for point in register_map.points if point.is_alone}
        self._apart = set(self._alone)
        self._missing: set[str] = set()
        self._blocks: dict[tuple[str, ...], list[tuple[str, Span, list[MapPoint]]]] = {}

    def forget(self) -> None:
        """Another device may answer now: try everything again."""
        self._apart = set(self._alone)
        self._missing.clear()
        self._blocks.clear()

    async def read(self, points: Sequence[MapPoint]) -> MapRegisters:
        """The registers of these points, without those that the device does not have.

        Raises DeviceRefusalError when it has none of them.
        """
        registers = MapRegisters()
        refusal: DeviceRefusalError | None = None
        is_any_read = False
        for table, span, block in self.blocks(points):
            try:
                registers.add(table, span.address, await self._read(table, span))
                is_any_read = True
            except DeviceRefusalError as error:
                if error.exception_code not in NOT_HERE:
                    raise
                refusal = error
                is_any_read |= await self._read_apart(block, registers)
        if not is_any_read and refusal is not None:
            raise refusal
        return registers

    def blocks(self, points: Sequence[MapPoint]) -> list[tuple[str, Span, list[MapPoint]]]:
        """The requests that read these points, and what each is for."""
        key = tuple(point.name for point in points)
        if key not in self._blocks:
            wanted = [point for point in points if point.name not in self._missing]
            self._blocks[key] = [
                block
                for table in ("holding", "input")
                for block in self._blocks_of(table, [p for p in wanted if p.table == table])
            ]
        return self._blocks[key]

    def _blocks_of(
        self, table: str, points: Sequence[MapPoint]
    ) -> list[tuple[str, Span, list[MapPoint]]]:
        together = [point for point in points if point.name not in self._apart]
        spans = coalesce(
            (point.span for point in together),
            most=self._map.connection.most_registers,
            gap=self._map.connection.largest_gap,
        )
        blocks = [(table, span, [p for p in together if _covers(span, p)]) for span in spans]
        alone = [(table, point.span, [point]) for point in points if point.name in self._apart]
        return blocks + alone

    async def _read_apart(self, points: Sequence[MapPoint], registers: MapRegisters) -> bool:
        self._blocks.clear()
        if len(points) == 1:
            self._missing.add(points[0].name)
            return False
        is_any_read = False
        for point in points:
            self._apart.add(point.name)
            try:
                answer = await self._read(point.table, point.span)
            except DeviceRefusalError as error:
                if error.exception_code not in NOT_HERE:
                    raise
                self._missing.add(point.name)
            else:
                registers.add(point.table, point.address, answer)
                is_any_read = True
        return is_any_read


def _covers(span: Span, point: MapPoint) -> bool:
    return span.address <= point.address < span.address + span.count
