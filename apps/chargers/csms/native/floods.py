"""How fast a station may send beyond what the standard allows it: a budget for each socket.

What a station that waits for its answers sends (Part 4 §4.1.1) costs a tenth of a frame: up to 500
calls a second, more than any station has to tell. Calls sent while others are open, frames that
are refused and answers that nobody waits for cost a whole one.
A station that has spent it is not refused, it is read more slowly: TCP holds it back, its stored
events are not lost, and the other stations are served as before.
"""

from dataclasses import dataclass

# An island that comes back after an outage: a station may tell 500 stored events without waiting.
BURST = 500
RATE_PER_S = 50.0
COST, COST_WHEN_DUE = 1.0, 0.1
NOTED_EVERY_S = 600.0


@dataclass(slots=True)
class FrameBudget:
    """A token bucket; instants are seconds of a clock that never goes back."""

    burst: float = BURST
    rate_per_s: float = RATE_PER_S
    _left: float = BURST
    _at_s: float | None = None
    _noted_at_s: float | None = None

    def __post_init__(self) -> None:
        self._left = self.burst

    def spend(self, now_s: float, cost: float = COST) -> float:
        """Take one frame from the budget; for how many seconds the next is not read."""
        if self._at_s is not None:
            self._left = min(self.burst, self._left + (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        self._left -= cost
        return max(0.0, -self._left / self.rate_per_s)

    def is_news(self, now_s: float) -> bool:
        """True the first time in NOTED_EVERY_S that somebody should be told of the flood."""
        if self._noted_at_s is not None and now_s - self._noted_at_s < NOTED_EVERY_S:
            return False
        self._noted_at_s = now_s
        return True
