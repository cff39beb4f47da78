"""One OCPP 2.0.1 station on its socket: the library's ChargePoint, read strictly and logged.

Handlers are short: map the payload, one service call in one thread hop, answer. None of them
calls the station (the library would wait for an answer that it cannot read).
"""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

import ocpp.messages
from django.db import InterfaceError, OperationalError, transaction
from ocpp import exceptions as ocpp_errors
from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.messages import Call, CallError, CallResult, validate_payload
from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from ocpp.v201.enums import Action

from apps.chargers.choices import (
    AuthorizationStatus,
    CommandAction,
    CommandStatus,
    MessageDirection,
    RegistrationStatus,
)
from apps.chargers.csms.native.message_log import message_log
from apps.chargers.csms.native.socket import QueueSocket
from apps.chargers.ocpp import frames
from apps.chargers.ocpp.events import PayloadRefused, TransactionEvent
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services import (
    HEARTBEAT_INTERVAL_S,
    LoggedFrame,
    command_claim,
    command_finish,
    connection_seen,
    connector_status_set,
    meter_report_store,
    session_event_apply,
    station_booted,
    token_authorize,
)
from apps.tenants.channels import operator_sync
from cariflex.common.time import format_rfc3339, utc_now

logger = logging.getLogger(__name__)
# The library logs every frame and whole tracebacks; we log one line of our own.
_library_logger = logging.getLogger("apps.chargers.ocpp.library")
_library_logger.setLevel(logging.CRITICAL + 1)

# Schema checks (0.5-0.8 ms each) in the thread pool: other stations' sockets go on meanwhile.
ocpp.messages.ASYNC_VALIDATION = True

ANSWER_TIMEOUT_S = 30
SEEN_EVERY = timedelta(seconds=10)
# A database that restarts is waited for; the station's own limit for an answer is 30 s.
_RETRY_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
IN, OUT = MessageDirection.IN, MessageDirection.OUT
_KNOWN_ACTIONS = frozenset(action.value for action in Action)
_CODES: dict[str, type[ocpp_errors.OCPPError]] = {
    "FormatViolation": ocpp_errors.FormatViolationError,
    "PropertyConstraintViolation": ocpp_errors.PropertyConstraintViolationError,
}
P = ParamSpec("P")
R = TypeVar("R")


