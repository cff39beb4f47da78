"""Reads of the API: keyset pages of lists, and what one user may see of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from apps.accounts.models import User
from apps.assets.choices import Quality
from apps.assets.models import (
    Alarm,
    Device,
    HourRollup,
    MinuteRollup,
    QuarterRollup,
    Reading,
    ReadingImport,
    ReadingImportLine,
    Sensor,
    SensorLatest,
    Setpoint,
    Site,
)
from apps.assets.selectors.devices import STALE_POLLS, STORING_DELAY_S
from cariflex.common.api.pages import Page, page_of
from cariflex.common.errors import DomainError

M = TypeVar("M", bound=Model)
ROLLUPS: dict[str, type[MinuteRollup] | type[QuarterRollup] | type[HourRollup]] = {
    "1m": MinuteRollup,
    "15m": QuarterRollup,
    "1h": HourRollup,
}
RAW = "raw"
RESOLUTIONS = (RAW, *ROLLUPS)
_EXPORT_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class RawPoint:
    """A reading; `value` is None where the sensor gave no number."""

    at: datetime
    value: float | None
    quality: str


@dataclass(frozen=True, slots=True)
class SlotPoint:
    """A roll-up over [start, start + resolution); see `models.readings.Rollup`."""

    start: datetime
    mean: float | None
    minimum: float | None
    maximum: float | None
    energy_kwh: float | None
    count: int
    bad_count: int
    coverage: float


@dataclass(frozen=True, slots=True)
class LatestPoint:
    """The newest reading of a sensor and how old it is."""

    sensor: Sensor
    at: datetime
    value: float | None
    quality: str
    age_s: float


def sites_page(*, after: int | None, limit: int) -> Page[Site]:
    """Sites by id. One query."""
    return _ascending(Site.objects.all(), after, limit)


def devices_page(
    *,
    after: int | None,
    limit: int,
    site: str | None = None,
    kind: str | None = None,
    stage: str | None = None,
) -> Page[Device]:
    """Devices by id, of a site (its code), a kind, a stage. One query."""
    devices = Device.objects.select_related("site")
    devices = _narrowed(devices, site__code=site, kind=kind, stage=stage)
    return _ascending(devices, after, limit)


def sensors_visible(user: User) -> QuerySet[Sensor]:
    """All sensors for who may view devices; for others those whose readings they may send."""
    sensors = Sensor.objects.select_related("device")
    if user.has_perm("assets.view_device"):
        return sensors
    return sensors.filter(device__push_grants__user=user)


def sensors_sendable(user: User) -> QuerySet[Sensor]:
    """All sensors for who may change devices; for others those of devices granted to them."""
    if user.has_perm("assets.change_device"):
        return Sensor.objects.all()
    return Sensor.objects.filter(device__push_grants__user=user)


def sensors_page(
    user: User,
    *,
    after: int | None,
    limit: int,
    device: str | None = None,
    quantity: str | None = None,
    channel: str | None = None,
) -> Page[Sensor]:
    """Sensors by id that the user may see. One query."""
    sensors = _narrowed(
        sensors_visible(user), device__code=device, quantity=quantity, channel=channel
    )
    return _ascending(sensors, after, limit)


def latest_page(
    *,
    now: datetime,
    after: int | None,
    limit: int,
    site: str | None = None,
    device: str | None = None,
    quantity: str | None = None,
) -> Page[LatestPoint]:
    """The newest reading of each sensor that has one, by the sensor's id. One query."""
    newest = SensorLatest.objects.select_related("sensor__device").order_by("sensor_id")
    newest = _narrowed(
        newest,
        sensor__device__site__code=site,
        sensor__device__code=device,
        sensor__quantity=quantity,
    )
    if after is not None:
        newest = newest.filter(sensor_id__gt=after)
    page = page_of(list(newest[: limit + 1]), limit, lambda row: row.sensor_id)
    return Page([_latest_point(row, now) for row in page.rows], page.next_after)


def _latest_point(row: SensorLatest, now: datetime) -> LatestPoint:
    age_s = max(0.0, (now - row.at).total_seconds())
    period_s = row.sensor.period_s or row.sensor.device.poll_period_s
    is_stale = age_s > STALE_POLLS * period_s + STORING_DELAY_S
    return LatestPoint(
        sensor=row.sensor,
        at=row.at,
        value=_number(row.value),
        quality=Quality.STALE.word if is_stale else Quality(row.quality).word,
        age_s=round(age_s, 3),
    )


def setpoints_page(
    *,
    after: int | None,
    limit: int,
    device: str | None = None,
    status: str | None = None,
    source: str | None = None,
) -> Page[Setpoint]:
    """Set-points, newest first. One query."""
    setpoints = Setpoint.objects.select_related("device", "requested_by")
    setpoints = _narrowed(setpoints, device__code=device, status=status, source=source)
    return _descending(setpoints, after, limit)


