"""Pytest plugin: a second whole stack, started and stopped through ./run like a person does it.

`stack`: everything, for browser and acceptance tests. `servers`: PostgreSQL, Redis and FlexMeasures
without the product.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cariflex.runtime.credentials import DEMO_ROLES, demo_password
from cariflex.runtime.layout import MARKER, ROOT, Layout
from cariflex.runtime.ports import SPAN, Ports
from cariflex.runtime.procfs import ProcessId, identify, instance_processes, port_is_free
from cariflex.runtime.testing import free_base_port

FIRST_PORT = 5400
FOREIGN = ("CARIFLEX_", "DATABASE_", "REDIS_", "FLEXMEASURES_", "ENTSOE_", "DJANGO_", "PYTEST_")
"""Variables of the test run itself, which point to its own servers."""
KEPT = ("CARIFLEX_PG_BIN", "CARIFLEX_REDIS_BIN", "CARIFLEX_CHROMIUM")


@dataclass(frozen=True)
class Stack:
    """One instance of its own ports and data folder."""

    ports: Ports
    var: Path

    @property
    def layout(self) -> Layout:
        return Layout(ROOT, self.var, self.ports)

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.ports.web}"

    def operator_url(self, operator: str) -> str:
        return f"http://{operator}.localhost:{self.ports.web}"

    @property
    def secrets(self) -> dict[str, str]:
        secrets: dict[str, str] = json.loads((self.var / "secrets.json").read_text())
        return secrets

    @property
    def users(self) -> tuple[str, ...]:
        return DEMO_ROLES

    @property
    def password(self) -> str:
        """The password of every demo user."""
        return demo_password(self.secrets["CARIFLEX_DEMO_SECRET"])

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) or name in KEPT
        }
        return {**kept, "CARIFLEX_PORT": str(self.ports.base), "CARIFLEX_VAR": str(self.var)}

    def spawn(self, *words: str) -> "subprocess.Popen[str]":
        """Begin a ./run command."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "run"), *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, timeout_s: float = 600) -> "subprocess.CompletedProcess[str]":
        """A ./run command with what it printed."""
        with self.spawn(*words) as process:
            try:
                output, _nothing = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(words, process.returncode, output, "")

    def status(self) -> dict[str, Any]:
        """What ./run status --json says."""
        answer: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return answer

    def service(self, name: str) -> dict[str, Any]:
        """The state of one service."""
        return next(entry for entry in self.status()["services"] if entry["name"] == name)

    def processes(self) -> list[ProcessId]:
        """Everything of the instance that runs now."""
        return instance_processes(self.var)


@contextmanager
def new_stack(name: str) -> Iterator[Stack]:
    """Ports and a data folder for one instance; stopped and deleted at the end."""
    var = ROOT / "var" / "test" / f"{name}-{os.getpid()}"
    shutil.rmtree(var, ignore_errors=True)
    var.mkdir(parents=True)
    (var / MARKER).touch()
    stack = Stack(Ports(free_base_port(FIRST_PORT)), var)
    try:
        yield stack
    finally:
        stack.run("stop")
        if os.environ.get("CARIFLEX_KEEP_STACK") != "1":
            shutil.rmtree(var, ignore_errors=True)


def taken_ports(stack: Stack) -> list[int]:
    """Those of its ports on which somebody listens."""
    base = stack.ports.base
    return [port for port in range(base, base + SPAN) if not port_is_free(port)]


def stop_and_look(stack: Stack) -> None:
    """Stop; no process may be left and no port be taken."""
    pids = [process.pid for process in stack.processes()]
    assert pids
    assert taken_ports(stack)

    stopped = stack.run("stop")

    assert stopped.returncode == 0
    assert [pid for pid in pids if identify(pid)] == []
    assert stack.processes() == []
    assert taken_ports(stack) == []
    assert stack.run("status").returncode == 3


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole stack, ready; at the end nothing of it may be left."""
    with new_stack("stack") as instance:
        started = instance.run("up")
        assert started.returncode == 0, started.stdout
        yield instance
        stop_and_look(instance)


@pytest.fixture
def idle_stack() -> Iterator[Stack]:
    """An instance that was never started, for tests of the start itself."""
    with new_stack("idle") as instance:
        yield instance


@pytest.fixture(scope="session")
def servers() -> Iterator[Stack]:
    """PostgreSQL, Redis and FlexMeasures, ready."""
    script = (
        "from cariflex.runtime.layout import Layout;"
        "from cariflex.runtime.start import follow_start, spawn_supervisor;"
        "layout = Layout.from_environment();"
        "follow_start(layout, spawn_supervisor(layout, profile='servers'), print)"
    )
    with new_stack("servers") as instance:
        started = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=instance.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield instance
