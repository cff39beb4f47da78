"""CO2 series from the stored mix, and the factors that they are made with."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection, transaction
from django.db.models import Max

from apps.markets import co2
from apps.markets.choices import QUALITY_RANK, Feed, Quality, SeriesKind
from apps.markets.events import FactorsChanged
from apps.markets.models import EmissionFactor, Series, SeriesValue
from apps.markets.selectors.series import best_known
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR, ceil_slot, floor_slot, slots

logger = logging.getLogger(__name__)

AGAIN: Final = timedelta(days=35)
_MAX_GRAMS: Final = Decimal(99_999)
_KINDS: Final = (
    (SeriesKind.CO2_LIFECYCLE, "lifecycle_g_per_kwh"),
    (SeriesKind.CO2_DIRECT, "direct_g_per_kwh"),
)


@dataclass(frozen=True, slots=True)
class Co2Update:
    """Values of both series that are new or changed, and why slots were left out, each once."""

    values_new: int
    faults: tuple[str, ...]


def co2_series_update(
    *, area: str, source: str, start: datetime, end: datetime, now: datetime
) -> Co2Update:
    """Compute both intensities of an area from the generation that one source tells of it.

    For the quarter hours that touch [start, end); idempotent. Consumption series are never read.
    The quality of a slot is the worst of its fuels', and at best estimated where a fuel of the
    range is missing. A slot whose factor is missing is left out and named in `faults`.
    """
    mixes = _mixes(area, source, floor_slot(start), ceil_slot(end))
    if not mixes:
        return Co2Update(0, ())
    factors_seed()
    factors = [_pure(row) for row in EmissionFactor.objects.all()]
    found: dict[datetime, tuple[co2.Co2Intensity, Quality]] = {}
    faults: dict[str, None] = {}
    for mix, quality in mixes:
        try:
            intensity = co2.co2_intensity(mix, factors=factors)
        except DomainError as err:
            faults[str(err.field)] = None
            continue
        if intensity is not None:
            found[mix.start] = intensity, quality
    for fuel in faults:
        logger.warning("co2 factor missing area=%s source=%s fuel=%s", area, source, fuel)
    said = tuple(f"no single emission factor for {fuel}" for fuel in faults)
    return Co2Update(_store(area, source, found, now), said)


def co2_series_again(*, start: datetime, now: datetime) -> list[Co2Update]:
    """Compute every area's intensities anew from `start` on, at most `AGAIN` back: factors changed.

    What is older keeps the intensity it was told with.
    """
    first = max(start, now - AGAIN)
    mixes = Series.objects.filter(kind=SeriesKind.GENERATION).exclude(source=Feed.ISLAND)
    done = []
    for area, source in sorted(set(mixes.values_list("area", "source"))):
        last = SeriesValue.objects.filter(
            series__kind=SeriesKind.GENERATION, series__area=area, series__source=source
        ).aggregate(last=Max("start"))["last"]
        if last is not None and last >= first:
            end = last + timedelta(hours=1)
            done.append(co2_series_update(area=area, source=source, start=first, end=end, now=now))
    return done


@transaction.atomic
def _store(
    area: str,
    source: str,
    found: dict[datetime, tuple[co2.Co2Intensity, Quality]],
    now: datetime,
) -> int:
    """Both series in one transaction: a process that dies leaves both or none."""
    if not found:
        return 0
    return sum(
        values_store(
            series=series_ensure(SeriesKey(kind, area, Feed.ISLAND, variant=source)),
            values=[
                GivenValue(start, getattr(intensity, name), quality, source)
                for start, (intensity, quality) in found.items()
            ],
            published_at=now,
        )
        for kind, name in _KINDS
    )


@transaction.atomic
def factors_seed() -> int:
    """Give an operator without any factor the built-in ones; gives how many it got."""
    _lock()
    if EmissionFactor.objects.exists():
        return 0
    rows = EmissionFactor.objects.bulk_create(
        EmissionFactor(
            fuel=str(factor.fuel),
            lifecycle_g_per_kwh=factor.lifecycle_g_per_kwh,
            direct_g_per_kwh=factor.direct_g_per_kwh,
            valid_from=factor.valid_from,
            valid_to=factor.valid_to,
            source=factor.source,
        )
        for factor in co2.BUILT_IN_FACTORS
    )
    return len(rows)


@transaction.atomic
def factor_add(
    *,
    fuel: str,
    lifecycle_g_per_kwh: Decimal,
    direct_g_per_kwh: Decimal,
    valid_from: datetime,
    source: str,
    valid_to: datetime | None = None,
    by: str = "",
) -> EmissionFactor:
    """Declare a factor; the one of the fuel that holds without end is ended where it starts.

    Raises DomainError for a fuel or source that is empty, figures below 0, a validity that ends
    before it starts and one that overlaps another factor of the fuel.
    """
    for field, text, most in (("fuel", fuel, 24), ("source", source, 200)):
        if not text.strip() or len(text) > most:
            raise DomainError("co2.factor", f"must have 1 to {most} signs", field=field)
    for field, grams in (
        ("lifecycle_g_per_kwh", lifecycle_g_per_kwh),
        ("direct_g_per_kwh", direct_g_per_kwh),
    ):
        if not grams.is_finite() or not 0 <= grams <= _MAX_GRAMS:
            raise DomainError("co2.factor", f"must be 0 to {_MAX_GRAMS}", field=field)
    _validity_check(valid_from, valid_to)
    factors_seed()
    EmissionFactor.objects.filter(fuel=fuel, valid_to=None, valid_from__lt=valid_from).update(
        valid_to=valid_from, changed_by=by
    )
    overlapping = EmissionFactor.objects.filter(fuel=fuel).exclude(valid_to__lte=valid_from)
    if valid_to is not None:
        overlapping = overlapping.filter(valid_from__lt=valid_to)
    other = overlapping.order_by("valid_from").first()
    if other is not None:
        raise DomainError(
            "co2.factor_overlaps",
            f"overlaps the factor from {other.valid_from:%Y-%m-%d}",
            field="valid_from",
        )
    factor = EmissionFactor.objects.create(
        fuel=fuel,
        lifecycle_g_per_kwh=lifecycle_g_per_kwh,
        direct_g_per_kwh=direct_g_per_kwh,
        valid_from=valid_from,
        valid_to=valid_to,
        source=source,
        changed_by=by,
    )
    events.publish(FactorsChanged(schema=current_schema(), first=valid_from))
    return factor


@transaction.atomic
def factor_end(*, factor_id: int, valid_to: datetime, by: str = "") -> EmissionFactor:
    """Let a factor hold until `valid_to` only. Raises DomainError, also to hold it for longer."""
    _lock()
    factor = EmissionFactor.objects.filter(pk=factor_id).first()
    if factor is None:
        raise DomainError("co2.factor_unknown", "is no factor", field="factor_id")
    _validity_check(factor.valid_from, valid_to)
    if factor.valid_to is not None and valid_to > factor.valid_to:
        raise DomainError("co2.factor", "ends before that already", field="valid_to")
    factor.valid_to, factor.changed_by = valid_to, by
    factor.save(update_fields=["valid_to", "changed_by"])
    events.publish(FactorsChanged(schema=current_schema(), first=valid_to))
    return factor


def _validity_check(valid_from: datetime, valid_to: datetime | None) -> None:
    for field, at in (("valid_from", valid_from), ("valid_to", valid_to)):
        if at is not None and at.tzinfo is None:
            raise DomainError("co2.factor", "has no time zone", field=field)
    if valid_to is not None and valid_to <= valid_from:
        raise DomainError("co2.factor", "is not after valid_from", field="valid_to")


def _lock() -> None:
    """One writer of an operator's factors at a time; held to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(current_schema()))",
            ["markets emission factors"],
        )


