"""Tokens that open a connection: made, hashed, put into the Authorization header.

OCPI 2.2.1 transport "Authorization header": `Token <base64 of the token>`. Two traps: 2.1.1 and
some implementations of 2.2 send the token as it is (a setting of the partner, never guessed), and
the specification's own sample is the base64 of `example-token` with a line feed, which copied
implementations send. A token has only U+0021..U+007E, so one line end is cut off without doubt.
"""

import base64
import binascii
import hashlib
import re
import secrets

TOKEN = re.compile(r"[\x21-\x7e]{1,64}")
"""2.2.1 credentials object: printable ASCII without spaces, at most 64 characters."""
SCHEME = "token"


def token_make() -> str:
    """A new random token, 43 characters.

    None begins with a dash: a command line would take it for an option.
    """
    while True:
        token = secrets.token_urlsafe(32)
        if not token.startswith("-"):
            return token


def token_hash(token: str) -> str:
    """What is stored of a token that is presented to us: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: str) -> bool:
    """Whether a text may be a token."""
    return TOKEN.fullmatch(text) is not None


def authorization(token: str, *, unencoded: bool) -> str:
    """The Authorization header that presents a token."""
    text = token if unencoded else base64.b64encode(token.encode()).decode()
    return f"Token {text}"


def presented(header: str) -> tuple[str | None, str | None]:
    """The token of an Authorization header read as base64, and as it stands.

    Either is None when it cannot be a token; which of them counts is the partner's setting.
    """
    scheme, _space, text = header.strip().partition(" ")
    text = text.strip()
    if scheme.lower() != SCHEME or not text:
        return None, None
    return _decoded(text), text if is_token(text) else None


def _decoded(text: str) -> str | None:
    try:
        token = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    token = token.removesuffix("\n").removesuffix("\r")
    return token if is_token(token) else None
