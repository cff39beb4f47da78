"""A whole stack of the demo island whose FlexMeasures can be taken apart, for `bench/drills.py`."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime import postgres, privileges, redis_server
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.layout import ROOT, Layout
from cariflex.runtime.ports import SPAN, Ports
from cariflex.runtime.probes import CommandProbe, HttpProbe, Probe, RedisProbe
from cariflex.runtime.procfs import descendants, identify, wait_until
from cariflex.runtime.start import follow_start, spawn_supervisor, stop
from cariflex.runtime.state import read_state
from cariflex.runtime.testing import free_base_port

FOREIGN = ("CARIFLEX_", "DATABASE_", "REDIS_", "FLEXMEASURES_", "ENTSOE_", "DJANGO_", "EMAIL_")
"""Variables of a bench's run, which point to its own servers."""
KEPT = ("CARIFLEX_PG_BIN", "CARIFLEX_REDIS_BIN", "CARIFLEX_SIM_SPEED")
START_PATIENCE_S = 60.0
LOG_TAIL_BYTES = 200_000


class OwnProcess:
    """A server that the drill itself starts, kills and starts again; it ends with the drill."""

    def __init__(
        self,
        command: Sequence[str],
        probe: Probe,
        log: Path,
        *,
        owner: privileges.Account | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._command = list(command)
        self._probe = probe
        self._log = log
        self._owner = owner
        self._prepare = prepare
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; while the killed one still ends, start once more."""
        limit = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < limit:
            self._prepare()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    preexec_fn=self._become,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            wait_until(self._answers_or_ended, START_PATIENCE_S)
            if self._process.poll() is None:
                return
        raise RuntimeError(f"{self._command[0]} does not start, see {self._log}")

    def _answers_or_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None or self._probe.ready()

    def kill(self) -> int:
        """kill -9; gives how many were killed (0 or 1)."""
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.kill()
        self._process.wait()
        return 1

    def end(self) -> None:
        """End it in an orderly way."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def _become(self) -> None:
        if self._owner is not None:
            privileges.drop_to(self._owner)
        privileges.set_parent_death_signal(signal.SIGINT)


@dataclass(frozen=True)
class Part:
    """A part of FlexMeasures that can be held down: `strike` kills what of it runs."""

    name: str
    strike: Callable[[], int]
    restore: Callable[[], None] = lambda: None


class DrillStack:
    """The product with the embedded servers, its FlexMeasures on a database and Redis aside."""

    def __init__(self, var: Path, port: int) -> None:
        self.main = Layout(ROOT, var / "island", Ports(port))
        self.aside = Layout(ROOT, var / "aside", Ports(free_base_port(port + SPAN)))
        for layout in (self.main, self.aside):
            layout.prepare()
        self.secrets = load_secrets(self.main)
        self._aside_secrets = load_secrets(self.aside)
        self._supervisor: subprocess.Popen[bytes] | None = None
        password = self._aside_secrets["REDIS_PASSWORD"]
        config = redis_server.write_config(self.aside, password, throwaway=False)
        self.redis = OwnProcess(
            [str(redis_server.binary(self.aside)), str(config)],
            RedisProbe(self.aside.ports.redis, password),
            self.aside.log("redis"),
        )
        self.database = OwnProcess(
            postgres.command(self.aside, throwaway=False),
            CommandProbe(postgres.ready_command(self.aside)),
            self.aside.log("postgres"),
            owner=postgres.account(self.aside),
            prepare=lambda: postgres.prepare(self.aside, self._aside_secrets),
        )

    @property
    def database_url(self) -> str:
        """The product's database."""
        return postgres.url(self.main, self.secrets)

    @property
    def flexmeasures_database_url(self) -> str:
        """FlexMeasures' own."""
        return postgres.url(self.aside, self._aside_secrets, postgres.FLEXMEASURES_ROLE)

    def start(self, say: Callable[[str], None]) -> None:
        """Start all and wait until the product is ready."""
        stop(self.main, lambda _line: None)
        self.redis.start()
        self.database.start()
        postgres.create_databases(self.aside, self._aside_secrets)
        password = self._aside_secrets["REDIS_PASSWORD"]
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) or name in KEPT
        }
        environ["FLEXMEASURES_DATABASE_URL"] = self.flexmeasures_database_url
        environ["FLEXMEASURES_REDIS_URL"] = redis_server.url(self.aside, password)
        self._supervisor = spawn_supervisor(self.main, tied=True, environ=environ)
        follow_start(self.main, self._supervisor, say)

    def stop(self) -> None:
        """Stop everything that was started here."""
        stop(self.main, lambda _line: None)
        if self._supervisor is not None:
            self._supervisor.wait()
        self.redis.end()
        self.database.end()

    def parts(self) -> list[Part]:
        """What the drills hold down, in order."""
        return [
            Part("web", self._strike_web),
            Part("worker", lambda: self._strike(self._forked("worker"))),
            Part("redis", self.redis.kill, self.redis.start),
            Part("database", self.database.kill, self.database.start),
        ]

    def flexmeasures_ready(self) -> bool:
        """Whether FlexMeasures says of itself that it can work."""
        return HttpProbe(self.main.ports.flexmeasures, "/api/v3_0/health/ready").ready()

    def _launcher(self) -> int | None:
        state = read_state(self.main.state_file)
        if state is None:
            return None
        return next((s.pid for s in state.services if s.name == "flexmeasures"), None)

    def _forked(self, name: str) -> int | None:
        """The pid of a part that the running launcher forked."""
        launcher = self._launcher()
        if launcher is None:
            return None
        with self.main.log("flexmeasures").open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - LOG_TAIL_BYTES))
            text = log.read().decode(errors="replace")
        pids = re.findall(rf"\[launcher\] {name} is pid (\d+)", text)
        pid = int(pids[-1]) if pids else None
        return pid if pid in descendants(launcher) else None

    def _strike_web(self) -> int:
        """The web server at first; then each launcher that the supervisor starts in its place."""
        struck = self._strike(self._forked("web"))
        return struck or (0 if self.flexmeasures_ready() else self._strike(self._launcher()))

    @staticmethod
    def _strike(pid: int | None) -> int:
        process = identify(pid) if pid else None
        if process is None or not process.alive:
            return 0
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return 0
        return 1
