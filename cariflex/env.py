"""The environment of one Cariflex process, read once, with an error that names the variable."""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cariflex.runtime.ports import DEFAULT_PORT, Ports

CHECKOUT = Path(__file__).resolve().parent.parent


class EnvironmentInvalid(Exception):
    """A variable of the environment is missing or has a value that cannot be used."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")


def text(name: str, default: str | None = None) -> str:
    """The variable's value; EnvironmentInvalid when it is missing and there is no default."""
    value = os.environ.get(name) or default
    if value is None:
        raise EnvironmentInvalid(name, "is not set; ./run sets it, production must too")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value == "":
        return default
    raise EnvironmentInvalid(name, f"must be 1 or 0, not {value!r}")


def whole_number(name: str, default: int) -> int:
    """The variable as an integer."""
    value = os.environ.get(name, "")
    if not value:
        return default
    try:
        return int(value)
    except ValueError as err:
        raise EnvironmentInvalid(name, f"must be a whole number, not {value!r}") from err


def ports() -> Ports:
    """The ports of this checkout (CARIFLEX_PORT)."""
    return Ports(whole_number("CARIFLEX_PORT", DEFAULT_PORT))


def var_dir() -> Path:
    """The git-ignored folder of data, logs and state (CARIFLEX_VAR)."""
    return Path(text("CARIFLEX_VAR", str(CHECKOUT / "var")))


def database(url: str) -> dict[str, str]:
    """Django's connection words for a `postgres://user:password@host:port/name` address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise EnvironmentInvalid("DATABASE_URL", "must be postgres://user:password@host:port/name")
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "127.0.0.1",
        "PORT": str(parts.port or 5432),
    }


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over; an empty host means that none is configured."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    security: str = "none"
    """`none`, `starttls` or `tls`."""

    @property
    def is_configured(self) -> bool:
        """True when mails can be sent."""
        return bool(self.host)


_MAIL_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_MAIL_SCHEMES = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "tls"}


def mail_server() -> MailServer:
    """The server of EMAIL_URL (`smtps://user:password@host:port`), else of CARIFLEX_EMAIL_*.

    Schemes: `smtp` (no encryption), `smtp+starttls`, `smtps`.
    """
    url = os.environ.get("EMAIL_URL", "")
    if url:
        return _mail_server_of(url)
    security = os.environ.get("CARIFLEX_EMAIL_SECURITY") or "none"
    if security not in _MAIL_PORTS:
        raise EnvironmentInvalid("CARIFLEX_EMAIL_SECURITY", "must be none, starttls or tls")
    return MailServer(
        host=os.environ.get("CARIFLEX_EMAIL_HOST", ""),
        port=whole_number("CARIFLEX_EMAIL_PORT", _MAIL_PORTS[security]),
        user=os.environ.get("CARIFLEX_EMAIL_USER", ""),
        password=os.environ.get("CARIFLEX_EMAIL_PASSWORD", ""),
        security=security,
    )


def _mail_server_of(url: str) -> MailServer:
    parts = urlsplit(url)
    rule = "must be smtp://, smtp+starttls:// or smtps://user:password@host:port"
    if parts.scheme not in _MAIL_SCHEMES or not parts.hostname:
        raise EnvironmentInvalid("EMAIL_URL", rule)
    security = _MAIL_SCHEMES[parts.scheme]
    try:
        port = parts.port
    except ValueError as err:
        raise EnvironmentInvalid("EMAIL_URL", rule) from err
    return MailServer(
        host=parts.hostname,
        port=port or _MAIL_PORTS[security],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        security=security,
    )


def derived_key(secret: str, purpose: str) -> str:
    """A Fernet key (32 bytes, url-safe base64) derived from a secret, for one purpose."""
    digest = hashlib.sha256(f"{purpose}:{secret}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()
