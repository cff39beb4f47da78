"""The sensors of a shard's devices while a run polls them: known ones, and new ones as they show.

A device says which sensors it has when it is identified. Samples of a device whose sensors are not
in the database yet wait for the next `learn`, so that their first values are kept too.
"""

from datetime import datetime

from apps.assets.drivers.measurement import SensorKey, SensorSpec
from apps.assets.drivers.poller import Sample
from apps.assets.models import Sensor
from apps.assets.services.devices import device_sensors_learn
from apps.assets.services.readings import ReadingRow
from apps.assets.services.sample_rows import sample_rows

MOST_SAMPLES_WAITING = 1_000


class SensorBook:
    """The ids of the sensors of one shard."""

    def __init__(self) -> None:
        self._ids: dict[int, dict[SensorKey, int]] = {}
        self._specs: dict[int, dict[SensorKey, SensorSpec]] = {}
        self._learned: dict[int, tuple[SensorSpec, ...]] = {}
        self._waiting: list[Sample] = []

    def reload(self, *, shard_id: int) -> dict[int, datetime]:
        """Take the sensors up as the database has them; gives when each device was polled last.

        One query.
        """
        self._ids, self._specs = {}, {}
        polled_at: dict[int, datetime] = {}
        rows = Sensor.objects.filter(device__shard_id=shard_id).values_list(
            "device_id", "quantity", "channel", "period_s", "rollover_kwh", "id", "latest__at"
        )
        for device_id, quantity, channel, period_s, rollover_kwh, sensor_id, at in rows:
            spec = SensorSpec(quantity, channel, period_s, rollover_kwh)
            self._ids.setdefault(device_id, {})[spec.key] = sensor_id
            self._specs.setdefault(device_id, {})[spec.key] = spec
            if at is not None:
                polled_at[device_id] = max(at, polled_at.get(device_id, at))
        return polled_at

    def rows(self, sample: Sample) -> list[ReadingRow]:
        """The readings of a sample; none yet when its device has to be learned first."""
        device_id, sensors = sample.spec.device_id, sample.identity.sensors
        if self._learned.get(device_id) != sensors:
            if not self._is_stored(device_id, sensors):
                self._waiting.append(sample)
                del self._waiting[:-MOST_SAMPLES_WAITING]
                return []
            self._learned[device_id] = sensors
        return sample_rows(sample, self._ids)

    def learn(self) -> list[ReadingRow]:
        """Store the new sensors; gives the readings that waited for them."""
        rows: list[ReadingRow] = []
        for sample in self._waiting:
            device_id, sensors = sample.spec.device_id, sample.identity.sensors
            if self._learned.get(device_id) != sensors:
                self._ids[device_id] = device_sensors_learn(device_id=device_id, sensors=sensors)
                self._learned[device_id] = sensors
            rows.extend(sample_rows(sample, self._ids))
        self._waiting = []
        return rows

    def kept(self, rows: list[ReadingRow]) -> list[ReadingRow]:
        """Those of the rows whose sensor is known: a sensor may be deleted while it is polled."""
        known = {sensor_id for ids in self._ids.values() for sensor_id in ids.values()}
        return [row for row in rows if row.sensor_id in known]

    def _is_stored(self, device_id: int, sensors: tuple[SensorSpec, ...]) -> bool:
        stored = self._specs.get(device_id, {})
        for sensor in sensors:
            known = stored.get(sensor.key)
            if known is None or known.period_s != sensor.period_s:
                return False
            if sensor.rollover_kwh is not None and known.rollover_kwh != sensor.rollover_kwh:
                return False
        return True
