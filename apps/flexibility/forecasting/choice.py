"""Whose forecast is used: the one with the smaller error, once there is evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import fsum
from typing import Final, TypeAlias

ENOUGH_SLOTS: Final = 96
"""So many slots that all compared methods have are evidence: one day, of PV two."""
BETTER_BY: Final = 0.05
"""A method in use is left only for one whose error is smaller by this share: no flapping."""
SlotErrors: TypeAlias = Mapping[datetime, float]
"""Absolute error by slot start, see `skill.slot_errors`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The method used, its error and that of the baseline over the same slots.

    Both errors are None, and `slot_count` 0, where there was not evidence enough.
    """

    method: str
    mae: float | None = None
    baseline_mae: float | None = None
    slot_count: int = 0


def choose(*, errors: Mapping[str, SlotErrors], baseline: str, in_use: str | None = None) -> Choice:
    """The method with the lowest mean absolute error over the slots that all candidates have.

    A method with less than ENOUGH_SLOTS in common with the baseline is no candidate; of the rest,
    the one with the fewest slots is left out until what they share is enough. Without evidence
    for the baseline itself the baseline is used. Ties go to the earlier of `errors`.
    """
    shared = _shared(errors, baseline)
    if not shared:
        return Choice(baseline)
    maes = {method: fsum(of.values()) / len(of) for method, of in shared.items()}
    best = min(maes, key=lambda method: maes[method])
    if in_use in maes and maes[best] > (1 - BETTER_BY) * maes[in_use]:
        best = in_use
    return Choice(best, maes[best], maes[baseline], len(shared[baseline]))


def _shared(errors: Mapping[str, SlotErrors], baseline: str) -> dict[str, dict[datetime, float]]:
    base = errors.get(baseline, {})
    slots_of = {method: base.keys() & of.keys() for method, of in errors.items()}
    candidates = [method for method, slots in slots_of.items() if len(slots) >= ENOUGH_SLOTS]
    while candidates:
        common = set.intersection(*(set(slots_of[method]) for method in candidates))
        if len(common) >= ENOUGH_SLOTS:
            return {
                method: {slot: errors[method][slot] for slot in common} for method in candidates
            }
        candidates.remove(min(candidates, key=lambda method: len(slots_of[method])))
    return {}
