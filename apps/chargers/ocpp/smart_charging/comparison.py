"""A station's composite schedule beside our own: where the two say different things."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.chargers.ocpp.smart_charging.composite import CompositePeriod
from apps.chargers.ocpp.smart_charging.profiles import NOTHING, Period, PerPhase, periods_of

# Stations keep a tenth of a unit (1.6) and round watts to their own grain.
TOLERANCE = {"A": 0.15, "W": 50.0}


@dataclass(frozen=True, slots=True)
class Difference:
    """From `start_s` after the start of the schedule on the station says `theirs`, we `ours`."""

    start_s: int
    ours: float | None
    theirs: float | None


def differences(
    ours: Sequence[CompositePeriod], theirs: Sequence[Mapping[str, Any]], *, unit: str
) -> list[Difference]:
    """Where the limits differ, in `unit`; where none is known to us, the station knows its own."""
    if not ours:
        return []
    start = ours[0].start
    told = periods_of(theirs)
    marks = {int((one.start - start).total_seconds()) for one in ours}
    length_s = int((ours[-1].end - start).total_seconds())
    marks |= {one.start_s for one in told if 0 <= one.start_s < length_s}
    found: list[Difference] = []
    for mark in sorted(marks):
        at = start + timedelta(seconds=mark)
        own = _total(next(one.limit for one in ours if one.start <= at < one.end), unit)
        other = _total(_held(told, mark), unit)
        if own is None or (other is not None and abs(own - other) <= TOLERANCE[unit]):
            continue
        one = Difference(mark, own, other)
        if not found or (found[-1].ours, found[-1].theirs) != (own, other):
            found.append(one)
    return found


def _held(periods: Sequence[Period], mark: int) -> PerPhase:
    held = [one for one in periods if one.start_s <= mark]
    return held[-1].limit if held else NOTHING


def _total(limit: PerPhase, unit: str) -> float | None:
    """All phases together in W; in A the most of any phase."""
    known = [value for value in limit if value is not None]
    if not known:
        return None
    return sum(known) if unit == "W" else max(known)
