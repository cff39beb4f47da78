"""The clocks of a simulator, injectable so that tests need not wait."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock in seconds and the wall clock in aware UTC."""

    def monotonic(self) -> float: ...

    def utc(self) -> datetime: ...


class SystemClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._elapsed_s = 0.0

    def move(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._elapsed_s += seconds

    def monotonic(self) -> float:
        return self._elapsed_s

    def utc(self) -> datetime:
        return self._at + timedelta(seconds=self._elapsed_s)
