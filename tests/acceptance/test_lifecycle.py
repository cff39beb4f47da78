"""The whole stack under one command: up, check, kills, stop, and again."""

import http.client
import os
import random
import signal

import pytest

from cariflex.runtime.credentials import DEMO_OPERATORS
from cariflex.runtime.procfs import ProcessId, wait_until
from cariflex.runtime.state import supervisor_of
from tests.stack import Stack, stop_and_look

pytestmark = pytest.mark.stack

DAEMONS = (
    "postgres",
    "redis",
    "flexmeasures",
    "web",
    "stations-tls",
    "worker-poll",
    "worker",
    "beat",
    "sim-devices",
    "sim-market",
    "sim-stations",
    "sim-roaming",
)
# The others are killed by `./run test --all` only: each start costs seconds of both cores.
KILLED_EACH_TIME = frozenset({"postgres", "redis", "web", "stations-tls", "worker-poll", "worker"})
RECOVERY_S = 400
SEED = 20260301


def http_status(stack: Stack, host: str, path: str) -> int:
    """The status of a page of the host; not every resolver knows the names below localhost."""
    link = http.client.HTTPConnection("127.0.0.1", stack.ports.web, timeout=30)
    try:
        link.request("GET", path, headers={"Host": f"{host}:{stack.ports.web}"})
        return link.getresponse().status
    finally:
        link.close()


def supervisor(stack: Stack) -> ProcessId | None:
    return supervisor_of(stack.layout)


def recovered(stack: Stack, name: str, restarts: int) -> bool:
    entry = stack.service(name)
    return bool(entry["state"] == "ready" and entry["restarts"] > restarts)


def test_up_starts_every_process_and_serves_both_operators(stack: Stack) -> None:
    state = stack.status()

    assert state["state"] == "ready"
    assert {s["name"] for s in state["services"] if not s["one_shot"]} == set(DAEMONS)
    assert {s["state"] for s in state["services"]} == {"ready", "done"}
    assert http_status(stack, "localhost", "/health") == 200
    for operator in DEMO_OPERATORS:
        assert http_status(stack, f"{operator}.localhost", "/login/") == 200
    assert http_status(stack, "atlantis.localhost", "/login/") == 404


def test_up_again_says_that_it_runs_and_changes_nothing(stack: Stack) -> None:
    before = {s["name"]: s["pid"] for s in stack.status()["services"]}

    again = stack.run("up")

    assert again.returncode == 0
    assert "already running" in again.stdout
    assert stack.password in again.stdout
    assert {s["name"]: s["pid"] for s in stack.status()["services"]} == before


def test_the_island_shows_signs_of_life(stack: Stack) -> None:
    check = stack.run("check", "--timeout", str(RECOVERY_S))

    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in KILLED_EACH_TIME else pytest.mark.slow)
        for name in DAEMONS
    ],
)
def test_a_killed_process_comes_back(stack: Stack, name: str) -> None:
    entry = stack.service(name)

    os.kill(entry["pid"], signal.SIGKILL)

    assert wait_until(lambda: recovered(stack, name, entry["restarts"]), RECOVERY_S, 0.5), (
        stack.status()
    )
    assert http_status(stack, "localhost", "/health") == 200


def test_the_island_lives_on_after_all_the_kills(stack: Stack) -> None:
    check = stack.run("check", "--timeout", str(RECOVERY_S))

    assert check.returncode == 0, check.stdout


def start_and_kill(stack: Stack, delay_s: float) -> None:
    """Begin `./run up` and kill its supervisor and itself after a while."""
    with stack.spawn("up") as process:
        wait_until(lambda: process.poll() is not None, delay_s)
        if (found := supervisor(stack)) is not None:
            os.kill(found.pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def kill_at_random_points(stack: Stack, times: int) -> None:
    chance = random.Random(SEED)
    for _ in range(times):
        start_and_kill(stack, chance.uniform(0.2, 12.0))

        started = stack.run("up")

        assert started.returncode == 0, started.stdout
        assert http_status(stack, "localhost", "/health") == 200
        assert len(stack.processes()) >= len(DAEMONS)
        stop_and_look(stack)


@pytest.mark.slow
def test_ten_kills_during_the_start_are_each_followed_by_one_that_works(idle_stack: Stack) -> None:
    kill_at_random_points(idle_stack, 10)
