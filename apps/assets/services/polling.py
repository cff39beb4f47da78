"""Polling one shard while its lease lasts: the thread that stores what the loop reads.

All queries run here, in the thread and the operator context of the task; the devices are read in
the event loop of `drivers.poller`. Once a second everything that was read is stored in one call.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum

from django.db import IntegrityError, InterfaceError, OperationalError, connection

from apps.assets.choices import DeviceStage
from apps.assets.drivers.errors import DeviceGarbledError
from apps.assets.drivers.poller import (
    JobOutcome,
    Poller,
    PollEvent,
    PollFailure,
    Sample,
    process_poller,
)
from apps.assets.drivers.registry import DeviceSpec, driver_names
from apps.assets.models import Device
from apps.assets.services.alarm_watch import AlarmWatch
from apps.assets.services.device_specs import device_spec
from apps.assets.services.device_states import StateBook
from apps.assets.services.job_loop import JobLoop
from apps.assets.services.readings import ReadingRow, readings_store
from apps.assets.services.sensor_book import SensorBook
from apps.assets.services.setpoint_loop import SetpointLoop
from apps.assets.services.shards import (
    OVERDUE_S,
    shard_hold,
    shard_release,
    shard_state,
    shard_take,
)
from apps.assets.services.shares import ShardKey, Shares
from apps.tenants.context import current_schema
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

RUN_S = 20.0
"""How long one task polls before it hands over to its successor."""
LONGEST_STAY_S = 200.0
"""How much longer it stays while the database is away or an answer is awaited. With `RUN_S` less
than the broker's visibility time-out, after which the task would be given to another worker."""
FLUSH_S = 1.0
RELOAD_S = 5.0
DECLINE_PAUSE_S = 0.3
"""How long a shard that others should have is kept from the queue, so that they come first."""
LEASE_LOOK_S = 0.25
"""How often an heir looks whether a dead worker's lease is over."""
MOST_ROWS_KEPT = 100_000
"""Readings of a shard kept while the database is away: 20 MB."""
_DATABASE_AWAY = (OperationalError, InterfaceError)


def shard_poll(
    *,
    shard_id: int,
    stop: threading.Event,
    run_s: float = RUN_S,
    flush_s: float = FLUSH_S,
    poller: Poller | None = None,
    clock: Callable[[], datetime] = utc_now,
    shares: Shares | None = None,
) -> bool:
    """Poll a shard until `run_s` is over or `stop` is set; True when it is to be sent again.

    False when somebody else holds it, or this process has no room for it. A shard that another
    worker should have comes back unpolled, after a moment, to be sent again.
    """
    shares = shares or Shares()
    if stop.is_set():
        return True
    if not shares.enter():
        state = shard_state(shard_id=shard_id)
        if state is not None and state.lease_left_s == 0:
            shares.warn_full()
        return False
    key = current_schema(), shard_id
    try:
        holder = uuid.uuid4()
        lease = _take(key, holder, shares, stop)
        if lease is not _Lease.OURS:
            return lease is _Lease.LEFT
        run = _ShardRun(shard_id, holder, poller or process_poller(), flush_s, clock)
        try:
            return run.until(stop=stop, ends_at_s=time.monotonic() + run_s)
        finally:
            run.end(is_given_up=stop.is_set() or shares.give_up(key))
    finally:
        shares.leave(key)
        shares.exit()


class _Lease(Enum):
    OURS = "ours"
    ANOTHERS = "another's"
    LEFT = "left to another for a moment"


def _take(key: ShardKey, holder: uuid.UUID, shares: Shares, stop: threading.Event) -> _Lease:
    """Take the lease if it is free and ours to take.

    The heir of a worker that stopped renewing waits here for the end of the lease.
    """
    _schema, shard_id = key
    while (state := shard_state(shard_id=shard_id)) is not None:
        if state.lease_left_s > OVERDUE_S:
            return _Lease.ANOTHERS
        if state.lease_left_s > 0:
            if stop.wait(min(LEASE_LOOK_S, state.lease_left_s)):
                return _Lease.LEFT
        elif not shares.should_take(key, state):
            stop.wait(DECLINE_PAUSE_S)
            return _Lease.LEFT
        elif shard_take(shard_id=shard_id, holder=holder, worker=shares.name):
            return _Lease.OURS
    return _Lease.ANOTHERS


