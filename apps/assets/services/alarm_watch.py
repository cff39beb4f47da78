"""What the poll loop sees becomes alarms: communication, range, faults and clock of a device.

Made for one run of a shard: `learn` the devices, tell every answer and failure, `store` once a
second, `end` when the run is over. In between nothing is read or written unless something changes.
"""

from collections.abc import Iterable
from datetime import datetime

from apps.assets.choices import AlarmKind, Quality
from apps.assets.drivers.errors import DeviceSilentError, DeviceUnreachableError
from apps.assets.drivers.measurement import DeviceFault, SensorKey
from apps.assets.drivers.poller import PollFailure, Sample
from apps.assets.models import Device, Sensor
from apps.assets.services.alarm_book import AlarmBook
from apps.assets.services.alarm_rules import SEVERITIES, Change, clock_verdict
from apps.assets.services.sample_rows import value_quality

KINDS = (
    AlarmKind.COMMUNICATION,
    AlarmKind.OUT_OF_RANGE,
    AlarmKind.DEVICE_FAULT,
    AlarmKind.CLOCK,
)


class AlarmWatch:
    """The alarms of the devices of one shard, while one run polls them."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._book = AlarmBook("polls", KINDS)
        self._sensor_ids: dict[int, dict[SensorKey, int]] = {}

    def learn(self, devices: Iterable[Device]) -> None:
        """Watch exactly these devices; reads the database for those that are new here."""
        new = self._book.learn([device.pk for device in devices])
        if not new:
            return
        rows = Sensor.objects.filter(device_id__in=new).values_list(
            "device_id", "quantity", "channel", "id"
        )
        for device_id, quantity, channel, sensor_id in rows:
            self._sensor_ids.setdefault(device_id, {})[quantity, channel] = sensor_id

    def answered(self, sample: Sample) -> None:
        """A device answered a poll."""
        device_id, at = sample.spec.device_id, sample.at
        if device_id not in self._book:
            return
        if self._book.see(device_id, AlarmKind.COMMUNICATION, is_bad=False, at=at):
            self._book.cleared(device_id, AlarmKind.COMMUNICATION)
        self._see_ranges(sample)
        if sample.measurement.faults is not None:
            self._see_faults(device_id, sample.measurement.faults, at)
        if sample.measurement.device_at is not None:
            self._see_clock(device_id, sample.measurement.device_at, at)

    def failed(self, failure: PollFailure) -> None:
        """A device did not answer a poll, or wrongly."""
        device_id, at = failure.spec.device_id, failure.at
        if self._book.see(device_id, AlarmKind.COMMUNICATION, is_bad=True, at=at):
            is_silent = isinstance(failure.error, DeviceSilentError | DeviceUnreachableError)
            self._book.raised(
                device_id,
                AlarmKind.COMMUNICATION,
                severity=SEVERITIES[AlarmKind.COMMUNICATION],
                figures={
                    "connection_state": "silent" if is_silent else "error",
                    "error": str(failure.error)[:300],
                },
            )

    def store(self, now: datetime) -> int:
        """Write the alarms that were raised or cleared since the last time; gives how many."""
        return self._book.store(now=now)

    def end(self) -> None:
        """The run is over: leave half-made decisions to the next one."""
        self._book.keep()

    def _see_ranges(self, sample: Sample) -> None:
        device_id, at, measurement = sample.spec.device_id, sample.at, sample.measurement
        for key, value in measurement.values.items():
            is_bad = key in measurement.out_of_range or (
                value_quality(
                    quantity=key[0], value=value, rated_power_kw=sample.spec.rated_power_kw
                )
                == Quality.BAD
            )
            code = sensor_code(key)
            change = self._book.see(device_id, AlarmKind.OUT_OF_RANGE, code, is_bad=is_bad, at=at)
            if change is Change.RAISED:
                self._book.raised(
                    device_id,
                    AlarmKind.OUT_OF_RANGE,
                    code,
                    severity=SEVERITIES[AlarmKind.OUT_OF_RANGE],
                    figures={key[0]: value},
                    sensor_id=self._sensor_ids.get(device_id, {}).get(key),
                )
            elif change is Change.CLEARED:
                self._book.cleared(device_id, AlarmKind.OUT_OF_RANGE, code)

    def _see_faults(self, device_id: int, faults: tuple[DeviceFault, ...], at: datetime) -> None:
        reported = {fault.code for fault in faults}
        for fault in faults:
            if self._book.see(device_id, AlarmKind.DEVICE_FAULT, fault.code, is_bad=True, at=at):
                self._book.raised(
                    device_id,
                    AlarmKind.DEVICE_FAULT,
                    fault.code,
                    severity=fault.severity,
                    words=dict(fault.words),
                )
        for code in self._book.codes(device_id, AlarmKind.DEVICE_FAULT):
            if code in reported:
                continue
            if self._book.see(device_id, AlarmKind.DEVICE_FAULT, code, is_bad=False, at=at):
                self._book.cleared(device_id, AlarmKind.DEVICE_FAULT, code)

    def _see_clock(self, device_id: int, device_at: datetime, at: datetime) -> None:
        is_bad = clock_verdict(device_at=device_at, at=at)
        change = self._book.see(device_id, AlarmKind.CLOCK, is_bad=is_bad, at=at)
        if change is Change.RAISED:
            self._book.raised(
                device_id,
                AlarmKind.CLOCK,
                severity=SEVERITIES[AlarmKind.CLOCK],
                figures={"off_s": round((device_at - at).total_seconds(), 1)},
            )
        elif change is Change.CLEARED:
            self._book.cleared(device_id, AlarmKind.CLOCK)


def sensor_code(key: SensorKey) -> str:
    """A sensor in an alarm's code: `power_kw`, or `voltage_v/l1` for a part of the device."""
    return "/".join(part for part in key if part)
