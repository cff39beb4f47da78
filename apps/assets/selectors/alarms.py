"""Reads of alarms: what is open, how many, and the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from apps.assets.choices import AlarmKind, Quality, Severity
from apps.assets.models import Alarm, MinuteRollup, Reading
from apps.assets.selectors.alarm_words import alarm_detail, alarm_title

MOST_OPEN = 200
"""More than these nobody reads at once; the count says how many there are."""
_TRUSTED = (Quality.GOOD.value, Quality.SUBSTITUTED.value)


@dataclass(frozen=True, slots=True)
class AlarmCounts:
    """How many alarms are open; `worst_severity` is of those nobody acknowledged, None if none.

    `newest_id` is of the open alarms: one that replaces another changes it.
    """

    open_count: int = 0
    unacknowledged_count: int = 0
    worst_severity: int | None = None
    newest_id: int | None = None


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms: a severity at least, a state, a device's code; empty means all."""

    least_severity: int | None = None
    state: str = ""
    """`open`, `unacknowledged` (open or not) or `cleared`."""
    device_code: str = ""

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.least_severity or self.state or self.device_code)


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm in words of the active language.

    Of something that is no device, `device_id` is None, the code empty and the name its own.
    """

    alarm_id: int
    device_id: int | None
    device_code: str
    device_name: str
    kind: str
    code: str
    severity: int
    severity_word: str
    title: str
    detail: str
    raised_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    note: str
    source: str = ""
    source_id: int | None = None

    @property
    def is_open(self) -> bool:
        """True until it cleared."""
        return self.cleared_at is None

    @property
    def is_acknowledged(self) -> bool:
        """True when somebody said that they saw it."""
        return self.acknowledged_at is not None


@dataclass(frozen=True, slots=True)
class AlarmHistory:
    """Alarms that are over, newest first; `before` is where the next page goes on."""

    rows: tuple[AlarmRow, ...]
    before: int | None


def alarm_counts() -> AlarmCounts:
    """How many alarms are open now. One query, over the open ones only."""
    found = Alarm.objects.filter(cleared_at=None).aggregate(
        open_count=Count("id"),
        newest_id=Max("id"),
        **{
            f"of_{severity.name}": Count(
                "id", filter=Q(acknowledged_at=None, severity=severity.value)
            )
            for severity in Severity
        },
    )
    unseen = {severity: found[f"of_{severity.name}"] for severity in Severity}
    return AlarmCounts(
        open_count=found["open_count"],
        unacknowledged_count=sum(unseen.values()),
        worst_severity=max((s.value for s, count in unseen.items() if count), default=None),
        newest_id=found["newest_id"],
    )


def alarms_open(
    *, chosen: AlarmFilter | None = None, device_id: int | None = None
) -> list[AlarmRow]:
    """The open alarms, the most urgent first, then the newest. One query."""
    alarms = _filtered(chosen or AlarmFilter()).filter(cleared_at=None)
    if device_id is not None:
        alarms = alarms.filter(device_id=device_id)
    return [alarm_row(alarm) for alarm in alarms.order_by("-severity", "-id")[:MOST_OPEN]]


def alarms_history(
    *,
    chosen: AlarmFilter | None = None,
    device_id: int | None = None,
    before: int | None = None,
    limit: int = 25,
) -> AlarmHistory:
    """Alarms that are over, newest first, those with an id below `before`. One query."""
    alarms = _filtered(chosen or AlarmFilter()).exclude(cleared_at=None)
    if device_id is not None:
        alarms = alarms.filter(device_id=device_id)
    if before is not None:
        alarms = alarms.filter(pk__lt=before)
    found = list(alarms.order_by("-id")[: limit + 1])
    rows = tuple(alarm_row(alarm) for alarm in found[:limit])
    return AlarmHistory(rows, rows[-1].alarm_id if len(found) > limit else None)


def alarm_row(alarm: Alarm) -> AlarmRow:
    """An alarm with its device in words of the active language."""
    return AlarmRow(
        alarm_id=alarm.pk,
        device_id=alarm.device_id,
        device_code=alarm.device.code if alarm.device else "",
        device_name=alarm.device.name if alarm.device else alarm.source_name,
        kind=alarm.kind,
        code=alarm.code,
        severity=alarm.severity,
        severity_word=str(Severity(alarm.severity).label),
        title=_title(alarm),
        detail=alarm_detail(kind=alarm.kind, code=alarm.code, figures=alarm.figures),
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=_name(alarm),
        note=alarm.note,
        source=alarm.source,
        source_id=alarm.source_id,
    )


def alarms_between(*, start: datetime | None, end: datetime, least_severity: int) -> list[Alarm]:
    """What was raised or cleared in (start, end]; without `start` what was open at `end`."""
    alarms = Alarm.objects.select_related("device").filter(severity__gte=least_severity)
    if start is None:
        alarms = alarms.filter(Q(cleared_at=None) | Q(cleared_at__gt=end), raised_at__lte=end)
    else:
        alarms = alarms.filter(
            Q(raised_at__gt=start, raised_at__lte=end)
            | Q(cleared_at__gt=start, cleared_at__lte=end)
        )
    return list(alarms.order_by("-severity", "id"))


def powers_recent(
    *, sensor_ids: Sequence[int], since: datetime
) -> dict[int, list[tuple[datetime, float]]]:
    """The trusted readings of some sensors after `since`, oldest first. One query."""
    found: dict[int, list[tuple[datetime, float]]] = {sensor_id: [] for sensor_id in sensor_ids}
    if not sensor_ids:
        return found
    rows = (
        Reading.objects.filter(sensor_id__in=list(sensor_ids), at__gt=since, quality__in=_TRUSTED)
        .order_by("sensor_id", "at")
        .values_list("sensor_id", "at", "value")
    )
    for sensor_id, at, value in rows:
        found[sensor_id].append((at, value))
    return found


def minute_means(
    *, sensor_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, dict[datetime, tuple[float | None, float]]]:
    """(mean, coverage) of each rolled-up minute of some sensors in [start, end). One query."""
    found: dict[int, dict[datetime, tuple[float | None, float]]] = {
        sensor_id: {} for sensor_id in sensor_ids
    }
    rows = MinuteRollup.objects.filter(
        sensor_id__in=list(sensor_ids), start__gte=start, start__lt=end
    ).values_list("sensor_id", "start", "mean", "coverage")
    for sensor_id, at, mean, coverage in rows if sensor_ids else ():
        found[sensor_id][at] = (mean, coverage)
    return found


def _filtered(chosen: AlarmFilter) -> QuerySet[Alarm]:
    alarms = Alarm.objects.select_related("device", "acknowledged_by")
    if chosen.least_severity:
        alarms = alarms.filter(severity__gte=chosen.least_severity)
    if chosen.device_code:
        alarms = alarms.filter(device__code=chosen.device_code)
    if chosen.state == "unacknowledged":
        alarms = alarms.filter(acknowledged_at=None)
    return alarms


def _title(alarm: Alarm) -> str:
    if alarm.kind not in AlarmKind.values:
        return str(alarm.kind)
    return alarm_title(kind=alarm.kind, code=alarm.code, words=alarm.words, figures=alarm.figures)


def _name(alarm: Alarm) -> str:
    user = alarm.acknowledged_by
    return (user.get_full_name() or user.get_username()) if user else ""
