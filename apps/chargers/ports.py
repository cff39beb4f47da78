"""What chargers asks of the apps above: may this token charge here?

The upper app fills the port in its AppConfig.ready(); until then the operator's own tokens answer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.chargers.choices import AuthorizationStatus


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """A token held before one station of the current operator."""

    id_token: str
    token_type: str
    station_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """The answer, with the instant until which the station may remember it."""

    status: AuthorizationStatus
    expires_at: datetime | None = None


class TokenAuthorizer(Protocol):
    """Decides on tokens; called inside the operator's schema, must answer in well under a second.

    None means "not mine": the next authorizer is asked, and the answer of last resort is Unknown.
    """

    def authorize(self, question: TokenQuestion) -> TokenDecision | None: ...


_authorizers: list[TokenAuthorizer] = []


def register_token_authorizer(authorizer: TokenAuthorizer) -> None:
    """Ask this authorizer after those registered before it; twice counts once."""
    if authorizer not in _authorizers:
        _authorizers.append(authorizer)


def token_authorizers() -> tuple[TokenAuthorizer, ...]:
    """The authorizers in the order they are asked."""
    return tuple(_authorizers)
