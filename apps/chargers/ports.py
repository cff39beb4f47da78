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
    since: datetime | None = None
    """When the session began that the token is shown for; None when it is yet to begin."""


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """The answer, with the instant until which the station may remember it.

    `group_id`: a token of the same group may end the session (C09). `charging_priority`: -9 to 9.
    `language` is of RFC 5646 and is that in which `personal_message` is shown (C01).
    """

    status: AuthorizationStatus
    expires_at: datetime | None = None
    group_id: str = ""
    charging_priority: int = 0
    language: str = ""
    personal_message: str = ""


class TokenAuthorizer(Protocol):
    """Decides on tokens; called inside the operator's schema, in a thread of its own.

    None means "not mine": the next authorizer is asked, and the answer of last resort is Unknown.
    One that raises, or is slower than `settings.AUTHORIZATION_BUDGET_S`, is skipped; then a token
    that no other one knows falls under `settings.AUTHORIZATION_OFFLINE_POLICY`. It may be asked of
    several tokens at once.
    """

    def authorize(self, question: TokenQuestion) -> TokenDecision | None: ...


_authorizers: list[TokenAuthorizer] = []


def register_token_authorizer(authorizer: TokenAuthorizer) -> None:
    """Ask this authorizer after those registered before it; twice counts once."""
    if authorizer not in _authorizers:
        _authorizers.append(authorizer)


def unregister_token_authorizer(authorizer: TokenAuthorizer) -> None:
    """Ask this authorizer no more."""
    if authorizer in _authorizers:
        _authorizers.remove(authorizer)


def token_authorizers() -> tuple[TokenAuthorizer, ...]:
    """The authorizers in the order they are asked."""
    return tuple(_authorizers)
