"""The TLS certificate of our own door when nobody gave one: made, kept and renewed in a folder.

For the demo and for trials. An authority of the instance (`root.pem`, which a station is given to
trust) signs the server's certificate; its key stays in the folder, readable by its owner alone.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from apps.chargers.ocpp import certificates as rules

ROOT_VALID_FOR = timedelta(days=3650)
SERVER_VALID_FOR = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
ROOT_NAME = "Cariflex stations root"


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """In PEM: the server's key with its chain, and the authority that stations trust."""

    server: Path
    root: Path


def server_certificate_ensure(folder: Path, *, names: Sequence[str], now: datetime) -> ServerFiles:
    """The files of a certificate for these names or addresses, valid for 30 days at least.

    What is there is kept; a certificate that ends soon, or is for other names, is made anew by the
    same authority, so that stations go on trusting it.
    """
    files = ServerFiles(folder / "server.pem", folder / "root.pem")
    root_key = folder / "root.key"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not _is_valid(files.root, now=now, for_time=SERVER_VALID_FOR) or not root_key.exists():
        made = rules.authority_make(
            name=ROOT_NAME, organization="Cariflex", now=now, valid_to=now + ROOT_VALID_FOR
        )
        # Whoever dies in between leaves no root beside a key that is not its own.
        files.root.unlink(missing_ok=True)
        files.server.unlink(missing_ok=True)
        _write(root_key, made.private_key_pem)
        _write(files.root, made.certificate_pem)
    if not _is_valid(files.server, now=now, for_time=RENEW_BEFORE) or (
        _names(files.server) != set(names)
    ):
        authority = rules.Authority(files.root.read_text(), root_key.read_text())
        made = rules.server_make(authority, names=names, now=now, valid_to=now + SERVER_VALID_FOR)
        _write(
            files.server, made.private_key_pem + made.certificate_pem + authority.certificate_pem
        )
    return files


def _is_valid(path: Path, *, now: datetime, for_time: timedelta) -> bool:
    if not path.exists():
        return False
    told = rules.facts(rules.certificates_read(path.read_text())[0])
    return told.valid_from <= now and now + for_time < told.valid_to


def _names(path: Path) -> set[str]:
    certificate = rules.certificates_read(path.read_text())[0]
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = found.get_values_for_type(x509.IPAddress)
    return {*found.get_values_for_type(x509.DNSName), *(str(one) for one in addresses)}


def _write(path: Path, pem: str) -> None:
    """Whole or not at all, and readable by the owner only."""
    partial = path.with_suffix(path.suffix + ".new")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(pem)
    partial.replace(path)
