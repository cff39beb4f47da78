"""The supervisor: starts services in the order of what they need, keeps them up, stops them.

One thread, one loop. It wakes when a child ends, when a signal comes, or after a short pause; each
turn reaps what ended, starts what may start, asks probes, and ends what is due to end.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from cariflex.runtime import privileges
from cariflex.runtime.children import Child, exit_words
from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import end_processes, instance_processes
from cariflex.runtime.services import Service
from cariflex.runtime.state import InstanceLock, InstanceState, ServiceState

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
HEALTHY_S = 60.0
BUSY_PAUSE_S = 0.1
IDLE_PAUSE_S = 1.0
START_ATTEMPTS = 5
"""How often a daemon may end before it was ready once, until the start is given up."""
ONE_SHOT_ATTEMPTS = 3
"""A one-shot step ended by a signal is tried again; one that ends with an error is not."""
UP = ("ready", "done")


class Runner:
    """One service with its present process and its counters."""

    def __init__(self, layout: Layout, service: Service) -> None:
        self.layout = layout
        self.service = service
        self.child: Child | None = None
        self.was_ready = False
        self.attempts = 0
        self.backoff_s = FIRST_BACKOFF_S
        self.resume_at = 0.0
        self.stop_deadline = 0.0
        self.state = ServiceState(
            name=service.name,
            one_shot=service.one_shot,
            port=service.port,
            url=service.url,
            log=str(layout.log(service.name)),
        )
        if service.unavailable:
            self.enter("unavailable", service.unavailable)

    def enter(self, state: str, error: str | None = None) -> None:
        self.state.state = state
        self.state.since = time.time()
        if error is not None:
            self.state.last_error = error

    @property
    def satisfied(self) -> bool:
        return self.state.state in UP or self.state.state == "unavailable"

    def start(self) -> None:
        self.attempts += 1
        try:
            self.child = Child(self.layout, self.service)
        except OSError as err:
            self._retry_or_fail(f"cannot be started: {err}", final=self.service.one_shot)
            return
        identity = self.child.identity
        self.state.pid = self.child.pid
        self.state.start_ticks = identity.start_ticks if identity else None
        self.enter("starting")

    def check(self) -> bool:
        """Ask the probe of a starting daemon; True if its state changed."""
        if self.child is None or self.state.state != "starting":
            return False
        age_s = time.monotonic() - self.child.started
        if not self.service.one_shot and (self.service.probe is None or self.service.probe.ready()):
            self.was_ready = True
            self.state.took_s = round(age_s, 2)
            self.enter("ready")
            return True
        if age_s > self.service.start_timeout_s:
            self.state.last_error = f"was not ready after {self.service.start_timeout_s:.0f} s"
            self.child.signal_group(signal.SIGKILL)
        return False

    def on_exit(self, status: int, *, stopping: bool) -> None:
        child = self.child
        if child is None:
            return
        child.ended(status)
        lived_s = time.monotonic() - child.started
        self.child = None
        self.state.pid = self.state.start_ticks = None
        returncode = child.returncode or 0
        if stopping:
            self.enter("stopped")
        elif self.service.one_shot and returncode == 0:
            self.state.took_s = round(lived_s, 2)
            self.enter("done")
        else:
            if lived_s > HEALTHY_S:
                self.backoff_s = FIRST_BACKOFF_S
            final = self.service.one_shot and (returncode > 0 or self.attempts >= ONE_SHOT_ATTEMPTS)
            self._retry_or_fail(exit_words(returncode), final=final)

    def _retry_or_fail(self, error: str, *, final: bool) -> None:
        given_up = not self.was_ready and self.attempts >= START_ATTEMPTS
        late = self.state.last_error if "was not ready" in self.state.last_error else ""
        if final or given_up or (late and not self.was_ready):
            self.enter("failed", late or error)
            return
        self.state.restarts += 1
        self.resume_at = time.monotonic() + self.backoff_s
        self.backoff_s = min(self.backoff_s * 2, LONGEST_BACKOFF_S)
        self.enter("backing off", error)

    def stop(self) -> None:
        """Ask the process to end; after its time is over end it by force."""
        if self.child is None:
            return
        if self.state.state != "stopping":
            self.stop_deadline = time.monotonic() + self.service.stop_timeout_s
            self.child.signal_main(self.service.stop_signal)
            self.enter("stopping")
        elif time.monotonic() > self.stop_deadline:
            self.child.signal_group(signal.SIGKILL)


class Supervisor:
    """Runs a service table until it is told to stop. Gives 0, or 1 if the start failed."""

    def __init__(self, layout: Layout, table: Sequence[Service], lock: InstanceLock) -> None:
        self.layout = layout
        self.runners = {service.name: Runner(layout, service) for service in table}
        unknown = {need for s in table for need in s.needs} - set(self.runners)
        if unknown:
            raise ValueError(f"unknown services are needed: {sorted(unknown)}")
        self.started = time.monotonic()
        self.stopping = False
        self.state = InstanceState(
            pid=lock.identity.pid,
            start_ticks=lock.identity.start_ticks,
            started_at=time.time(),
            base_port=layout.ports.base,
            services=[runner.state for runner in self.runners.values()],
        )

    def run(self) -> int:
        """The loop."""
        privileges.become_subreaper()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        while not (self.stopping and self._nothing_runs()):
            self._turn()
            pause_s = IDLE_PAUSE_S if self._settled() else BUSY_PAUSE_S
            select.select([wake_read], [], [], pause_s)
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
        end_processes(instance_processes(self.layout.var))
        if self.state.state != "failed":
            self.state.state = "stopped"
        self._write()
        return 1 if self.state.state == "failed" else 0

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _nothing_runs(self) -> bool:
        return all(runner.child is None for runner in self.runners.values())

    def _settled(self) -> bool:
        return not self.stopping and all(runner.satisfied for runner in self.runners.values())

    def _turn(self) -> None:
        before = repr(self.state)
        self._reap()
        if self.stopping:
            self._stop_in_reverse()
        else:
            self._start_what_may()
            for runner in self.runners.values():
                runner.check()
            self._judge()
        if repr(self.state) != before or not self.layout.state_file.exists():
            self._write()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for runner in self.runners.values():
                if runner.child is not None and runner.child.pid == pid:
                    runner.on_exit(status, stopping=self.stopping)

    def _start_what_may(self) -> None:
        now = time.monotonic()
        for runner in self.runners.values():
            waits = runner.state.state == "waiting" and all(
                self.runners[need].satisfied for need in runner.service.needs
            )
            due = runner.state.state == "backing off" and now >= runner.resume_at
            if waits or due:
                runner.start()

    def _judge(self) -> None:
        failed = [r for r in self.runners.values() if r.state.state == "failed"]
        if failed and self.state.state == "starting":
            self.state.state = "failed"
            self.state.error = "; ".join(f"{r.state.name} {r.state.last_error}" for r in failed)
            self.stopping = True
        elif self.state.state == "starting" and self._settled():
            self.state.state = "ready"
            self.state.took_s = round(time.monotonic() - self.started, 1)

    def _stop_in_reverse(self) -> None:
        if self.state.state in ("starting", "ready"):
            self.state.state = "stopping"
        for name, runner in self.runners.items():
            if runner.child is None:
                if runner.state.state in ("backing off", "waiting", "starting"):
                    runner.enter("stopped")
                continue
            if not any(self.runners[above].child for above in self._dependents(name)):
                runner.stop()

    def _dependents(self, name: str) -> set[str]:
        found: set[str] = set()
        frontier = {name}
        while frontier:
            frontier = {
                other
                for other, runner in self.runners.items()
                if frontier & set(runner.service.needs)
            } - found
            found |= frontier
        return found

    def _write(self) -> None:
        try:
            self.state.write(self.layout.state_file)
        except OSError as err:
            print(f"the state file cannot be written: {err}", file=sys.stderr, flush=True)
