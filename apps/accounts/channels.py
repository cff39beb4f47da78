"""The user of a WebSocket, read in the operator's schema in one hop."""

from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from apps.accounts.binding import is_bound_here
from apps.accounts.models import User
from apps.tenants.channels import header, operator_sync


class UserMiddleware:
    """Puts `user` in the scope; stands inside apps.tenants.channels.OperatorMiddleware."""

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        user = await operator_sync(scope["schema_name"])(user_of_cookie)(header(scope, b"cookie"))
        await self.inner({**scope, "user": user}, receive, send)


def user_of_cookie(cookie_header: str) -> User | AnonymousUser:
    """The user whose session cookie this is, in the current schema; anonymous for any other."""
    try:
        morsel = SimpleCookie(cookie_header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return AnonymousUser()
    if morsel is None:
        return AnonymousUser()
    session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    if not is_bound_here(session):
        return AnonymousUser()
    return get_user(cast(HttpRequest, SimpleNamespace(session=session)))
