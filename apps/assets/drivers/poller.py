"""The event loop of a worker process that polls devices, and its open connections.

A poll session is opened by the thread that holds a shard's lease. Each device is read on a fixed
grid of wall-clock instants (phase + n x period), so a late poll does not shift the next ones and a
new session goes on where the last one ended. Connections survive from session to session.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from apps.assets.drivers import map_library, sunspec_device  # noqa: F401 - register the drivers
from apps.assets.drivers.errors import (
    DeviceError,
    DeviceGarbledError,
    DeviceUnreachableError,
)
from apps.assets.drivers.jobs import GatewayAsk, JsonObject, gateway_answer
from apps.assets.drivers.modbus import BackOff, ConnectionPool, ModbusConnection
from apps.assets.drivers.poll_events import (
    JobOutcome,
    PollEvent,
    PollFailure,
    Sample,
    SetpointCommand,
    SetpointOutcome,
)
from apps.assets.drivers.poll_grid import (
    PollStatistics,
    grid_index,
    grid_phase_s,
)
from apps.assets.drivers.registry import DeviceSpec, Driver, Identity, driver_build
from apps.assets.drivers.write_guard import WriteLeave

__all__ = [
    "JobOutcome",
    "PollEvent",
    "PollFailure",
    "PollSession",
    "PollStatistics",
    "Poller",
    "Sample",
    "SetpointCommand",
    "SetpointOutcome",
    "grid_index",
    "grid_phase_s",
    "process_poller",
]

logger = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_SILENCE_S = 7.0
"""A silent device is asked again within this time, or its period if that is longer.

