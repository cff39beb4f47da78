"""Log-in by token: `Authorization: Bearer cfx_…`. Tokens are never logged."""

import logging
from typing import Any

from django.conf import settings
from django.core.cache import cache
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from redis.exceptions import RedisError
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.accounts.models import ApiToken, User
from apps.accounts.services.tokens import token_used
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)
WINDOW_S = 60


class TokenAuthentication(KnoxAuthentication):
    """Knox's hashed tokens; an expired one stays in the list until somebody revokes it.

    A wrong token is answered with 429 once its sender's address has failed too often in a minute.
    A right one always passes: a broken gateway must not shut out its neighbours behind one address.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The user of the token; None without a token."""
        try:
            found = super().authenticate(request)
        except AuthenticationFailed:
            _count_failure(str(request.META.get("REMOTE_ADDR", "")))
            raise
        if found is None:
            return None
        user, token = found
        token_used(token=token, now=utc_now())
        return user, token

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """As in the base; bytes that are no text are a wrong token."""
        try:
            token.decode("ascii")
        except UnicodeDecodeError as err:
            raise AuthenticationFailed from err
        found: tuple[User, ApiToken] = super().authenticate_credentials(token)
        return found

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """True when it is expired. The base deletes it, and asks for the user's other tokens."""
        return auth_token.expiry is not None and auth_token.expiry <= utc_now()


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names it."""

    target_class = "apps.accounts.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def _count_failure(address: str) -> None:
    key = f"api-failures:{address}"
    try:
        cache.add(key, 0, WINDOW_S)
        failures = cache.incr(key)
    except (RedisError, ValueError):
        # Without Redis, or just expired: not counted, and refused all the same.
        return
    if failures == settings.API_AUTH_FAILURES_PER_MINUTE:
        logger.warning("api log-in keeps failing address=%s", address)
    if failures > settings.API_AUTH_FAILURES_PER_MINUTE:
        raise Throttled(wait=WINDOW_S, detail="Too many failed log-ins.")
