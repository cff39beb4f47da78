"""Runs of tests: what failed beside others has one more chance, and no more than one."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cariflex.runtime.layout import Layout
from cariflex.runtime.runs import MOST_AGAIN, Outcome, TestRun, beside, summary

STEADY = "def test_steady(): pass\n"
UNLUCKY = """
from pathlib import Path

def test_unlucky():
    been = Path(__file__).with_name("been")
    was_here = been.exists()
    been.touch()
    assert was_here
"""
BROKEN = "def test_broken(): assert False\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = replace(Layout.from_environment(), var=tmp_path / "var")
    (layout.var / "test").mkdir(parents=True)
    return layout


def run_of(folder: Path, text: str) -> TestRun:
    (folder / "test_it.py").write_text(text)
    words = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={folder}"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return TestRun("the rest", [*words, str(folder / "test_it.py")], environment)


def ended(layout: Layout, run: TestRun) -> Outcome:
    return run.done_again(layout, run.done(layout))


def test_a_test_that_passes_alone_is_named_unsteady(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = ended(layout, run_of(tmp_path, STEADY + UNLUCKY))

    assert outcome.returncode == 0
    assert outcome.unsteady == ("test_it.py::test_unlucky",)
    assert summary([outcome]) == 0
    assert "unsteady, failed beside the others and passed alone: test_it.py::test_unlucky" in (
        capsys.readouterr().out
    )


def test_a_test_that_fails_again_fails_the_run(layout: Layout, tmp_path: Path) -> None:
    outcome = ended(layout, run_of(tmp_path, STEADY + UNLUCKY + BROKEN))

    assert outcome.returncode == 1
    assert outcome.unsteady == ("test_it.py::test_unlucky",)
    assert summary([outcome]) == 1


def test_many_failures_are_no_bad_luck(layout: Layout, tmp_path: Path) -> None:
    text = "".join(
        UNLUCKY.replace("unlucky", f"unlucky_{number}").replace('"been"', f'"been{number}"')
        for number in range(MOST_AGAIN + 1)
    )

    assert ended(layout, run_of(tmp_path, text)).returncode == 1


def test_a_run_that_could_not_begin_is_not_tried_again(layout: Layout, tmp_path: Path) -> None:
    broken = run_of(tmp_path, "import nothing_of_this_name\n")

    outcome = ended(layout, broken)

    assert (outcome.returncode, outcome.unsteady) == (2, ())


def test_what_runs_beside_remembers_too(layout: Layout, tmp_path: Path) -> None:
    run = run_of(tmp_path, UNLUCKY)
    with beside(layout, run) as outcome:
        first = outcome()

    assert first.returncode == 1
    assert run.done_again(layout, first).unsteady == ("test_it.py::test_unlucky",)