class _ShardRun:
    """One lease of one shard."""

    def __init__(
        self,
        shard_id: int,
        holder: uuid.UUID,
        poller: Poller,
        flush_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._shard_id = shard_id
        self._holder = holder
        self._flush_s = flush_s
        self._clock = clock
        self._session = poller.open(current_schema())
        self._states = StateBook()
        self._alarms = AlarmWatch(current_schema())
        self._sensors = SensorBook()
        self._setpoints = SetpointLoop()
        self._jobs = JobLoop(shard_id)
        self._specs: list[DeviceSpec] = []
        self._rows: list[ReadingRow] = []
        self._reloaded_at_s = time.monotonic()
        self._is_lost = False
        self._is_database_away = False

    def until(self, *, stop: threading.Event, ends_at_s: float) -> bool:
        """Poll and flush. False when the lease was lost on the way."""
        self._reload()
        next_s = time.monotonic()
        while not self._is_lost:
            next_s = max(next_s + self._flush_s, time.monotonic())
            until_s = next_s if self._must_stay(ends_at_s) else min(next_s, ends_at_s)
            if stop.wait(max(0.0, until_s - time.monotonic())):
                return True
            if time.monotonic() >= ends_at_s and not self._must_stay(ends_at_s):
                return True
            self._flush_or_wait()
        logger.info("poll.lease_lost shard=%s", self._shard_id)
        return False

    def end(self, *, is_given_up: bool) -> None:
        """Stop polling, store the rest, give the lease up."""
        self._session.stop()
        self._take_in(self._session.drain())
        try:
            if self._is_lost:
                # Another worker says now how the devices are; what we read is still true.
                self._store_rows()
                return
            self._store()
            self._alarms.end()
            if is_given_up:
                self._jobs.end(now=self._clock())
            shard_release(shard_id=self._shard_id, holder=self._holder, is_given_up=is_given_up)
        except _DATABASE_AWAY:
            logger.warning(
                "poll.readings_lost shard=%s readings=%s", self._shard_id, len(self._rows)
            )
            connection.close()

    def _must_stay(self, ends_at_s: float) -> bool:
        """What would be lost, or torn apart, by a hand-over now."""
        is_waiting = self._is_database_away or self._jobs.is_busy
        return is_waiting and time.monotonic() < ends_at_s + LONGEST_STAY_S

    def _flush_or_wait(self) -> None:
        """Flush; while the database is away poll on and keep the readings.

        Nobody else can take the lease meanwhile: it is in that database.
        """
        try:
            self._flush()
            self._is_database_away = False
        except _DATABASE_AWAY:
            if not self._is_database_away:
                logger.warning("poll.database_away shard=%s", self._shard_id, exc_info=True)
            self._is_database_away = True
            connection.close()
            del self._rows[:-MOST_ROWS_KEPT]

    def _flush(self) -> None:
        self._take_in(self._session.drain())
        if not shard_hold(shard_id=self._shard_id, holder=self._holder):
            self._is_lost = True
            return
        if time.monotonic() - self._reloaded_at_s >= RELOAD_S:
            self._reload()
        self._store()
        now = self._clock()
        commands = self._setpoints.commands(
            device_ids=[spec.device_id for spec in self._specs], now=now
        )
        self._session.leave.renew(self._setpoints.permitted, asked_at_s=self._setpoints.asked_at_s)
        if commands:
            self._session.command(commands)
        asks = self._jobs.asks(now=now)
        if asks:
            self._session.ask(asks)

    def _take_in(self, events: Sequence[PollEvent]) -> None:
        """Sort the news; no query."""
        for event in events:
            if isinstance(event, Sample):
                self._rows.extend(self._sensors.rows(event))
                self._states.answered(event)
                self._alarms.answered(event)
            elif isinstance(event, PollFailure):
                self._states.failed(event)
                self._alarms.failed(event)
            elif isinstance(event, JobOutcome):
                self._jobs.outcome(event)
            else:
                self._setpoints.outcome(event)

    def _store(self) -> None:
        self._store_rows()
        now = self._clock()
        self._states.store()
        self._alarms.store(now)
        self._setpoints.store(now=now)
        self._jobs.store(now=now)

    def _store_rows(self) -> None:
        self._rows.extend(self._sensors.learn())
        if not self._rows:
            return
        try:
            readings_store(self._rows)
        except IntegrityError:
            # A sensor was deleted while it was polled: the others' readings are kept.
            self._sensors.reload(shard_id=self._shard_id)
            self._rows = self._sensors.kept(self._rows)
            readings_store(self._rows)
        self._rows = []

    def _reload(self) -> None:
        """Learn which devices the shard has now, and poll exactly those."""
        devices = list(
            Device.objects.filter(shard_id=self._shard_id, stage=DeviceStage.IN_SERVICE).order_by(
                "id"
            )
        )
        self._states.learn(devices)
        self._alarms.learn(devices)
        polled_at = self._sensors.reload(shard_id=self._shard_id)
        self._specs = self._with_driver([device_spec(device) for device in devices])
        self._session.poll(self._specs, polled_at)
        self._reloaded_at_s = time.monotonic()

    def _with_driver(self, specs: Sequence[DeviceSpec]) -> list[DeviceSpec]:
        """Those whose device model is known; the others are reported and hold nobody up."""
        names = set(driver_names())
        for spec in specs:
            if spec.driver not in names:
                error = DeviceGarbledError(f"no device model {spec.driver}", retryable=False)
                self._take_in([PollFailure(spec, self._clock(), error)])
        return [spec for spec in specs if spec.driver in names]
