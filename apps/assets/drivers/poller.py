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

from apps.assets.drivers import sunspec_device  # noqa: F401 - registers the driver
from apps.assets.drivers.errors import DeviceError, DeviceGarbledError
from apps.assets.drivers.measurement import Measurement
from apps.assets.drivers.modbus import BackOff, ConnectionPool
from apps.assets.drivers.registry import DeviceSpec, Driver, Identity, driver_build

logger = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_DEVICE_BACK_OFF_S = 10.0
ON_TIME_SHARE = 0.1
"""A poll is on time when it starts within this share of its period."""
HAND_OVER_S = 2.0
"""How long connections stay open for the next session of the same shard."""
COMMANDS_PATIENCE_S = 6.0
# Any irrational step spreads the phases of any number of devices evenly.
_GOLDEN_RATIO = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Sample:
    """A device answered a poll."""

    spec: DeviceSpec
    at: datetime
    measurement: Measurement
    identity: Identity


@dataclass(frozen=True, slots=True)
class PollFailure:
    """A device did not answer a poll, or wrongly."""

    spec: DeviceSpec
    at: datetime
    error: DeviceError


@dataclass(frozen=True, slots=True)
class SetpointCommand:
    """What to write to a device; no `power_kw` ends the set-point that is in force."""

    setpoint_id: int
    device_id: int
    power_kw: float | None
    reversion_s: int


@dataclass(frozen=True, slots=True)
class SetpointOutcome:
    """What came of a command."""

    command: SetpointCommand
    at: datetime
    readback_kw: float | None
    error: DeviceError | None


PollEvent = Sample | PollFailure | SetpointOutcome


@dataclass(slots=True)
class PollStatistics:
    """How punctual the polls of this process were."""

    polls: int = 0
    on_time: int = 0
    missed: int = 0
    failed: int = 0
    worst_late_s: float = 0.0

    def started(self, *, late_s: float, period_s: float, missed: int) -> None:
        """Count a poll that starts `late_s` after its instant, and those left out before it."""
        self.polls += 1
        self.missed += missed
        self.worst_late_s = max(self.worst_late_s, late_s)
        if late_s <= ON_TIME_SHARE * period_s:
            self.on_time += 1


def grid_phase_s(device_id: int, period_s: float) -> float:
    """Where in its period a device is polled: spread evenly over the devices, always the same."""
    return device_id * _GOLDEN_RATIO % 1.0 * period_s


def grid_index(at_s: float, *, phase_s: float, period_s: float) -> int:
    """The number of the last grid instant at or before `at_s`."""
    return int((at_s - phase_s) // period_s)


@dataclass(slots=True)
class _Polled:
    """A device in this process: its driver, and the last grid instant that was polled."""

    spec: DeviceSpec
    driver: Driver
    back_off: BackOff
    identity: Identity | None = None
    last_index: int | None = None

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
        self._poller = poller
        self._owner = owner
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
        """Write set-points; the outcomes come as events."""
        self._poller.run(self._command(commands))

    def stop(self) -> None:
        """End the polling. A set-point that is being written is finished first."""
        self._poller.run(self._stop(), timeout_s=COMMANDS_PATIENCE_S + 1)

    async def _poll(self, specs: Sequence[DeviceSpec], polled_at: Mapping[int, datetime]) -> None:
        wanted = set(specs)
        await _cancel([self._tasks.pop(spec) for spec in [*self._tasks] if spec not in wanted])
        for spec in specs:
            if spec not in self._tasks:
                device = self._poller.device(self._owner, spec)
                if spec.device_id in polled_at:
                    device.polled_by(polled_at[spec.device_id].timestamp())
                self._tasks[spec] = asyncio.create_task(self._poll_device(device))

    async def _poll_device(self, device: _Polled) -> None:
        period_s = device.spec.poll_period_s
        phase_s = grid_phase_s(device.spec.device_id, period_s)
        index = self._first_index(device, phase_s)
        while True:
            due_s = phase_s + index * period_s
            await asyncio.sleep(max(0.0, due_s - time.time()))
            missed = 0 if device.last_index is None else max(0, index - device.last_index - 1)
            self._poller.statistics.started(
                late_s=time.time() - due_s, period_s=period_s, missed=missed
            )
            wait_s = await self._poll_once(device)
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
        try:
            if device.identity is None:
                device.identity = await device.driver.identify()
            measurement = await device.driver.measure()
        except DeviceError as error:
            self._poller.statistics.failed += 1
            device.identity = None
            self.events.append(PollFailure(device.spec, datetime.now(UTC), error))
            return device.back_off.next_s()
        # One device's fault must not end the polling of the others, nor its own.
        except Exception as error:  # noqa: BLE001
            logger.exception("device.driver_failed device=%s", device.spec.code)
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
                device = self._poller.device(self._owner, spec)
                task = asyncio.create_task(self._write(device, command))
                self._commands.add(task)
                task.add_done_callback(self._commands.discard)

    async def _write(self, device: _Polled, command: SetpointCommand) -> None:
        readback_kw, failure = None, None
        try:
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
        self._thread = threading.Thread(target=self._turn, name="modbus-poller", daemon=True)
        self._thread.start()

    def open(self, owner: str) -> PollSession:
        """A session for the devices of one operator (`owner` keeps equal ids apart)."""
        session = PollSession(self, owner)
        self._sessions.add(session)
        return session

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
            if self._pool is None:
                self._pool = ConnectionPool()
            driver = driver_build(self._pool.get(spec.host, spec.port, spec.transport), spec)
            back_off = BackOff(
                first_s=min(spec.poll_period_s, LONGEST_DEVICE_BACK_OFF_S) / 2,
                longest_s=LONGEST_DEVICE_BACK_OFF_S - min(spec.poll_period_s, 5.0),
            )
            known = self._devices[key] = _Polled(spec, driver, back_off)
        return known

    def left(self, session: PollSession) -> None:
        """A session ended: what nobody polls any more is closed a moment later."""
        self._sessions.discard(session)
        self._loop.call_later(HAND_OVER_S, self._tidy)

    def _tidy(self) -> None:
        in_use = {end for session in self._sessions for end in session.ends}
        self._devices = {
            key: device
            for key, device in self._devices.items()
            if (device.spec.host, device.spec.port, device.spec.transport) in in_use
        }
        if self._pool is not None:
            self._tidying = self._loop.create_task(self._pool.keep_only(in_use))

    async def _close_connections(self) -> None:
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
