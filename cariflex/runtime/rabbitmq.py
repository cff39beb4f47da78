"""RabbitMQ for the tests of brokers: Debian's packages, unpacked into a folder without root rights.

Nothing of it is installed in the system and no service is started; `command` and `environment` run
one node out of the folder.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cariflex.runtime.debian import Say

_ERLANG = (
    "asn1", "base", "crypto", "eldap", "ftp", "inets", "mnesia", "os-mon", "parsetools",
    "public-key", "runtime-tools", "snmp", "ssl", "syntax-tools", "tftp", "tools", "xmerl",
)  # fmt: skip
PACKAGES = ("rabbitmq-server", "libwrap0", *(f"erlang-{name}" for name in _ERLANG))


@dataclass(frozen=True)
class Rabbit:
    """RabbitMQ and Erlang under one root: `/` where the system has them."""

    root: Path

    @property
    def server(self) -> Path | None:
        """The start script; None when it is not there."""
        found = sorted(self.root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
        return found[-1] / "rabbitmq-server" if found else None

    @property
    def runtime(self) -> Path | None:
        """Erlang's own programs; None when they are not there."""
        found = sorted(self.root.glob("usr/lib/erlang/erts-*/bin"))
        return found[-1] if found else None

    @property
    def is_whole(self) -> bool:
        return self.server is not None and self.runtime is not None

    def epmd(self, port: int) -> tuple[str, ...]:
        """The command of Erlang's port mapper, which a node needs."""
        return (str(self._bin() / "epmd"), "-port", str(port), "-address", "127.0.0.1")

    def command(self) -> tuple[str, ...]:
        """The command of a node; it runs in the foreground."""
        return (str(self._server()),)

    def environment(self, folder: Path, *, port: int, epmd_port: int) -> dict[str, str]:
        """What a node needs that keeps everything in `folder` and listens on loopback."""
        programs = folder / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        erl = programs / "erl"
        # Debian's own script looks for Erlang in /usr/lib.
        erl.write_text(
            f"#!/bin/sh\nexport ROOTDIR={self.root}/usr/lib/erlang BINDIR={self._bin()}"
            ' EMU=beam PROGNAME=erl\nexec "$BINDIR/erlexec" "$@"\n'
        )
        erl.chmod(0o755)
        return {
            "HOME": str(folder),
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "RABBITMQ_NODENAME": f"cariflex{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(port + 1),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_DIR": str(self._server().parent.parent / "plugins"),
            # The node takes the place of its script, so that a signal reaches it.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
        }

    def _server(self) -> Path:
        if self.server is None:
            raise FileNotFoundError(f"no RabbitMQ under {self.root}")
        return self.server

    def _bin(self) -> Path:
        if self.runtime is None:
            raise FileNotFoundError(f"no Erlang under {self.root}")
        return self.runtime


def ensure_rabbitmq(folder: Path, say: Say) -> Rabbit | None:
    """RabbitMQ of the system, or unpacked under `folder`; None where neither can be had."""
    for root in (Path("/"), folder / "root"):
        if (found := Rabbit(root)).is_whole:
            return found
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    say("fetching Debian's rabbitmq-server for the tests")
    archives, partial = folder / "archives", folder / "partial"
    for made in (archives, partial):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
    download = ["apt-get", "download", "-qq", *PACKAGES]
    for words in (download, ["apt-get", "update", "-qq"], download):
        done = subprocess.run(words, cwd=archives, capture_output=True, check=False)
        if words is download and done.returncode == 0:
            break
    else:
        return None
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(partial)], check=True)
    shutil.rmtree(archives)
    # Only now under its name: a run that was cut off leaves nothing that looks whole.
    partial.rename(folder / "root")
    found = Rabbit(folder / "root")
    return found if found.is_whole else None
