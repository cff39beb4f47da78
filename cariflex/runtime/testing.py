"""./run test: every check of the house in one command, on throw-away servers."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cariflex.runtime import browser, debian
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.environment import product_environment
from cariflex.runtime.install import ensure_installed
from cariflex.runtime.layout import Layout
from cariflex.runtime.ports import SPAN, Ports
from cariflex.runtime.procfs import port_is_free
from cariflex.runtime.report import say
from cariflex.runtime.start import follow_start, spawn_supervisor, stop

FIRST_TEST_PORT = 5200
STATIONS = ("tests/chargers", "tests/ocpi")
BOOKS = ("tests/billing", "tests/isolation")
"""Rooms that take about as long as all the others; three runs side by side end together."""
LONGEST_S = {False: 600, True: 3600}
"""Of one test, without and with the slow ones: one that hangs is named, and the rest goes on."""
MIGRATIONS = ("makemigrations", "--check", "--dry-run")
SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL", "FLEXMEASURES_URL", "FLEXMEASURES_DATABASE_URL")


@dataclass(frozen=True)
class Outcome:
    """How one check ended."""

    name: str
    returncode: int
    took_s: float


def free_base_port(first: int = FIRST_TEST_PORT) -> int:
    """The first base port whose whole span is free now."""
    for base in range(first, 30000, SPAN):
        if all(port_is_free(port) for port in range(base, base + SPAN)):
            return base
    raise RuntimeError("no free span of ports")


@contextmanager
def own_servers(layout: Layout, *, profile: str) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis beside the instance's; gives the environment that points to them."""
    own = replace(
        layout,
        var=layout.var / ("test" if profile == "throwaway" else "bench"),
        ports=Ports(free_base_port()),
    )
    environ = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES}
    stop(own, say)
    process = spawn_supervisor(own, profile=profile, tied=True, environ=environ)
    try:
        follow_start(own, process, lambda _line: None)
        environment = product_environment(own, load_secrets(own), environ)
        environment.pop("CARIFLEX_DEMO")
        yield environment
    finally:
        stop(own, lambda _line: None)
        process.wait()


def _scripts(layout: Layout, *words: str) -> list[str]:
    return [str(layout.venv / "bin" / words[0]), *words[1:]]


def house_checks(layout: Layout) -> dict[str, list[str]]:
    """The checks that are no tests, by name."""
    return {
        "ruff check": _scripts(layout, "ruff", "check", "."),
        "ruff format": _scripts(layout, "ruff", "format", "--check", "."),
        "import-linter": _scripts(layout, "lint-imports"),
        "mypy": _scripts(layout, "mypy"),
        "migrations": _scripts(layout, "python", "manage.py", *MIGRATIONS),
    }


def _timed(name: str, words: list[str], folder: Path, environment: dict[str, str]) -> Outcome:
    say(f"\n=== {name}")
    begun = time.monotonic()
    returncode = subprocess.run(words, cwd=folder, env=environment, check=False).returncode
    return Outcome(name, returncode, time.monotonic() - begun)


def run_tests(layout: Layout, words: list[str]) -> int:
    """All checks and tests, or only pytest with the given arguments. 0 if all passed."""
    everything = "--all" in words
    rest = [word for word in words if word != "--all"]
    ensure_installed(layout, say)
    layout.prepare()
    pytest = [str(layout.venv_python), "-m", "pytest", "--durations=15", *rest]
    pytest.append(f"--timeout={LONGEST_S[everything]}")
    kind = "slow or not slow" if everything else "not slow"
    outcomes = []
    with own_servers(layout, profile="throwaway") as environment:
        debian.ensure_gettext(say)
        debian.ensure_pango(say)
        environment["CARIFLEX_CHROMIUM"] = str(browser.ensure_chromium(layout, say))
        if rest:
            marked = [] if any(word.startswith("-m") for word in rest) else ["-m", kind]
            return _timed("pytest", [*pytest, *marked], layout.root, environment).returncode
        copies = [str(layout.venv_python), "-m", "tests.databases", "stacks", "stations"]
        with _beside(layout, "databases", copies, environment) as made:
            for name, command in house_checks(layout).items():
                outcomes.append(_timed(name, command, layout.root, environment))
            outcomes.append(made())
        if outcomes[-1].returncode:
            return _summary(outcomes)
        pytest.append("--reuse-db")
        alone = ["-m", f"not stack and not quiet and ({kind})"]
        ignored = [f"--ignore={folder}" for folder in (*STATIONS, *BOOKS)]
        stations, stacks = _apart(environment, "stations", 1), _apart(environment, "stacks", 2)
        with (
            _beside(layout, "stations", [*pytest, *alone, *STATIONS], stations) as first,
            _beside(layout, "the rest", [*pytest, *alone, *ignored], environment) as second,
        ):
            for name, words in (
                ("stacks", [*pytest, "-m", f"stack and ({kind})"]),
                ("books", [*pytest, *alone, *BOOKS]),
            ):
                outcomes.append(_timed(name, words, layout.root, stacks))
            outcomes += [first(), second()]
        quiet = [*pytest, "-m", f"quiet and not stack and ({kind})"]
        outcomes.append(_timed("quiet", quiet, layout.root, environment))
    return _summary(outcomes)


def _apart(environment: dict[str, str], name: str, number: int) -> dict[str, str]:
    """The environment of a test run with a database and a numbered Redis database of its own."""
    return {
        **environment,
        "DATABASE_URL": f"{environment['DATABASE_URL']}_{name}",
        "REDIS_URL": f"{environment['REDIS_URL'].rpartition('/')[0]}/{number}",
    }


@contextmanager
def _beside(
    layout: Layout, name: str, words: list[str], environment: dict[str, str]
) -> Iterator[Callable[[], Outcome]]:
    """Work that runs beside the rest; what it printed is read out when its outcome is asked for."""
    log = layout.var / "test" / f"{name.replace(' ', '-')}.log"
    begun = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            words,
            cwd=layout.root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_stand_back,  # noqa: PLW1509 - no threads here
        )
        try:

            def outcome() -> Outcome:
                returncode = process.wait()
                took_s = time.monotonic() - begun
                say(f"\n=== {name}")
                say(log.read_text(errors="replace"))
                return Outcome(name, returncode, took_s)

            yield outcome
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _stand_back() -> None:
    """Leave the processors to the run in the foreground: its browser and its stack have a clock."""
    os.nice(10)


def _summary(outcomes: list[Outcome]) -> int:
    failed = [outcome for outcome in outcomes if outcome.returncode != 0]
    if len(outcomes) == 1:
        return outcomes[0].returncode
    say("")
    for outcome in outcomes:
        word = "passed" if outcome.returncode == 0 else f"FAILED ({outcome.returncode})"
        say(f"{outcome.name:<16} {outcome.took_s:7.1f} s  {word}")
    return 1 if failed else 0
