"""Leave to write, asked right before a frame goes out.

A write may wait long for its turn on a connection, behind a slow unit of the same gateway. Whoever
starts it says how to ask whether it still may; the connection asks with its turn in hand. A write
that was started without a guard (a person's test of a new device) is not asked about.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from apps.assets.drivers.errors import DeviceError

LEAVE_S = 1.5
"""How long a leave lasts that is not renewed; the poll loop renews it each second."""
_may_write: ContextVar[Callable[[], bool] | None] = ContextVar("may_write", default=None)


class WriteWithheldError(DeviceError):
    """The leave to write was taken back before the frame went out."""

    def __init__(self) -> None:
        super().__init__("not written: the leave to write was taken back")


class WriteLeave:
    """The set-points that may be written just now; renewed in one thread, asked in another."""

    def __init__(self) -> None:
        self._given: tuple[frozenset[int], float] = frozenset(), 0.0

    def renew(self, setpoint_ids: frozenset[int], *, asked_at_s: float) -> None:
        """Leave for these and no others, as of `asked_at_s` (monotonic), for LEAVE_S."""
        self._given = setpoint_ids, asked_at_s + LEAVE_S

    def holds(self, setpoint_id: int) -> bool:
        """True while the set-point may be written."""
        setpoint_ids, ends_at_s = self._given
        return setpoint_id in setpoint_ids and time.monotonic() < ends_at_s

    @contextmanager
    def guard(self, setpoint_id: int) -> Iterator[None]:
        """Ask before each write of this task whether the leave still holds."""
        token = _may_write.set(lambda: self.holds(setpoint_id))
        try:
            yield
        finally:
            _may_write.reset(token)


def write_check() -> None:
    """Raise WriteWithheldError when there is a guard and it says no."""
    may_write = _may_write.get()
    if may_write is not None and not may_write():
        raise WriteWithheldError
