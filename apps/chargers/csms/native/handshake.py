"""Who is at the door: operator and identity from the path, password from HTTP Basic.

OCPP 2.1 Part 4 §3 (address, subprotocol) and Part 2 A00 (security profiles); the same in 1.6.
A TLS connection is one that this server ended, or that a proxy says it ended (X-Forwarded-Proto,
believed only of the addresses in FORWARDED_ALLOW_IPS). Client certificates are read from this
server's own TLS only (csms.native.tls): no header can claim one.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.chargers.ocpp.versions import OcppVersion, version_chosen
from apps.tenants.channels import header

# AuthorizationKey: at most 40 hexadecimal digits.
MOST_BINARY = 20
REALM = (b"www-authenticate", b'Basic realm="ocpp", charset="UTF-8"')


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a station says when it connects; `password` None when none was sent for this id."""

    operator: str
    station_id: str
    password: str | None
    subprotocols: tuple[str, ...]
    path: str
    remote: str
    has_plain_path: bool = True
    """False when a slash of the path was written as %2F: it then names something else."""
    is_tls: bool = False
    certificate: bytes = b""
    """The client certificate (DER) whose key the station has proven to hold; empty for none."""

    @property
    def version(self) -> OcppVersion | None:
        """The newest version that both speak."""
        return version_chosen(self.subprotocols)


def read_handshake(scope: Mapping[str, Any]) -> Handshake:
    """The handshake of an ASGI WebSocket scope routed by operator and station_id."""
    route = scope["url_route"]["kwargs"]
    client = scope.get("client") or ("", 0)
    station_id = str(route["station_id"])
    path, raw_path = str(scope.get("path", "")), scope.get("raw_path") or b""
    tls = scope.get("extensions", {}).get("tls") or {}
    return Handshake(
        operator=str(route["operator"]),
        station_id=station_id,
        password=basic_password(header(dict(scope), b"authorization"), user=station_id),
        subprotocols=tuple(scope.get("subprotocols", ())),
        path=path,
        remote=str(client[0]),
        has_plain_path=not raw_path or raw_path.count(b"/") == path.count("/"),
        is_tls=scope.get("scheme") == "wss",
        certificate=tls.get("client_cert", b""),
    )


def basic_password(authorization: str, *, user: str) -> str | None:
    """The password of a Basic header; None when absent, malformed or for another user."""
    scheme, _, credentials = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        told = base64.b64decode(credentials, validate=True)
        # A00.FR.204: the user name is the station's identity, in which OCPP allows a colon.
        owner = f"{user}:".encode()
    except (binascii.Error, ValueError):
        return None
    return _text(told.removeprefix(owner)) if told.startswith(owner) else None


def _text(secret: bytes) -> str | None:
    """The password as it is kept: text, or the hexadecimal digits of a binary one.

    1.6 names its AuthorizationKey by hexadecimal digits, and some stations present the bytes that
    these stand for (1.6-J §6.2, security whitepaper A00).
    """
    try:
        return secret.decode()
    except UnicodeDecodeError:
        return secret.hex() if len(secret) <= MOST_BINARY else None
