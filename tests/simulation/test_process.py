"""The three simulators as processes: they stop at once and outlive a kill."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from apps.simulation.environment import SimulationEnvironment
from cariflex.runtime.ports import SPAN, Ports

STOP_WITHIN_S = 2.0


def free_base() -> int:
    """A CARIFLEX_PORT whose whole range is free."""
    for base in range(21_000 + os.getpid() % 97 * 60, 60_000, SPAN):
        try:
            for port in range(base, base + SPAN):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no free range of ports")


@pytest.fixture
def ports() -> Ports:
    return Ports(free_base())


@contextmanager
def simulator(name: str, ports: Ports, folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "CARIFLEX_PORT": str(ports.base),
        "CARIFLEX_VAR": str(folder),
        "CARIFLEX_DEMO_SECRET": "s",
        "CARIFLEX_SIM_SPEED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", f"apps.simulation.{name}"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def fetched(url: str, timeout_s: float = 20.0) -> Any:
    """The JSON at a URL as soon as somebody answers there."""
    return json.loads(_when_up(lambda: urllib.request.urlopen(url, timeout=2).read(), timeout_s))


def _when_up(ask: Callable[[], bytes], timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask()
        except OSError:
            assert time.monotonic() < deadline, "nobody answered in time"
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("devices", (4, "devices")),
        ("market", (5, "control")),
        ("stations", (6, "stations")),
    ],
)
@pytest.mark.quiet
def test_simulator_stops_within_two_seconds(
    name: str, path: tuple[int, str], ports: Ports, tmp_path: Path
) -> None:
    with simulator(name, ports, tmp_path) as process:
        fetched(f"http://127.0.0.1:{ports.base + path[0]}/{path[1]}")

        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = process.wait(timeout=10)

    assert code == 0
    assert time.monotonic() - began < STOP_WITHIN_S


def test_devices_keep_their_state_over_kill_9(ports: Ports, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{ports.simulated_devices_control}/devices"
    state = tmp_path / "simulation" / "devices.json"
    with simulator("devices", ports, tmp_path) as process:
        fetched(url)
        request = urllib.request.Request(
            f"{url}/martinique/bat-07/state", data=b'{"soc_percent": 77}', method="POST"
        )
        urllib.request.urlopen(request, timeout=5).read()
        _when_up(lambda: _saved_at(state, "martinique/bat-07", 77.0), 15)
        process.kill()
        process.wait(timeout=5)

    with simulator("devices", ports, tmp_path):
        listed = fetched(url)

    battery = next(d for d in listed if (d["operator"], d["code"]) == ("martinique", "bat-07"))
    assert battery["soc_percent"] == 77
    assert len(listed) == 40
    assert {device["port"] for device in listed} == set(range(ports.base + 20, ports.base + 60))


def _saved_at(path: Path, key: str, soc_percent: float) -> bytes:
    if json.loads(path.read_text("utf-8"))[key]["soc_percent"] != soc_percent:
        raise OSError("not yet saved")
    return b""


def test_a_taken_port_is_named_and_ends_the_process(ports: Ports, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports.device(1, 3)))
        taken.listen()
        with simulator("devices", ports, tmp_path) as process:
            _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert f"port {ports.device(1, 3)} of martinique pv-04 is in use" in errors
    assert "Traceback" not in errors


def test_environment_has_defaults_and_refuses_nonsense() -> None:
    environment = SimulationEnvironment.read({})

    assert environment.ports.base == 5000
    assert environment.speed == 1
    assert environment.folder.parts[-2:] == ("var", "simulation")
    with pytest.raises(ValueError, match="CARIFLEX_SIM_SPEED"):
        SimulationEnvironment.read({"CARIFLEX_SIM_SPEED": "0"})
