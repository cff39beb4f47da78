"""Energy counters turned into kWh: what the step from one reading to the next is worth. Pure.

The rule looks at a reading and at the two trusted ones before it, never further. So a late reading
changes its own step and at most the next two, and nobody walks a counter from its beginning. The
roll-ups apply the same rule in SQL (`rollup_sql`); a test holds the two together.

What passed during a gap is booked where the counter was next read. It is never spread over the
gap: nobody knows when in the gap it flowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import pairwise

PLAUSIBLE_SHARE = 1.5
"""A device may give a little more than its plate says; a multiple is no measurement."""
REFRESH_S = 300.0
"""A device may renew its counter only every five minutes: then all of it comes at once."""
COARSE_STEP_KWH = 1.0
"""A large meter counts whole kWh."""
STEP_BACK_KWH = 0.1
STEP_BACK_SHARE = 1e-6
"""A counter kept as a 32-bit float wavers by this share of its value."""


class StepKind(IntEnum):
    """What the step to a reading is; the numbers are those of the SQL."""

    GROWTH = 0
    WAVER = 1
    """Back by no more than the counter's resolution. Booked as it is, so that the way back up is
    not counted: wavering adds up to nothing."""
    ROLLOVER = 2
    """Over the top: counted to the top and on from 0."""
    RESTART = 3
    """Began again from 0: what it shows was counted since."""
    BACKWARD = 4
    """Fell to a value that it cannot have reached since a restart. Flagged, counts nothing."""
    JUMP = 5
    """Grew by more than the device can move. Flagged, counts nothing."""

    @property
    def is_flagged(self) -> bool:
        """True for a reading that is not to be trusted."""
        return self >= StepKind.BACKWARD

    @property
    def is_odd(self) -> bool:
        """True when the reading after it may continue from before it."""
        return self >= StepKind.RESTART

    @property
    def is_smooth(self) -> bool:
        """True for an ordinary step."""
        return self <= StepKind.WAVER


@dataclass(frozen=True, slots=True)
class CounterReading:
    """What a counter showed (kWh) at an instant; only trusted qualities come here."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Counter:
    """The facts about a counter that its steps are judged by."""

    rated_power_kw: float
    rollover_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class CounterStep:
    """The step that ends at a reading; `energy_kwh` is None when nobody knows what flowed."""

    at: datetime
    kind: StepKind | None
    energy_kwh: float | None

    @property
    def is_flagged(self) -> bool:
        """True for a reading that is not to be trusted."""
        return self.kind is not None and self.kind.is_flagged


def most_kwh(counter: Counter, gap_s: float) -> float:
    """The most that the counter can grow by over a gap."""
    return (
        PLAUSIBLE_SHARE * counter.rated_power_kw * max(gap_s, REFRESH_S) / 3600.0 + COARSE_STEP_KWH
    )


def counter_step(
    counter: Counter, before: CounterReading, reading: CounterReading
) -> tuple[StepKind, float | None]:
    """What a step is and its energy in kWh, by its two ends alone."""
    most = most_kwh(counter, (reading.at - before.at).total_seconds())
    grown = reading.value - before.value
    if grown > most:
        return StepKind.JUMP, None
    if grown >= 0.0:
        return StepKind.GROWTH, grown
    if -grown <= max(STEP_BACK_KWH, before.value * STEP_BACK_SHARE):
        return StepKind.WAVER, grown
    top = counter.rollover_kwh
    if top is not None and before.value <= top:
        over = top - before.value + reading.value
        if 0.0 <= over <= most:
            return StepKind.ROLLOVER, over
    if 0.0 <= reading.value <= most:
        return StepKind.RESTART, reading.value
    return StepKind.BACKWARD, None


def counter_steps(counter: Counter, readings: Iterable[CounterReading]) -> list[CounterStep]:
    """The step to each reading, in the order of time.

    A reading after an odd one is first tried against the one before that: a single wrong value
    (0 while an inverter wakes up, a wrong word order) then costs no energy. Does it not fit there,
    the odd value was the counter's new level (a meter was exchanged) and counting goes on from it.
    """
    ordered = sorted(readings, key=lambda reading: reading.at)
    if not ordered:
        return []
    steps = [CounterStep(ordered[0].at, None, None)]
    was_odd = False
    for index, (before, reading) in enumerate(pairwise(ordered), start=1):
        plain = counter_step(counter, before, reading)
        kind, energy_kwh = plain
        if was_odd:
            over = counter_step(counter, ordered[index - 2], reading)
            if over[0].is_smooth:
                kind, energy_kwh = over
        steps.append(CounterStep(reading.at, kind, energy_kwh))
        was_odd = plain[0].is_odd
    return steps