With the ask that fails just before (its time-out) and the way into the store, a device that answers
again is seen within 10 s.
"""
HAND_OVER_S = 2.0
"""How long connections stay open for the next session of the same shard."""
COMMANDS_PATIENCE_S = 6.0
ASK_PATIENCE_S = 120.0
"""A test write lasts as long as its reversion time; nothing that is asked lasts longer."""


@dataclass(slots=True)
class _Polled:
    """A device in this process: its driver, and the last grid instant that was polled."""

    spec: DeviceSpec
    driver: Driver
    connection: ModbusConnection
    back_off: BackOff
    identity: Identity | None = None
    last_index: int | None = None
    is_cut_off: bool = False
    """The last poll found no connection: it is polled as soon as there is one."""

    def polled_by(self, at_s: float) -> None:
        """Another worker read it at `at_s`; that counts if it was just now."""
        period_s = self.spec.poll_period_s
        phase_s = grid_phase_s(self.spec.device_id, period_s)
        if time.time() - at_s < 2 * period_s:
            index = grid_index(at_s, phase_s=phase_s, period_s=period_s)
            self.last_index = max(index, self.last_index or index)


class PollSession:
    """The polling of some devices while a lease lasts. Opened and used from another thread."""

    def __init__(self, poller: "Poller", owner: str) -> None:
        self.events: deque[PollEvent] = deque()
        self.owner = owner
        self.leave = WriteLeave()
        self._poller = poller
        self._tasks: dict[DeviceSpec, asyncio.Task[None]] = {}
        self._commands: set[asyncio.Task[None]] = set()

    @property
    def ends(self) -> set[tuple[str, int, str]]:
        """The gateways this session needs."""
        return {(spec.host, spec.port, spec.transport) for spec in self._tasks}

    def drain(self) -> list[PollEvent]:
        """What happened since the last call, in order."""
        return [self.events.popleft() for _ in range(len(self.events))]

    def poll(
        self, specs: Sequence[DeviceSpec], polled_at: Mapping[int, datetime] | None = None
    ) -> None:
        """Poll exactly these devices from now on.

        `polled_at` tells when devices were polled last, by whichever worker: an instant of the
        grid that fell between its lease and ours is made good.
        """
        self._poller.run(self._poll(specs, polled_at or {}))

    def command(self, commands: Sequence[SetpointCommand]) -> None:
        """Write those set-points that have `leave`; the outcomes come as events."""
        self._poller.run(self._command(commands))

    def ask(self, asks: Sequence[GatewayAsk]) -> None:
        """Answer a person's questions over the connections of this process.

        The outcomes come as events; one that takes longer than this session lasts comes to
        another session of the same operator.
        """
        self._poller.run(self._poller.ask(self, asks))

    def stop(self) -> None:
        """End the polling. A set-point that is being written is finished first."""
        self._poller.run(self._stop(), timeout_s=COMMANDS_PATIENCE_S + 1)

    async def _poll(self, specs: Sequence[DeviceSpec], polled_at: Mapping[int, datetime]) -> None:
        wanted = set(specs)
        await _cancel([self._tasks.pop(spec) for spec in [*self._tasks] if spec not in wanted])
        for spec in specs:
            if spec not in self._tasks:
                device = self._poller.device(self.owner, spec)
                if spec.device_id in polled_at:
                    device.polled_by(polled_at[spec.device_id].timestamp())
                self._tasks[spec] = asyncio.create_task(self._poll_device(device))

    async def _poll_device(self, device: _Polled) -> None:
        period_s = device.spec.poll_period_s
        phase_s = grid_phase_s(device.spec.device_id, period_s)
        index = self._first_index(device, phase_s)
        while True:
            due_s = phase_s + index * period_s
            if device.is_cut_off and await device.connection.up(due_s - time.time()):
                await self._poll_once(device)
                index = max(index, grid_index(time.time(), phase_s=phase_s, period_s=period_s) + 1)
                continue
            await asyncio.sleep(max(0.0, due_s - time.time()))
            missed = 0 if device.last_index is None else max(0, index - device.last_index - 1)
            statistics, device_id = self._poller.statistics, device.spec.device_id
            statistics.started(
                device_id, late_s=time.time() - due_s, period_s=period_s, missed=missed
            )
            wait_s = await self._poll_once(device)
            statistics.ended(
                device_id, after_s=time.time() - due_s, is_answered=device.identity is not None
            )
            device.last_index = index
            now_s = time.time() + wait_s
            index = max(index, grid_index(now_s, phase_s=phase_s, period_s=period_s)) + 1

    def _first_index(self, device: _Polled, phase_s: float) -> int:
        """The next instant; the last one too if it fell between two sessions of this process."""
        period_s = device.spec.poll_period_s
        now_s = time.time()
        index = grid_index(now_s, phase_s=phase_s, period_s=period_s)
        just_missed = (
            device.last_index is not None
            and device.last_index == index - 1
            and now_s - (phase_s + index * period_s) < period_s / 2
        )
        return index if just_missed else index + 1

    async def _poll_once(self, device: _Polled) -> float:
        """Read a device once; gives how long to leave it alone beyond its period, in seconds."""
        device.is_cut_off = False
        try:
            if device.identity is None:
                device.identity = await device.driver.identify()
            measurement = await device.driver.measure()
        except DeviceError as error:
            device.identity = None
            self.events.append(PollFailure(device.spec, datetime.now(UTC), error))
            if isinstance(error, DeviceUnreachableError):
                # Costs nothing on the wire: the connection has a back-off of its own.
                device.is_cut_off = True
                return 0.0
            return device.back_off.next_s()
        # One device's fault must not end the polling of the others, nor its own.
        except Exception as error:  # noqa: BLE001
            logger.exception("device.driver_failed device=%s", device.spec.code)
            device.identity = None
            failure = DeviceGarbledError(f"driver failed: {type(error).__name__}")
            self.events.append(PollFailure(device.spec, datetime.now(UTC), failure))
            return device.back_off.next_s()
        device.back_off.reset()
        self.events.append(Sample(device.spec, datetime.now(UTC), measurement, device.identity))
        return 0.0

    async def _command(self, commands: Sequence[SetpointCommand]) -> None:
        specs = {spec.device_id: spec for spec in self._tasks}
        for command in commands:
            spec = specs.get(command.device_id)
            if spec is not None:
                device = self._poller.device(self.owner, spec)
                task = asyncio.create_task(self._write(device, command))
                self._commands.add(task)
                task.add_done_callback(self._commands.discard)

    async def _write(self, device: _Polled, command: SetpointCommand) -> None:
        readback_kw, failure = None, None
        try:
            with self.leave.guard(command.setpoint_id):
                if command.power_kw is None:
                    await device.driver.setpoint_release()
                else:
                    readback_kw = await device.driver.setpoint_write(
                        power_kw=command.power_kw, reversion_s=command.reversion_s
                    )
        except DeviceError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - reported as the outcome, whatever it is
            logger.exception("device.setpoint_failed device=%s", device.spec.code)
            failure = DeviceGarbledError(f"driver failed: {type(error).__name__}", retryable=False)
        self.events.append(SetpointOutcome(command, datetime.now(UTC), readback_kw, failure))

    async def _stop(self) -> None:
        await _cancel(self._tasks.values())
        if self._commands:
            await asyncio.wait(self._commands, timeout=COMMANDS_PATIENCE_S)
        self._poller.left(self)


class Poller:
    """One event loop in a thread of its own, and the connections that live in it."""

    def __init__(self) -> None:
        self.statistics = PollStatistics()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_loop_failure)
        self._pool: ConnectionPool | None = None
        self._devices: dict[tuple[str, int], _Polled] = {}
        self._sessions: set[PollSession] = set()
        self._asking: dict[asyncio.Task[None], tuple[str, int, str]] = {}
        self._undelivered: dict[str, list[PollEvent]] = {}
        self._thread = threading.Thread(target=self._turn, name="modbus-poller", daemon=True)
        self._thread.start()

    def open(self, owner: str) -> PollSession:
        """A session for the devices of one operator (`owner` keeps equal ids apart)."""
        session = PollSession(self, owner)
        session.events.extend(self._undelivered.pop(owner, []))
        self._sessions.add(session)
        return session

    def ask_once(self, ask: GatewayAsk) -> JsonObject:
        """The answer to a question, over a connection of its own. Raises a DeviceError."""
        return self.run(self._ask_once(ask), timeout_s=ASK_PATIENCE_S)

    async def ask(self, session: PollSession, asks: Sequence[GatewayAsk]) -> None:
        """Begin to answer; called in the loop."""
        for ask in asks:
            task = self._loop.create_task(self._answer(session, ask))
            self._asking[task] = ask.host, ask.port, ask.transport
            task.add_done_callback(self._asking.pop)

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float = 30.0) -> T:
        """Do something in the loop and wait for it, from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def close(self) -> None:
        """Close the connections and end the loop."""
        if self._loop.is_running():
            with contextlib.suppress(TimeoutError):
                self.run(self._close_connections(), timeout_s=5.0)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)
        if not self._loop.is_running():
            self._loop.close()

    def device(self, owner: str, spec: DeviceSpec) -> _Polled:
        """The device as it is known to this process; called in the loop."""
        key = (owner, spec.device_id)
        known = self._devices.get(key)
        if known is None or known.spec != spec:
            connection = self._connections().get(spec.host, spec.port, spec.transport)
            # The next instant of the grid comes up to a period after the back-off.
            back_off = BackOff(
                first_s=spec.poll_period_s / 2,
                longest_s=max(0.0, LONGEST_SILENCE_S - spec.poll_period_s),
            )
            driver = driver_build(connection, spec)
            known = self._devices[key] = _Polled(spec, driver, connection, back_off)
        return known

    def left(self, session: PollSession) -> None:
        """A session ended: what nobody polls any more is closed a moment later."""
        self._sessions.discard(session)
        self._loop.call_later(HAND_OVER_S, self._tidy)

    async def _answer(self, session: PollSession, ask: GatewayAsk) -> None:
        answer, failure = None, None
        try:
            answer = await gateway_answer(self._connections(), ask)
        except DeviceError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - reported as the outcome, whatever it is
            logger.exception("device.job_failed job=%s kind=%s", ask.job_id, ask.kind)
            failure = DeviceGarbledError(f"driver failed: {type(error).__name__}")
        self._deliver(session, JobOutcome(ask, answer, failure))

    def _deliver(self, session: PollSession, outcome: JobOutcome) -> None:
        """To the session that asked; if it has ended, to the next of the same operator."""
        if session not in self._sessions:
            others = [other for other in self._sessions if other.owner == session.owner]
            if not others:
                self._undelivered.setdefault(session.owner, []).append(outcome)
                return
            session = others[0]
        session.events.append(outcome)

    async def _ask_once(self, ask: GatewayAsk) -> JsonObject:
        pool = ConnectionPool()
        try:
            return await gateway_answer(pool, ask)
        finally:
            await pool.close()

    def _connections(self) -> ConnectionPool:
        if self._pool is None:
            self._pool = ConnectionPool()
        return self._pool

    def _tidy(self) -> None:
        in_use = {end for session in self._sessions for end in session.ends}
        in_use.update(self._asking.values())
        self._devices = {
            key: device
            for key, device in self._devices.items()
            if (device.spec.host, device.spec.port, device.spec.transport) in in_use
        }
        if self._pool is not None:
            self._tidying = self._loop.create_task(self._pool.keep_only(in_use))

    async def _close_connections(self) -> None:
        await _cancel([*self._asking])
        if self._pool is not None:
            await self._pool.close()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


async def _cancel(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait for their end.

    Python 3.11's wait_for, in which pymodbus waits for an answer, swallows a cancellation that
    comes in the same turn as the answer (python/cpython issue 86296): so it is repeated.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _done, pending = await asyncio.wait(pending, timeout=0.05)


def _loop_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """pymodbus lets errors about frames it cannot parse escape here; the poll reports them."""
    logger.debug("poller.loop %s", context.get("message"), exc_info=context.get("exception"))


_guard = threading.Lock()
_pollers: dict[int, Poller] = {}


def process_poller() -> Poller:
    """The poller of this process, started on first use."""
    with _guard:
        pid = os.getpid()
        if pid not in _pollers:
            # Whatever a fork copied from its parent has no thread here.
            _pollers.clear()
            _pollers[pid] = Poller()
            atexit.register(_pollers[pid].close)
        return _pollers[pid]
