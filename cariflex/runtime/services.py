"""The service table: what runs in one instance, in which order, and how one sees it is ready."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cariflex.runtime import flexmeasures, postgres, redis_server
from cariflex.runtime.environment import Outside, base_environment
from cariflex.runtime.layout import Layout
from cariflex.runtime.privileges import Account
from cariflex.runtime.probes import (
    CommandProbe,
    FileProbe,
    HttpProbe,
    Probe,
    RedisProbe,
    TcpProbe,
)

CELERY_QUEUES = "default,schedule,deliver,billing"
POLL_QUEUES = "poll,dispatch"
POLL_THREADS = "32"
# A station's frame may have 512,000 characters; the socket of a longer one is closed (1009).
WS_MAX_BYTES = "1048576"
"""Eight of them never hold a shard (`apps.assets.tasks.polling`): room for 24 shards, each with a
database connection of its own."""
CELERY_READY = r"celery@\S+ ready\.|\S+@\S+ ready\.|beat: Starting"


@dataclass(frozen=True)
class Service:
    """One process: a daemon that is kept running, or a one-shot step that must end 0."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    one_shot: bool = False
    probe: Probe | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    run_as: Account | None = None
    start_timeout_s: float = 120
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10
    orphan_signal: int = signal.SIGKILL
    """Sent by the kernel when the supervisor dies."""
    port: int | None = None
    url: str = ""
    folder: str = ""
    unavailable: str = ""
    """Why the service cannot run here; it is then shown as such and not started."""


def step_command(name: str) -> tuple[str, ...]:
    """The command line of a one-shot step of the runtime itself."""
    return (sys.executable, "-m", "cariflex.runtime.steps", name)


def data_services(
    layout: Layout, secrets: dict[str, str], outside: Outside, *, throwaway: bool = False
) -> list[Service]:
    """PostgreSQL and Redis with their preparing steps, as far as none is given from outside."""
    table: list[Service] = []
    inner = {
        **base_environment(os.environ, layout),
        "CARIFLEX_VAR": str(layout.var),
        "CARIFLEX_PORT": str(layout.ports.base),
    }
    if not outside.postgres:
        table += [
            Service("postgres-prepare", step_command("postgres-prepare"), (), True, None, inner),
            Service(
                "postgres",
                postgres.command(layout, throwaway=throwaway),
                ("postgres-prepare",),
                probe=CommandProbe(postgres.ready_command(layout)),
                environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                run_as=postgres.account(layout),
                stop_signal=signal.SIGINT,
                orphan_signal=signal.SIGINT,
                port=layout.ports.postgres,
                folder=str(layout.postgres_data),
            ),
            Service("databases", step_command("databases"), ("postgres",), True, None, inner),
        ]
    if not outside.redis:
        password = secrets["REDIS_PASSWORD"]
        config = redis_server.write_config(layout, password, throwaway=throwaway)
        table.append(
            Service(
                "redis",
                (str(redis_server.binary(layout)), str(config)),
                probe=RedisProbe(layout.ports.redis, password),
                orphan_signal=signal.SIGTERM,
                port=layout.ports.redis,
                folder=str(layout.redis_data),
            )
        )
    return table


def flexmeasures_service(
    layout: Layout,
    secrets: dict[str, str],
    environment: Mapping[str, str],
    needs: tuple[str, ...],
    unavailable: str,
) -> Service:
    """FlexMeasures: one launcher process that forks its web server and its worker."""
    flexmeasures.write_config(layout, secrets, environment)
    return Service(
        "flexmeasures",
        (str(layout.flexmeasures_python), str(flexmeasures.launcher(layout))),
        needs,
        probe=HttpProbe(layout.ports.flexmeasures, "/api/v3_0/health/ready"),
        environment={
            **base_environment(os.environ, layout),
            **flexmeasures.environment(layout),
        },
        start_timeout_s=300,
        port=layout.ports.flexmeasures,
        url=f"http://127.0.0.1:{layout.ports.flexmeasures}/",
        folder=str(flexmeasures.home(layout)),
        unavailable=unavailable,
    )


def _django(layout: Layout, name: str, environment: Mapping[str, str], *needs: str) -> Service:
    words = (str(layout.venv_python), "manage.py", name.replace("-", "_"))
    return Service(name, words, needs, one_shot=True, environment=environment, start_timeout_s=300)


def _celery(
    layout: Layout, name: str, environment: Mapping[str, str], needs: tuple[str, ...], *words: str
) -> Service:
    ready = layout.ready_files / name
    return Service(
        name,
        (str(layout.venv_python), "-m", "celery", "-A", "cariflex", *words, "-l", "INFO"),
        needs,
        probe=FileProbe(ready, layout.log(name), CELERY_READY),
        environment={**environment, "CARIFLEX_READY_FILE": str(ready)},
    )


def _worker(queues: str, host: str, *pool: str) -> tuple[str, ...]:
    quiet = ("--without-gossip", "--without-mingle")
    return ("worker", "-n", f"{host}@%h", "-Q", queues, *pool, *quiet)


def _citrineos_bridge(
    layout: Layout, environment: Mapping[str, str], needs: tuple[str, ...]
) -> Service:
    """What takes messages from CitrineOS servers, for every operator that has one."""
    name = "citrineos-bridge"
    ready = layout.ready_files / name
    return Service(
        name,
        (str(layout.venv_python), "manage.py", "citrineos_bridge"),
        needs,
        probe=FileProbe(ready, layout.log(name), r"citrineos bridge ready\."),
        environment={**environment, "CARIFLEX_READY_FILE": str(ready)},
        stop_timeout_s=20,
    )


