"""Channels at the edge: the operator of a WebSocket is known before it is accepted."""

import functools
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from django.conf import settings

from apps.tenants.choices import OperatorStatus
from apps.tenants.context import operator_context
from apps.tenants.directory import (
    operator_by_host,
    operator_by_schema,
    remembered_by_schema,
)

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
P = ParamSpec("P")
R = TypeVar("R")

LIVE_THREADS = settings.LIVE_THREADS
# Threads of our own: each keeps its connection, so a live process has at most LIVE_THREADS.
_pool = ThreadPoolExecutor(LIVE_THREADS, thread_name_prefix="live-db")


def operator_group(schema_name: str, *parts: str) -> str:
    """A channel group of one operator; groups are shared by the whole Redis, so it is named."""
    name = ".".join((schema_name, *parts))
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    return safe[:99]


def in_database(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """An awaitable that runs a blocking function on one of the live database threads."""
    return database_sync_to_async(  # type: ignore[no-any-return]
        function, thread_sensitive=False, executor=_pool
    )


def operator_sync(
    schema_name: str,
) -> Callable[[Callable[P, R]], Callable[P, Awaitable[R]]]:
    """`await operator_sync(schema)(function)(...)`: runs it in a thread, in the operator's schema.

    The schema is set in the same hop as the query; two hops would read another operator's rows.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with operator_context(schema_name):
                return function(*args, **kwargs)

        return in_database(run)

    return wrap


async def refuse(
    scope: Scope,
    send: Send,
    *,
    status: int,
    reason: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Refuse a handshake with an HTTP status before the upgrade.

    Source: ASGI "WebSocket Denial Response". A server without it answers 403 to the close.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = reason.encode()
    await send(
        {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})


async def unknown_path(scope: Scope, _receive: Any, send: Send) -> None:
    """The application of every path at which no WebSocket lives."""
    await refuse(scope, send, status=404, reason="No WebSocket is served at this path.")


def header(scope: Scope, name: bytes) -> str:
    """The first value of a handshake header, empty when absent."""
    for key, value in scope.get("headers", ()):
        if key == name:
            return str(value.decode("latin-1"))
    return ""


class OperatorMiddleware:
    """Puts `operator` and `schema_name` in the scope by host; refuses what names no operator.

    Also refuses a browser page of another origin (RFC 6455 10.2): cookies alone prove nothing.
    """

    # Channels' mark of an application that routes on what is left of the path.
    _path_routing = True

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        host = header(scope, b"host")
        operator = await in_database(operator_by_host)(host)
        if operator is None or operator.is_public:
            await refuse(scope, send, status=404, reason="No operator answers at this host.")
            return
        if operator.status != OperatorStatus.ACTIVE:
            await refuse(scope, send, status=403, reason="This operator is suspended.")
            return
        origin = header(scope, b"origin")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            await refuse(scope, send, status=403, reason="The origin is another host.")
            return
        await self.inner(
            {**scope, "operator": operator, "schema_name": operator.schema_name}, receive, send
        )


async def served_operator(schema_name: str) -> Any | None:
    """The active operator of a schema named in a path, None when unknown or suspended."""
    # Stations come by the hundred after a power cut: no thread hop for what is known.
    operator = remembered_by_schema(schema_name)
    if operator is None:
        operator = await in_database(operator_by_schema)(schema_name)
    if operator is None or operator.is_public or operator.status != OperatorStatus.ACTIVE:
        return None
    return operator
