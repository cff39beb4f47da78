"""Runs of checks and tests: one after the other, side by side, and the unlucky once more."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cariflex.runtime.layout import Layout
from cariflex.runtime.report import say

MOST_AGAIN = 12
"""Failures of one run that are tried once more; more than these are no bad luck."""
_PYTEST_FAILED = 1
"""pytest's exit code when all was run and some tests failed."""


@dataclass(frozen=True)
class Outcome:
    """How one check ended."""

    name: str
    returncode: int
    took_s: float
    unsteady: tuple[str, ...] = ()
    """The tests that failed at first and passed alone."""


@dataclass(frozen=True)
class Run:
    """A command with its environment, under a name."""

    name: str
    words: list[str]
    environment: dict[str, str]

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-")

    def command(self, layout: Layout) -> list[str]:  # noqa: ARG002 - what a subclass needs
        return self.words

    def done(self, layout: Layout) -> Outcome:
        """Run it in the foreground."""
        return self._timed(layout, self.command(layout))

    def _timed(self, layout: Layout, words: list[str], *, again: str = "") -> Outcome:
        say(f"\n=== {self.name}{again}")
        begun = time.monotonic()
        done = subprocess.run(words, cwd=layout.root, env=self.environment, check=False)
        return Outcome(self.name, done.returncode, time.monotonic() - begun)


class TestRun(Run):
    """A run of pytest that remembers what failed."""

    __test__ = False

    def command(self, layout: Layout) -> list[str]:
        return [*self._remembering(layout), "--cache-clear"]

    def done_again(self, layout: Layout, outcome: Outcome) -> Outcome:
        """Run the tests that failed once more, alone, when they are few; else as it ended."""
        failed = self._failed(layout) if outcome.returncode == _PYTEST_FAILED else ()
        if not 0 < len(failed) <= MOST_AGAIN:
            return outcome
        words = [*self._remembering(layout), "--last-failed", "--last-failed-no-failures=none"]
        second = self._timed(layout, words, again=", once more, alone")
        unsteady = tuple(test for test in failed if test not in self._failed(layout))
        took_s = outcome.took_s + second.took_s
        return replace(second, took_s=took_s, unsteady=unsteady)

    def _remembering(self, layout: Layout) -> list[str]:
        return [*self.words, "-o", f"cache_dir={self._cache(layout)}"]

    def _cache(self, layout: Layout) -> Path:
        return layout.var / "test" / f"{self.slug}.cache"

    def _failed(self, layout: Layout) -> tuple[str, ...]:
        try:
            known = json.loads((self._cache(layout) / "v" / "cache" / "lastfailed").read_text())
        except FileNotFoundError:
            return ()
        return tuple(known)


@contextmanager
def beside(layout: Layout, run: Run) -> Iterator[Callable[[], Outcome]]:
    """Work that runs beside the rest; what it printed is read out when its outcome is asked for."""
    log = layout.var / "test" / f"{run.slug}.log"
    begun = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            run.command(layout),
            cwd=layout.root,
            env=run.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_stand_back,  # noqa: PLW1509 - no threads here
        )
        try:

            def outcome() -> Outcome:
                returncode = process.wait()
                took_s = time.monotonic() - begun
                say(f"\n=== {run.name}")
                say(log.read_text(errors="replace"))
                return Outcome(run.name, returncode, took_s)

            yield outcome
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _stand_back() -> None:
    """Leave the processors to the run in the foreground: its browser and its stack have a clock."""
    os.nice(10)


def summary(outcomes: list[Outcome]) -> int:
    """Say how each ended; 0 if all passed."""
    say("")
    for outcome in outcomes:
        word = "passed" if outcome.returncode == 0 else f"FAILED ({outcome.returncode})"
        say(f"{outcome.name:<16} {outcome.took_s:7.1f} s  {word}")
        for test in outcome.unsteady:
            say(f"{'':<16} unsteady, failed beside the others and passed alone: {test}")
    return 1 if any(outcome.returncode != 0 for outcome in outcomes) else 0
