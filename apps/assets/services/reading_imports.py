"""Readings that partners and gateways send: what is good is stored, every other line is kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.assets.choices import ImportLineStatus, ImportStatus
from apps.assets.models import ReadingImport, ReadingImportLine, Retention
from apps.assets.selectors.api import sensors_sendable
from apps.assets.services.device_lines import Broken
from apps.assets.services.reading_lines import SentLine, kept_text
from apps.assets.services.reading_rules import (
    Flaw,
    Judged,
    SensorFacts,
    SensorKey,
    SentReading,
    reading_read,
    readings_judge,
)
from apps.assets.services.readings import readings_store
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ReadingsSent:
    """What became of a list of readings; `is_repeat`: it was sent before, nothing was written."""

    of_import: ReadingImport
    is_repeat: bool


def readings_import(
    *,
    lines: Sequence[SentLine],
    sent_by: User,
    name: str,
    digest: str,
    idempotency_key: str = "",
    now: datetime | None = None,
) -> ReadingsSent:
    """Store the good lines in one transaction with the record of the import and its other lines.

    `digest` is that of the whole list: the same list from the same user with the same outcome is
    the same import. With an `idempotency_key` a repeat is not even looked at. Raises DomainError:
    `readings.empty`, `readings.key_reused`, `readings.too_many_months`.
    """
    now = now or utc_now()
    if not lines:
        raise DomainError("readings.empty", "There is no reading in the request.")
    with transaction.atomic():
        # The sender's row is the lock of its imports. Others may go on referring to it.
        User.objects.select_for_update(no_key=True).get(pk=sent_by.pk)
        if idempotency_key:
            before = ReadingImport.objects.filter(
                received_from=sent_by, idempotency_key=idempotency_key
            ).first()
            if before is not None:
                return _repeated(before, digest)
        judged = _judged(lines, sent_by, now)
        readings_store(judged.rows)
        made = ReadingImport(
            name=name[:200],
            received_at=now,
            received_from=sent_by,
            digest=digest,
            idempotency_key=idempotency_key,
            status=ImportStatus.STORED if judged.rows else ImportStatus.REFUSED,
            lines_count=len(lines),
            stored_count=len(judged.rows),
            flagged_count=sum(not flaw.is_refused for flaw in judged.flaws),
            refused_count=sum(flaw.is_refused for flaw in judged.flaws),
        )
        before = _same(made)
        if before is not None:
            return ReadingsSent(before, is_repeat=True)
        made.save()
        ReadingImportLine.objects.bulk_create(
            (_kept(made, flaw) for flaw in judged.flaws), batch_size=_BATCH
        )
    return ReadingsSent(made, is_repeat=False)


def _repeated(before: ReadingImport, digest: str) -> ReadingsSent:
    if before.digest != digest:
        raise DomainError(
            "readings.key_reused",
            "This Idempotency-Key belongs to another request.",
            field="Idempotency-Key",
        )
    return ReadingsSent(before, is_repeat=True)


def _same(made: ReadingImport) -> ReadingImport | None:
    """The newest import of the same list, if it came out the same; none under another key."""
    if made.idempotency_key:
        return None
    before = ReadingImport.objects.filter(
        received_from=made.received_from, digest=made.digest, idempotency_key=""
    ).first()
    return before if before is not None and _counts(before) == _counts(made) else None


def _counts(one: ReadingImport) -> tuple[int, ...]:
    return one.lines_count, one.stored_count, one.flagged_count, one.refused_count


def _judged(lines: Sequence[SentLine], sent_by: User, now: datetime) -> Judged:
    may_substitute = sent_by.has_perm("assets.change_reading")
    unread: list[Flaw] = []
    sent: list[SentReading] = []
    for line in lines:
        reading = reading_read(line, may_substitute=may_substitute)
        if isinstance(reading, Broken):
            unread.append(Flaw(line, reading, is_refused=True))
        else:
            sent.append(reading)
    judged = readings_judge(
        sent,
        sensors=_sensors({reading.key for reading in sent}, sent_by),
        now=now,
        kept_from=readings_kept_from(now),
    )
    flaws = sorted([*unread, *judged.flaws], key=lambda flaw: flaw.line.number)
    return Judged(judged.rows, flaws)


def readings_kept_from(now: datetime) -> datetime:
    """The instant before which the operator keeps no readings."""
    retention = Retention.objects.first() or Retention()
    months = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1
    year, month = divmod(months - retention.readings_months, 12)
    kept_from = datetime(year, month + 1, 1, tzinfo=UTC)
    return max(kept_from, retention.readings_dropped_until or kept_from)


def _sensors(keys: Collection[SensorKey], sent_by: User) -> dict[SensorKey, SensorFacts]:
    """The named sensors that the user may send readings of, under the names that it uses."""
    ids = [key for key in keys if isinstance(key, int)]
    codes = {key[0] for key in keys if not isinstance(key, int)}
    if not ids and not codes:
        return {}
    rows = (
        sensors_sendable(sent_by)
        .filter(Q(pk__in=ids) | Q(device__code__in=codes))
        .values_list("pk", "quantity", "channel", "device__code", "device__rated_power_kw")
    )
    found: dict[SensorKey, SensorFacts] = {}
    for sensor_id, quantity, channel, code, rated_power_kw in rows:
        facts = SensorFacts(sensor_id, quantity, rated_power_kw)
        found[sensor_id] = found[code, quantity, channel] = facts
    return found


def _kept(of_import: ReadingImport, flaw: Flaw) -> ReadingImportLine:
    return ReadingImportLine(
        of_import=of_import,
        number=flaw.line.number,
        text=kept_text(flaw.line.text),
        status=ImportLineStatus.REFUSED if flaw.is_refused else ImportLineStatus.FLAGGED,
        field=flaw.broken.field,
        rule=flaw.broken.rule,
    )
