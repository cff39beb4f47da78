"""A real SFTP server on a loopback port (the server part of asyncssh) over a folder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER = "cariflex"
PASSWORD = "sftp-password-0123"  # noqa: S105


@dataclass
class SftpFake:
    """The server's state: what it serves, who may come in, everything that was asked of it."""

    root: Path
    port: int = 0
    host_key: asyncssh.SSHKey = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519")
    )
    password: str | None = PASSWORD
    authorised_key: asyncssh.SSHKey | None = None
    stall: bool = False
    logins: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.host_key.get_fingerprint("sha256")


class _Server(asyncssh.SSHServer):
    def __init__(self, fake: SftpFake) -> None:
        self._fake = fake

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._fake.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        self._fake.logins.append(f"password {username}")
        return (username, password) == (USER, self._fake.password)

    def public_key_auth_supported(self) -> bool:
        return self._fake.authorised_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._fake.logins.append(f"key {username}")
        wanted = self._fake.authorised_key
        return wanted is not None and key.public_data == wanted.public_data


def _sftp_server(fake: SftpFake) -> type[asyncssh.SFTPServer]:
    class Files(asyncssh.SFTPServer):
        """Serves the folder and notes what is read and what is written to."""

        def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(channel, chroot=bytes(fake.root))

        async def open(self, path: bytes, pflags: int, attrs: Any) -> object:
            if fake.stall:
                await asyncio.sleep(60)
            name = path.decode()
            (fake.reads if pflags == asyncssh.FXF_READ else fake.writes).append(name)
            return super().open(path, pflags, attrs)

        def remove(self, path: bytes) -> None:
            fake.writes.append(f"remove {path!r}")

        def rename(self, oldpath: bytes, newpath: bytes) -> None:
            fake.writes.append(f"rename {oldpath!r}")

        def setstat(self, path: bytes, attrs: Any, *, follow_symlinks: bool = True) -> None:
            fake.writes.append(f"setstat {path!r}")

    return Files


@contextmanager
def sftp_fake(root: Path) -> Iterator[SftpFake]:
    """Serve `root` until the block ends."""
    fake = SftpFake(root)
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Server(fake),
            server_host_keys=[fake.host_key],
            sftp_factory=_sftp_server(fake),
            allow_scp=False,
        )
        fake.port = acceptor.get_port()
        started.set()
        await stop.wait()
        acceptor.close()
        await acceptor.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
