"""The embedded PostgreSQL: as root below a closed folder, after crashes and half-made starts."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cariflex.runtime import postgres, privileges
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import ProcessId, identify, wait_until
from cariflex.runtime.start import follow_start, spawn_supervisor, stop
from cariflex.runtime.state import read_state, supervisor_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")


def quiet(_line: str) -> None:
    return


@pytest.fixture
def start(layout: Layout) -> Iterator[Callable[[], None]]:
    """Starts PostgreSQL and Redis; all that was started is stopped at the end."""
    supervisors = []

    def begin() -> None:
        supervisors.append(spawn_supervisor(layout, profile="data"))
        follow_start(layout, supervisors[-1], quiet)

    yield begin
    stop(layout, quiet)
    for supervisor in supervisors:
        supervisor.wait()


@pytest.fixture
def running(layout: Layout, start: Callable[[], None]) -> Layout:
    """A running PostgreSQL and Redis below a folder of mode 0700."""
    start()
    return layout


def pid_of(layout: Layout, name: str) -> ProcessId:
    state = read_state(layout.state_file)
    assert state is not None
    pid = next(entry.pid for entry in state.services if entry.name == name)
    assert pid is not None
    process = identify(pid)
    assert process is not None
    return process


def ask(layout: Layout, sql: str) -> str:
    words = [str(postgres.binaries(layout) / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
    url = postgres.url(layout, load_secrets(layout))
    return subprocess.run(
        [*words, url, "-c", sql], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_it_answers_on_loopback_with_a_password_only(running: Layout) -> None:
    assert ask(running, "SELECT current_user || ' ' || current_database()") == "cariflex cariflex"
    lock = (running.postgres_data / "postmaster.pid").read_text().splitlines()
    port, socket_folder, address = lock[3:6]
    assert (port, socket_folder, address) == (str(running.ports.postgres), "", "127.0.0.1")
    url = f"postgres://cariflex:wrong@127.0.0.1:{running.ports.postgres}/cariflex"
    refused = subprocess.run(
        [str(postgres.binaries(running) / "psql"), url, "-c", "SELECT 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr


@as_root
def test_as_root_it_runs_as_another_user_and_changes_nothing_around_it(running: Layout) -> None:
    closed = running.var.parent
    server = pid_of(running, "postgres")

    status = Path(f"/proc/{server.pid}/status").read_text()

    account = privileges.server_account(running.var)
    assert account is not None
    assert f"Uid:\t{account.uid}\t{account.uid}\t{account.uid}\t{account.uid}" in status
    kept = sum(1 << capability for capability in privileges.KEPT)
    assert f"CapEff:\t{kept:016x}" in status
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0
    assert running.postgres_data.stat().st_uid == account.uid
    assert running.postgres_data.stat().st_mode & 0o777 == 0o700


@as_root
def test_without_the_capabilities_a_closed_folder_is_named(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = privileges.drop_to

    def only_change_user(account: privileges.Account) -> None:
        if account.keeps_access:
            raise OSError("no capabilities here")
        bare(account)

    monkeypatch.setattr(privileges, "drop_to", only_change_user)

    with pytest.raises(StartError, match=r"refuses to run as root, and 'nobody' cannot read"):
        privileges.server_account(layout.var)


def test_it_comes_back_after_a_kill_with_what_was_committed(running: Layout) -> None:
    ask(running, "CREATE TABLE kept AS SELECT 42 AS answer")
    server = pid_of(running, "postgres")

    os.kill(server.pid, signal.SIGKILL)

    def back() -> bool:
        state = read_state(running.state_file)
        assert state is not None
        entry = next(s for s in state.services if s.name == "postgres")
        return entry.state == "ready" and entry.restarts >= 1

    assert wait_until(back, 30)
    assert ask(running, "SELECT answer FROM kept") == "42"


def test_it_ends_when_its_supervisor_is_killed_and_the_next_start_works(
    running: Layout, start: Callable[[], None]
) -> None:
    ask(running, "CREATE TABLE kept AS SELECT 42 AS answer")
    server, redis = pid_of(running, "postgres"), pid_of(running, "redis")
    supervisor = supervisor_of(running)
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)

    assert wait_until(lambda: not server.alive and not redis.alive, 20)
    start()
    assert ask(running, "SELECT answer FROM kept") == "42"


def test_a_server_that_outlived_its_supervisor_is_ended_before_the_next_start(
    running: Layout, start: Callable[[], None]
) -> None:
    server = pid_of(running, "postgres")
    stray = running.var / "stray.log"
    stop(running, quiet)
    assert not server.alive
    owner = postgres.account(running)
    with stray.open("w") as log:
        process = subprocess.Popen(
            postgres.command(running, throwaway=True),
            stdout=log,
            stderr=log,
            cwd=running.postgres_data,
            preexec_fn=None if owner is None else lambda: privileges.drop_to(owner),
        )
    ready = postgres.ready_command(running)
    assert wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, 20)

    start()

    assert process.wait(1) == 0
    assert ask(running, "SELECT 1") == "1"


def test_a_lock_file_with_a_reused_pid_is_no_trap(
    running: Layout, start: Callable[[], None]
) -> None:
    stop(running, quiet)
    owner = postgres.account(running)
    # A process of PostgreSQL's own account that is no PostgreSQL: the server alone would give up.
    with subprocess.Popen(
        ["/bin/sleep", "600"],
        preexec_fn=None if owner is None else lambda: privileges.drop_to(owner),
    ) as other:
        lock = running.postgres_data / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{running.postgres_data}\n")

        start()

        assert ask(running, "SELECT 1") == "1"
        assert other.poll() is None
        other.kill()


def test_an_interrupted_initdb_is_made_again(layout: Layout) -> None:
    half = layout.var / "postgres.init-1"
    (half / "base").mkdir(parents=True)
    (layout.postgres_data / "base").mkdir(parents=True)

    postgres.prepare(layout, load_secrets(layout))

    assert not half.exists()
    assert (layout.postgres_data / "PG_VERSION").exists()
    assert list(layout.var.glob(".initdb-*")) == []


def test_data_of_another_version_are_refused_and_kept(layout: Layout) -> None:
    postgres.prepare(layout, load_secrets(layout))
    (layout.postgres_data / "PG_VERSION").write_text("9\n")

    with pytest.raises(StartError, match="was made by PostgreSQL 9"):
        postgres.prepare(layout, load_secrets(layout))

    assert (layout.postgres_data / "base").exists()


def test_data_of_another_user_are_refused_and_kept(layout: Layout) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give data away")
    postgres.prepare(layout, load_secrets(layout))
    os.chown(layout.postgres_data, 12345, 12345)

    with pytest.raises(StartError, match="belongs to uid 12345"):
        postgres.prepare(layout, load_secrets(layout))

    assert (layout.postgres_data / "base").exists()


def test_missing_binaries_are_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARIFLEX_PG_BIN", "/nonexistent")

    with pytest.raises(StartError, match="no PostgreSQL binaries in /nonexistent"):
        postgres.binaries(layout)


def test_binaries_of_ones_own_come_first(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in postgres.NEEDED:
        shutil.copy("/bin/true", tmp_path / name)
    monkeypatch.setenv("CARIFLEX_PG_BIN", str(tmp_path))

    assert postgres.binaries(layout) == tmp_path
