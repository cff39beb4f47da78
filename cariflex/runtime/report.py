"""What ./run prints: addresses, log-ins, the status table, logs."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cariflex.runtime.credentials import demo_logins, load_secrets
from cariflex.runtime.environment import product_environment
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout
from cariflex.runtime.state import InstanceState, read_state, supervisor_of

NOT_RUNNING = 3
DEGRADED = 1


def say(line: str) -> None:
    """One line for the person at the keyboard, at once."""
    print(line, flush=True)


def greeting(layout: Layout, state: InstanceState) -> str:
    """Addresses and demo log-ins."""
    environment = product_environment(layout, load_secrets(layout))
    lines = [f"Cariflex is ready after {state.took_s} s", ""]
    if environment.get("CARIFLEX_DEMO") == "1":
        for address, users, password in demo_logins(environment):
            lines.append(f"  {address:<38} users: {users}   password: {password}")
    else:
        lines.append(f"  http://localhost:{layout.ports.web}/")
    for service in state.services:
        if service.name == "flexmeasures" and service.url:
            lines.append(f"  {service.url:<38} FlexMeasures")
        if service.name == "stations-tls" and service.url:
            lines.append(f"  {service.url:<38} charging stations by TLS")
        if service.state == "unavailable":
            lines.append(f"\n  WARNING: {service.name} does not run: {service.last_error}")
    return "\n".join([*lines, "", "  ./run status | logs [NAME] [-f] | stop | help"])


def _live_state(layout: Layout) -> InstanceState | None:
    supervisor = supervisor_of(layout)
    state = read_state(layout.state_file)
    if supervisor is None or state is None or state.pid != supervisor.pid:
        return None
    return state


def status(layout: Layout, *, as_json: bool) -> int:
    """Print the state of each service. 0 all up, 1 something is not, 3 not running."""
    state = _live_state(layout)
    if state is None:
        last = read_state(layout.state_file)
        error = last.error if last is not None and last.state == "failed" else ""
        if as_json:
            say(json.dumps({"state": "stopped", "error": error, "services": []}))
        else:
            say("Cariflex is not running" + (f"; the last start failed: {error}" if error else ""))
        return NOT_RUNNING
    if as_json:
        say(json.dumps(asdict(state), indent=1))
    else:
        _status_table(layout, state)
    healthy = all(service.state in ("ready", "done") for service in state.services)
    return 0 if healthy and state.state == "ready" else DEGRADED


def _status_table(layout: Layout, state: InstanceState) -> None:
    say(f"Cariflex is {state.state} (supervisor pid {state.pid}, data in {layout.var})")
    head = f"{'service':<20} {'state':<12} {'pid':>7} {'port':>6} {'restarts':>8} {'for':>8}"
    say(f"{head}  last error")
    for service in state.services:
        age = _age(time.time() - service.since) if service.since else ""
        pid, port = service.pid or "", service.port or ""
        row = f"{service.name:<20} {service.state:<12} {pid:>7} {port:>6} {service.restarts:>8}"
        say(f"{row} {age:>8}  {service.last_error}".rstrip())


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _log_files(layout: Layout, name: str) -> list[Path]:
    if name:
        path = layout.log(name)
        if not path.exists():
            known = ", ".join(sorted(entry.stem for entry in layout.logs.glob("*.log")))
            raise StartError(f"there is no log {name!r}", f"choose one of: {known or 'none yet'}.")
        return [path]
    return sorted(layout.logs.glob("*.log"))


def logs(layout: Layout, name: str, *, follow: bool, lines: int = 40) -> None:
    """Print the last lines of one log or of all, then follow them if asked."""
    for path in _log_files(layout, name):
        for line in path.read_text(errors="replace").splitlines()[-lines:]:
            say(_prefixed(path, line, name))
    if follow:
        for path, line in follow_lines(layout, name):
            say(_prefixed(path, line, name))


def _prefixed(path: Path, line: str, name: str) -> str:
    return line if name else f"{path.stem:<16} | {line}"


def follow_lines(layout: Layout, name: str = "") -> Iterator[tuple[Path, str]]:
    """New lines of the logs as they come, for ever; rotated and new files are taken up."""
    offsets = {path: path.stat().st_size for path in layout.logs.glob("*.log")}
    while True:
        for path in _log_files(layout, name):
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            start = min(offsets.get(path, 0), size) if size >= offsets.get(path, 0) else 0
            if size > start:
                with path.open("rb") as stream:
                    stream.seek(start)
                    whole, newline, _rest = stream.read(1_000_000).rpartition(b"\n")
                offsets[path] = start + len(whole) + len(newline)
                for line in whole.decode(errors="replace").splitlines():
                    yield path, line
        sys.stdout.flush()
        time.sleep(0.3)
