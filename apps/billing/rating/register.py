"""The energy register of a session as a curve: how much was charged until each whole second.

Energies are counted in whole units of 10^-places kWh and instants in whole seconds since the
session's start, so that a curve adds up exactly wherever it is cut.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from apps.billing.rating.decimals import EXACT, plain
from apps.billing.rating.model import Note

# OCPI writes numbers with 4 decimals; a meter may tell more.
PLACES = 4
# Registers come rounded (Wh here, kWh there): a smaller step back is no step back.
_ROUNDING_KWH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class MeterSample:
    """What was measured at a moment (aware); None where the meter did not tell.

    `energy_kwh` is the register of consumed energy as it stood; `power_kw` and `current_a` (the
    sum over the phases) hold until the next sample that tells one. `is_parking`: the vehicle asks
    for no power (OCPI 2.2.1 §10.4.3 PARKING_TIME), until the next sample.
    """

    at: datetime
    energy_kwh: Decimal | None = None
    power_kw: Decimal | None = None
    current_a: Decimal | None = None
    is_parking: bool = False


@dataclass(frozen=True, slots=True)
class Knot:
    """The energy that was charged until a second of the session."""

    second: int
    energy: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Charged energy over time, on straight lines between knots; never falling.

    Two knots of one second are a jump. It belongs to what came before that second, except at the
    start of the session.
    """

    knots: tuple[Knot, ...]
    places: int

    @property
    def total(self) -> int:
        """All that was charged, in units."""
        return self.knots[-1].energy if self.knots else 0

    def kwh(self, units: int) -> Decimal:
        """Units as kWh, exactly and without trailing zeros."""
        return Decimal(plain(EXACT.scaleb(Decimal(units), -self.places)))

    def units(self, kwh: Decimal) -> int:
        """kWh as units; `kwh` has no more decimals than the curve."""
        return int(EXACT.scaleb(kwh, self.places))

    def at(self, second: int) -> int:
        """The energy charged until a second, rounded down to a unit."""
        if not self.knots or second <= 0:
            return 0
        after = bisect_right(self.knots, second, key=_second_of)
        if after == 0:
            return 0
        if after == len(self.knots):
            return self.total
        one, two = self.knots[after - 1], self.knots[after]
        rise, run = two.energy - one.energy, two.second - one.second
        return one.energy + rise * (second - one.second) // run

    def gap_s(self, second: int) -> int:
        """How far apart the readings around a second are; 0 where one was taken or none follow."""
        after = bisect_left(self.knots, second, key=_second_of)
        if after in (0, len(self.knots)) or self.knots[after].second == second:
            return 0
        return self.knots[after].second - self.knots[after - 1].second

    def crossing(self, energy: int) -> int | None:
        """The first whole second by which so much was charged; None when it never was."""
        if energy <= 0 or energy > self.total:
            return None
        after = bisect_left(self.knots, energy, key=_energy_of)
        one, two = self.knots[after - 1], self.knots[after]
        rise, run = two.energy - one.energy, two.second - one.second
        return one.second - (energy - one.energy) * run // -rise


def _second_of(knot: Knot) -> int:
    return knot.second


def _energy_of(knot: Knot) -> int:
    return knot.energy


@dataclass(frozen=True, slots=True)
class RegisterReading:
    """A register value at a second of the session; `where` names the sample."""

    second: int
    kwh: Decimal
    where: str


def curve_of(
    readings: Sequence[RegisterReading], duration_s: int, thresholds: Iterable[Decimal]
) -> tuple[Curve, tuple[Note, ...]]:
    """The curve of readings in the order of their time, with what is doubtful about them.

    Readings of before the start count as the one at the start (the newest, where none was taken
    there), readings of after the end as the one at the end. Before the first and after the last
    reading nothing is known to have been charged, and nothing is.
    """
    taken = _within(readings, duration_s)
    places = max([PLACES, *(_decimals(kwh) for kwh in (*thresholds, *(one.kwh for one in taken)))])
    notes = list(_ends(readings, taken, duration_s))
    knots: list[Knot] = []
    last = Decimal(0)
    counted = 0
    for place, reading in enumerate(taken):
        if place == 0 or reading.kwh >= last:
            grown = reading.kwh - last if place else Decimal(0)
            counted += int(EXACT.scaleb(grown, places))
            last = reading.kwh
        elif last - reading.kwh >= _ROUNDING_KWH:
            next_kwh = taken[place + 1].kwh if place + 1 < len(taken) else None
            note, last = _fallen(reading, last, next_kwh)
            notes.append(note)
        knots.append(Knot(reading.second, counted))
    return Curve(tuple(knots), places), tuple(notes)


def _within(readings: Sequence[RegisterReading], duration_s: int) -> list[RegisterReading]:
    early = [one for one in readings if one.second < 0]
    rest = [one for one in readings if one.second >= 0]
    if early and not (rest and rest[0].second == 0):
        rest.insert(0, RegisterReading(0, early[-1].kwh, early[-1].where))
    return [RegisterReading(min(one.second, duration_s), one.kwh, one.where) for one in rest]


def _ends(
    readings: Sequence[RegisterReading], taken: Sequence[RegisterReading], duration_s: int
) -> Iterable[Note]:
    if not taken:
        yield Note("samples.no_energy", "No sample tells a register value: no energy is billed.")
        return
    outside = [one for one in readings if not 0 <= one.second <= duration_s]
    if outside:
        yield Note(
            "samples.outside_session",
            f"{len(outside)} register value(s) were taken outside the session: what was told before"
            " counts for its start where nothing else does, what was told after for its end.",
            outside[0].where,
        )
    if taken[0].second > 0:
        yield Note(
            "samples.start_missing",
            f"No register value at the start; the first came {_length(taken[0].second)} later. What"
            " was charged before it is not known and not billed.",
            taken[0].where,
        )
    if taken[-1].second < duration_s:
        yield Note(
            "samples.end_missing",
            "No register value at the end; the last came"
            f" {_length(duration_s - taken[-1].second)} earlier. What was charged after it is not"
            " known and not billed.",
            taken[-1].where,
        )


def _fallen(
    reading: RegisterReading, last: Decimal, next_kwh: Decimal | None
) -> tuple[Note, Decimal]:
    """What a register that fell means, and the value from which it is counted on.

    Where the next reading is back at the old height, one reading was wrong. Else the register
    was set back or replaced: it is counted on from its new value. What was charged between the two
    readings is not known, so it is not billed; that is at most what one interval holds.
    """
    fell = f"The register fell from {plain(last)} to {plain(reading.kwh)} kWh"
    if next_kwh is not None and next_kwh >= last:
        text = f"{fell} and was back above at the next reading: the low value is left out."
        return Note("samples.register_dipped", text, reading.where), last
    text = (
        f"{fell}: it was set back. It is counted on from there; what was charged between the"
        " two readings is not known and not billed."
    )
    return Note("samples.register_reset", text, reading.where), reading.kwh


def _decimals(value: Decimal) -> int:
    """How many decimals a number needs: 2 for 0.2500."""
    text = plain(value)
    return len(text) - text.index(".") - 1 if "." in text else 0


def _length(seconds: int) -> str:
    return str(timedelta(seconds=seconds))
