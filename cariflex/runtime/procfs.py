"""What /proc says about processes and ports: who runs, since when, for whom, listening where."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

INSTANCE_VARIABLE = "CARIFLEX_INSTANCE"
"""Marks each supervised process with the data folder of its instance."""
PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessId:
    """A pid with the start time that makes it unique: a reused pid is another process."""

    pid: int
    start_ticks: int

    @property
    def alive(self) -> bool:
        return start_ticks(self.pid) == self.start_ticks


def _stat_fields(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    # The command name in brackets may hold spaces and brackets.
    return text[text.rindex(")") + 2 :].split()


def start_ticks(pid: int) -> int | None:
    """Start time of a running process in clock ticks after boot; None if gone or a zombie."""
    fields = _stat_fields(pid)
    if not fields or fields[0] in "ZX":
        return None
    return int(fields[19])


def identify(pid: int) -> ProcessId | None:
    """The identity of a running process."""
    ticks = start_ticks(pid)
    return None if ticks is None else ProcessId(pid, ticks)


def command_line(pid: int) -> str:
    """The words of a process's command, joined by spaces; empty if it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace").strip()


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]


def instance_processes(var: Path) -> list[ProcessId]:
    """Running processes that carry the marker of the instance with this data folder."""
    marker = f"{INSTANCE_VARIABLE}={var}".encode()
    found = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        try:
            environment = (PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if marker in environment.split(b"\0") and (process := identify(pid)):
            found.append(process)
    return found


def descendants(pid: int) -> list[int]:
    """The pids of all processes below `pid`, zombies included."""
    children: dict[int, list[int]] = {}
    for other in _pids():
        fields = _stat_fields(other)
        if fields:
            children.setdefault(int(fields[1]), []).append(other)
    found: list[int] = []
    frontier = [pid]
    while frontier:
        below = children.get(frontier.pop(), [])
        found.extend(below)
        frontier.extend(below)
    return found


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now (connections in TIME_WAIT do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes


def port_owner(port: int) -> str:
    """ "pid 12 (command line)" of who listens on the port, or "" if /proc does not tell."""
    inodes = _listening_inodes(port)
    for pid in _pids() if inodes else []:
        try:
            links = list((PROC / str(pid) / "fd").iterdir())
            sockets = {os.readlink(link) for link in links}
        except OSError:
            continue
        if sockets & inodes:
            return f"pid {pid} ({command_line(pid)[:120] or 'unknown command'})"
    return ""


def wait_until(done: Callable[[], bool], timeout_s: float, step_s: float = 0.05) -> bool:
    """Poll `done` until it holds (True) or the time is over (False)."""
    limit = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > limit:
            return False
        time.sleep(step_s)
    return True


def _signal(process: ProcessId, number: int) -> None:
    if process.alive:
        try:
            os.kill(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def end_processes(processes: Iterable[ProcessId], grace_s: float = 5.0) -> int:
    """End processes by SIGTERM, then by SIGKILL; gives how many were running."""
    running = [process for process in processes if process.alive]
    for process in running:
        _signal(process, signal.SIGTERM)
    if not wait_until(lambda: not any(process.alive for process in running), grace_s):
        for process in running:
            _signal(process, signal.SIGKILL)
        wait_until(lambda: not any(process.alive for process in running), 5.0)
    return len(running)
