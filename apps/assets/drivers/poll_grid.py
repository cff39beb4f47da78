"""When a device is polled: a fixed grid of wall-clock instants, and how punctual that is. Pure."""

from dataclasses import dataclass

ON_TIME_SHARE = 0.1
"""A poll is on time when it starts within this share of its period."""
# Any irrational step spreads the phases of any number of devices evenly.
_GOLDEN_RATIO = 0.6180339887498949


@dataclass(slots=True)
class PollStatistics:
    """How punctual the polls of this process were."""

    polls: int = 0
    on_time: int = 0
    missed: int = 0
    failed: int = 0
    worst_late_s: float = 0.0

    def started(self, *, late_s: float, period_s: float, missed: int) -> None:
        """Count a poll that starts `late_s` after its instant, and those left out before it."""
        self.polls += 1
        self.missed += missed
        self.worst_late_s = max(self.worst_late_s, late_s)
        if late_s <= ON_TIME_SHARE * period_s:
            self.on_time += 1


def grid_phase_s(device_id: int, period_s: float) -> float:
    """Where in its period a device is polled: spread evenly over the devices, always the same."""
    return device_id * _GOLDEN_RATIO % 1.0 * period_s


def grid_index(at_s: float, *, phase_s: float, period_s: float) -> int:
    """The number of the last grid instant at or before `at_s`."""
    return int((at_s - phase_s) // period_s)
