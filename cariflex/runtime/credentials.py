"""Secrets of one instance: made once, kept in a file that only its owner reads."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cariflex.runtime.errors import StartError
from cariflex.runtime.layout import Layout

DEMO_ROLES = ("admin", "operations", "billing", "analyst", "partner")
DEMO_OPERATORS = ("guadeloupe", "martinique")


def _token() -> str:
    return secrets.token_urlsafe(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


MAKERS = {
    "CARIFLEX_SECRET_KEY": _token,
    "CARIFLEX_FIELD_KEY": _fernet_key,
    "CARIFLEX_DEMO_SECRET": _token,
    "FLEXMEASURES_PROVISION_TOKEN": _token,
    "POSTGRES_PASSWORD": _token,
    "POSTGRES_APP_PASSWORD": _token,
    "POSTGRES_FLEXMEASURES_PASSWORD": _token,
    "REDIS_PASSWORD": _token,
    "FLEXMEASURES_SECRET_KEY": _token,
    "FLEXMEASURES_TOTP_SECRET": _token,
}
EXPORTED = (
    "CARIFLEX_SECRET_KEY",
    "CARIFLEX_FIELD_KEY",
    "CARIFLEX_DEMO_SECRET",
    "FLEXMEASURES_PROVISION_TOKEN",
)
"""What the product's processes get; the rest stays with the servers it belongs to."""


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old text or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_secrets(layout: Layout) -> dict[str, str]:
    """The secrets of the instance; made at the first call, missing ones are added."""
    known: dict[str, str] = {}
    if layout.secrets_file.exists():
        try:
            known = json.loads(layout.secrets_file.read_text())
        except ValueError as err:
            raise StartError(
                f"{layout.secrets_file} is not readable as JSON",
                "restore it from a backup; without it encrypted data are lost (./run reset).",
            ) from err
    elif (layout.postgres_data / "PG_VERSION").exists():
        raise StartError(
            f"{layout.secrets_file} is missing but {layout.postgres_data} holds data made with it",
            "restore the file from a backup, or delete the data with ./run reset.",
        )
    missing = {name: make() for name, make in MAKERS.items() if name not in known}
    if missing:
        known = {**known, **missing}
        write_private(layout.secrets_file, json.dumps(known, indent=2) + "\n")
    return known


def demo_password(secret: str) -> str:
    """The password of every demo user of an instance."""
    return hmac.new(secret.encode(), b"demo-user", hashlib.sha256).hexdigest()[:12]


def demo_logins(environment: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(address, user name, password) of the demo users, for people at a keyboard."""
    port = environment["CARIFLEX_PORT"]
    password = demo_password(environment["CARIFLEX_DEMO_SECRET"])
    rows = [
        (f"http://{operator}.localhost:{port}/", " ".join(DEMO_ROLES), password)
        for operator in DEMO_OPERATORS
    ]
    return [*rows, (f"http://platform.localhost:{port}/admin/", "platform", password)]
