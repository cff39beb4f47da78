"""./run test: every check of the house in one command, on throw-away servers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from cariflex.runtime import browser, debian
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.environment import product_environment
from cariflex.runtime.install import ensure_installed
from cariflex.runtime.layout import Layout
from cariflex.runtime.ports import SPAN, Ports
from cariflex.runtime.procfs import port_is_free
from cariflex.runtime.report import say
from cariflex.runtime.runs import Run, TestRun, beside, summary
from cariflex.runtime.start import follow_start, spawn_supervisor, stop

FIRST_TEST_PORT = 5200
STATIONS = ("tests/chargers", "tests/flexibility", "tests/ocpi")
BOOKS = ("tests/billing", "tests/isolation")
"""Rooms that take about as long as all the others; three runs side by side end together."""
LONGEST_S = {False: 600, True: 3600}
"""Of one test, without and with the slow ones: one that hangs is named, and the rest goes on."""
MIGRATIONS = ("makemigrations", "--check", "--dry-run")
SERVER_VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "FLEXMEASURES_URL",
    "FLEXMEASURES_DATABASE_URL",
    "FLEXMEASURES_REDIS_URL",
)


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


def run_tests(layout: Layout, words: list[str]) -> int:
    """All checks and tests, or only pytest with the given arguments. 0 if all passed.

    A test that failed beside others is run once more, alone: one that passes then is named in the
    summary as unsteady, one that fails again fails the run.
    """
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
            return Run("pytest", [*pytest, *marked], environment).done(layout).returncode
        copies = [str(layout.venv_python), "-m", "tests.databases", "stacks", "stations"]
        with beside(layout, Run("databases", copies, environment)) as made:
            for name, command in house_checks(layout).items():
                outcomes.append(Run(name, command, environment).done(layout))
            outcomes.append(made())
        if outcomes[-1].returncode:
            return summary(outcomes)
        runs = _test_runs([*pytest, "--reuse-db"], kind, environment)
        with beside(layout, runs["stations"]) as first, beside(layout, runs["the rest"]) as second:
            ended = [runs["stacks"].done(layout), runs["books"].done(layout), first(), second()]
        ended.append(runs["quiet"].done(layout))
        outcomes += [runs[outcome.name].done_again(layout, outcome) for outcome in ended]
    return summary(outcomes)


def _test_runs(pytest: list[str], kind: str, environment: dict[str, str]) -> dict[str, TestRun]:
    """The parts that all tests are run in, by name; no two at once share a database."""
    alone = ["-m", f"not stack and not quiet and ({kind})"]
    ignored = [f"--ignore={folder}" for folder in (*STATIONS, *BOOKS)]
    stations, stacks = _apart(environment, "stations", 1), _apart(environment, "stacks", 2)
    runs = (
        TestRun("stacks", [*pytest, "-m", f"stack and ({kind})"], stacks),
        TestRun("books", [*pytest, *alone, *BOOKS], stacks),
        TestRun("stations", [*pytest, *alone, *STATIONS], stations),
        TestRun("the rest", [*pytest, *alone, *ignored], environment),
        TestRun("quiet", [*pytest, "-m", f"quiet and not stack and ({kind})"], environment),
    )
    return {run.name: run for run in runs}


def _apart(environment: dict[str, str], name: str, number: int) -> dict[str, str]:
    """The environment of a test run with a database and a numbered Redis database of its own."""
    return {
        **environment,
        "DATABASE_URL": f"{environment['DATABASE_URL']}_{name}",
        "REDIS_URL": f"{environment['REDIS_URL'].rpartition('/')[0]}/{number}",
    }
