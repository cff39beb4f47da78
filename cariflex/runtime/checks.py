"""What is looked at before a start, so that a refusal names its cause."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cariflex.runtime.errors import StartError
from cariflex.runtime.procfs import port_is_free, port_owner

INSTALL_FREE_BYTES = 2_000_000_000
START_FREE_BYTES = 300_000_000


def existing_parent(path: Path) -> Path:
    """The nearest folder on the way up that exists."""
    while not path.exists():
        path = path.parent
    return path


def check_disk(path: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse when the disk below `path` has less free space than `purpose` needs."""
    free = shutil.disk_usage(existing_parent(path)).free
    if free < needed_bytes:
        raise StartError(
            f"no disk space: {free / 1e6:.0f} MB free at {path}, {purpose} needs"
            f" {needed_bytes / 1e6:.0f} MB",
            "delete something, or set CARIFLEX_VAR to a folder on another disk.",
        )


def check_writable(folder: Path) -> None:
    """Refuse when files cannot be made in `folder`."""
    nearest = existing_parent(folder)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise StartError(
            f"{nearest} cannot be written by this user (uid {os.geteuid()})",
            "run as the owner of the checkout, or give this user the right to write there.",
        )


def check_ports(ports: Mapping[str, int]) -> None:
    """Refuse when a port is taken, naming each port and who holds it."""
    taken = {name: port for name, port in ports.items() if not port_is_free(port)}
    if not taken:
        return
    lines = [
        f"port {port} ({name}) is in use by {port_owner(port) or 'a process that /proc hides'}"
        for name, port in taken.items()
    ]
    raise StartError(
        "\n".join(lines[:5]) + (f"\nand {len(lines) - 5} more" if len(lines) > 5 else ""),
        "end that process, or choose other ports: CARIFLEX_PORT=5300 ./run",
    )
