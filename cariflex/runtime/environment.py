"""The environment of the product's processes: the real environment wins over what ./run sets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cariflex.runtime import postgres, redis_server
from cariflex.runtime.credentials import EXPORTED
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

DROPPED = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
"""Variables of the caller's own Python that lead the children astray, or make each start compile
everything again."""


@dataclass(frozen=True)
class Outside:
    """Which servers are given from outside, so that the embedded ones are not started."""

    postgres: bool
    redis: bool
    flexmeasures: bool

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Outside":
        """Read DATABASE_URL, REDIS_URL and FLEXMEASURES_URL."""
        outside = cls(
            postgres=bool(environ.get("DATABASE_URL")),
            redis=bool(environ.get("REDIS_URL")),
            flexmeasures=bool(environ.get("FLEXMEASURES_URL")),
        )
        needs_own = outside.postgres and not outside.flexmeasures
        if needs_own and not environ.get("FLEXMEASURES_DATABASE_URL"):
            raise StartError(
                "DATABASE_URL is set: no embedded PostgreSQL runs, FlexMeasures has no database",
                "set FLEXMEASURES_DATABASE_URL (an empty database of its own) or FLEXMEASURES_URL.",
            )
        return outside


def base_environment(environ: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The caller's environment without its own Python, with our scripts first on PATH."""
    kept = {name: value for name, value in environ.items() if name not in DROPPED}
    path = f"{layout.venv / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1"}


def product_environment(
    layout: Layout, secrets: dict[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What cariflex/env.py reads, complete."""
    defaults = {name: secrets[name] for name in EXPORTED}
    defaults |= {
        "CARIFLEX_DEMO": "1",
        "CARIFLEX_ALLOW_LOOPBACK": "1",
        "CARIFLEX_OCPI_ALLOW_LOOPBACK": "1",
        "CARIFLEX_SIM_SPEED": "1",
        "DATABASE_URL": postgres.url(layout, secrets),
        "REDIS_URL": redis_server.url(layout, secrets["REDIS_PASSWORD"]),
        "FLEXMEASURES_URL": f"http://127.0.0.1:{layout.ports.flexmeasures}",
        "ENTSOE_URL": f"http://127.0.0.1:{layout.ports.simulated_entsoe}/api",
        "DJANGO_SETTINGS_MODULE": "cariflex.settings",
    }
    chosen = {name: value for name, value in base_environment(environ, layout).items() if value}
    return {
        **defaults,
        **chosen,
        "CARIFLEX_PORT": str(layout.ports.base),
        "CARIFLEX_VAR": str(layout.var),
    }


def redis_parts(url: str) -> tuple[str, int, str | None]:
    """(host, port, password) of a redis:// address."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 6379, parts.password
