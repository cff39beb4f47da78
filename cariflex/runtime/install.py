"""Installing what is missing: .venv from requirements.lock, .venv-flexmeasures from its pins.

Each environment carries a stamp, written last, with the hash of what it was made from. A stamp that
fits means nothing to do; no stamp means that the install was interrupted and is done again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.checks import INSTALL_FREE_BYTES, check_disk, check_writable
from cariflex.runtime.environment import DROPPED
from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

UV_REQUIREMENT = Path(__file__).with_name("uv.txt")
STAMP = ".cariflex-stamp"
FLEXMEASURES_PYTHONS = ("python3.12", "python3.11")
"""FlexMeasures 1.0.1 requires Python < 3.13."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """One virtual environment and what it is made from."""

    folder: Path
    pins: Path
    interpreter: str

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / STAMP

    def fingerprint(self) -> str:
        """The hash of the pins, the installer's pin and the interpreter's version."""
        digest = hashlib.sha256(self.pins.read_bytes() + UV_REQUIREMENT.read_bytes())
        digest.update(_version(self.interpreter).encode())
        return digest.hexdigest()

    @property
    def current(self) -> bool:
        """Whether the environment is whole and made from the present pins."""
        try:
            return self.stamp.read_text().strip() == self.fingerprint() and self.python.exists()
        except OSError:
            return False


def _version(interpreter: str) -> str:
    if interpreter == sys.executable:
        return "{}.{}.{}".format(*sys.version_info[:3])
    probe = "import sys, venv; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run(
            [interpreter, "-c", probe], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def flexmeasures_interpreter() -> str | None:
    """An interpreter that FlexMeasures can run on: this one, or one on PATH."""
    if sys.version_info < (3, 13):
        return sys.executable
    for name in FLEXMEASURES_PYTHONS:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            candidate = str(Path(folder) / name)
            if os.access(candidate, os.X_OK) and _version(candidate):
                return candidate
    return None


def flexmeasures_unavailable() -> str:
    """Why FlexMeasures cannot run here; empty if it can."""
    if flexmeasures_interpreter():
        return ""
    return (
        f"FlexMeasures needs Python 3.11 or 3.12, this is {_version(sys.executable)} and neither"
        " is on PATH; install one (apt install python3.12) or set FLEXMEASURES_URL"
    )


def product_environment(layout: Layout) -> Environment:
    """The environment of the product, its tests and the embedded servers."""
    return Environment(layout.venv, layout.root / "requirements.lock", sys.executable)


def environments(layout: Layout, *, with_flexmeasures: bool) -> list[Environment]:
    """The environments that a start needs."""
    needed = [product_environment(layout)]
    interpreter = flexmeasures_interpreter()
    if with_flexmeasures and interpreter:
        pins = layout.root / "docker" / "flexmeasures" / "constraints.txt"
        needed.append(Environment(layout.flexmeasures_venv, pins, interpreter))
    return needed


@contextmanager
def _only_installer(root: Path) -> Iterator[None]:
    """One install at a time per checkout, also when two instances share it."""
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def ensure_installed(layout: Layout, say: Say, *, with_flexmeasures: bool = True) -> None:
    """Bring every environment up to date; nothing to do when the stamps fit."""
    needed = environments(layout, with_flexmeasures=with_flexmeasures)
    if all(environment.current for environment in needed):
        return
    check_writable(layout.root)
    with _only_installer(layout.root):
        missing = [environment for environment in needed if not environment.current]
        if not missing:
            return
        check_disk(layout.root, INSTALL_FREE_BYTES, "the install")
        uv = _ensure_uv(needed[0], say)
        _install_all(missing, uv, say)


def _ensure_uv(environment: Environment, say: Say) -> Path:
    """The pinned uv, inside the product's own environment."""
    uv = environment.folder / "bin" / "uv"
    wanted = UV_REQUIREMENT.read_text().split("==")[1].split()[0]
    if _make_venv(environment, say, with_pip=True):
        uv.unlink(missing_ok=True)
    if wanted not in _output(str(uv), "--version"):
        say("installing uv, the installer")
        words = [str(environment.python), "-m", "pip", "install", "--quiet", "--no-input"]
        words += ["--disable-pip-version-check", "--require-hashes", "-r", str(UV_REQUIREMENT)]
        _run(words, "uv cannot be installed")
    return uv


def _output(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _make_venv(environment: Environment, say: Say, *, with_pip: bool) -> bool:
    """Make the virtual environment unless a usable one of the same Python is there."""
    environment.stamp.unlink(missing_ok=True)
    probe = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    probe += "; import pip._internal" if with_pip else ""
    if _output(str(environment.python), "-c", probe).strip() == _version(environment.interpreter):
        return False
    say(f"making {environment.folder.name}")
    if environment.folder.exists():
        shutil.rmtree(environment.folder)
    words = [environment.interpreter, "-m", "venv", str(environment.folder)]
    _run(
        words if with_pip else [*words, "--without-pip"],
        f"{environment.folder} cannot be made",
        "install the venv module of this Python (Debian/Ubuntu: apt install python3-venv).",
    )
    return True


def _install_all(missing: list[Environment], uv: Path, say: Say) -> None:
    """Fill the environments side by side."""
    failures: list[StartError] = []

    def fill(environment: Environment) -> None:
        try:
            _fill(environment, uv, say)
        except StartError as err:
            failures.append(err)

    threads = [threading.Thread(target=fill, args=(entry,)) for entry in missing]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _fill(environment: Environment, uv: Path, say: Say) -> None:
    if environment.folder != uv.parents[1]:
        _make_venv(environment, say, with_pip=False)
    say(f"installing {environment.pins.name} into {environment.folder.name}")
    begun = time.monotonic()
    words = [str(uv), "pip", "sync", "--quiet", "--python", str(environment.python)]
    _run([*words, str(environment.pins)], f"{environment.pins.name} cannot be installed")
    if not uv.exists():
        raise StartError("the install removed uv itself", "run ./run again.")
    environment.stamp.write_text(environment.fingerprint() + "\n")
    say(f"{environment.folder.name} is complete ({time.monotonic() - begun:.0f} s)")


def _installer_variables() -> dict[str, str]:
    """uv reads its own variables; whoever set pip's means both."""
    chosen = dict(os.environ)
    for ours, pips in (("UV_DEFAULT_INDEX", "PIP_INDEX_URL"), ("SSL_CERT_FILE", "PIP_CERT")):
        if pips in chosen and not {ours, "UV_INDEX_URL"} & set(chosen):
            chosen[ours] = chosen[pips]
    for name in DROPPED:
        chosen.pop(name, None)
    return chosen


def _run(words: list[str], failure: str, advice: str = "") -> None:
    done = subprocess.run(
        words,
        env=_installer_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise StartError(
            f"{failure} (exit code {done.returncode}):\n{lines}",
            advice or "check the network and the disk, then run ./run again: it goes on from here.",
        )
