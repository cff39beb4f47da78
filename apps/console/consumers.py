"""The browser's WebSocket: the live snapshot of one operator."""

import time
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.accounts.channels import user_of_cookie
from apps.console.feed import live_feed
from apps.console.groups import live_group
from apps.console.views.access import may_use_console
from apps.tenants.channels import header, operator_sync

# A socket lives for hours: whether its session still holds is asked again this often.
RECHECK_S = 60.0
# The page's script answers this code by loading the page again, which asks for a log-in.
SIGNED_OUT = 4403


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends the snapshot at once and after each change, at most one a second."""

    schema_name = ""
    checked_at = 0.0

    async def connect(self) -> None:
        """Refuse who is not signed in here (the handshake is answered with 403)."""
        schema_name: str = self.scope["schema_name"]
        if not await operator_sync(schema_name)(may_use_console)(self.scope["user"]):
            await self.close(code=SIGNED_OUT)
            return
        self.schema_name = schema_name
        self.checked_at = time.monotonic()
        await self.channel_layer.group_add(live_group(schema_name), self.channel_name)
        await self.accept()
        await live_feed(schema_name).join(self.send_text)

    async def disconnect(self, code: int) -> None:
        """Leave the group and the feed."""
        if not self.schema_name:
            return
        await live_feed(self.schema_name).leave(self.send_text)
        await self.channel_layer.group_discard(live_group(self.schema_name), self.channel_name)

    async def live_dirty(self, message: dict[str, Any]) -> None:
        """Something changed at this operator."""
        live_feed(self.schema_name).mark_dirty()

    async def send_text(self, text: str) -> None:
        """Send a snapshot that is JSON text already, as long as the session holds."""
        if time.monotonic() - self.checked_at >= RECHECK_S:
            self.checked_at = time.monotonic()
            if not await operator_sync(self.schema_name)(_may_still_look)(
                header(self.scope, b"cookie")
            ):
                await self.close(code=SIGNED_OUT)
                return
        await self.send(text_data=text)


def _may_still_look(cookie_header: str) -> bool:
    return may_use_console(user_of_cookie(cookie_header))
