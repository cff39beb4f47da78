"""Station passwords: kept hashed, compared in constant time.

A station's password is a long random text that a machine keeps (OCPP 2.0.1 A00: 16 to 40
characters), so it cannot be guessed from a dictionary, and a slow hash (PBKDF2, Argon2) would add
nothing but load: after a power cut a whole island of stations connects within seconds, and PBKDF2
at Django's setting costs about 0.3 s of processor time for each. One HMAC-SHA256, keyed with a
random salt of the row, costs microseconds and gives as little away.
"""

import hmac
import secrets

from cariflex.common.errors import DomainError

_ALGORITHM = "hmac-sha256"
MIN_LENGTH, MAX_LENGTH = 16, 40


def password_hash(password: str) -> str:
    """`hmac-sha256$salt$digest`; DomainError for a password that is too short to be hashed fast."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise DomainError(
            "chargers.password_length",
            f"A station password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
            field="password",
        )
    salt = secrets.token_hex(16)
    return f"{_ALGORITHM}${salt}${_digest(salt, password)}"


def password_matches(password: str, stored: str) -> bool:
    """True when the password is the stored one; False for a station without password."""
    algorithm, _, rest = stored.partition("$")
    salt, _, digest = rest.partition("$")
    if algorithm != _ALGORITHM or not digest:
        return False
    return hmac.compare_digest(_digest(salt, password), digest)


def password_new() -> str:
    """A random password of 40 hexadecimal characters: the longest that every version takes."""
    return secrets.token_hex(MAX_LENGTH // 2)


def _digest(salt: str, password: str) -> str:
    return hmac.new(salt.encode(), password.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
