"""FlexMeasures as a service of ./run: its configuration file and its environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cariflex.runtime import postgres
from cariflex.runtime.credentials import write_private
from cariflex.runtime.environment import redis_parts
from cariflex.runtime.layout import Layout
from cariflex.runtime.redis_server import FLEXMEASURES_DATABASE

JOB_TIMEOUT_S = 300
SOLVER_TIME_LIMIT_S = 120


def launcher(layout: Layout) -> Path:
    """The script that serves the web and the worker from one import."""
    return layout.root / "docker" / "flexmeasures" / "serve.py"


def home(layout: Layout) -> Path:
    """FlexMeasures reads `.flexmeasures.cfg` from the home folder and logs into the working one."""
    return layout.flexmeasures_data


def database_url(layout: Layout, secrets: Mapping[str, str]) -> str:
    """The address of FlexMeasures' own database, in SQLAlchemy's spelling."""
    given = os.environ.get("FLEXMEASURES_DATABASE_URL")
    url = given or postgres.url(layout, dict(secrets), postgres.FLEXMEASURES_ROLE)
    return urlsplit(url)._replace(scheme="postgresql+psycopg2").geturl()


def redis_settings(environment: Mapping[str, str]) -> dict[str, str | int | None]:
    """FlexMeasures' Redis: FLEXMEASURES_REDIS_URL, else a database of its own in the product's."""
    given = os.environ.get("FLEXMEASURES_REDIS_URL")
    host, port, password = redis_parts(given or environment["REDIS_URL"])
    number = int(urlsplit(given).path.strip("/") or 0) if given else FLEXMEASURES_DATABASE
    return {
        "FLEXMEASURES_REDIS_URL": host,
        "FLEXMEASURES_REDIS_PORT": port,
        "FLEXMEASURES_REDIS_DB_NR": number,
        "FLEXMEASURES_REDIS_PASSWORD": password,
    }


def write_config(
    layout: Layout, secrets: Mapping[str, str], environment: Mapping[str, str]
) -> Path:
    """Write the configuration (0600, Python syntax)."""
    home(layout).mkdir(mode=0o700, exist_ok=True)
    settings = {
        **redis_settings(environment),
        "SECRET_KEY": secrets["FLEXMEASURES_SECRET_KEY"],
        "SECURITY_TOTP_SECRETS": {"1": secrets["FLEXMEASURES_TOTP_SECRET"]},
        # Asks a host on the internet about each new password.
        "SECURITY_PASSWORD_CHECK_BREACHED": None,
        "SQLALCHEMY_DATABASE_URI": database_url(layout, secrets),
        "TRUSTED_HOSTS": ["127.0.0.1", "localhost"],
        # The default is Asia/Seoul, and new users inherit it.
        "FLEXMEASURES_TIMEZONE": "America/Guadeloupe",
        # The defaults (500 a minute, 10 triggers in 5 minutes) are for strangers on the internet.
        "FLEXMEASURES_API_DEFAULT_RATE_LIMIT": "6000 per minute",
        "FLEXMEASURES_API_TRIGGER_RATE_LIMIT": "6000 per minute",
        "FLEXMEASURES_LP_SOLVER": "highspy",
        # Ends the search before the job's time is over; never set threads (the second solve fails).
        "FLEXMEASURES_LP_SOLVER_OPTIONS": {
            "mip_rel_gap": 0.001,
            "time_limit": float(SOLVER_TIME_LIMIT_S),
        },
        "FLEXMEASURES_JOB_TIMEOUT": {
            "scheduling": f"PT{JOB_TIMEOUT_S}S",
            "forecasting": f"PT{JOB_TIMEOUT_S}S",
        },
        "FLEXMEASURES_ALLOW_DATA_OVERWRITE": True,
        # Makes the asset types (battery, solar, ...) too.
        "FLEXMEASURES_CREATE_TEMPLATE_ASSETS_ON_STARTUP": True,
        "FLEXMEASURES_PLUGINS": ["cariflex_plugin"],
        "CARIFLEX_PROVISION_TOKEN": environment["FLEXMEASURES_PROVISION_TOKEN"],
        "LOGGING_LEVEL": "INFO",
    }
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    path = home(layout) / ".flexmeasures.cfg"
    write_private(path, "# Written by ./run at each start.\n" + "\n".join(lines) + "\n")
    return path


def environment(layout: Layout) -> dict[str, str]:
    """What the launcher gets beyond the base environment."""
    return {
        "HOME": str(home(layout)),
        "FLEXMEASURES_ENV": "production",
        "CARIFLEX_FLEXMEASURES_PORT": str(layout.ports.flexmeasures),
        # Matplotlib and numba keep their caches below the home folder by default.
        "MPLCONFIGDIR": str(home(layout) / "matplotlib"),
        # Solver and numpy threads beyond the cores only slow each other down.
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
    }
