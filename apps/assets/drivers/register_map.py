"""A device model as data: what a register map file says, ready for use. No I/O, no YAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from apps.assets.drivers.blocks import Span
from apps.assets.drivers.map_units import (
    CONVERSIONS,
    COUNTERS,
    HOUSE_UNITS,
    Conversion,
    signed_house,
    signed_wire,
)
from apps.assets.drivers.measurement import SensorSpec

Words = Mapping[str, str]
"""Language code -> text."""

REGISTERS_OF_TYPE = {
    "u16": 1,
    "s16": 1,
    "bits16": 1,
    "enum16": 1,
    "u32": 2,
    "s32": 2,
    "f32": 2,
    "bits32": 2,
    "enum32": 2,
    "u64": 4,
    "s64": 4,
    "f64": 4,
}
"""Type -> registers; a string has as many as its point says."""

UNSIGNED_TYPES = frozenset({"u16", "u32", "u64", "f32", "f64"})
"""What an energy counter may be; a floating counter does not roll over."""

DIRECTIONS = ("charging", "discharging", "idle")
POWER_SOURCES = ("power", "charge", "discharge", "production")
"""What of a set-point a register takes: the signed power, or one side of it, never negative."""


@dataclass(frozen=True, slots=True)
class PollGroup:
    """Points that are read together. `period_s` None: at every poll."""

    name: str
    period_s: float | None


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A value in the registers of a device. `valid` and `scale` are in the unit on the wire."""

    name: str
    table: str
    address: int
    count: int
    kind: str
    word_order: str
    byte_order: str
    scale: float
    offset: float
    unit: str
    quantity: str
    channel: str
    sign: str
    group: str
    valid: tuple[float, float] | None
    not_available: frozenset[int]
    is_writable: bool
    is_alone: bool
    is_clock: bool
    rolls_over_at: float | None
    words: Mapping[int, Words]

    @property
    def span(self) -> Span:
        """The registers of the point."""
        return Span(self.address, self.count)

    @property
    def house_unit(self) -> str:
        """The unit of `house`; the device's own for a point that is no sensor."""
        return HOUSE_UNITS.get(self.quantity, self.unit)

    def house(self, value: float, quantity: str = "") -> float:
        """A value of this point in the house's unit and sign; no quantity: as it is."""
        conversion = self._conversion(quantity or self.quantity)
        return value if conversion is None else signed_house(conversion.to_house(value), self.sign)

    def wire(self, value: float, quantity: str = "") -> float:
        """A house value in the unit and sign of this point."""
        conversion = self._conversion(quantity or self.quantity)
        return value if conversion is None else conversion.to_wire(signed_wire(value, self.sign))

    def _conversion(self, quantity: str) -> Conversion | None:
        return CONVERSIONS[quantity].get(self.unit) if quantity else None

    @property
    def rollover_kwh(self) -> float | None:
        """Where an energy counter starts again from zero; None when it will not."""
        if self.quantity not in COUNTERS:
            return None
        if self.rolls_over_at is not None:
            return self.house(self.rolls_over_at)
        # 2**64 is never reached, and a floating counter saturates.
        if self.kind not in ("u16", "u32"):
            return None
        return self.house(2 ** (16 * self.count) * self.scale)


@dataclass(frozen=True, slots=True)
class DerivedPoint:
    """A sensor that is a sum of points, each in the house unit of the quantity."""

    name: str
    quantity: str
    channel: str
    group: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """What a point of this model shows; exactly one rule is set."""

    point: str
    one_of: tuple[float | str, ...] = ()
    matches: str = ""
    between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class FaultWords:
    """A fault that a bit or a value stands for."""

    code: str
    severity: int
    words: Words


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """How a point tells faults: `is_bits` by its bits, else by its value."""

    point: str
    is_bits: bool
    faults: Mapping[int, FaultWords]
    normal: frozenset[int]
    """Bits or values that are no fault."""


@dataclass(frozen=True, slots=True)
class ControlStep:
    """One register to write or to expect: a fixed number, a side of the power, or the timer.

    `by_direction` holds a number for charging, discharging and idle.
    """

    point: str
    role: str
    source: str = ""
    number: float | None = None
    by_direction: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fallback:
    """What makes the device let go of a set-point when we fall silent.

    `timer`: a register (`point`) is given how long, in `unit_s` seconds a count, at most `most`
    counts. `rewrite`: the device lets go by itself `after_s` after the last write. `heartbeat`:
    `after_s` after the last write of the register `point`. `none`: nothing does.
    """

    kind: str
    point: str = ""
    unit_s: float = 1.0
    most: float | None = None
    after_s: float = 0.0

    @property
    def is_safe(self) -> bool:
        """True when a dead Cariflex releases the device."""
        return self.kind != "none"


@dataclass(frozen=True, slots=True)
class ControlMap:
    """How a device model takes a set-point. `function`: `power` or `production_limit`."""

    function: str
    range_kw: tuple[float, float] | None
    writes: tuple[ControlStep, ...]
    release: tuple[ControlStep, ...]
    readback: tuple[ControlStep, ...]
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class MapSource:
    """The document that the addresses come from."""

    title: str
    publisher: str
    revision: str
    date: str
    link: str
    checked_with: str
    """What the addresses were compared with, as the document itself was not always at hand."""


@dataclass(frozen=True, slots=True)
class MapConnection:
    """How devices of this model are reached when nobody says otherwise."""

    transport: str
    port: int
    unit_id: int
    timeout_s: float | None
    inter_frame_delay_s: float | None
    most_registers: int
    largest_gap: int


@dataclass(frozen=True)
class RegisterMap:
    """A device model. Addresses are as on the wire, counted from 0."""

    id: str
    version: int
    vendor: str
    model: str
    names: Words
    kinds: tuple[str, ...]
    source: MapSource
    tried_on: str
    connection: MapConnection
    manufacturer: str
    model_point: str
    serial_point: str
    identification: tuple[IdentityCheck, ...]
    groups: tuple[PollGroup, ...]
    points: tuple[MapPoint, ...]
    derived: tuple[DerivedPoint, ...]
    faults: tuple[FaultPoint, ...]
    controls: tuple[ControlMap, ...]
    file: str = ""
    notes: Words = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, MapPoint]:
        """The points by name."""
        return {point.name: point for point in self.points}

    @cached_property
    def sensors(self) -> tuple[SensorSpec, ...]:
        """What a device of this model measures."""
        periods = {group.name: group.period_s for group in self.groups}
        measured = [
            SensorSpec(point.quantity, point.channel, periods[point.group], point.rollover_kwh)
            for point in self.points
            if point.quantity and point.group
        ]
        summed = [
            SensorSpec(derived.quantity, derived.channel, periods[derived.group])
            for derived in self.derived
        ]
        return (*measured, *summed)

    @property
    def can_control(self) -> bool:
        """True when it takes set-points that a dead Cariflex releases."""
        return any(control.fallback.is_safe for control in self.controls)

    def control(self, function: str) -> ControlMap | None:
        """The control of that function."""
        return next((each for each in self.controls if each.function == function), None)
