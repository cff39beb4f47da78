"""Bodies of requests on their way from the socket to a WSGI thread.

WSGI does not tell the end of a body from a sender that went away in the middle: here it is noted.
And an answer that was given before the body was read closes the connection; the server would
go on reading, and throwing away, whatever is still to come.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from cariflex.common.api.bodies import CUT_OFF

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
SMALL_BYTES = 64 * 1024
"""What arrives with the head of a request anyway."""


class RequestBodies:
    """Stands around the WSGI application."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_whole = not _is_large(scope)

        async def receive_noting() -> Message:
            nonlocal is_whole
            message = await receive()
            if message["type"] == "http.disconnect":
                scope[CUT_OFF] = True
            elif not message.get("more_body", False):
                is_whole = True
            return message

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_whole:
                message = {
                    **message,
                    "headers": [*message.get("headers", []), (b"connection", b"close")],
                }
            await send(message)

        await self.app(scope, receive_noting, send_closing)


def _is_large(scope: Mapping[str, Any]) -> bool:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or int(length) > SMALL_BYTES
