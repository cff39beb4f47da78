"""The commands of ./run."""

import os
import shutil
import subprocess
import sys

from cariflex.runtime import report, testing
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.environment import product_environment
from cariflex.runtime.errors import StartError
from cariflex.runtime.install import ensure_installed
from cariflex.runtime.layout import MARKER, Layout
from cariflex.runtime.report import say
from cariflex.runtime.start import follow_start, spawn_supervisor, stop
from cariflex.runtime.state import supervisor_of

KEPT_AT_RESET = ("chromium",)
"""Downloads, not data."""
DESCRIPTION = """Cariflex, the energy of an island under one command.

  ./run                  install what is missing, start everything, follow the logs, Ctrl-C stops
  ./run up               the same in the background; returns when all is ready
  ./run stop             stop everything
  ./run status [--json]  what runs (exit code 0 all up, 1 something is not, 3 not running)
  ./run logs [NAME] [-f] the last lines of one log or of all
  ./run check [--json]   wait until the demo island shows signs of life (up to 3 minutes)
  ./run reset [--yes]    stop and delete all data
  ./run manage ...       Django's manage.py
  ./run test [ARGS]      all tests and checks; --all: slow ones too; else the words go to pytest
  ./run bench NAME       one figure of bench/

CARIFLEX_PORT (5000) is the first of 60 ports, CARIFLEX_VAR (./var) the data folder. DATABASE_URL,
REDIS_URL and FLEXMEASURES_URL point to servers of your own instead of the embedded ones; with
DATABASE_URL, FlexMeasures needs FLEXMEASURES_DATABASE_URL. CARIFLEX_PG_BIN and
CARIFLEX_REDIS_BIN name other binaries for the embedded ones. CARIFLEX_HOST (127.0.0.1) is the
address to listen on."""


def up(layout: Layout, *, tied: bool = False) -> None:
    """Start in the background and wait until all is ready."""
    if supervisor_of(layout) is not None:
        say("Cariflex is already running")
        say(report.greeting(layout, follow_start(layout, None, say)))
        return
    ensure_installed(layout, say, with_flexmeasures=not os.environ.get("FLEXMEASURES_URL"))
    say("starting")
    process = spawn_supervisor(layout, tied=tied)
    try:
        state = follow_start(layout, process, say)
    except KeyboardInterrupt:
        stop(layout, say)
        raise
    say(report.greeting(layout, state))


def run_in_front(layout: Layout) -> int:
    """Start, then follow the logs until Ctrl-C, then stop."""
    if supervisor_of(layout) is not None:
        say("Cariflex is already running in the background (./run stop ends it)")
        return 0
    up(layout, tied=True)
    say("\nfollowing the logs, Ctrl-C stops everything\n")
    try:
        for path, line in report.follow_lines(layout):
            say(f"{path.stem:<16} | {line}")
            if supervisor_of(layout) is None:
                break
    except KeyboardInterrupt:
        say("")
    stop(layout, say)
    say("stopped")
    return 0


def reset(layout: Layout, *, confirmed: bool) -> int:
    """Stop and delete the data folder's content."""
    if not (layout.var / MARKER).exists():
        say(f"there is no data of Cariflex in {layout.var}")
        return 0
    if not confirmed:
        try:
            answer = input(f"This deletes all data in {layout.var}. Type 'yes' to go on: ")
        except EOFError:
            answer = ""
        if answer.strip() != "yes":
            say("nothing was deleted")
            return 1
    stop(layout, say)
    for entry in layout.var.iterdir():
        if entry.name in (*KEPT_AT_RESET, MARKER):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    say(f"deleted the data in {layout.var}")
    return 0


def in_environment(layout: Layout, *words: str) -> int:
    """Run a command of the product with its environment, in the foreground."""
    ensure_installed(layout, say, with_flexmeasures=False)
    layout.prepare()
    environment = product_environment(layout, load_secrets(layout))
    return subprocess.run(
        [str(layout.venv_python), *words], cwd=layout.root, env=environment, check=False
    ).returncode


def check(layout: Layout, words: list[str]) -> int:
    """Ask the running island for its signs of life."""
    if supervisor_of(layout) is None:
        raise StartError("Cariflex is not running", "./run up, then ./run check.")
    return in_environment(layout, "manage.py", "island_check", *words)


def bench(layout: Layout, words: list[str]) -> int:
    """Run one script of bench/ against the running instance, or against servers of its own."""
    scripts = (layout.root / "bench").glob("*.py")
    names = sorted(path.stem for path in scripts if '"__main__"' in path.read_text())
    if not words or words[0] not in names:
        raise StartError(
            f"there is no bench {words[0] if words else ''!r}",
            f"./run bench NAME, with one of: {', '.join(names) or 'none yet'}.",
        )
    script = f"bench/{words[0]}.py"
    if supervisor_of(layout) is not None:
        return in_environment(layout, script, *words[1:])
    ensure_installed(layout, say, with_flexmeasures=False)
    with testing.own_servers(layout, profile="data") as environment:
        return subprocess.run(
            [str(layout.venv_python), script, *words[1:]],
            cwd=layout.root,
            env=environment,
            check=False,
        ).returncode


def dispatch(layout: Layout, command: str, words: list[str]) -> int:
    """Run one command; gives the exit code."""
    if command in ("", "up"):
        _refuse_extra(command, words)
        if not command:
            return run_in_front(layout)
        up(layout)
        return 0
    if command == "stop":
        say("stopped" if stop(layout, say) else "Cariflex was not running")
        return 0
    if command == "status":
        return report.status(layout, as_json="--json" in words)
    if command == "logs":
        names = [word for word in words if not word.startswith("-")]
        follow = bool({"-f", "--follow"} & set(words))
        report.logs(layout, names[0] if names else "", follow=follow)
        return 0
    if command == "reset":
        return reset(layout, confirmed="--yes" in words)
    handlers = {"check": check, "bench": bench, "test": testing.run_tests}
    if command in handlers:
        return handlers[command](layout, words)
    return in_environment(layout, "manage.py", *words)


def _refuse_extra(command: str, words: list[str]) -> None:
    if words:
        raise StartError(f"it takes no arguments, not {' '.join(words)!r}", "./run help")


COMMANDS = ("up", "stop", "status", "logs", "reset", "manage", "test", "bench", "check")


def main(arguments: list[str]) -> int:
    """The entry: 0 fine, 1 failed with a cause, 2 wrong use, 130 interrupted."""
    command, words = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in ("help", "-h", "--help"):
        say(DESCRIPTION)
        return 0
    if command and command not in COMMANDS:
        say(f"./run: unknown command {command!r}\n\n{DESCRIPTION}")
        return 2
    try:
        return dispatch(Layout.from_environment(), command, words)
    except StartError as err:
        print(f"./run {command}: {err}".replace(" :", ":"), file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
