"""Series from a file that a person uploads: read, shown, and taken only when told so.

A file waits in the operator's cache between its preview and the word; what is taken is read from
the same bytes with the same choice, so it is what was shown.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import transaction

from apps.markets.choices import PER_MWH, Feed, FeedState, Quality, SeriesKind
from apps.markets.feeds.day_ahead import MAX_DOCUMENT_BYTES, local_day_slots
from apps.markets.feeds.entsoe import quarter_hours
from apps.markets.feeds.epex import ColumnMap, epex_csv_read
from apps.markets.feeds.epex_slots import Fault, unit_normalised
from apps.markets.models import FeedAccess, ImportedDocument, Series, SeriesValue
from apps.markets.services.feeds.adapter import Batch, Fetched, Reading, Wanted
from apps.markets.services.feeds.documents import document_take
from apps.markets.services.series import STEP, GivenValue, SeriesKey
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR

HELD: Final = timedelta(hours=1)
"""How long a file waits between its preview and the word to take it."""
MAX_BYTES: Final = MAX_DOCUMENT_BYTES
MAX_AREA: Final = 40
KINDS: Final = (
    SeriesKind.PRICE,
    SeriesKind.PRODUCTION_COST,
    SeriesKind.LOAD,
    SeriesKind.CO2_LIFECYCLE,
    SeriesKind.CO2_DIRECT,
)
QUALITIES: Final = (Quality.ACTUAL, Quality.ESTIMATED, Quality.FORECAST)


def scales_of(kind: SeriesKind, currency: str) -> dict[str, Decimal]:
    """What one of each unit that a file may have is in the unit of the series."""
    if kind in PER_MWH:
        scales = {f"{currency}/MWh": Decimal(1), f"{currency}/kWh": Decimal(1000)}
        return scales | ({"ct/kWh": Decimal(10)} if currency == "EUR" else {})
    if kind == SeriesKind.LOAD:
        return {"MW": Decimal(1), "kW": Decimal("0.001")}
    return {"g/kWh": Decimal(1), "kg/MWh": Decimal(1)}


@dataclass(frozen=True, slots=True)
class UploadChoice:
    """What a file holds and how it is read; `columns` has the words of a `ColumnMap`."""

    kind: SeriesKind
    area: str
    unit: str
    currency: str = "EUR"
    quality: Quality = Quality.ACTUAL
    variant: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "Europe/Paris"
    resolution: timedelta = QUARTER_HOUR
    header_line: int = 1

    def series_key(self) -> SeriesKey:
        """The series that the values go into."""
        return SeriesKey(
            kind=self.kind,
            area=self.area,
            source=Feed.UPLOAD,
            variant=self.variant,
            market_time_zone=self.time_zone,
            currency=self.currency,
        )

    def column_map(self) -> ColumnMap:
        """How the rows are read. Raises DomainError that names the field."""
        scales = scales_of(self.kind, self.currency)
        scale = {unit_normalised(unit): one for unit, one in scales.items()}.get(
            unit_normalised(self.unit)
        )
        if scale is None:
            raise DomainError("upload.unit", f"is not one of {', '.join(scales)}", field="unit")
        words = {name: word for name, word in self.columns.items() if word}
        if "price" not in words:
            raise DomainError("upload.column", "is missing", field="price")
        return ColumnMap(
            **words,  # words of a form; the map checks each
            unit=self.unit,
            scale=scale,
            time_zone=self.time_zone,
            resolution=self.resolution,
            header_line=self.header_line,
        )


@dataclass(frozen=True, slots=True)
class UploadDraft:
    """A file that waits, and what became of it when it was taken."""

    key: str
    name: str
    content: bytes
    choice: UploadChoice
    document_id: int | None = None


@dataclass(frozen=True, slots=True)
class UploadDay:
    """One local day of a file: slots that it has, of those the day has (92, 96 or 100)."""

    day: date
    given: int
    slots: int

    @property
    def is_whole(self) -> bool:
        """Whether no slot is missing."""
        return self.given == self.slots


@dataclass(frozen=True, slots=True)
class UploadPreview:
    """What a file says, in quarter hours and the unit of the series, beside what is known."""

    values: tuple[GivenValue, ...]
    faults: tuple[Fault, ...]
    days: tuple[UploadDay, ...]
    new: int
    changed: int
    same: int


def upload_hold(*, name: str, content: bytes, choice: UploadChoice, by_id: int) -> str:
    """Keep a file until it is taken, an hour at most; gives its key.

    Raises DomainError for an empty or too large file and for an area that is no name.
    """
    if not content.strip():
        raise DomainError("upload.file", "is empty", field="file")
    if len(content) > MAX_BYTES:
        raise DomainError("upload.file", f"is larger than {MAX_BYTES} bytes", field="file")
    area = choice.area
    if not area or len(area) > MAX_AREA or not area.isprintable() or area != area.strip():
        raise DomainError("upload.area", f"needs 1 to {MAX_AREA} signs", field="area")
    if choice.kind not in KINDS or choice.quality not in QUALITIES:
        raise DomainError("upload.kind", "is not taken from files", field="kind")
    key = secrets.token_urlsafe(24)
    draft = UploadDraft(key, name[:200], content, choice)
    cache.set(_cache_key(by_id, key), draft, HELD.total_seconds())
    return key


def upload_held(*, key: str, by_id: int) -> UploadDraft | None:
    """The file that waits under a key of this person; None when it is no longer there."""
    draft: UploadDraft | None = cache.get(_cache_key(by_id, key))
    return draft


def upload_drop(*, key: str, by_id: int) -> None:
    """Forget a file; nothing of it was taken."""
    cache.delete(_cache_key(by_id, key))


def upload_read(draft: UploadDraft) -> UploadPreview:
    """What would be taken, and how it differs from what is known. Writes nothing.

    Raises DomainError (FileError with line and column) for a file that the choice cannot read.
    """
    values, faults = _values(draft.content, draft.choice)
    starts = Counter(
        value.start.astimezone(ZoneInfo(draft.choice.time_zone)).date() for value in values
    )
    zone = ZoneInfo(draft.choice.time_zone)
    days = tuple(
        UploadDay(day, count, len(local_day_slots(day, zone, QUARTER_HOUR)))
        for day, count in sorted(starts.items())
    )
    known = _known(draft.choice.series_key(), values)
    met = [
        known[value.start] == (value.value, value.quality)
        for value in values
        if value.start in known
    ]
    return UploadPreview(
        values=values,
        faults=faults,
        days=days,
        new=len(values) - len(met),
        changed=met.count(False),
        same=met.count(True),
    )


def upload_take(*, key: str, by_id: int, by_name: str, now: datetime) -> ImportedDocument:
    """Take the file that was shown; a second time changes nothing and gives the same document.

    Raises DomainError when the file no longer waits, holds no value, or its series is known in
    another shape.
    """
    draft = upload_held(key=key, by_id=by_id)
    if draft is None:
        raise DomainError("upload.gone", "choose the file again", field="file")
    if draft.document_id is not None:
        return ImportedDocument.objects.select_related("access").get(pk=draft.document_id)
    document = _taken(draft, by_name=by_name, now=now)
    done = UploadDraft(draft.key, draft.name, draft.content, draft.choice, document.pk)
    cache.set(_cache_key(by_id, key), done, HELD.total_seconds())
    return document


@transaction.atomic
def _taken(draft: UploadDraft, *, by_name: str, now: datetime) -> ImportedDocument:
    choice = draft.choice
    values, faults = _values(draft.content, choice)
    if not values:
        raise DomainError("upload.empty", "holds no value that can be taken", field="file")
    access, _made = FeedAccess.objects.get_or_create(feed=Feed.UPLOAD, area=choice.area)
    reading = Reading(
        batches=(Batch(choice.series_key(), values),),
        published_at=now,
        document_id=hashlib.sha256(draft.content).hexdigest()[:16],
        faults=tuple(f"line {one.line}, {one.column}: {one.rule}" for one in faults),
    )
    first_day = values[0].start.astimezone(ZoneInfo(choice.time_zone)).date()
    document, read = document_take(
        access=access,
        wanted=Wanted(choice.kind, first_day),
        fetched=Fetched(draft.content, draft.name),
        read=lambda: reading,
        now=now,
        received_by=by_name,
    )
    if read is None:
        raise DomainError("upload.refused", document.error, field="file")
    FeedAccess.objects.filter(pk=access.pk).exclude(state=FeedState.WORKING).update(
        state=FeedState.WORKING, state_since=now
    )
    FeedAccess.objects.filter(pk=access.pk).update(last_success_at=now, last_error="")
    return document


def _values(
    content: bytes, choice: UploadChoice
) -> tuple[tuple[GivenValue, ...], tuple[Fault, ...]]:
    file = epex_csv_read(content, columns=choice.column_map())
    values = tuple(
        GivenValue(start, value.quantize(STEP, ROUND_HALF_UP), choice.quality)
        for start, value in quarter_hours(file.prices)
    )
    return values, file.faults


def _known(key: SeriesKey, values: tuple[GivenValue, ...]) -> dict[datetime, tuple[Decimal, str]]:
    """The last publication of each slot of the file's span."""
    if not values:
        return {}
    series = Series.objects.filter(
        kind=key.kind, area=key.area, source=key.source, variant=key.variant
    ).first()
    if series is None:
        return {}
    if (series.unit, series.resolution) != (key.unit, key.resolution):
        raise DomainError("upload.shape", f"the series is known in {series.unit}", field="unit")
    rows = (
        SeriesValue.objects.filter(
            series=series, start__gte=values[0].start, start__lte=values[-1].start
        )
        .order_by("start", "-published_at", "-pk")
        .distinct("start")
        .values_list("start", "value", "quality")
    )
    return {start: (value, quality) for start, value, quality in rows}


def _cache_key(by_id: int, key: str) -> str:
    """Of the one who chose the file; the cache's keys carry the operator."""
    return f"markets.upload.held:{by_id}:{key[:64]}"
