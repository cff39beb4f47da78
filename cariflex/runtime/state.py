"""The state file and the lock of one instance: what ./run status and ./run stop read."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cariflex.runtime.credentials import write_private
from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import ProcessId, identify


class AlreadyRunningError(Exception):
    """Another supervisor holds the lock of this instance."""


@dataclass
class ServiceState:
    """What is known about one service. States: waiting, starting, ready, done, backing off,
    failed, stopping, stopped, unavailable."""

    name: str
    one_shot: bool
    state: str = "waiting"
    pid: int | None = None
    start_ticks: int | None = None
    port: int | None = None
    url: str = ""
    restarts: int = 0
    since: float = 0.0
    took_s: float | None = None
    last_error: str = ""
    log: str = ""


@dataclass
class InstanceState:
    """What is known about the instance. States: starting, ready, failed, stopping, stopped."""

    pid: int
    start_ticks: int
    started_at: float
    base_port: int
    state: str = "starting"
    error: str = ""
    took_s: float | None = None
    services: list[ServiceState] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Replace the state file in one step."""
        write_private(path, json.dumps(asdict(self), indent=1) + "\n")


def read_state(path: Path) -> InstanceState | None:
    """The last state written; None if there is none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        services = [ServiceState(**entry) for entry in fields.pop("services")]
        return InstanceState(**fields, services=services)
    except (OSError, ValueError, TypeError, KeyError):
        return None


class InstanceLock:
    """The lock that one supervisor per data folder holds as long as it lives."""

    def __init__(self, layout: Layout) -> None:
        self._stream = layout.lock_file.open("a+")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            self._stream.close()
            raise AlreadyRunningError from err
        me = identify(os.getpid())
        assert me is not None  # noqa: S101  a running process has a start time
        self.identity = me
        self._stream.truncate(0)
        self._stream.write(json.dumps({"pid": me.pid, "start_ticks": me.start_ticks}) + "\n")
        self._stream.flush()

    def release(self) -> None:
        """Give the lock up; the end of the process does so too."""
        self._stream.close()


def supervisor_of(layout: Layout) -> ProcessId | None:
    """The running supervisor of the instance."""
    if not is_locked(layout):
        return None
    for _ in range(20):
        try:
            fields = json.loads(layout.lock_file.read_text())
            process = ProcessId(fields["pid"], fields["start_ticks"])
        except (OSError, ValueError, KeyError):
            process = None
        if process is not None and process.alive:
            return process
        # Between taking the lock and writing the pid.
        time.sleep(0.05)
        if not is_locked(layout):
            return None
    return None


def is_locked(layout: Layout) -> bool:
    """Whether a supervisor holds the lock."""
    try:
        stream = layout.lock_file.open("r")
    except FileNotFoundError:
        return False
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
