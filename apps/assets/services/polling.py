"""Polling one shard while its lease lasts: the thread that stores what the loop reads.

All queries run here, in the thread and the operator context of the task; the devices are read in
the event loop of `drivers.poller`. Once a second everything that was read is stored in one call.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection

from apps.assets.choices import DeviceKind, DeviceStage
from apps.assets.drivers.measurement import SensorKey
from apps.assets.drivers.poller import (
    Poller,
    PollFailure,
    Sample,
    SetpointOutcome,
    process_poller,
)
from apps.assets.drivers.registry import DeviceSpec
from apps.assets.models import Device, Sensor
from apps.assets.services.device_states import StateBook
from apps.assets.services.readings import ReadingRow, readings_store
from apps.assets.services.sample_rows import sample_rows
from apps.assets.services.setpoint_loop import SetpointLoop
from apps.assets.services.shards import LEASE_S, shard_hold, shard_release, shard_take
from apps.tenants.context import current_schema
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

RUN_S = 20.0
"""How long one task polls before it hands over to its successor."""
FLUSH_S = 1.0
RELOAD_S = 5.0
HOLD_S = LEASE_S / 3
MOST_ROWS_KEPT = 100_000
"""Readings kept while the database is away."""


def shard_poll(
    *,
    shard_id: int,
    stop: threading.Event,
    run_s: float = RUN_S,
    flush_s: float = FLUSH_S,
    poller: Poller | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> bool:
    """Poll a shard until `run_s` is over or `stop` is set; False when somebody else holds it."""
    holder = uuid.uuid4()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    if not shard_take(shard_id=shard_id, holder=holder, worker=worker):
        return False
    run = _ShardRun(shard_id, holder, poller or process_poller(), flush_s, clock)
    try:
        return run.until(stop=stop, ends_at_s=time.monotonic() + run_s)
    finally:
        run.end()


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
        self._setpoints = SetpointLoop()
        self._sensor_ids: dict[int, dict[SensorKey, int]] = {}
        self._specs: list[DeviceSpec] = []
        self._rows: list[ReadingRow] = []
        self._held_at_s = self._reloaded_at_s = time.monotonic()
        self._is_lost = False
        self._is_database_away = False

    def until(self, *, stop: threading.Event, ends_at_s: float) -> bool:
        """Poll and flush. False when the lease was lost on the way."""
        self._reload()
        next_s = time.monotonic()
        while not self._is_lost:
            next_s = max(next_s + self._flush_s, time.monotonic())
            is_stopped = stop.wait(max(0.0, min(next_s, ends_at_s) - time.monotonic()))
            if is_stopped or time.monotonic() >= ends_at_s:
                return True
            self._flush_or_wait()
        logger.info("poll.lease_lost shard=%s", self._shard_id)
        return False

    def end(self) -> None:
        """Stop polling, store the rest, give the lease up."""
        self._session.stop()
        if self._is_lost or self._is_database_away:
            return
        try:
            self._store(self._session.drain())
        finally:
            shard_release(shard_id=self._shard_id, holder=self._holder)

    def _flush_or_wait(self) -> None:
        """Flush; when the database is away keep the readings, at most until the lease is over."""
        try:
            self._flush()
            self._is_database_away = False
        except (OperationalError, InterfaceError):
            if not self._is_database_away:
                logger.warning("poll.database_away shard=%s", self._shard_id, exc_info=True)
            self._is_database_away = True
            connection.close()
            del self._rows[:-MOST_ROWS_KEPT]
            if time.monotonic() - self._held_at_s > LEASE_S:
                raise

    def _flush(self) -> None:
        now_s = time.monotonic()
        if now_s - self._held_at_s >= HOLD_S:
            if not shard_hold(shard_id=self._shard_id, holder=self._holder):
                self._is_lost = True
                return
            self._held_at_s = now_s
        if now_s - self._reloaded_at_s >= RELOAD_S:
            self._reload()
        self._store(self._session.drain())
        commands = self._setpoints.commands(
            device_ids=[spec.device_id for spec in self._specs], now=self._clock()
        )
        self._session.leave.renew(self._setpoints.permitted, asked_at_s=self._setpoints.asked_at_s)
        if commands:
            self._session.command(commands)

    def _store(self, events: list[Sample | PollFailure | SetpointOutcome]) -> None:
        for event in events:
            if isinstance(event, Sample):
                self._rows.extend(sample_rows(event, self._sensor_ids))
                self._states.answered(event)
            elif isinstance(event, PollFailure):
                self._states.failed(event)
            else:
                self._setpoints.outcome(event)
        if self._rows:
            readings_store(self._rows)
            self._rows = []
        self._states.store()
        self._setpoints.store(now=self._clock())

    def _reload(self) -> None:
        """Learn which devices the shard has now, and poll exactly those."""
        devices = list(
            Device.objects.filter(shard_id=self._shard_id, stage=DeviceStage.IN_SERVICE).order_by(
                "id"
            )
        )
        self._specs = [device_spec(device) for device in devices]
        self._states.learn(devices)
        self._sensor_ids = {}
        polled_at: dict[int, datetime] = {}
        rows = Sensor.objects.filter(device__shard_id=self._shard_id).values_list(
            "device_id", "quantity", "channel", "id", "latest__at"
        )
        for device_id, quantity, channel, sensor_id, at in rows:
            self._sensor_ids.setdefault(device_id, {})[quantity, channel] = sensor_id
            if at is not None:
                polled_at[device_id] = max(at, polled_at.get(device_id, at))
        self._session.poll(self._specs, polled_at)
        self._reloaded_at_s = time.monotonic()


def device_spec(device: Device) -> DeviceSpec:
    """What the driver needs to know of a device."""
    return DeviceSpec(
        device_id=device.pk,
        code=device.code,
        driver=device.driver,
        host=device.host,
        port=device.port,
        unit_id=device.unit_id,
        poll_period_s=device.poll_period_s,
        is_battery=device.kind == DeviceKind.BATTERY,
        rated_power_kw=device.rated_power_kw,
        transport=device.transport,
        timeout_s=device.timeout_s,
        inter_frame_delay_s=device.inter_frame_delay_s,
    )
