"""A station's line to the CSMS: connect, boot, send what is due, come back after a loss."""

import asyncio
import logging
import random
from typing import Any

from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from ocpp.v201 import call
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.headers import build_authorization_basic

from apps.simulation.stations.charge_point import FIRMWARE, MODEL, VENDOR, ChargePoint, Variables
from apps.simulation.stations.messages import EVSE, id_token, wire_time
from apps.simulation.stations.station import Station

log = logging.getLogger(__name__)

SUBPROTOCOL = "ocpp2.0.1"
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 10.0
_LONGEST_FIRST_PAUSE_S = 2.0
"""Before the first boot the CSMS is probably starting beside us."""
_KEEP_TRYING = {"InternalError", "GenericError"}
"""CALLERRORs that say "not now": the event stays in the queue for as long as it takes."""
_LINE_ERRORS = (OSError, TimeoutError, WebSocketException, OCPPError, UnknownCallErrorCodeError)
_MESSAGE_ATTEMPTS = 3
_REBOOT_S = 3.0


class _RebootRequested(Exception):  # noqa: N818 - not an error
    """The CSMS asked for a reset."""


class Link:
    """One station's WebSocket; `run` never returns by itself."""

    def __init__(
        self,
        station: Station,
        *,
        url: str,
        password: str,
        seed: str,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._first_pause_s = first_pause_s
        self.station = station
        self.connected = False
        self._url = url
        self._authorization = build_authorization_basic(station.asset.station_id, password)
        self._variables = Variables(station)
        self._chance = random.Random(seed)  # noqa: S311 - jitter, repeatable on purpose
        self._boot_reason: str | None = "PowerUp"
        self._offline_until_s = 0.0
        self._connection: ClientConnection | None = None
        self._reset = False
        self._triggered: list[str] = []
        self._attempts = 0
        self._heartbeat_at_s = 0.0
        self._reported_down = False

    async def run(self) -> None:
        """Hold the line for ever."""
        pause_s = self._first_pause_s
        await asyncio.sleep(self._chance.uniform(0, pause_s))
        while True:
            error: Exception | None = None
            try:
                await self._hold_once()
            except _RebootRequested:
                self._boot_reason = "RemoteReset"
                await asyncio.sleep(_REBOOT_S)
            except _LINE_ERRORS as err:
                error = err
            was_online, self.station.online = self.station.online, False
            self.connected = False
            if was_online:
                pause_s = self._first_pause_s
            self._report_down(error)
            await asyncio.sleep(pause_s * self._chance.uniform(0.7, 1.3))
            longest_s = _LONGEST_FIRST_PAUSE_S if self._boot_reason else LONGEST_PAUSE_S
            pause_s = min(longest_s, pause_s * 1.7)
            cut_s = self._offline_until_s - self.station.clock.monotonic()
            await asyncio.sleep(max(0.0, cut_s))

    async def disconnect(self, for_s: float) -> None:
        """Cut the line and keep it cut for that long."""
        self._offline_until_s = self.station.clock.monotonic() + for_s
        if self._connection is not None:
            await self._connection.close(1001)

    async def _hold_once(self) -> None:
        async with connect(
            self._url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": self._authorization},
            compression=None,
            proxy=None,
            open_timeout=10,
            close_timeout=0.5,
            ping_interval=20,
            ping_timeout=20,
        ) as connection:
            if connection.subprotocol != SUBPROTOCOL:
                raise ConnectionError(f"the CSMS chose subprotocol {connection.subprotocol!r}")
            self.connected, self._connection = True, connection
            try:
                await self._converse(connection)
            finally:
                self._connection = None

    async def _converse(self, connection: ClientConnection) -> None:
        charge_point = ChargePoint(
            connection,
            self.station,
            self._variables,
            on_trigger=self._trigger,
            on_reset=self._reset_request,
        )
        tasks = {
            asyncio.create_task(charge_point.start()),
            asyncio.create_task(self._work(charge_point)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel_all(tasks)
        for task in done:
            task.result()

    async def _work(self, charge_point: ChargePoint) -> None:
        """Boot if due, then send what is due, one call at a time."""
        if self._boot_reason is not None:
            await self._boot(charge_point)
        station = self.station
        station.online = True
        station.status_unsent = True
        self._heartbeat_at_s = station.clock.monotonic() + self._variables.heartbeat_s
        if self._reported_down:
            log.info("simulation.station_back station=%s", station.asset.station_id)
            self._reported_down = False
        while True:
            station.wake.clear()
            if await self._send_one(charge_point):
                continue
            idle_s = self._heartbeat_at_s - station.clock.monotonic()
            try:
                await asyncio.wait_for(station.wake.wait(), max(0.0, idle_s))
            except TimeoutError:
                self._trigger("Heartbeat")

    async def _boot(self, charge_point: ChargePoint) -> None:
        station = self.station.asset.station_id
        while True:
            answer = await charge_point.call(
                call.BootNotification(
                    charging_station={
                        "model": MODEL,
                        "vendor_name": VENDOR,
                        "serial_number": station,
                        "firmware_version": FIRMWARE,
                    },
                    reason=self._boot_reason,
                ),
                suppress=False,
            )
            interval_s = max(1, int(answer.interval))
            if answer.status == "Accepted":
                self._variables.heartbeat_s = interval_s
                self._boot_reason = None
                return
            log.info("simulation.boot_not_accepted station=%s status=%s", station, answer.status)
            await asyncio.sleep(min(interval_s, 300))

    async def _send_one(self, charge_point: ChargePoint) -> bool:
        """Send the most urgent message; False when nothing is due."""
        station = self.station
        if self._reset:
            self._reset = False
            await asyncio.sleep(0.2)  # lets the answer to the Reset leave first
            raise _RebootRequested
        if self._triggered:
            await self._send_triggered(charge_point, self._triggered.pop(0))
        elif station.status_unsent:
            station.status_unsent = False
            await self._send_status(charge_point)
        elif station.reservation_updates:
            await self._send_reservation_update(charge_point, *station.reservation_updates.pop(0))
        elif (token := station.token_to_authorize) is not None:
            await self._authorize(charge_point, token)
        elif station.ledger.queue:
            await self._send_event(charge_point)
        elif (needs := station.needs_to_tell) is not None:
            await self._tell_needs(charge_point, needs)
        else:
            return False
        return True

    async def _send_triggered(self, charge_point: ChargePoint, message: str) -> None:
        if message == "BootNotification":
            self._boot_reason = "Triggered"
            await self._boot(charge_point)
        elif message == "StatusNotification":
            await self._send_status(charge_point)
        else:
            await charge_point.call(call.Heartbeat())
            now_s = self.station.clock.monotonic()
            self._heartbeat_at_s = now_s + self._variables.heartbeat_s

    async def _send_status(self, charge_point: ChargePoint) -> None:
        await charge_point.call(
            call.StatusNotification(
                timestamp=wire_time(self.station.clock.utc()),
                connector_status=self.station.status.value,
                evse_id=EVSE["id"],
                connector_id=EVSE["connector_id"],
            )
        )

    async def _send_reservation_update(
        self, charge_point: ChargePoint, reservation_id: int, status: str
    ) -> None:
        await charge_point.call(
            call.ReservationStatusUpdate(
                reservation_id=reservation_id, reservation_update_status=status
            )
        )

    async def _authorize(self, charge_point: ChargePoint, token: str) -> None:
        """Ask for the card; an error leaves it unanswered and is asked again after a pause."""
        request = call.Authorize(id_token=id_token(token))
        try:
            answer = await charge_point.call(request, suppress=False)
        except OCPPError as err:
            await self._pause_after(err, "Authorize")
            return
        status = _token_status(answer.id_token_info)
        self.station.authorized(token, accepted=status == "Accepted")

    async def _send_event(self, charge_point: ChargePoint) -> None:
        """Send the oldest transaction event and drop it when it has been answered."""
        ledger = self.station.ledger
        event: dict[str, Any] = ledger.queue[0]
        try:
            answer = await charge_point.call(call.TransactionEvent(**event), suppress=False)
        except OCPPError as err:
            self._attempts += 1
            if err.code in _KEEP_TRYING or self._attempts < _MESSAGE_ATTEMPTS:
                await self._pause_after(err, "TransactionEvent")
                return
            log.error(  # noqa: TRY400 - the CSMS's answer is enough
                "simulation.event_given_up station=%s seq_no=%s code=%s",
                self.station.asset.station_id,
                event["seq_no"],
                err.code,
            )
            answer = None
        self._attempts = 0
        ledger.sent()
        token_info = answer.id_token_info if answer is not None else None
        if token_info is not None and _token_status(token_info) != "Accepted":
            self.station.deauthorized(event["transaction_info"]["transaction_id"])

    async def _tell_needs(self, charge_point: ChargePoint, needs: dict[str, Any]) -> None:
        """What the car wants (K15); a CSMS that does not know the message is not asked again."""
        request = call.NotifyEVChargingNeeds(
            evse_id=EVSE["id"], charging_needs=needs, max_schedule_tuples=1
        )
        try:
            await charge_point.call(request, suppress=False)
        except OCPPError as err:
            log.info(
                "simulation.needs_refused station=%s code=%s",
                self.station.asset.station_id,
                err.code,
            )
        self.station.needs_told()

    async def _pause_after(self, err: OCPPError, action: str) -> None:
        if self._attempts <= 1:
            log.warning(
                "simulation.call_refused station=%s action=%s code=%s description=%s",
                self.station.asset.station_id,
                action,
                err.code,
                err.description,
            )
        await asyncio.sleep(min(LONGEST_PAUSE_S, self._first_pause_s * (1 + self._attempts)))

    def _trigger(self, message: str) -> None:
        self._triggered.append(message)
        self.station.wake.set()

    def _reset_request(self) -> None:
        self._reset = True
        self.station.wake.set()

    def _report_down(self, error: Exception | None) -> None:
        if not self._reported_down:
            self._reported_down = True
            log.warning(
                "simulation.station_offline station=%s error=%s",
                self.station.asset.station_id,
                error or "closed",
            )


async def _cancel_all(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until they are done: `asyncio.wait_for` of Python 3.11 may swallow one cancel."""
    while pending := {task for task in tasks if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)


def _token_status(token_info: Any) -> str:
    status = token_info.get("status") if isinstance(token_info, dict) else token_info.status
    return str(status)