def product_services(
    layout: Layout, environment: Mapping[str, str], after: tuple[str, ...]
) -> list[Service]:
    """The product's own processes, once the servers named in `after` are ready."""
    ports = layout.ports
    python = str(layout.venv_python)
    demo = environment.get("CARIFLEX_DEMO") == "1"
    host = environment.get("CARIFLEX_HOST") or "127.0.0.1"
    uvicorn: tuple[str, ...] = (python, "-m", "uvicorn", "cariflex.asgi:application")
    uvicorn += (
        "--host",
        host,
        "--port",
        str(ports.web),
        "--no-server-header",
        "--ws",
        "websockets-sansio",
        "--ws-max-size",
        WS_MAX_BYTES,
    )
    beat = ("beat", "--schedule", str(layout.var / "beat" / "schedule"), "--pidfile=")
    seeded = ("demo-seed",) if demo else ("operators-migrate", "messages-compile")
    table = [
        _django(layout, "operators-migrate", environment, *after),
        _django(layout, "messages-compile", environment),
        Service(
            "web",
            (*uvicorn, "--lifespan", "off"),
            seeded,
            probe=HttpProbe(ports.web, "/health"),
            environment=environment,
            port=ports.web,
            url=f"http://localhost:{ports.web}/",
        ),
        stations_tls_service(layout, environment, seeded),
        _celery(
            layout,
            "worker-poll",
            environment,
            seeded,
            *_worker(POLL_QUEUES, "poll", "--pool", "threads", "-c", POLL_THREADS),
        ),
        _celery(
            layout,
            "worker",
            environment,
            seeded,
            *_worker(CELERY_QUEUES, "default", "--pool", "prefork", "-c", "3"),
        ),
        _celery(layout, "beat", environment, seeded, *beat),
    ]
    if environment.get("CARIFLEX_CITRINEOS_BRIDGE") == "1":
        table.append(_citrineos_bridge(layout, environment, seeded))
    if demo:
        table.append(
            _django(layout, "demo-seed", environment, "operators-migrate", "messages-compile")
        )
        table += simulation_services(layout, environment)
    return table


def stations_tls_service(
    layout: Layout, environment: Mapping[str, str], needs: tuple[str, ...]
) -> Service:
    """The door of stations by TLS (security profiles 2 and 3).

    With the certificate that CARIFLEX_STATIONS_CERTIFICATE and CARIFLEX_STATIONS_KEY name, else
    with one of its own, made on the first start.
    """
    port = layout.ports.stations_tls
    host = environment.get("CARIFLEX_HOST") or "127.0.0.1"
    domain = environment.get("CARIFLEX_DOMAIN") or "localhost"
    words = [str(layout.venv_python), "manage.py", "stations_tls"]
    words += ["--host", host, "--port", str(port)]
    given = [environment.get(f"CARIFLEX_STATIONS_{name}", "") for name in ("CERTIFICATE", "KEY")]
    if all(given):
        words += ["--certificate", given[0], "--key", given[1]]
    else:
        words += ["--own", str(layout.var / "tls")]
        # The operator stands in the path, not in the name: one name serves all.
        named = [domain, "localhost", "127.0.0.1", host]
        for name in dict.fromkeys(named):
            if name not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
                words += ["--name", name]
    return Service(
        "stations-tls",
        tuple(words),
        needs,
        probe=TcpProbe((port,)),
        environment=environment,
        port=port,
        url=f"wss://localhost:{port}/ocpp/",
    )


def simulation_services(layout: Layout, environment: Mapping[str, str]) -> list[Service]:
    """The demo island; it reaches the product over sockets only."""
    ports = layout.ports
    python = str(layout.venv_python)
    listeners = {
        "sim-devices": ("apps.simulation.devices", ports.simulated_devices_control, ()),
        "sim-market": ("apps.simulation.market", ports.simulated_entsoe, ()),
        "sim-stations": ("apps.simulation.stations", ports.simulated_stations_control, ("web",)),
        "sim-roaming": ("apps.simulation.roaming", ports.simulated_roaming, ("web",)),
    }
    return [
        Service(
            name,
            (python, "-m", module),
            needs,
            probe=TcpProbe((port,)),
            environment=environment,
            port=port,
        )
        for name, (module, port, needs) in listeners.items()
    ]


def prerequisites(servers: Sequence[Service]) -> tuple[str, ...]:
    """The steps of the embedded servers that everything else waits for."""
    return tuple(service.name for service in servers if service.name in {"databases", "redis"})


def server_services(
    layout: Layout,
    secrets: dict[str, str],
    environment: Mapping[str, str],
    outside: Outside,
    flexmeasures_unavailable: str = "",
) -> list[Service]:
    """PostgreSQL, Redis and FlexMeasures, as far as they are not given from outside."""
    table = data_services(layout, secrets, outside)
    if not outside.flexmeasures:
        table.append(
            flexmeasures_service(
                layout, secrets, environment, prerequisites(table), flexmeasures_unavailable
            )
        )
    return table


def working_folder(layout: Layout, service: Service) -> Path:
    """Where the service is started."""
    return Path(service.folder) if service.folder else layout.root
