"""One station's socket, whatever OCPP version it speaks: frames in and out, in order.

Calls of the station are served one after the other, so that a station that does not wait for
answers gets them all, in order. Its answers to our calls are taken out of the line at once: a
handler that is at work never holds up the answer that somebody waits for.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError

from apps.chargers.choices import MessageDirection, RegistrationStatus
from apps.chargers.csms.native.floods import COST, COST_WHEN_DUE, FrameBudget
from apps.chargers.csms.native.message_log import message_log
from apps.chargers.csms.native.registry import handler_of
from apps.chargers.ocpp import frames, validation
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import LoggedFrame, connection_seen
from apps.chargers.services.security_events import MESSAGE_FLOOD, security_event_store
from apps.tenants.channels import operator_sync
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 30.0
SEEN_EVERY = timedelta(seconds=10)
# A station that sends faster than it is served is slowed down by TCP, not by our memory.
QUEUED_FRAMES = 64
# A database that restarts is waited for; the station's own limit for an answer is 30 s.
_RETRY_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
IN, OUT = MessageDirection.IN, MessageDirection.OUT
P = ParamSpec("P")
R = TypeVar("R")


class CallRefused(Exception):
    """The station answered a call of ours with a CALLERROR, or with what is no answer to it."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description


class StationLink:
    """A station of one operator, while its socket is open."""

    def __init__(
        self,
        *,
        schema_name: str,
        station_pk: int,
        station_id: str,
        channel: str,
        version: OcppVersion,
        registration_status: RegistrationStatus,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        self.schema_name = schema_name
        self.station_pk = station_pk
        self.station_id = station_id
        self.channel = channel
        self.version = version
        self.registration_status = registration_status
        # The event loop has no schema of its own: log lines name the operator themselves.
        self.label = f"{schema_name}/{station_id}"
        self._send = send
        self._line: asyncio.Queue[tuple[str, frames.Frame, datetime]] = asyncio.Queue(QUEUED_FRAMES)
        self._calling = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[frames.Frame]] = {}
        self._seen_at = utc_now()
        self._afterwards: list[Callable[[], Awaitable[object]]] = []
        self._budget = FrameBudget()
        self._is_serving = False

    # --- frames of the station ---

    async def put(self, text: str) -> None:
        """Take a frame from the socket; waits while too many calls stand in line."""
        at = utc_now()
        try:
            frame = frames.parse_frame(text, version=self.version)
        except frames.FrameRefused as refused:
            await self.refuse_frame(text, refused, at)
            return
        await self._slow_down(COST_WHEN_DUE if self._is_due(frame) else COST)
        if frame.message_type in frames.ANSWERS:
            waiting = self._waiting.pop(frame.message_id, None)
            error = "" if waiting is not None else "Nobody waits for this answer."
            self._log(IN, frame.message_type, frame.message_id, "", text, error, at)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
        elif frame.message_type == frames.CALL_RESULT_ERROR:
            error = "The station could not use our answer."
            logger.warning("answer refused by station=%s frame=%s", self.label, text[:300])
            self._log(IN, frame.message_type, frame.message_id, "", text, error, at)
        else:
            await self._line.put((text, frame, at))

    async def serve(self) -> None:
        """Serve the calls of the station until cancelled."""
        while True:
            _text, frame, at = await self._line.get()
            self._is_serving = True
            if frame.message_type == frames.SEND:
                await self._serve_send(frame, at)
            else:
                await self._serve_call(frame, at)

    async def refuse_frame(self, text: str, refused: frames.FrameRefused, at: datetime) -> None:
        """Log a frame that is no OCPP message and say so to the station."""
        await self._slow_down(COST)
        code = self.version.error_code(refused.code)
        error = f"{code}: {refused.message}"
        logger.info("frame refused station=%s error=%s", self.label, error)
        self._log(IN, None, refused.message_id, "", text, error, at)
        if refused.answerable:
            answer = frames.call_error(refused.message_id, code, refused.message)
            await self._answer(answer, message_id=refused.message_id, error=error)
            return
        waiting = self._waiting.pop(refused.message_id, None)
        if waiting is not None and not waiting.done():
            # Nothing better will come: the order fails at once, with the reason.
            waiting.set_exception(CallRefused(code, refused.message))

    def _is_due(self, frame: frames.Frame) -> bool:
        """True for what a station that waits for its answers sends (Part 4 §4.1.1)."""
        if frame.message_type in frames.ANSWERS:
            return frame.message_id in self._waiting
        return frame.message_type == frames.CALL and not self._is_serving and self._line.empty()

    async def _slow_down(self, cost: float) -> None:
        """Charge the budget for a frame; when it is spent the next one is read later."""
        now_s = asyncio.get_running_loop().time()
        wait_s = self._budget.spend(now_s, cost)
        if not wait_s:
            return
        if self._budget.is_news(now_s):
            logger.warning("flood of messages station=%s", self.label)
            await self.store(
                security_event_store,
                station_pk=self.station_pk,
                event_type=MESSAGE_FLOOD,
                at=utc_now(),
                tech_info="It sends more than it may; it is read more slowly.",
            )
        await asyncio.sleep(wait_s)

    async def _serve_call(self, frame: frames.Frame, at: datetime) -> None:
        error = ""
        try:
            text = frames.call_result(frame.message_id, await self._served(frame))
        except PayloadRefused as refused:
            code = self.version.error_code(refused.code)
            error = f"{code}: {refused.message}"
            text = frames.call_error(frame.message_id, code, refused.message)
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
        # The answer frees the station to call again: no flood.
        self._is_serving = False
        await self._answer(text, message_id=frame.message_id, action=frame.action, error=error)
        while self._afterwards:
            await self._after(self._afterwards.pop(0))

    def afterwards(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do this once the call that is being served was answered, before the next one."""
        self._afterwards.append(work)

    async def _after(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        # The station has its answer; what should follow must not end its socket.
        except Exception:
            logger.exception("work after an answer failed station=%s", self.label)

    async def _serve_send(self, frame: frames.Frame, at: datetime) -> None:
        """A SEND has no answer, not even when it is wrong (2.1 Part 4 §4.2.5)."""
        error = ""
        try:
            await self._served(frame)
        except PayloadRefused as refused:
            error = f"{refused.code}: {refused.message}"
        except Exception as err:
            logger.exception("message failed station=%s action=%s", self.label, frame.action[:50])
            error = f"InternalError: {err}"
        self._is_serving = False
        self._log(IN, frames.SEND, frame.message_id, frame.action, frame.text, error, at)

    async def _served(self, frame: frames.Frame) -> dict[str, Any]:
        """The answer to a call; PayloadRefused for one that cannot be served."""
        known = validation.actions(self.version)
        handler = handler_of(self.version, frame.action)
        if handler is None:
            # Part 4 table "Valid error codes": not known, or known and not for us to serve.
            if frame.action in known:
                raise PayloadRefused("NotSupported", f"{frame.action} is not served.")
            raise PayloadRefused("NotImplemented", "The action is not known.")
        accepted = self.registration_status == RegistrationStatus.ACCEPTED
        pending = self.registration_status == RegistrationStatus.PENDING
        if not (accepted or handler.before_acceptance or (pending and handler.while_pending)):
            # B02.FR.09, B03.FR.07: nothing but a boot until we accepted the station.
            raise PayloadRefused("SecurityError", "The station is not accepted.")
        violation = validation.request_violation(self.version, frame.action, frame.payload)
        if violation is not None:
            raise PayloadRefused(violation.code, str(violation))
        answer = await handler.serve(self, frame)
        if frame.message_type == frames.CALL:
            wrong = validation.response_violation(self.version, frame.action, answer)
            if wrong is not None:
                raise ValueError(f"our answer to {frame.action} is wrong: {wrong}")
        return answer

    async def _answer(
        self, text: str, *, message_id: str, action: str = "", error: str = ""
    ) -> None:
        await self._send(text)
        message_type = frames.CALL_ERROR if error else frames.CALL_RESULT
        self._log(OUT, message_type, message_id, action, text, error, utc_now())

    # --- calls of ours ---

    async def call(
        self,
        action: str,
        payload: dict[str, Any],
        *,
        message_id: str,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> dict[str, Any]:
        """The station's answer to a call, one call at a time (Part 4 §4.1.1).

        Raises CallRefused for a CALLERROR or an answer that breaks its schema, TimeoutError.
        """
        async with self._calling:
            answer: asyncio.Future[frames.Frame] = asyncio.get_running_loop().create_future()
            self._waiting[message_id] = answer
            text = frames.call(message_id, action, payload)
            kept = frames.call(message_id, action, without_secrets(action, payload))
            try:
                await self._send(text)
                self._log(OUT, frames.CALL, message_id, action, kept, "", utc_now())
                frame = await asyncio.wait_for(answer, timeout_s)
            finally:
                self._waiting.pop(message_id, None)
        if frame.message_type == frames.CALL_ERROR:
            elements = json.loads(frame.text)
            raise CallRefused(str(elements[2]), str(elements[3]))
        violation = validation.response_violation(self.version, action, frame.payload)
        if violation is not None:
            await self._refuse_answer(message_id, violation)
            raise CallRefused(violation.code, f"the station's answer: {violation}")
        return json.loads(frame.payload_text)  # type: ignore[no-any-return]

    async def _refuse_answer(self, message_id: str, violation: validation.Violation) -> None:
        """Say that an answer cannot be used, where OCPP has a word for it (2.1 Part 4 §4.2.4)."""
        if self.version is not OcppVersion.V21:
            return
        text = frames.call_result_error(message_id, violation.code, str(violation))
        await self._send(text)
        error = f"{violation.code}: {violation}"
        self._log(OUT, frames.CALL_RESULT_ERROR, message_id, "", text, error, utc_now())

    # --- the database ---

    async def store(self, service: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a service in the operator's schema in one hop; waits for a restarting database."""
        hop = operator_sync(self.schema_name)(self._and_seen)
        return await self.patiently(hop, partial(service, *args, **kwargs))

    async def patiently(
        self, write: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do a write, again and again while the database restarts."""
        for delay_s in _RETRY_DELAYS_S:
            try:
                return await write(*args, **kwargs)
            except (OperationalError, InterfaceError) as err:
                logger.warning("database away station=%s error=%s", self.label, err)
                await asyncio.sleep(delay_s)
        return await write(*args, **kwargs)

    async def seen(self) -> None:
        """Say that the station lives, when that was not said lately."""
        if utc_now() - self._seen_at >= SEEN_EVERY:
            await self.store(lambda: None)

    def _and_seen(self, run: Callable[[], R]) -> R:
        now = utc_now()
        if now - self._seen_at >= SEEN_EVERY:
            self._seen_at = now
            connection_seen(station_pk=self.station_pk, channel=self.channel, now=now)
        return run()

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
