"""What a start refuses, and in which words; what it writes and makes only once."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from cariflex.runtime import checks, cli, install
from cariflex.runtime.children import rotate_log
from cariflex.runtime.credentials import MAKERS, load_secrets
from cariflex.runtime.environment import Outside, product_environment
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import MARKER, ROOT, Layout
from cariflex.runtime.postgres import url as postgres_url
from cariflex.runtime.start import follow_start, spawn_supervisor
from cariflex.runtime.state import AlreadyRunningError, InstanceLock, supervisor_of

Usage = namedtuple("Usage", "total used free")


def test_a_port_in_use_is_named_with_who_holds_it(
    layout: Layout, request: pytest.FixtureRequest
) -> None:
    with socket.create_server(("127.0.0.1", layout.ports.redis)):
        process = spawn_supervisor(layout, profile="data")
        request.addfinalizer(process.wait)
        with pytest.raises(StartError) as refusal:
            follow_start(layout, process, lambda _line: None)

    text = str(refusal.value)
    assert f"port {layout.ports.redis} (redis) is in use by pid {os.getpid()} (" in text
    assert "CARIFLEX_PORT=" in text
    assert str(layout.ports.postgres) not in text


def test_too_little_disk_space_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 5_000_000))

    with pytest.raises(StartError, match=r"no disk space: 5 MB free at .*a start needs 300 MB"):
        checks.check_disk(layout.var, checks.START_FREE_BYTES, "a start")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = Layout.from_environment({"CARIFLEX_VAR": str(tmp_path / "file" / "var")})

    with pytest.raises(StartError, match=r"the data folder .*/file/var cannot be written"):
        blocked.prepare()


@pytest.mark.parametrize("port", ["80", "65530", "five"])
def test_an_impossible_port_is_named(port: str) -> None:
    with pytest.raises(StartError, match=f"CARIFLEX_PORT='{port}' is not usable"):
        Layout.from_environment({"CARIFLEX_PORT": port})


def test_two_base_ports_share_no_port() -> None:
    first = Layout.from_environment({"CARIFLEX_PORT": "5000"}).ports
    second = Layout.from_environment({"CARIFLEX_PORT": "5060"}).ports

    used = [
        {*p.listening().values(), *(p.device(i, n) for i in (0, 1) for n in range(20))}
        for p in (first, second)
    ]
    assert used[0].isdisjoint(used[1])


def test_an_old_interpreter_gets_a_sentence(tmp_path: Path) -> None:
    """The script re-executes itself with a fitting interpreter, or says which are wanted."""
    script = (
        "import sys, runpy\n"
        "sys.version_info = (3, 9, 0)\n"
        "sys.argv = ['run', 'help']\n"
        f"runpy.run_path({str(ROOT / 'run')!r}, run_name='__main__')\n"
    )
    environment = {"PATH": str(tmp_path)}

    alone = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )

    assert alone.returncode == 1
    assert "this is Python 3.9; Cariflex needs 3.11, 3.12 or 3.13" in alone.stderr
    assert "What to do:" in alone.stderr

    (tmp_path / "python3.11").symlink_to(sys.executable)
    helped = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )

    assert helped.returncode == 0, helped.stderr
    assert "./run stop" in helped.stdout


def test_an_interpreter_that_only_pretends_is_passed_over(tmp_path: Path) -> None:
    pretender = tmp_path / "python3.12"
    pretender.write_text("#!/bin/sh\necho 'python3.12: command not found' >&2\nexit 127\n")
    pretender.chmod(0o755)
    script = (
        "import sys, runpy\n"
        f"found = runpy.run_path({str(ROOT / 'run')!r})['interpreter_on_path']()\n"
        "print(found)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "None"


def test_secrets_are_made_once_and_private(layout: Layout) -> None:
    first = load_secrets(layout)

    assert load_secrets(layout) == first
    assert set(first) == set(MAKERS)
    assert stat.S_IMODE(layout.secrets_file.stat().st_mode) == 0o600
    assert len(set(first.values())) == len(first)


def test_a_secret_of_a_newer_version_is_added_to_the_old_ones(layout: Layout) -> None:
    first = load_secrets(layout)
    first.pop("FLEXMEASURES_PROVISION_TOKEN")
    layout.secrets_file.write_text(json.dumps(first))

    second = load_secrets(layout)

    assert second["FLEXMEASURES_PROVISION_TOKEN"]
    assert {name: second[name] for name in first} == first


def test_lost_secrets_are_not_replaced_while_data_need_them(layout: Layout) -> None:
    layout.postgres_data.mkdir()
    (layout.postgres_data / "PG_VERSION").write_text("18\n")

    with pytest.raises(StartError, match="is missing but .* holds data made with it"):
        load_secrets(layout)


def test_the_real_environment_wins(layout: Layout) -> None:
    secrets = load_secrets(layout)
    given = {"DATABASE_URL": "postgres://a:b@db/c", "CARIFLEX_DEMO": "0", "PYTHONPATH": "/x"}

    environment = product_environment(layout, secrets, given)

    assert environment["DATABASE_URL"] == "postgres://a:b@db/c"
    assert environment["CARIFLEX_DEMO"] == "0"
    assert environment["CARIFLEX_FIELD_KEY"] == secrets["CARIFLEX_FIELD_KEY"]
    assert "PYTHONPATH" not in environment
    assert "POSTGRES_PASSWORD" not in environment
    assert postgres_url(layout, secrets) == product_environment(layout, secrets, {})["DATABASE_URL"]


def test_an_outside_database_needs_one_for_flexmeasures_too() -> None:
    with pytest.raises(StartError, match="FlexMeasures has no database"):
        Outside.from_environment({"DATABASE_URL": "postgres://a:b@db/c"})

    outside = Outside.from_environment(
        {"DATABASE_URL": "postgres://a:b@db/c", "FLEXMEASURES_URL": "http://fm"}
    )
    assert (outside.postgres, outside.redis, outside.flexmeasures) == (True, False, True)


def test_one_supervisor_per_data_folder(layout: Layout, request: pytest.FixtureRequest) -> None:
    lock = InstanceLock(layout)
    request.addfinalizer(lock.release)

    with pytest.raises(AlreadyRunningError):
        InstanceLock(layout)

    assert supervisor_of(layout) == lock.identity


def test_a_log_that_grew_too_long_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for content in ("first", "second", "third"):
        log.write_text(content)
        rotate_log(log, limit_bytes=3)

    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text() == "third"
    assert (tmp_path / "web.log.3").read_text() == "first"


def test_reset_deletes_data_only_in_a_folder_of_its_own(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_secrets(layout)
    foreign = Layout(layout.root, tmp_path / "home", layout.ports)
    foreign.var.mkdir()
    (foreign.var / "letter").touch()

    assert cli.reset(layout, confirmed=True) == 0
    assert cli.reset(foreign, confirmed=True) == 0

    assert [entry.name for entry in layout.var.iterdir()] == [MARKER]
    assert (foreign.var / "letter").exists()
    assert "there is no data of Cariflex" in capsys.readouterr().out


class FakeUv:
    """Stands in for uv: notes its calls, can be told to fail."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin" / "uv"
        self.calls = folder.parent / "uv-calls"
        self.say("exit 0")

    def say(self, last: str) -> None:
        version = install.UV_REQUIREMENT.read_text().split("==")[1].split()[0]
        self.path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "uv {version}" && exit 0\n'
            f'echo "$@" >> {self.calls}\n{last}\n'
        )
        self.path.chmod(0o755)

    @property
    def count(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Layout:
    """A checkout with an environment that has a stand-in for uv."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "requirements.lock").write_text("nothing==1\n")
    layout = Layout(root, root / "var", Layout.from_environment({}).ports)
    shutil.copytree(ROOT / "cariflex" / "runtime", root / "runtime")
    subprocess.run([sys.executable, "-m", "venv", str(layout.venv)], check=True)
    return layout


def test_an_install_is_done_once_and_repaired_when_interrupted(checkout: Layout) -> None:
    uv = FakeUv(checkout.venv)

    def ensure() -> None:
        install.ensure_installed(checkout, lambda _line: None, with_flexmeasures=False)

    ensure()
    ensure()
    assert uv.count == 1

    (checkout.root / "requirements.lock").write_text("nothing==2\n")
    uv.say("exit 1")
    with pytest.raises(StartError, match=r"requirements.lock cannot be installed"):
        ensure()
    assert not (checkout.venv / install.STAMP).exists()

    uv.say("exit 0")
    ensure()
    assert (uv.count, (checkout.venv / install.STAMP).exists()) == (3, True)


@pytest.mark.slow
def test_a_broken_environment_is_made_again(checkout: Layout) -> None:
    environment = install.product_environment(checkout)
    for half in checkout.venv.glob("lib/python*/site-packages/pip"):
        shutil.rmtree(half)

    made = install._make_venv(environment, lambda _line: None, with_pip=True)

    assert made
    assert list(checkout.venv.glob("lib/python*/site-packages/pip"))
    assert not install._make_venv(environment, lambda _line: None, with_pip=True)