class NativeChargePoint(ChargePoint):  # type: ignore[misc]
    """A station of one operator, while its socket is open."""

    def __init__(
        self,
        *,
        schema_name: str,
        station_pk: int,
        station_id: str,
        channel: str,
        registration_status: RegistrationStatus,
        socket: QueueSocket,
    ) -> None:
        super().__init__(station_id, socket, ANSWER_TIMEOUT_S, _library_logger)
        self.schema_name = schema_name
        self.station_pk = station_pk
        # The event loop has no schema of its own: log lines name the operator themselves.
        self.label = f"{schema_name}/{station_id}"
        self.channel = channel
        self.registration_status = registration_status
        self._seen_at = utc_now()

    # --- frames ---

    async def route_message(self, raw_msg: str) -> None:
        """Serve one frame: answered always, except when it is itself a malformed answer."""
        at = utc_now()
        try:
            frame = frames.parse_frame(raw_msg)
        except frames.FrameRefused as refused:
            await self.refuse_frame(raw_msg, refused, at)
            return
        if frame.message_type == frames.CALL:
            await self._serve_call(frame, at)
            return
        self._log(IN, frame.message_type, frame.message_id, "", raw_msg, "", at)
        # Only an answer that is waited for: others would pile up in the library's queue.
        if self._call_lock.locked():
            self._response_queue.put_nowait(_library_answer(frame))

    async def refuse_frame(self, text: str, refused: frames.FrameRefused, at: datetime) -> None:
        """Log a frame that is no OCPP message and say so to the station."""
        error = f"{refused.code}: {refused.message}"
        logger.info("frame refused station=%s error=%s", self.label, error)
        self._log(IN, None, refused.message_id, "", text, error, at)
        if refused.answerable:
            text = frames.call_error(refused.message_id, refused.code, refused.message)
            await self._answer(text, message_id=refused.message_id, error=error)

    async def _serve_call(self, frame: frames.Frame, at: datetime) -> None:
        error = ""
        try:
            text = await self._answer_to(frame)
        except ocpp_errors.OCPPError as err:
            code, description = err.code, str(err.details.get("cause", err.description))
            error = f"{code}: {description}"
            text = frames.call_error(frame.message_id, code, description)
        # The outer edge of one message: the station is answered and the socket goes on.
        except Exception as err:
            logger.exception("message failed station=%s action=%s", self.label, frame.action[:50])
            error = f"InternalError: {err}"
            text = frames.call_error(
                frame.message_id, "InternalError", "The message could not be processed."
            )
        if error:
            logger.info("call refused station=%s error=%s", self.label, error[:300])
        self._log(IN, frames.CALL, frame.message_id, frame.action, frame.text, error, at)
        await self._answer(text, message_id=frame.message_id, action=frame.action, error=error)

    async def _answer_to(self, frame: frames.Frame) -> str:
        """The CALLRESULT of a CALL; OCPPError for one that cannot be served."""
        self._check_allowed(frame)
        request = Call(frame.message_id, frame.action, frame.payload)
        await validate_payload(request, self._ocpp_version)
        try:
            answer = await self.route_map[frame.action]["_on_action"](frame)
        except PayloadRefused as err:
            raise _CODES[err.code](details={"cause": err.message}) from err
        payload = snake_to_camel_case(remove_nones(serialize_as_dict(answer)))
        result = request.create_call_result(payload)
        await validate_payload(result, self._ocpp_version)
        return str(result.to_json())

    def _check_allowed(self, frame: frames.Frame) -> None:
        if frame.action not in self.route_map:
            # Part 4 table 9; the library's two errors stand the other way round.
            if frame.action in _KNOWN_ACTIONS:
                raise ocpp_errors.NotSupportedError(
                    details={"cause": f"{frame.action} is not served"}
                )
            raise ocpp_errors.NotImplementedError(details={"cause": "The action is not known"})
        accepted = self.registration_status == RegistrationStatus.ACCEPTED
        if not accepted and frame.action != Action.boot_notification:
            # B02.FR.09, B03.FR.07: nothing but a boot until we accepted the station.
            raise ocpp_errors.SecurityError(details={"cause": "The station is not accepted."})

    async def _answer(
        self, text: str, *, message_id: str, action: str = "", error: str = ""
    ) -> None:
        await self._connection.send(text)
        message_type = frames.CALL_ERROR if error else frames.CALL_RESULT
        self._log(OUT, message_type, message_id, action, text, error, utc_now())

    async def _send(self, message: str) -> None:
        """Send a CALL of ours (the library's way out for `call`)."""
        _type, message_id, action, _payload = json.loads(message)
        await self._connection.send(message)
        self._log(OUT, frames.CALL, message_id, action, message, "", utc_now())

    def _log(
        self,
        direction: MessageDirection,
        message_type: int | None,
        message_id: str,
        action: str,
        text: str,
        error: str,
        at: datetime,
    ) -> None:
        message_log().add(
            self.schema_name,
            LoggedFrame(
                self.station_pk, direction, message_type, message_id, action, text, error, at
            ),
        )

    # --- what the station tells ---

    @on(Action.boot_notification)
    async def on_boot(self, frame: frames.Frame) -> call_result.BootNotification:
        boot = mapping.boot(frame.payload)
        now = utc_now()
        self.registration_status = await self._store(
            station_booted, station_pk=self.station_pk, boot=boot, now=now
        )
        return call_result.BootNotification(
            current_time=format_rfc3339(now),
            interval=HEARTBEAT_INTERVAL_S,
            status=self.registration_status.value,
        )

    @on(Action.heartbeat)
    async def on_heartbeat(self, frame: frames.Frame) -> call_result.Heartbeat:
        await self._seen()
        return call_result.Heartbeat(current_time=format_rfc3339(utc_now()))

    @on(Action.status_notification)
    async def on_status(self, frame: frames.Frame) -> call_result.StatusNotification:
        report = mapping.connector_report(frame.payload)
        await self._store(connector_status_set, station_pk=self.station_pk, report=report)
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def on_authorize(self, frame: frames.Frame) -> call_result.Authorize:
        shown = mapping.token_shown(frame.payload)
        question = TokenQuestion(shown.id_token, shown.token_type, self.id, utc_now())
        return call_result.Authorize(
            id_token_info=_id_token_info(await self._store(token_authorize, question))
        )

    @on(Action.transaction_event)
    async def on_transaction_event(self, frame: frames.Frame) -> call_result.TransactionEvent:
        event = mapping.transaction_event(frame.payload)
        decision = await self._store(self._apply_event, frame, event, utc_now())
        return call_result.TransactionEvent(
            id_token_info=None if decision is None else _id_token_info(decision)
        )

    @on(Action.meter_values)
    async def on_meter_values(self, frame: frames.Frame) -> call_result.MeterValues:
        report = mapping.meter_report(frame.payload)
        await self._store(meter_report_store, station_pk=self.station_pk, report=report)
        return call_result.MeterValues()

    @on(Action.notify_event)
    async def on_notify_event(self, frame: frames.Frame) -> call_result.NotifyEvent:
        await self._seen()
        return call_result.NotifyEvent()

    @on(Action.notify_report)
    async def on_notify_report(self, frame: frames.Frame) -> call_result.NotifyReport:
        await self._seen()
        return call_result.NotifyReport()

    @on(Action.security_event_notification)
    async def on_security_event(self, frame: frames.Frame) -> call_result.SecurityEventNotification:
        await self._seen()
        return call_result.SecurityEventNotification()

    @on(Action.log_status_notification)
    async def on_log_status(self, frame: frames.Frame) -> call_result.LogStatusNotification:
        await self._seen()
        return call_result.LogStatusNotification()

    @on(Action.firmware_status_notification)
    async def on_firmware_status(
        self, frame: frames.Frame
    ) -> call_result.FirmwareStatusNotification:
        await self._seen()
        return call_result.FirmwareStatusNotification()

    def _apply_event(
        self, frame: frames.Frame, event: TransactionEvent, now: datetime
    ) -> TokenDecision | None:
        with transaction.atomic():
            session_event_apply(
                station_pk=self.station_pk, event=event, payload_text=frame.payload_text, now=now
            )
            if not event.id_token_type:
                return None
            return token_authorize(TokenQuestion(event.id_token, event.id_token_type, self.id, now))

    # --- what we ask of the station ---

    async def run_command(self, command_id: int) -> None:
        """Send one queued order and write down how it ended; nothing when another took it."""
        order = await self._store(
            command_claim, command_id=command_id, station_pk=self.station_pk, now=utc_now()
        )
        if order is None:
            return
        finish = partial(self._finish, command_id)
        request = _REQUESTS[order.action](**order.payload)
        try:
            answer = await self.call(request, suppress=False, unique_id=order.correlation_id)
        except TimeoutError:
            await finish(CommandStatus.TIMEOUT, error="The station did not answer.")
        except asyncio.CancelledError:
            await asyncio.shield(finish(CommandStatus.FAILED, error="The connection was lost."))
            raise
        except (ocpp_errors.OCPPError, ocpp_errors.UnknownCallErrorCodeError) as err:
            await finish(CommandStatus.FAILED, error=_error_text(err))
        else:
            accepted = answer.status == "Accepted"
            await finish(
                CommandStatus.ACCEPTED if accepted else CommandStatus.REJECTED,
                answer={key: value for key, value in vars(answer).items() if value is not None},
            )

    async def _finish(
        self,
        command_id: int,
        status: CommandStatus,
        *,
        answer: dict[str, Any] | None = None,
        error: str = "",
    ) -> None:
        await self._store(
            command_finish,
            command_id=command_id,
            status=status,
            answer=answer,
            error=error,
            now=utc_now(),
        )

    # --- the database ---

    async def _store(self, service: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a service in the operator's schema in one hop; waits for a restarting database."""
        hop = operator_sync(self.schema_name)(self._and_seen)
        for delay_s in _RETRY_DELAYS_S:
            try:
                return await hop(partial(service, *args, **kwargs))
            except (OperationalError, InterfaceError) as err:
                logger.warning("database away station=%s error=%s", self.label, err)
                await asyncio.sleep(delay_s)
        return await hop(partial(service, *args, **kwargs))

    async def _seen(self) -> None:
        if utc_now() - self._seen_at >= SEEN_EVERY:
            await self._store(lambda: None)

    def _and_seen(self, run: Callable[[], R]) -> R:
        now = utc_now()
        if now - self._seen_at >= SEEN_EVERY:
            self._seen_at = now
            connection_seen(station_pk=self.station_pk, channel=self.channel, now=now)
        return run()


_REQUESTS: dict[CommandAction, Callable[..., Any]] = {
    CommandAction.REMOTE_START: call.RequestStartTransaction,
    CommandAction.REMOTE_STOP: call.RequestStopTransaction,
}


def _library_answer(frame: frames.Frame) -> CallResult | CallError:
    if frame.message_type == frames.CALL_RESULT:
        return CallResult(frame.message_id, frame.payload)
    elements = json.loads(frame.text)
    return CallError(frame.message_id, str(elements[2]), str(elements[3]), frame.payload)


def _id_token_info(decision: TokenDecision) -> dict[str, str]:
    answer = {"status": AuthorizationStatus(decision.status).value}
    if decision.expires_at is not None:
        answer["cache_expiry_date_time"] = format_rfc3339(decision.expires_at)
    return answer


def _error_text(err: Exception) -> str:
    if isinstance(err, ocpp_errors.OCPPError):
        return f"{err.code}: {err.description}"
    return str(err)