def alarms_page(
    *,
    after: int | None,
    limit: int,
    device: str | None = None,
    kind: str | None = None,
    is_open: bool | None = None,
    is_acknowledged: bool | None = None,
) -> Page[Alarm]:
    """Alarms, newest first. One query."""
    alarms = Alarm.objects.select_related("device", "sensor", "acknowledged_by")
    alarms = _narrowed(alarms, device__code=device, kind=kind)
    if is_open is not None:
        alarms = alarms.filter(cleared_at__isnull=is_open)
    if is_acknowledged is not None:
        alarms = alarms.filter(acknowledged_at__isnull=not is_acknowledged)
    return _descending(alarms, after, limit)


def sensor_find(
    user: User,
    *,
    sensor_id: int | None = None,
    device: str | None = None,
    quantity: str | None = None,
    channel: str = "",
) -> Sensor:
    """A sensor by its id, or by its device's code, its quantity and its channel.

    Raises DomainError `sensor.unknown`, also for one that the user may not see.
    """
    sensors = sensors_visible(user)
    if sensor_id is not None:
        found = sensors.filter(pk=sensor_id).first()
    else:
        found = sensors.filter(device__code=device, quantity=quantity, channel=channel).first()
    if found is None:
        raise DomainError("sensor.unknown", "there is no such sensor", field="sensor")
    return found


def device_id_of(code: str) -> int:
    """The id of the device with this code. Raises DomainError `setpoint.device_unknown`."""
    device_id = Device.objects.filter(code=code).values_list("pk", flat=True).first()
    if device_id is None:
        raise DomainError("setpoint.device_unknown", "there is no such device", field="device")
    return device_id


def raw_page(
    *, sensor_id: int, start: datetime, end: datetime, after: datetime | None, limit: int
) -> Page[RawPoint]:
    """Readings of one sensor in [start, end), oldest first. One query."""
    readings = Reading.objects.filter(sensor_id=sensor_id, at__gte=start, at__lt=end)
    if after is not None:
        readings = readings.filter(at__gt=after)
    rows = readings.order_by("at").values_list("at", "value", "quality")[: limit + 1]
    points = [RawPoint(at, _number(value), _WORDS[quality]) for at, value, quality in rows]
    return page_of(points, limit, lambda point: point.at)


def slots_page(
    *,
    resolution: str,
    sensor_id: int,
    start: datetime,
    end: datetime,
    after: datetime | None,
    limit: int,
) -> Page[SlotPoint]:
    """Roll-ups of one sensor that begin in [start, end), oldest first. One query.

    A slot without readings is not in the list.
    """
    rollups = ROLLUPS[resolution]._default_manager.filter(
        sensor_id=sensor_id, start__gte=start, start__lt=end
    )
    if after is not None:
        rollups = rollups.filter(start__gt=after)
    rows = rollups.order_by("start").values_list(*SlotPoint.__slots__)[: limit + 1]
    return page_of([SlotPoint(*row) for row in rows], limit, lambda slot: slot.start)


def raw_all(*, sensor_id: int, start: datetime, end: datetime) -> Iterator[Sequence[RawPoint]]:
    """All readings of one sensor in [start, end), some thousands at a time."""
    after: datetime | None = None
    while True:
        page = raw_page(sensor_id=sensor_id, start=start, end=end, after=after, limit=_EXPORT_ROWS)
        yield page.rows
        if page.next_after is None:
            return
        after = page.next_after


def slots_all(
    *, resolution: str, sensor_id: int, start: datetime, end: datetime
) -> Iterator[Sequence[SlotPoint]]:
    """All roll-ups of one sensor that begin in [start, end), some thousands at a time."""
    after: datetime | None = None
    while True:
        page = slots_page(
            resolution=resolution,
            sensor_id=sensor_id,
            start=start,
            end=end,
            after=after,
            limit=_EXPORT_ROWS,
        )
        yield page.rows
        if page.next_after is None:
            return
        after = page.next_after


def import_flaws(of_import: ReadingImport, *, limit: int) -> list[ReadingImportLine]:
    """The first refused and flagged lines of an import. One query."""
    return list(of_import.lines.order_by("number")[:limit])


_WORDS = {quality.value: quality.word for quality in Quality}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _narrowed(rows: QuerySet[M], **wanted: str | None) -> QuerySet[M]:
    """Filtered by what is given."""
    return rows.filter(**{name: value for name, value in wanted.items() if value is not None})


def _ascending(rows: QuerySet[M], after: int | None, limit: int) -> Page[M]:
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return page_of(list(rows.order_by("pk")[: limit + 1]), limit, lambda row: row.pk)


def _descending(rows: QuerySet[M], after: int | None, limit: int) -> Page[M]:
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return page_of(list(rows.order_by("-pk")[: limit + 1]), limit, lambda row: row.pk)
