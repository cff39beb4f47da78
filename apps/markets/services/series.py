"""Taking values into series: idempotent, each publication kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import connection, transaction

from apps.markets.choices import PER_MWH, UNITS, Feed, Quality, SeriesKind
from apps.markets.events import PricesChanged, SeriesChanged
from apps.markets.models import FallbackStep, ImportedDocument, Series, SeriesValue
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, floor_slot

BATCH_ROWS: Final = 2_000
STEP: Final = Decimal("0.00001")
MAX_VALUE: Final = Decimal(999_999_999)
_Known: TypeAlias = tuple[Decimal, str, str, datetime]


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Which series values belong to; the unit follows from kind and currency."""

    kind: SeriesKind
    area: str
    source: Feed
    variant: str = ""
    resolution: timedelta = QUARTER_HOUR
    market_time_zone: str = "UTC"
    currency: str = "EUR"

    @property
    def unit(self) -> str:
        """`EUR/MWh` for prices and costs, else the unit of the kind."""
        return f"{self.currency}/MWh" if self.kind in PER_MWH else UNITS[self.kind]


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value of one slot in the series' unit."""

    start: datetime
    value: Decimal
    quality: Quality = Quality.ACTUAL
    origin: str = ""


def series_ensure(key: SeriesKey) -> Series:
    """The series of a key, made if need be.

    Raises DomainError for an unknown zone and a series that is known with another unit or
    resolution.
    """
    try:
        ZoneInfo(key.market_time_zone)
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise DomainError("series.zone", "is no time zone", field="market_time_zone") from err
    series, created = Series.objects.get_or_create(
        kind=key.kind,
        area=key.area,
        source=key.source,
        variant=key.variant,
        defaults={
            "unit": key.unit,
            "resolution_s": int(key.resolution.total_seconds()),
            "market_time_zone": key.market_time_zone,
            "currency": key.currency if key.kind in PER_MWH else "",
        },
    )
    if not created and (series.unit, series.resolution) != (key.unit, key.resolution):
        raise DomainError(
            "series.shape",
            f"is known in {series.unit} every {series.resolution_s} s,"
            f" not in {key.unit} every {key.resolution.total_seconds():.0f} s",
            field=str(series),
        )
    return series


@transaction.atomic
def series_lead(*, series_id: int) -> Series:
    """Let a series lead its kind: plans, tariffs and pages follow it from now on."""
    series = Series.objects.get(pk=series_id)
    with connection.cursor() as cursor:
        # Two who choose at once come one after the other; the last one counts.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"lead {series.kind}"])
    Series.objects.filter(kind=series.kind, is_leading=True).exclude(pk=series_id).update(
        is_leading=False
    )
    Series.objects.filter(pk=series_id).update(is_leading=True)
    series.refresh_from_db()
    if series.kind == SeriesKind.PRICE:
        last = series.values.order_by("-start").first()
        if last is not None:
            events.publish(PricesChanged(schema=current_schema(), day=last.start.date()))
    return series


@transaction.atomic
def fallback_declare(*, series: Series, others: Iterable[Series | None]) -> list[FallbackStep]:
    """Declare the chain that fills the gaps of a series; None stands for its earlier days.

    Replaces the chain there was. Raises DomainError for a series that would fill itself, one of
    another unit and one given twice.
    """
    chain = list(others)
    for other in chain:
        if other is not None and (other.pk == series.pk or other.unit != series.unit):
            raise DomainError("series.fallback", "must be another series of the same unit",
                              field=str(other))  # fmt: skip
    if len({other and other.pk for other in chain}) != len(chain):
        raise DomainError("series.fallback", "names a step twice", field="others")
    Series.objects.select_for_update().get(pk=series.pk)
    series.fallback_steps.all().delete()
    return FallbackStep.objects.bulk_create(
        FallbackStep(
            series=series,
            position=position,
            method="series" if other else "earlier_days",
            other=other,
        )
        for position, other in enumerate(chain, start=1)
    )


@transaction.atomic
def values_store(
    *,
    series: Series,
    values: Iterable[GivenValue],
    published_at: datetime,
    document: ImportedDocument | None = None,
) -> int:
    """Take values of one publication; gives how many are new or changed.

    A value is stored when its slot has none or when it differs (in value, quality or origin) from
    the latest published before; earlier ones stay as history. The same publication again, and an
    older one that comes late, change nothing that counts. Publishes SeriesChanged, for a price
    PricesChanged too. Raises DomainError for a start off the series' grid, a slot given twice and
    a value that is no number.
    """
    given = _checked(series, values)
    if not given:
        return 0
    # One writer a series at a time: two that read before either writes would both store.
    Series.objects.select_for_update(no_key=True).get(pk=series.pk)
    known = _latest(series, min(given), max(given), published_at)
    rows = [
        SeriesValue(
            series=series,
            start=one.start,
            value=one.value,
            quality=one.quality,
            origin=one.origin,
            published_at=_moment(published_at, known.get(one.start)),
            document=document,
        )
        for one in given.values()
        if one.start not in known or known[one.start][:3] != (one.value, one.quality, one.origin)
    ]
    SeriesValue.objects.bulk_create(rows, batch_size=BATCH_ROWS)
    if rows:
        _tell(series, [row.start for row in rows])
    return len(rows)


def _checked(series: Series, values: Iterable[GivenValue]) -> dict[datetime, GivenValue]:
    given: dict[datetime, GivenValue] = {}
    for one in values:
        place = one.start.isoformat()
        if one.start.tzinfo is None or floor_slot(one.start, series.resolution) != one.start:
            raise DomainError("series.start", "is not the start of a slot", field=place)
        if one.start in given:
            raise DomainError("series.start", "is given twice", field=place)
        if not one.value.is_finite() or abs(one.value) > MAX_VALUE:
            raise DomainError("series.value", f"{one.value} is not a value", field=place)
        rounded = one.value.quantize(STEP, ROUND_HALF_UP)
        given[one.start] = GivenValue(one.start, rounded, one.quality, one.origin)
    return given


def _moment(published_at: datetime, known: _Known | None) -> datetime:
    """A source that says two things at one moment meant the one that came later."""
    if known is None or known[3] < published_at:
        return published_at
    return known[3] + timedelta(microseconds=1)


def _latest(
    series: Series, first: datetime, last: datetime, published_at: datetime
) -> Mapping[datetime, _Known]:
    # A second word of the same moment is told apart by microseconds.
    until = published_at + timedelta(milliseconds=1)
    rows = (
        SeriesValue.objects.filter(
            series=series, start__gte=first, start__lte=last, published_at__lt=until
        )
        .order_by("start", "-published_at", "-pk")
        .distinct("start")
        .values_list("start", "value", "quality", "origin", "published_at")
    )
    return {start: (value, quality, origin, at) for start, value, quality, origin, at in rows}


def _tell(series: Series, starts: list[datetime]) -> None:
    schema = current_schema()
    events.publish(
        SeriesChanged(
            schema=schema,
            series_id=series.pk,
            kind=series.kind,
            area=series.area,
            source=series.source,
            first=min(starts),
            last=max(starts),
        )
    )
    if series.kind == SeriesKind.PRICE:
        events.publish(
            PricesChanged(schema=schema, day=min(starts).astimezone(series.market_zone).date())
        )
