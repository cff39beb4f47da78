"""Computing the island price of the days ahead and storing each part as its own series."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.feeds.day_ahead import local_day_start
from apps.markets.island.base import Known
from apps.markets.island.price import PriceInputs, PriceSlot, island_price
from apps.markets.models import IslandPriceSlot, IslandPricing, Series, SeriesValue
from apps.markets.selectors.island import PART_KINDS
from apps.markets.services.island.inputs import inputs_read, rules_of
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from cariflex.common.errors import DomainError
from cariflex.common.units import slots

logger = logging.getLogger(__name__)

DAYS_AHEAD: Final = 2
"""Today and tomorrow, as the day-ahead markets have it."""
_STEP: Final = Decimal("0.0001")
_WHY_FIELDS: Final = (
    "base_source",
    "tried",
    "reasons",
    "quality",
    "intensity_g_per_kwh",
    "intensity_quality",
    "pv_mw",
    "pv_quality",
)


@dataclass(frozen=True, slots=True)
class Computed:
    """What came of one area: slots computed, slots whose base nothing knows, values stored."""

    area: str
    priced: int
    missing: int
    values_new: int


def island_price_compute(
    *, now: datetime, days: int = DAYS_AHEAD, past_days: int = 0
) -> list[Computed]:
    """Compute the price of each enabled area from today's local midnight for `days` days.

    A slot that has begun keeps the price it has; one without (or whose inputs were not all in when
    it was first priced, after it had begun) is priced afterwards, with
    `past_days` also on earlier days. Idempotent, safe twice at once; an area's five series and
    their reasons are stored together or not at all. An area whose rules are faulty says so in
    `last_error` and the others are computed.
    """
    done = []
    for pricing_id in IslandPricing.objects.filter(enabled=True).values_list("pk", flat=True):
        try:
            done.append(_compute(pricing_id, now, days, past_days))
        except DomainError as err:
            logger.warning("island price failed pricing=%s error=%s", pricing_id, err)
            IslandPricing.objects.filter(pk=pricing_id).update(last_error=str(err)[:300])
    return done


@transaction.atomic
def _compute(pricing_id: int, now: datetime, days: int, past_days: int) -> Computed:
    # One computation of an area at a time: its series must come from one look at the inputs.
    IslandPricing.objects.select_for_update(no_key=True).get(pk=pricing_id)
    pricing = IslandPricing.objects.select_related("calendar").get(pk=pricing_id)
    if pricing.computed_at is not None and pricing.computed_at > now:
        # Another run looked later and was faster.
        return Computed(pricing.area, 0, 0, 0)
    today = now.astimezone(pricing.zone).date()
    start = local_day_start(today - timedelta(days=past_days), pricing.zone)
    end = local_day_start(today + timedelta(days=days), pricing.zone)
    series = {
        name: series_ensure(
            SeriesKey(kind, pricing.area, Feed.ISLAND, market_time_zone=pricing.time_zone)
        )
        for kind, name in PART_KINDS.items()
    }
    kept = _kept(series["total"], start, now)
    starts = [at for at in slots(start, end) if at not in kept]
    inputs = inputs_read(pricing, start=start, end=end)
    price = island_price(starts, rules=rules_of(pricing), inputs=inputs)
    values_new = sum(_store(series[name], name, price.slots, now) for name in series)
    _explain(pricing, price.slots, inputs, now)
    pricing.computed_at = now
    pricing.last_error = (
        f"nothing knows the base of {len(price.missing)} slots, the first at"
        f" {price.missing[0]:%Y-%m-%dT%H:%MZ}"
        if price.missing
        else ""
    )
    pricing.save(update_fields=["computed_at", "last_error"])
    return Computed(pricing.area, len(price.slots), len(price.missing), values_new)


def _kept(total: Series, start: datetime, now: datetime) -> set[datetime]:
    """The slots that have begun and have a price: what was told is not changed afterwards.

    One that was first priced after it had begun, and then without some of its inputs, was told to
    nobody in time: it is priced again when they come in.
    """
    was_told = ~Q(quality=Quality.FALLBACK) | Q(published_at__lte=F("start"))
    return set(
        SeriesValue.objects.filter(was_told, series=total, start__gte=start, start__lte=now)
        .values_list("start", flat=True)
        .distinct()
    )


def _store(series: Series, name: str, priced: Sequence[PriceSlot], now: datetime) -> int:
    is_base = series.kind == SeriesKind.PRICE_BASE
    return values_store(
        series=series,
        values=[
            GivenValue(
                slot.start,
                getattr(slot, name),
                slot.quality,
                str(slot.base_source) if is_base else "",
            )
            for slot in priced
        ],
        published_at=now,
    )


def _explain(
    pricing: IslandPricing, priced: Sequence[PriceSlot], inputs: PriceInputs, now: datetime
) -> None:
    """Write down why, where it is new or differs."""
    if not priced:
        return
    stored = {
        row.start: _content(row)
        for row in IslandPriceSlot.objects.filter(
            pricing=pricing, start__gte=priced[0].start, start__lte=priced[-1].start
        )
    }
    rows = [_why(pricing, slot, inputs, now) for slot in priced]
    IslandPriceSlot.objects.bulk_create(
        [row for row in rows if stored.get(row.start) != _content(row)],
        update_conflicts=True,
        unique_fields=["pricing", "start"],
        update_fields=[*_WHY_FIELDS, "computed_at"],
    )


def _why(
    pricing: IslandPricing, slot: PriceSlot, inputs: PriceInputs, now: datetime
) -> IslandPriceSlot:
    intensity, pv_mw = inputs.intensity.get(slot.start), inputs.pv_mw.get(slot.start)
    return IslandPriceSlot(
        pricing=pricing,
        start=slot.start,
        base_source=str(slot.base_source),
        tried=[str(source) for source in slot.tried],
        reasons=[[str(reason.code), reason.subject] for reason in slot.reasons],
        quality=str(slot.quality),
        intensity_g_per_kwh=_stored(intensity),
        intensity_quality=_quality(intensity),
        pv_mw=_stored(pv_mw),
        pv_quality=_quality(pv_mw),
        computed_at=now,
    )


def _stored(known: Known | None) -> Decimal | None:
    """As the column keeps it, so that the same value is seen to be the same."""
    return None if known is None else known.value.quantize(_STEP, ROUND_HALF_UP)


def _quality(known: Known | None) -> str:
    return str(known.quality) if known else ""


def _content(row: IslandPriceSlot) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _WHY_FIELDS)
