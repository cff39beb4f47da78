"""The browser's WebSocket: the live snapshot of one operator."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.console.feed import live_feed
from apps.console.groups import live_group
from apps.console.views import may_use_console
from apps.tenants.channels import operator_sync


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends the snapshot at once and after each change, at most one a second."""

    schema_name = ""

    async def connect(self) -> None:
        """Refuse who is not signed in here (the handshake is answered with 403)."""
        schema_name: str = self.scope["schema_name"]
        if not await operator_sync(schema_name)(may_use_console)(self.scope["user"]):
            await self.close(code=4403)
            return
        self.schema_name = schema_name
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
        """Send a snapshot that is JSON text already."""
        await self.send(text_data=text)
