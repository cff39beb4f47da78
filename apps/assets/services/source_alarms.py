"""Alarms of what is no device: an app above says what is wrong now, the book does the rest."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Greatest

from apps.assets.choices import AlarmKind
from apps.assets.events import AlarmChanged
from apps.assets.models import Alarm
from apps.assets.services.alarms import LONGEST_CODE, Figure
from apps.tenants.context import current_schema
from cariflex.common.events import publish

logger = logging.getLogger(__name__)

LONGEST_NAME = 100
_Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class SourceAlarm:
    """What is wrong with one thing of a source; `source_id` is its row's id there."""

    source_id: int
    source_name: str
    kind: AlarmKind
    severity: int
    code: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """How many alarms were raised, and how many cleared."""

    raised: int
    cleared: int


def source_alarms_keep(
    *, source: str, kinds: Sequence[AlarmKind], wrong: Sequence[SourceAlarm], now: datetime
) -> SourceChanges:
    """Make the open alarms of a source, of these kinds, be exactly what is `wrong` now.

    One that is open already stays as it is, with who has seen it. Safe to run twice and at once:
    the unique constraint `alarm_one_open_of_a_source` decides. Publishes AlarmChanged once, and
    only when anything changed. Three statements at most.
    """
    wanted = {_key(alarm.source_id, alarm.kind, alarm.code): alarm for alarm in wrong}
    with transaction.atomic():
        opened = {
            _key(source_id, kind, code): pk
            for pk, source_id, kind, code in Alarm.objects.select_for_update()
            .filter(
                device=None, source=source, kind__in=[str(kind) for kind in kinds], cleared_at=None
            )
            .order_by("pk")
            .values_list("pk", "source_id", "kind", "code")
        }
        over = [pk for key, pk in opened.items() if key not in wanted]
        cleared = (
            Alarm.objects.filter(pk__in=over).update(cleared_at=Greatest("raised_at", now))
            if over
            else 0
        )
        new = [alarm for key, alarm in wanted.items() if key not in opened]
        if new:
            Alarm.objects.bulk_create(
                [_row(source, alarm, now) for alarm in new], ignore_conflicts=True
            )
        if cleared or new:
            publish(AlarmChanged(schema=current_schema(), device_id=None))
    for alarm in new:
        logger.warning("alarm.raised %s=%s kind=%s", source, alarm.source_id, alarm.kind)
    return SourceChanges(raised=len(new), cleared=cleared)


def _key(source_id: int | None, kind: str, code: str) -> _Key:
    return source_id or 0, str(kind), code[:LONGEST_CODE]


def _row(source: str, alarm: SourceAlarm, now: datetime) -> Alarm:
    return Alarm(
        source=source,
        source_id=alarm.source_id,
        source_name=alarm.source_name[:LONGEST_NAME],
        kind=alarm.kind,
        code=alarm.code[:LONGEST_CODE],
        severity=alarm.severity,
        figures=dict(alarm.figures),
        raised_at=now,
    )
