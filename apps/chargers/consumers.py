"""`/ocpp/<operator>/<station>`: one WebSocket of one station."""

import asyncio
import logging
from typing import Any, NoReturn

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError

from apps.chargers.choices import RefusalReason
from apps.chargers.csms.native.handshake import REALM, Handshake, read_handshake
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.message_log import message_log
from apps.chargers.csms.native.orders import order_run
from apps.chargers.ocpp.frames import FrameRefused
from apps.chargers.ocpp.versions import SUBPROTOCOLS, OcppVersion
from apps.chargers.services import (
    Admission,
    Refusal,
    connection_admit,
    connection_close,
    connection_refused,
)
from apps.tenants.channels import operator_sync, refuse, served_operator
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# RFC 6455 §7.4.1
_PROTOCOL_ERROR, _GOING_AWAY, _INTERNAL_ERROR = 1002, 1001, 1011
_WORDS = {
    RefusalReason.UNKNOWN_STATION: "This operator has no such station.",
    RefusalReason.MISSING_PASSWORD: "The station's password is missing.",
    RefusalReason.BAD_PASSWORD: "The station's password is wrong.",
    RefusalReason.TLS_REQUIRED: "This station must connect by TLS.",
    RefusalReason.MISSING_CERTIFICATE: "The station's client certificate is missing.",
    RefusalReason.BAD_CERTIFICATE: "The station's client certificate is refused.",
}


class StationConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Refuses strangers before the upgrade; then hands frames to the station's link."""

    link: StationLink | None = None
    schema_name = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Also when the channel layer or the server fails: no task and no "online" is left.
            await self._leave()

    async def connect(self) -> None:
        handshake = read_handshake(self.scope)
        operator = await served_operator(handshake.operator) if handshake.has_plain_path else None
        if operator is None:
            logger.warning("station refused path=%s reason=unknown_operator", handshake.path)
            await self._refuse(404, "No operator answers at this path.")
        self.schema_name = operator.schema_name
        admit = operator_sync(self.schema_name)(_admit)
        admitted = await admit(handshake, self.channel_name)
        if isinstance(admitted, Refusal):
            if admitted.reason == RefusalReason.SUBPROTOCOL:
                # Part 4 §3.3: complete the handshake without a subprotocol, then close.
                await self.accept()
                await self.close(_PROTOCOL_ERROR, f"offer {SUBPROTOCOLS[0]}")
                return
            await self._refuse(admitted.status, _WORDS[admitted.reason])
        assert handshake.version is not None  # noqa: S101 - refused otherwise
        await self._open(handshake.station_id, handshake.version, admitted)

    async def _open(self, station_id: str, version: OcppVersion, admission: Admission) -> None:
        self.link = StationLink(
            schema_name=self.schema_name,
            station_pk=admission.station_pk,
            station_id=station_id,
            channel=self.channel_name,
            version=version,
            registration_status=admission.registration_status,
            send=self.send,
        )
        if admission.replaced_channel:
            await self.channel_layer.send(admission.replaced_channel, {"type": "station.replaced"})
        await self.accept(version.subprotocol)
        logger.info("station connected station=%s version=%s", self.link.label, version)
        self._spawn(self._serve(self.link))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.link is None:
            return
        if text_data is not None:
            await self.link.put(text_data)
            return
        refused = FrameRefused("RpcFrameworkError", "OCPP frames are text.")
        shown = (bytes_data or b"")[:1000].decode("latin-1")
        await self.link.refuse_frame(shown, refused, utc_now())

    async def station_command(self, message: dict[str, Any]) -> None:
        """An order is queued for this station."""
        if self.link is not None:
            # Not awaited: the answer comes through receive(), which this would hold up.
            self._spawn(order_run(self.link, message["command_id"]))

    async def station_replaced(self, _message: dict[str, Any]) -> None:
        """A newer connection of the same identity has taken over."""
        await self.close(_GOING_AWAY, "replaced by a newer connection")

    async def station_end(self, _message: dict[str, Any]) -> None:
        """The operator wants the station to connect anew."""
        await self.close(_GOING_AWAY, "connect again")

    async def _serve(self, link: StationLink) -> None:
        try:
            await link.serve()
        # The outer edge of one socket: its fault is logged and closes this socket only.
        except Exception:
            logger.exception("station loop failed station=%s", link.label)
            await self.close(_INTERNAL_ERROR)

    async def _refuse(self, status: int, reason: str) -> NoReturn:
        headers = [REALM] if status == 401 else []
        await refuse(self.scope, self.base_send, status=status, reason=reason, headers=headers)
        raise StopConsumer

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("station task failed", exc_info=task.exception())

    async def _leave(self) -> None:
        link, self.link = self.link, None
        if link is None:
            return
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await message_log().flush()
        try:
            await operator_sync(self.schema_name)(connection_close)(
                station_pk=link.station_pk, channel=link.channel, now=utc_now()
            )
        except DatabaseError as err:
            # The sweep finds it silent and marks it offline.
            logger.warning("station not marked offline error=%s", err)
        logger.info("station disconnected station=%s", link.label)


def _admit(handshake: Handshake, channel: str) -> Admission | Refusal:
    """The station's admission, or the refusal, which is written down."""
    now = utc_now()
    admitted = connection_admit(
        station_id=handshake.station_id,
        password=handshake.password,
        channel=channel,
        version=handshake.version,
        now=now,
        is_tls=handshake.is_tls,
        certificate=handshake.certificate,
    )
    if isinstance(admitted, Refusal):
        connection_refused(
            station_id=handshake.station_id,
            path=handshake.path,
            refusal=admitted,
            remote=handshake.remote,
            now=now,
        )
    return admitted
