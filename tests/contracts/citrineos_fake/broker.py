"""RabbitMQ of our own on a loopback port, for the tests that need a real broker."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cariflex.runtime.layout import ROOT
from cariflex.runtime.rabbitmq import ensure_rabbitmq

START_LIMIT_S = 60.0


class NoBroker(Exception):
    """No RabbitMQ can be had on this machine."""


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The address of a node that lives as long as the block; NoBroker where there is none."""
    rabbit = ensure_rabbitmq(ROOT / "var" / "rabbitmq", print)
    if rabbit is None:
        raise NoBroker("no RabbitMQ: neither installed nor to be had from Debian")
    port, epmd_port = _free_ports()
    environment = {**os.environ, **rabbit.environment(folder, port=port, epmd_port=epmd_port)}
    with (folder / "broker.log").open("w") as log:
        words = {"env": environment, "stdout": log, "stderr": log, "stdin": subprocess.DEVNULL}
        mapper = subprocess.Popen(rabbit.epmd(epmd_port), **words)  # type: ignore[call-overload]
        node = subprocess.Popen(rabbit.command(), **words)  # type: ignore[call-overload]
        try:
            _wait_for(port, node, folder / "broker.log")
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
        finally:
            node.kill()
            node.wait()
            mapper.kill()
            mapper.wait()
            shutil.rmtree(folder / "mnesia", ignore_errors=True)


def _free_ports() -> tuple[int, int]:
    """A port whose successor is free too (Erlang's distribution), and one for the mapper."""
    while True:
        with socket.socket() as one, socket.socket() as other, socket.socket() as mapper:
            one.bind(("127.0.0.1", 0))
            mapper.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port, int(mapper.getsockname()[1])


def _wait_for(port: int, node: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        if node.poll() is not None:
            break
        if "Server startup complete" in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"RabbitMQ did not start on {port}: {log.read_text()[-2000:]}")
