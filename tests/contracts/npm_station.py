"""A charging station in a process of its own, on an OCPP-J client from npm that is not ours.

`npm_station(endpoint, identity, password)` starts it; the package is installed once into
`var/test-npm/` (or CARIFLEX_TEST_NPM). Without npm or a registry the test is skipped.
"""

import functools
import hashlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "ocpp_rpc_station"
CACHE = Path(os.environ.get("CARIFLEX_TEST_NPM", FOLDER.parents[2] / "var" / "test-npm"))
LIMIT_S = 60.0
INSTALL_LIMIT_S = 120.0


class CallFailed(Exception):
    """The CSMS answered a call with a CALLERROR, or the client refused to send it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class ConnectionRefused(Exception):
    """The CSMS did not open the socket; `status` is its HTTP answer, 0 for none."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(f"{status}: {description}")
        self.status = status


@functools.cache
def packages() -> Path:
    """The node_modules folder with the client; skips the test when it cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are absent: the independent OCPP client is not tested")
    manifest = (FOLDER / "package.json").read_bytes()
    installed = CACHE / f"ocpp_rpc_station-{hashlib.sha256(manifest).hexdigest()[:12]}"
    if not installed.exists():
        _install(npm, manifest, installed)
    return installed / "node_modules"


def _install(npm: str, manifest: bytes, installed: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="installing-", dir=CACHE))
    (folder / "package.json").write_bytes(manifest)
    arguments = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            arguments, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT_S
        )
        said = done.stderr
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        said, failed = f"no end after {INSTALL_LIMIT_S:.0f} s", True
    if failed:
        shutil.rmtree(folder)
        pytest.skip(f"npm could not install the independent OCPP client: {said[-300:]}")
    try:
        folder.rename(installed)
    except OSError:
        # Another run of the tests was faster; its folder is as good.
        shutil.rmtree(folder)


class NpmStation:
    """The test's side of the station's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._next_id = 0
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._early: dict[int, dict[str, Any]] = {}
        self._called: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self._states: queue.Queue[dict[str, Any]] = queue.Queue()
        self.faults: list[str] = []
        """Frames and payloads, of either side, that the client found to break the rules."""
        self.received: list[str] = []
        """Every frame of the CSMS, as it came."""
        self.protocol = ""
        self._reader = threading.Thread(target=self._read, name="npm-station", daemon=True)
        self._reader.start()

    def opened(self) -> None:
        """Wait for the socket; ConnectionRefused when it does not open."""
        state = self._states.get(timeout=LIMIT_S)
        if state["event"] != "open":
            status = state["status"]
            raise ConnectionRefused(status if isinstance(status, int) else 0, state["error"])
        self.protocol = state["protocol"]

    def send(self, action: str, payload: Mapping[str, Any]) -> int:
        """Call the CSMS without waiting; the number to give to `answer`."""
        self._next_id += 1
        self._tell({"id": self._next_id, "call": action, "payload": payload})
        return self._next_id

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to a call that was sent; CallFailed for a CALLERROR."""
        while number not in self._early:
            said = self._answers.get(timeout=LIMIT_S)
            self._early[said["id"]] = said
        said = self._early.pop(number)
        if "error" in said:
            raise CallFailed(said["error"], said["description"])
        return dict(said["answer"])

    def call(self, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Call the CSMS: its answer; CallFailed for a CALLERROR."""
        return self.answer(self.send(action, payload))

    def raw(self, text: str) -> None:
        """Send a text as it is."""
        self._tell({"raw": text})

    def answers(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """From now on answer these actions of the CSMS so; others are NotImplemented."""
        self._tell({"answers": answers})

    def called(self) -> tuple[str, dict[str, Any]]:
        """The next call of the CSMS: (action, payload); queue.Empty when none comes."""
        return self._called.get(timeout=LIMIT_S)

    def closed(self) -> int:
        """Wait for the end of the socket: its code."""
        return int(self._states.get(timeout=LIMIT_S)["code"])

    def close(self) -> None:
        """Leave, and end the process."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _tell(self, order: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            event = said.get("event")
            if event is None:
                self._answers.put(said)
            elif event == "called":
                self._called.put((said["action"], said["payload"]))
            elif event == "fault":
                self.faults.append(said["error"])
            elif event == "received":
                self.received.append(said["text"])
            else:
                self._states.put(said)


@contextmanager
def npm_station(
    endpoint: str,
    identity: str,
    password: str | None,
    *,
    protocols: Sequence[str] = ("ocpp1.6",),
    strict: bool = True,
    concurrency: int = 1,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
    tls: Mapping[str, Any] | None = None,
) -> Iterator[NpmStation]:
    """A connected station at `<endpoint>/<identity>`; ConnectionRefused when it may not.

    `strict`: every payload is checked by the client's own schemas (1.6 and 2.0.1). `concurrency`:
    calls in flight at once. `tls`: options of the client's TLS socket (ca, cert, key as PEM).
    """
    modules = packages()
    options = {
        "endpoint": endpoint,
        "identity": identity,
        "password": password,
        "protocols": list(protocols),
        "strict": strict,
        "concurrency": concurrency,
        "answers": answers or {},
        "tls": tls or {},
    }
    node = shutil.which("node")
    assert node is not None
    process = subprocess.Popen(  # noqa: S603 - our own script
        [node, str(FOLDER / "station.js")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            "PATH": os.environ.get("PATH", ""),
            "NODE_PATH": str(modules),
            "STATION_OPTIONS": json.dumps(options),
        },
    )
    station = NpmStation(process)
    try:
        station.opened()
        yield station
    finally:
        station.close()
