"""Readiness probes: small questions that a service answers only when it can do its work."""

import http.client
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TIMEOUT_S = 2.0


class Probe(Protocol):
    """Answers whether a service is ready; never raises, never takes longer than TIMEOUT_S."""

    def ready(self) -> bool: ...


@dataclass(frozen=True)
class CommandProbe:
    """Ready when the command ends 0 (pg_isready)."""

    command: tuple[str, ...]

    def ready(self) -> bool:
        try:
            done = subprocess.run(self.command, capture_output=True, timeout=3, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


@dataclass(frozen=True)
class RedisProbe:
    """Ready when Redis answers PING with PONG (not while it loads its data)."""

    port: int
    password: str

    def ready(self) -> bool:
        words = f"AUTH {self.password}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as link:
                link.sendall(words)
                answer = b""
                while answer.count(b"\r\n") < 2 and (piece := link.recv(512)):
                    answer += piece
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")


@dataclass(frozen=True)
class HttpProbe:
    """Ready when a GET answers 200."""

    port: int
    path: str

    def ready(self) -> bool:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            link.request("GET", self.path)
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()


@dataclass(frozen=True)
class TcpProbe:
    """Ready when every port takes connections."""

    ports: tuple[int, ...]

    def ready(self) -> bool:
        for port in self.ports:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S).close()
            except OSError:
                return False
        return True


@dataclass(frozen=True)
class FileProbe:
    """Ready when the daemon touched its ready file or wrote a line that says so."""

    path: Path
    log: Path
    pattern: str

    def ready(self) -> bool:
        if self.path.exists():
            return True
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return False
        return bool(re.search(self.pattern, text.rpartition(START_LINE)[2], re.MULTILINE))


START_LINE = "--- start of "
"""Begins the line that the supervisor writes into a log before each start."""
