"""Starting and ending one supervised process."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cariflex.runtime import privileges
from cariflex.runtime.layout import Layout
from cariflex.runtime.probes import START_LINE
from cariflex.runtime.procfs import INSTANCE_VARIABLE, ProcessId, identify
from cariflex.runtime.services import Service, working_folder

LOG_LIMIT_BYTES = 10_000_000
LOG_COPIES = 3


def rotate_log(path: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Move a log that grew too long to .1, .1 to .2 and so on."""
    if not path.exists() or path.stat().st_size < limit_bytes:
        return
    for number in range(LOG_COPIES - 1, 0, -1):
        older = path.with_suffix(f".log.{number}")
        if older.exists():
            older.replace(path.with_suffix(f".log.{number + 1}"))
    path.replace(path.with_suffix(".log.1"))


class Child:
    """One running process of a service, leader of its own session and process group."""

    def __init__(self, layout: Layout, service: Service) -> None:
        (layout.ready_files / service.name).unlink(missing_ok=True)
        log = layout.log(service.name)
        rotate_log(log)
        environment = {**service.environment, INSTANCE_VARIABLE: str(layout.var)}
        supervisor = os.getpid()

        def enter() -> None:
            if service.run_as is not None:
                privileges.drop_to(service.run_as)
            # After the change of user, which clears it.
            privileges.set_parent_death_signal(service.orphan_signal)
            if os.getppid() != supervisor:
                os._exit(1)

        with log.open("a") as stream:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            stream.write(f"{START_LINE}{service.name} at {now}\n")
            stream.flush()
            # preexec_fn: the supervisor has one thread only, so nothing can be locked in the child.
            self._process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=working_folder(layout, service),
                start_new_session=True,
                preexec_fn=enter,
            )
        self.started = time.monotonic()
        self.identity: ProcessId | None = identify(self.pid)
        self.returncode: int | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self, status: int) -> None:
        """Take the wait status of the reaped process, and end what is left of its group."""
        self.returncode = os.waitstatus_to_exitcode(status)
        self._process.returncode = self.returncode
        self.signal_group(signal.SIGKILL)

    def signal_main(self, number: int) -> None:
        """Signal the leader only: it ends its own workers in its own order."""
        if self.returncode is None:
            self._kill(os.kill, number)

    def signal_group(self, number: int) -> None:
        """Signal every process of the group."""
        self._kill(os.killpg, number)

    def _kill(self, kill: Callable[[int, int], None], number: int) -> None:
        try:
            kill(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def exit_words(returncode: int) -> str:
    """An exit status in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was ended by signal {-returncode}"
