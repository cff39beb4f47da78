"""What an older version leaves unsaid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.ocpi.v2_3_0.schemas import Location, Token


@dataclass(frozen=True, slots=True)
class Context:
    """What whoever maps a message knows beside it; only 2.1.1 needs it.

    `owner` and `emsp` are (country code, party id): of the party that owns the object, and of the
    provider whose token was used. `role` is the partner's. `location` (inside) is where a session
    or CDR took place, `token` (inside) the one that was asked about.
    """

    owner: tuple[str, str] | None = None
    emsp: tuple[str, str] | None = None
    role: str = "OTHER"
    location: "Location | None" = None
    token: "Token | None" = None
    time_zone: str = "Etc/UTC"
    """For locations of 2.1.1 that name none."""
    timeout_s: int = 30
    """For answers to commands: 2.1.1 names no time to wait."""


NOTHING = Context()
