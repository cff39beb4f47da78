"""Leave to write, asked right before a frame goes out.

A write may wait long for its turn on a connection, behind a slow unit of the same gateway. Whoever
starts it says how to ask whether it still may; the connection asks with its turn in hand. A write
that was started without a guard (a person's test of a new device) is not asked about.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from apps.assets.drivers.errors import DeviceError

_may_write: ContextVar[Callable[[], bool] | None] = ContextVar("may_write", default=None)


class WriteWithheldError(DeviceError):
    """The leave to write was taken back before the frame went out."""

    def __init__(self) -> None:
        super().__init__("not written: the leave to write was taken back")


@contextmanager
def write_guard(may_write: Callable[[], bool]) -> Iterator[None]:
    """Ask `may_write` before each write of this task."""
    token = _may_write.set(may_write)
    try:
        yield
    finally:
        _may_write.reset(token)


def write_check() -> None:
    """Raise WriteWithheldError when there is a guard and it says no."""
    may_write = _may_write.get()
    if may_write is not None and not may_write():
        raise WriteWithheldError