def _pure(row: EmissionFactor) -> co2.EmissionFactor:
    return co2.EmissionFactor(
        fuel=row.fuel,
        lifecycle_g_per_kwh=row.lifecycle_g_per_kwh,
        direct_g_per_kwh=row.direct_g_per_kwh,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        source=row.source,
    )


def _mixes(
    area: str, source: str, start: datetime, end: datetime
) -> list[tuple[co2.MixSlot, Quality]]:
    """What the generation series say of each quarter hour; slots that none tells are left out."""
    powers: dict[datetime, list[co2.FuelPower]] = defaultdict(list)
    qualities: dict[datetime, list[Quality]] = defaultdict(list)
    fuels = 0
    for series in Series.objects.filter(
        kind=SeriesKind.GENERATION, area=area, source=source
    ).order_by("variant"):
        known = best_known(series=series, start=floor_slot(start, series.resolution), end=end)
        fuels += bool(known)
        for value in known:
            power = co2.FuelPower(series.variant or co2.Fuel.UNKNOWN, value.value)
            for quarter in slots(value.start, value.start + series.resolution):
                if start <= quarter < end:
                    powers[quarter].append(power)
                    qualities[quarter].append(value.quality)
    found = []
    for quarter in sorted(powers):
        told = qualities[quarter]
        if len(told) < fuels:
            told = [*told, Quality.ESTIMATED]
        worst = max(told, key=lambda quality: QUALITY_RANK[quality])
        mix = co2.MixSlot(quarter, QUARTER_HOUR, tuple(powers[quarter]))
        found.append((mix, worst))
    return found
