"""Values that hold from the moment they are told until the next one is."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Steps(Generic[Value]):
    """A value over the seconds of a session; the first one holds before it was told, too."""

    seconds: tuple[int, ...]
    values: tuple[Value, ...]

    def at(self, second: int) -> Value | None:
        """What holds at a second; of two told at once the later one. None: nothing was told."""
        if not self.values:
            return None
        return self.values[max(0, bisect_right(self.seconds, second) - 1)]

    def within(self, start: int, end: int) -> Iterator[Value]:
        """All that held in [start, end), and at `start` where that is empty."""
        held = self.at(start)
        if held is None:
            return
        yield held
        first = bisect_right(self.seconds, start)
        yield from self.values[first : max(first, bisect_left(self.seconds, end))]


def steps_of(told: Iterable[tuple[int, Value | None]]) -> Steps[Value]:
    """The steps of what was told, in the order of time; a None tells nothing."""
    changes: list[tuple[int, Value]] = []
    for second, value in told:
        if value is None:
            continue
        if changes and changes[-1][0] == second:
            changes.pop()
        if not changes or changes[-1][1] != value:
            changes.append((second, value))
    return Steps(tuple(one[0] for one in changes), tuple(one[1] for one in changes))
