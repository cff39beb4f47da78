"""Exchange files on an SFTP server: read, never changed, moved or removed.

The server is known by the fingerprint of its host key and by nothing else; neither keys nor
settings of this machine's user are used. One look is one connection, bounded in time, in entries,
in files and in bytes. Spoken by asyncssh (EPL-2.0 or GPL-2.0-or-later, used as it is).
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncssh

from apps.markets.clients.epex_delivery import (
    DEFAULT_PATTERN,
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    SYSTEM,
    Choice,
    DeliveredFile,
    Delivery,
    FileStamp,
    files_choose,
    pattern_check,
)
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import HttpClient

CONNECT_TIMEOUT_S: Final = 10.0
LOGIN_TIMEOUT_S: Final = 20.0
LOOK_TIMEOUT_S: Final = 120.0
# As OpenSSH shows it: ssh-keygen -lf, or in the question at the first connection.
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_PRIVATE_KEY: Final = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """Where the files lie. `host_key` is the fingerprint of the server's host key (SHA256:...)."""

    host: str
    user: str
    host_key: str
    folder: str = "."
    port: int = 22

    def __post_init__(self) -> None:
        if not _FINGERPRINT.fullmatch(self.host_key):
            raise DomainError(
                "epex.host_key", "is no fingerprint (SHA256: and 43 characters)", field="host_key"
            )
        if not self.host or not self.user:
            raise DomainError("epex.host", "is empty", field="user" if self.host else "host")
        if not 1 <= self.port <= 65_535:
            raise DomainError("epex.port", f"{self.port} is no port", field="port")


class EpexSftp:
    """One folder of one server; `secret` is a password or a private key without passphrase."""

    def __init__(
        self,
        place: SftpPlace,
        *,
        secret: str,
        allow_loopback: bool,
        pattern: str = DEFAULT_PATTERN,
        look_timeout_s: float = LOOK_TIMEOUT_S,
    ) -> None:
        self._place = place
        self._key = _private_key(secret) if secret.lstrip().startswith(_PRIVATE_KEY) else None
        self._password = secret if self._key is None else None
        self._pattern = pattern_check(pattern)
        self._look_timeout_s = look_timeout_s
        self._addresses = HttpClient(system=SYSTEM, allow_loopback=allow_loopback)

    def take(self, *, now: datetime, known: frozenset[tuple[str, str]]) -> Delivery:
        """The complete files that are new or were written again, oldest first.

        Raises ExternalError: another host key, a refused login and an address that is not called
        are not retryable; silence and a lost connection are.
        """
        place = self._place
        address = self._addresses.resolve(place.host, place.port)
        try:
            line = socket.create_connection((address, place.port), timeout=CONNECT_TIMEOUT_S)
        except OSError as err:
            raise ExternalError(SYSTEM, "cannot be reached", retryable=True) from err
        with line:
            line.setblocking(False)
            return asyncio.run(self._look(line, now, known))

    async def _look(
        self, line: socket.socket, now: datetime, known: frozenset[tuple[str, str]]
    ) -> Delivery:
        pinned = _PinnedHost(self._place.host_key)
        try:
            async with asyncio.timeout(self._look_timeout_s):
                connection = await self._connect(line, pinned)
                try:
                    sftp = await connection.start_sftp_client()
                    choice = files_choose(
                        await self._listing(sftp), pattern=self._pattern, now=now, known=known
                    )
                    return await self._read_all(sftp, choice)
                finally:
                    # An orderly end would wait for a server that may not answer any more.
                    connection.abort()
        except asyncssh.HostKeyNotVerifiable as err:
            seen = f"the host key is {pinned.seen or 'unknown'}, not the pinned one"
            raise ExternalError(SYSTEM, seen, retryable=False) from err
        except asyncssh.PermissionDenied as err:
            raise ExternalError(SYSTEM, "login refused", retryable=False, status=401) from err
        except TimeoutError as err:
            raise ExternalError(SYSTEM, "took too long", retryable=True) from err
        except asyncssh.SFTPError as err:
            name = type(err).__name__.removeprefix("SFTP")
            raise ExternalError(SYSTEM, f"SFTP refused ({name})", retryable=True) from err
        except (asyncssh.Error, OSError) as err:
            name = type(err).__name__
            raise ExternalError(SYSTEM, f"connection failed ({name})", retryable=True) from err

    async def _connect(
        self, line: socket.socket, pinned: _PinnedHost
    ) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            sock=line,
            host=self._place.host,
            port=self._place.port,
            username=self._place.user,
            password=self._password,
            client_keys=[self._key] if self._key is not None else None,
            client_factory=lambda: pinned,
            # No key is trusted by name: every one goes to the pin.
            known_hosts=([], [], []),
            server_host_key_algs="default",
            x509_trusted_certs=None,
            preferred_auth="publickey" if self._key is not None else "password",
            config=None,
            agent_path=None,
            gss_host=None,
            login_timeout=LOGIN_TIMEOUT_S,
        )

    async def _listing(self, sftp: asyncssh.SFTPClient) -> list[FileStamp]:
        stamps: list[FileStamp] = []
        number = 0
        async for entry in sftp.scandir(self._place.folder):
            number += 1
            if number > MAX_ENTRIES:
                raise ExternalError(
                    SYSTEM, f"the folder holds more than {MAX_ENTRIES} entries", retryable=True
                )
            name = entry.filename
            if isinstance(name, str) and "/" not in name:
                stamp = _stamp(name, entry.attrs)
                if stamp is not None:
                    stamps.append(stamp)
        return stamps

    async def _read_all(self, sftp: asyncssh.SFTPClient, choice: Choice) -> Delivery:
        files: list[DeliveredFile] = []
        changed: list[str] = []
        for stamp in choice.take:
            file = await sftp.open(f"{self._place.folder}/{stamp.name}", "rb")
            content = await file.read(MAX_FILE_BYTES + 1)
            after = _stamp(stamp.name, await file.stat())
            await file.close()
            is_whole = after == stamp and len(content) == stamp.size_bytes
            if is_whole and isinstance(content, bytes):
                files.append(DeliveredFile(stamp, content))
            else:
                changed.append(stamp.name)
        return Delivery(tuple(files), (*choice.waiting, *changed), choice.refused)


class _PinnedHost(asyncssh.SSHClient):
    """Trusts the one host key and remembers the one that was shown."""

    def __init__(self, host_key: str) -> None:
        self._host_key = host_key
        self.seen = ""

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.seen = key.get_fingerprint("sha256")
        return self.seen == self._host_key


def _private_key(secret: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(secret)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        # The cause may quote what it could not read.
        raise DomainError(
            "epex.token", "is no private key without passphrase", field="token"
        ) from None


def _stamp(name: str, attrs: asyncssh.SFTPAttrs) -> FileStamp | None:
    """None for what is no regular file, and where the server does not tell size and time."""
    if attrs.type != asyncssh.FILEXFER_TYPE_REGULAR or attrs.size is None or attrs.mtime is None:
        return None
    return FileStamp(int(attrs.mtime), name, attrs.size)
