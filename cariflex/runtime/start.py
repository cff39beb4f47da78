"""Starting an instance in the background, following its steps, and stopping it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import INSTANCE_VARIABLE, wait_until
from cariflex.runtime.state import (
    InstanceState,
    ServiceState,
    is_locked,
    read_state,
    supervisor_of,
)
from cariflex.runtime.supervise import LOCK_TAKEN, TIED, end_leftovers

STOP_PATIENCE_S = 60.0
LOG_LINES = 15
Say = Callable[[str], None]


def last_lines(path: Path, count: int = LOG_LINES) -> str:
    """The end of a log file."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def spawn_supervisor(
    layout: Layout,
    *,
    profile: str = "full",
    tied: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> "subprocess.Popen[bytes]":
    """Start the supervisor in a session of its own; `tied` ends it with this process."""
    layout.prepare()
    environment = {**environ, "CARIFLEX_VAR": str(layout.var)}
    environment["CARIFLEX_PORT"] = str(layout.ports.base)
    environment.pop(INSTANCE_VARIABLE, None)
    environment[TIED] = "1" if tied else ""
    with layout.log("supervisor").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cariflex.runtime.supervise", profile],
            cwd=layout.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def follow_start(
    layout: Layout, process: "subprocess.Popen[bytes] | None", say: Say
) -> InstanceState:
    """Tell each step as it happens until all is ready; StartError with the cause if it fails."""
    told: dict[str, str] = {}
    while True:
        ended = process is not None and process.poll() is not None
        if ended and process is not None and process.returncode == LOCK_TAKEN:
            process, ended = None, False
        holder = supervisor_of(layout)
        state = read_state(layout.state_file)
        if state is not None and _is_of(state, process, holder.pid if holder else None):
            _tell_changes(state, told, say)
            if state.state == "ready":
                return state
            if state.state == "failed" and (ended or process is None):
                raise _failure(layout, state)
        if ended or (process is None and holder is None):
            raise StartError(
                "the supervisor ended before all was ready\n"
                + last_lines(layout.log("supervisor")),
                "run ./run up again; ./run logs shows more.",
            )
        time.sleep(0.1)


def _is_of(
    state: InstanceState, process: "subprocess.Popen[bytes] | None", holder: int | None
) -> bool:
    return state.pid == (process.pid if process is not None else holder)


def _tell_changes(state: InstanceState, told: dict[str, str], say: Say) -> None:
    for service in state.services:
        key = f"{service.state}/{service.restarts}"
        if told.get(service.name) == key or service.state in ("waiting", "stopping", "stopped"):
            continue
        told[service.name] = key
        say(_step_line(service))


def _step_line(service: ServiceState) -> str:
    took = f"{service.took_s:6.1f} s" if service.took_s is not None else " " * 8
    word = {"ready": "ready", "done": "done", "starting": "..."}.get(service.state, service.state)
    if service.state == "starting":
        took = " " * 8
    error = f"  {service.last_error}" if service.state not in ("ready", "done", "starting") else ""
    return f"  {service.name:<20} {took}  {word}{error}"


def _failure(layout: Layout, state: InstanceState) -> StartError:
    parts = [state.error]
    for service in state.services:
        if service.state == "failed":
            parts.append(f"last lines of {service.log}:\n{last_lines(Path(service.log))}")
    advice = "" if "What to do" in state.error else "mend the cause, then ./run up again."
    return StartError("\n".join(parts), advice)


def stop(layout: Layout, say: Say) -> bool:
    """End the instance and all that is left of it; False if nothing was running."""
    supervisor = supervisor_of(layout)
    if supervisor is not None:
        say("stopping ...")
        os.kill(supervisor.pid, signal.SIGTERM)
        if not wait_until(lambda: not supervisor.alive, STOP_PATIENCE_S):
            say("the supervisor does not end: ending it by force")
            os.kill(supervisor.pid, signal.SIGKILL)
            wait_until(lambda: not supervisor.alive, 5.0)
        # A killed parent's lock is released when its last holder is gone.
        wait_until(lambda: not is_locked(layout), 5.0)
    left = end_leftovers(layout) if layout.var.exists() else 0
    state = read_state(layout.state_file)
    if state is not None and state.state not in ("stopped", "failed"):
        state.state = "stopped"
        for service in state.services:
            service.state, service.pid, service.start_ticks = "stopped", None, None
        state.write(layout.state_file)
    return supervisor is not None or left > 0
