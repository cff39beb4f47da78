"""RabbitMQ of our own on a loopback port, for the tests that need a real broker."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cariflex.runtime.layout import ROOT
from cariflex.runtime.procfs import port_is_free
from cariflex.runtime.rabbitmq import Rabbit, ensure_rabbitmq

START_LIMIT_S = 60.0
START_ATTEMPTS = 5
PORTS = 12_000, 16_000
PORT_TAKEN = "dist_port_already_used", "eaddrinuse"


class NoBroker(Exception):
    """No RabbitMQ can be had on this machine."""


class PortTaken(Exception):
    """Somebody else listens where the broker was to."""


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The address of a node that lives as long as the block; NoBroker where there is none."""
    rabbit = ensure_rabbitmq(ROOT / "var" / "rabbitmq", print)
    if rabbit is None:
        raise NoBroker("no RabbitMQ: neither installed nor to be had from Debian")
    with ExitStack() as started:
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                port = _start(rabbit, folder, started)
            except PortTaken:
                # Between the look at a port and its use, another test may have taken it.
                if attempt == START_ATTEMPTS:
                    raise
            else:
                break
        yield f"amqp://guest:guest@127.0.0.1:{port}//"


def _start(rabbit: Rabbit, folder: Path, started: ExitStack) -> int:
    """Start the mapper and the node; gives the port. Raises PortTaken, and RuntimeError."""
    port, epmd_port = _free_ports()
    environment = {**os.environ, **rabbit.environment(folder, port=port, epmd_port=epmd_port)}
    log = started.enter_context((folder / "broker.log").open("w"))
    words = {"env": environment, "stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
    started.callback(shutil.rmtree, folder / "mnesia", ignore_errors=True)
    mapper = subprocess.Popen(rabbit.epmd(epmd_port), **words)  # type: ignore[call-overload]
    started.callback(_end, mapper)
    node = subprocess.Popen(rabbit.command(), **words)  # type: ignore[call-overload]
    started.callback(_end, node)
    _wait_for(port, node, folder / "broker.log")
    return port


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _free_ports() -> tuple[int, int]:
    """A port whose successor is free too (Erlang's distribution), and one for the mapper.

    They lie below those that the system gives to connections by itself.
    """
    while True:
        port = random.randrange(*PORTS, 4)  # noqa: S311 - spreads tests that run side by side
        if all(port_is_free(one) for one in range(port, port + 3)):
            return port, port + 2


def _wait_for(port: int, node: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and node.poll() is None:
        if "Server startup complete" in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    said = log.read_text(errors="replace")
    problem = PortTaken if any(words in said for words in PORT_TAKEN) else RuntimeError
    raise problem(f"RabbitMQ did not start on {port}: {said[-2000:]}")
