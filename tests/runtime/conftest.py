"""Fixtures: an instance in a temporary folder whose services are tiny scripts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cariflex.runtime.layout import ROOT, Layout
from cariflex.runtime.ports import Ports
from cariflex.runtime.procfs import instance_processes, wait_until
from cariflex.runtime.state import InstanceState, ServiceState, read_state
from cariflex.runtime.testing import free_base_port

PATIENCE_S = 60.0


class Island:
    """One supervised instance, driven from outside."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self, *services: dict[str, Any]) -> None:
        """Start a supervisor of these services; it runs in a process of its own."""
        self.layout.prepare()
        environment = {**os.environ, "CARIFLEX_VAR": str(self.layout.var)}
        environment["CARIFLEX_PORT"] = str(self.layout.ports.base)
        with self.layout.log("supervisor").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.runtime.tiny", json.dumps(services)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def state(self) -> InstanceState | None:
        state = read_state(self.layout.state_file)
        return state if state and self.process and state.pid == self.process.pid else None

    def service(self, name: str) -> ServiceState:
        state = self.state
        assert state is not None
        return next(entry for entry in state.services if entry.name == name)

    def wait_for(self, wanted: str) -> InstanceState:
        """Wait until the instance is in the wanted state."""
        reached = wait_until(lambda: self.state is not None and self.state.state == wanted, 20.0)
        state = self.state
        assert reached, f"{wanted} not reached: {state}\n{self.log('supervisor')}"
        assert state is not None
        return state

    def log(self, name: str) -> str:
        path = self.layout.log(name)
        return path.read_text() if path.exists() else ""

    def stop(self) -> int:
        """Ask the supervisor to stop; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An instance below a folder that only its owner may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    layout = Layout(root=ROOT, var=closed / "var", ports=Ports(free_base_port(6200)))
    layout.prepare()
    return layout


@pytest.fixture
def island(layout: Layout) -> Iterator[Island]:
    """A tiny instance; whatever is left of it is ended."""
    island = Island(layout)
    yield island
    if island.process is not None and island.process.poll() is None:
        island.process.kill()
        island.process.wait()
    for process in instance_processes(layout.var):
        os.kill(process.pid, signal.SIGKILL)
