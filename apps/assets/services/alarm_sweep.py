"""The alarms that no poll sees: values that stay away, set-points not followed, a SoC that lies.

Runs every few seconds over what is stored. Everything it decides by comes from the database, so
it works whoever polls, and also when nobody does.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.assets.choices import (
    AlarmKind,
    ConnectionState,
    DeviceKind,
    DeviceStage,
    Quantity,
    SetpointStatus,
)
from apps.assets.drivers.measurement import SensorKey
from apps.assets.models import Alarm, Device, Sensor, Setpoint
from apps.assets.selectors.alarms import minute_means, powers_recent
from apps.assets.selectors.devices import STALE_POLLS, STORING_DELAY_S
from apps.assets.services.alarm_book import AlarmBook
from apps.assets.services.alarm_rules import (
    FOLLOW_WITHIN_S,
    SEVERITIES,
    SOC_WINDOW,
    Change,
    Followed,
    Minute,
    setpoint_verdict,
    soc_check,
    stale_verdict,
)
from apps.assets.services.alarm_watch import sensor_code
from apps.assets.services.alarms import AlarmKey, alarms_store
from cariflex.common.units import floor_slot

KINDS = (AlarmKind.STALE, AlarmKind.SETPOINT_NOT_FOLLOWED, AlarmKind.SOC_MISMATCH)
SOC_EVERY_S = 60
MINUTE = timedelta(minutes=1)
ROLLUP_DELAY = timedelta(minutes=1)
"""The last whole minute may not be rolled up yet."""
LATE_SENSOR_EXTRA_S = 30.0
"""Slow poll groups come in turns: a sensor alone counts as late only this much later."""


@dataclass(frozen=True, slots=True)
class _SensorNow:
    sensor_id: int
    period_s: float | None
    at: datetime | None
    value: float | None


@dataclass(slots=True)
class _Watched:
    """A device in service with its sensors."""

    device: Device
    sensors: dict[SensorKey, _SensorNow] = field(default_factory=dict)

    @property
    def newest_at(self) -> datetime | None:
        """When anything of it was measured last."""
        times = [sensor.at for sensor in self.sensors.values() if sensor.at is not None]
        return max(times, default=None)

    def sensor_id(self, quantity: Quantity) -> int | None:
        """The sensor of the whole device."""
        sensor = self.sensors.get((quantity, ""))
        return sensor.sensor_id if sensor else None


def alarms_watch(*, now: datetime) -> int:
    """Look at every device once; gives how many alarms were raised or cleared."""
    watched = _watched()
    count = _drop_out_of_service(watched.keys(), now)
    book = AlarmBook("sweep", KINDS)
    book.learn(watched)
    for one in watched.values():
        _see_staleness(book, one, now)
    _see_setpoints(book, watched, now)
    if _is_soc_due():
        _see_soc(book, watched, now)
    count += book.store(now=now)
    book.keep()
    return count


def _watched() -> dict[int, _Watched]:
    """The devices in service and their sensors. Two queries."""
    devices = Device.objects.filter(stage=DeviceStage.IN_SERVICE).order_by("id")
    watched = {device.pk: _Watched(device) for device in devices}
    rows = Sensor.objects.filter(device__stage=DeviceStage.IN_SERVICE).values_list(
        "device_id", "id", "quantity", "channel", "period_s", "latest__at", "latest__value"
    )
    for device_id, sensor_id, quantity, channel, period_s, at, value in rows:
        if device_id in watched:
            watched[device_id].sensors[quantity, channel] = _SensorNow(
                sensor_id, period_s, at, value
            )
    return watched


def _drop_out_of_service(in_service: Collection[int], now: datetime) -> int:
    """What is not in service has no alarms: nobody looks whether they are over."""
    rows = (
        Alarm.objects.filter(cleared_at=None, device__isnull=False)
        .exclude(device__stage=DeviceStage.IN_SERVICE)
        .values_list("device_id", "kind", "code")
    )
    keys = [AlarmKey(*row) for row in rows if row[0] not in in_service]
    return len(alarms_store(now=now, cleared=keys).cleared)


def _see_staleness(book: AlarmBook, one: _Watched, now: datetime) -> None:
    """The whole device, or single sensors of a device that is read.

    A device that does not answer has its own alarm, which says more; one that never answered is
    shown as not read yet.
    """
    device, newest_at = one.device, one.newest_at
    if device.connection_state in (ConnectionState.SILENT, ConnectionState.ERROR):
        return
    if newest_at is None:
        return
    age_s = (now - newest_at).total_seconds()
    late_after_s = STALE_POLLS * device.poll_period_s + STORING_DELAY_S
    is_bad = stale_verdict(age_s=age_s, late_after_s=late_after_s)
    _see(book, device.pk, AlarmKind.STALE, "", is_bad, now, {"age_s": round(age_s, 1)})
    if is_bad is not False:
        return
    for key, sensor in one.sensors.items():
        if sensor.at is None:
            continue
        sensor_age_s = (now - sensor.at).total_seconds()
        verdict = stale_verdict(
            age_s=sensor_age_s,
            late_after_s=STALE_POLLS * (sensor.period_s or device.poll_period_s)
            + STORING_DELAY_S
            + LATE_SENSOR_EXTRA_S,
        )
        figures: dict[str, float | str | None] = {"age_s": round(sensor_age_s, 1)}
        _see(
            book, device.pk, AlarmKind.STALE, sensor_code(key), verdict, now, figures,
            sensor.sensor_id,
        )  # fmt: skip


def _see_setpoints(book: AlarmBook, watched: dict[int, _Watched], now: datetime) -> None:
    """Measured power against the set-point that the device reads back. Two queries."""
    setpoints = {
        setpoint.device_id: setpoint
        for setpoint in Setpoint.objects.filter(
            status=SetpointStatus.APPLIED, readback_kw__isnull=False, written_at__isnull=False
        )
        if setpoint.device_id in watched
    }
    sensors = {
        device_id: watched[device_id].sensor_id(Quantity.POWER_KW) for device_id in setpoints
    }
    powers = powers_recent(
        sensor_ids=[sensor_id for sensor_id in sensors.values() if sensor_id is not None],
        since=now - timedelta(seconds=FOLLOW_WITHIN_S),
    )
    for device_id, setpoint in setpoints.items():
        readings = powers.get(sensors[device_id] or 0, [])
        verdict = setpoint_verdict(_followed(watched[device_id], setpoint), readings, now=now)
        _see(
            book, device_id, AlarmKind.SETPOINT_NOT_FOLLOWED, "", verdict, now,
            {
                "readback_kw": setpoint.readback_kw,
                "power_kw": readings[-1][1] if readings else None,
                "for_s": FOLLOW_WITHIN_S,
            },
        )  # fmt: skip
    # Nothing is to be followed any more.
    for device_id in watched.keys() - setpoints.keys():
        _see(book, device_id, AlarmKind.SETPOINT_NOT_FOLLOWED, "", False, now, {})


def _followed(one: _Watched, setpoint: Setpoint) -> Followed:
    device, soc = one.device, one.sensors.get((Quantity.SOC_PERCENT, ""))
    return Followed(
        kind=device.kind,
        readback_kw=setpoint.readback_kw or 0.0,
        since=setpoint.written_at or setpoint.requested_at,
        rated_power_kw=device.rated_power_kw,
        soc_percent=soc.value if soc else None,
        soc_min_percent=device.soc_min_percent,
        soc_max_percent=device.soc_max_percent,
    )


def _is_soc_due() -> bool:
    """True once a minute: the windows move by minutes."""
    try:
        return bool(cache.add("assets.alarms.soc", True, SOC_EVERY_S - 5))  # noqa: FBT003
    except (RedisError, OSError):
        return True


def _see_soc(book: AlarmBook, watched: dict[int, _Watched], now: datetime) -> None:
    """The change of the state of charge against the energy of the same half hour. One query."""
    pairs: dict[int, tuple[int, int]] = {}
    for device_id, one in watched.items():
        power_id = one.sensor_id(Quantity.POWER_KW)
        soc_id = one.sensor_id(Quantity.SOC_PERCENT)
        if one.device.kind == DeviceKind.BATTERY and power_id and soc_id:
            pairs[device_id] = (power_id, soc_id)
    end = floor_slot(now, MINUTE) - ROLLUP_DELAY
    start = end - SOC_WINDOW
    means = minute_means(
        sensor_ids=[sensor_id for pair in pairs.values() for sensor_id in pair],
        start=start,
        end=end,
    )
    for device_id, (power_id, soc_id) in pairs.items():
        device = watched[device_id].device
        check = soc_check(
            _minutes(means[power_id], means[soc_id]),
            capacity_kwh=device.capacity_kwh or 0.0,
            charging_efficiency=device.charging_efficiency,
            discharging_efficiency=device.discharging_efficiency,
        )
        if check is None:
            continue
        figures: dict[str, float | str | None] = {
            "expected_percent": round(check.expected_percent, 2),
            "measured_percent": round(check.measured_percent, 2),
            "tolerance_percent": round(check.tolerance_percent, 2),
            "minutes": SOC_WINDOW / MINUTE,
        }
        _see(book, device_id, AlarmKind.SOC_MISMATCH, "", check.verdict, now, figures, soc_id)


def _minutes(
    powers: dict[datetime, tuple[float | None, float]],
    socs: dict[datetime, tuple[float | None, float]],
) -> list[Minute]:
    """The minutes for which both are known or the power alone is, oldest first."""
    return [
        Minute(at, power_kw, socs.get(at, (None, 0.0))[0], coverage)
        for at, (power_kw, coverage) in sorted(powers.items())
    ]


def _see(
    book: AlarmBook,
    device_id: int,
    kind: AlarmKind,
    code: str,
    is_bad: bool | None,  # noqa: FBT001 - a verdict of the rules
    now: datetime,
    figures: dict[str, float | str | None],
    sensor_id: int | None = None,
) -> None:
    change = book.see(device_id, kind, code, is_bad=is_bad, at=now)
    if change is Change.RAISED:
        book.raised(
            device_id, kind, code, severity=SEVERITIES[kind], figures=figures, sensor_id=sensor_id
        )
    elif change is Change.CLEARED:
        book.cleared(device_id, kind, code)
