"""When a device is polled: a fixed grid of wall-clock instants, and how punctual that is. Pure."""

from collections import Counter
from dataclasses import dataclass, field

ON_TIME_SHARE = 0.1
"""A poll is on time when it starts within this share of its period."""
# Any irrational step spreads the phases of any number of devices evenly.
_GOLDEN_RATIO = 0.6180339887498949


@dataclass(slots=True)
class PollStatistics:
    """How punctual the polls of this process were; the counters by device id."""

    polls: int = 0
    on_time: int = 0
    missed: int = 0
    failed: int = 0
    worst_late_s: float = 0.0
    late_of: Counter[int] = field(default_factory=Counter)
    missed_of: Counter[int] = field(default_factory=Counter)
    failed_of: Counter[int] = field(default_factory=Counter)
    slowest_of: dict[int, float] = field(default_factory=dict)
    """The longest time from the instant of a poll to its answer, in seconds."""

    def started(self, device_id: int, *, late_s: float, period_s: float, missed: int) -> None:
        """Count a poll that starts `late_s` after its instant, and those left out before it."""
        self.polls += 1
        self.worst_late_s = max(self.worst_late_s, late_s)
        if late_s <= ON_TIME_SHARE * period_s:
            self.on_time += 1
        else:
            self.late_of[device_id] += 1
        if missed:
            self.missed += missed
            self.missed_of[device_id] += missed

    def ended(self, device_id: int, *, after_s: float, is_answered: bool) -> None:
        """Count what came of it, `after_s` after its instant."""
        if is_answered:
            if after_s > self.slowest_of.get(device_id, 0.0):
                self.slowest_of[device_id] = after_s
        else:
            self.failed += 1
            self.failed_of[device_id] += 1


def grid_phase_s(device_id: int, period_s: float) -> float:
    """Where in its period a device is polled: spread evenly over the devices, always the same."""
    return device_id * _GOLDEN_RATIO % 1.0 * period_s


def grid_index(at_s: float, *, phase_s: float, period_s: float) -> int:
    """The number of the last grid instant at or before `at_s`."""
    return int((at_s - phase_s) // period_s)
