"""Day-ahead price documents (A44): bytes in, one price per market time unit out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from apps.markets.feeds.day_ahead import (
    MAX_DOCUMENT_BYTES,
    MAX_PRICE_EUR_PER_MWH,
    PublishedPrice,
)
from apps.markets.feeds.entsoe.archive import documents_read
from apps.markets.feeds.entsoe.curve import (
    curve_type,
    filled,
    span_read,
    stated_read,
)
from apps.markets.feeds.entsoe.errors import DocumentError
from apps.markets.feeds.entsoe.markup import children, expect, fail, instant, text, whole_number
from cariflex.common.units import QUARTER_HOUR

DAY_AHEAD_CONTRACT: Final = "A01"
_AMOUNT: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class PriceDocument:
    """A day-ahead price publication, every slot filled, ordered by start."""

    document_id: str
    revision: int
    created_at: datetime
    area: str
    prices: tuple[PublishedPrice, ...]

    @property
    def start(self) -> datetime:
        """First instant priced."""
        return self.prices[0].start

    @property
    def end(self) -> datetime:
        """First instant no longer priced."""
        return self.prices[-1].start + self.prices[-1].resolution


@dataclass(frozen=True, slots=True)
class _Slot:
    price: PublishedPrice
    sequence: int
    period: etree._Element


@dataclass(frozen=True, slots=True)
class _Publication:
    document_id: str
    revision: int
    created_at: datetime
    slots: list[_Slot]


def price_document_read(content: bytes, *, area: str) -> PriceDocument:
    """Read an A44 answer for one bidding zone (EIC `area`): a document, or a ZIP archive of them.

    Curve type A03 leaves out every position that repeats the one before it, also at the end of
    the period; they are filled. Where several series price the same slot, the lowest
    classification sequence wins. The newest document of an archive gives id, revision and creation
    time. Raises DocumentError (which element, which rule) and NotYetPublishedError.
    """
    publications = documents_read(
        content,
        root_name="Publication_MarketDocument",
        kind="price publication",
        max_bytes=MAX_DOCUMENT_BYTES,
        read=lambda root: _publication(root, area),
    )
    slots = [slot for publication in publications for slot in publication.slots]
    if not slots:
        raise DocumentError(
            "Publication_MarketDocument/TimeSeries", f"no day-ahead price series for {area}"
        )
    newest = max(publications, key=lambda p: (p.created_at, p.revision))
    return PriceDocument(
        document_id=newest.document_id,
        revision=newest.revision,
        created_at=newest.created_at,
        area=area,
        prices=tuple(_lowest_sequence(slots)),
    )


def quarter_hours(prices: tuple[PublishedPrice, ...]) -> Iterator[tuple[datetime, Decimal]]:
    """Give the same prices per quarter hour (start UTC, EUR/MWh)."""
    for price in prices:
        for step in range(price.resolution // QUARTER_HOUR):
            yield price.start + step * QUARTER_HOUR, price.price_eur_per_mwh


def _publication(root: etree._Element, area: str) -> _Publication:
    return _Publication(
        document_id=text(root, "mRID", default=""),
        revision=whole_number(root, "revisionNumber", default=1),
        created_at=instant(root, "createdDateTime"),
        slots=[
            slot for series in children(root, "TimeSeries") for slot in _series_slots(series, area)
        ],
    )


def _series_slots(series: etree._Element, area: str) -> Iterator[_Slot]:
    contract = text(series, "contract_MarketAgreement.type", default=DAY_AHEAD_CONTRACT)
    if contract != DAY_AHEAD_CONTRACT:
        return
    expect(series, "in_Domain.mRID", area)
    expect(series, "out_Domain.mRID", area)
    expect(series, "currency_Unit.name", "EUR")
    expect(series, "price_Measure_Unit.name", "MWH")
    sequence = whole_number(
        series, "classificationSequence_AttributeInstanceComponent.position", default=1
    )
    curve = curve_type(series)
    for period in children(series, "Period"):
        span = span_read(period)
        amounts = filled(period, span, curve, stated_read(period, span, _amount))
        for number, amount in enumerate(amounts):
            price = PublishedPrice(span.start + number * span.resolution, span.resolution, amount)
            yield _Slot(price, sequence, period)


def _amount(point: etree._Element) -> Decimal:
    said = text(point, "price.amount")
    if not _AMOUNT.fullmatch(said):
        fail(point, "price.amount", f"{said[:40]!r} is not a decimal number")
    amount = Decimal(said)
    if abs(amount) > MAX_PRICE_EUR_PER_MWH:
        fail(point, "price.amount", f"{amount} EUR/MWh is beyond {MAX_PRICE_EUR_PER_MWH}")
    return amount


def _lowest_sequence(slots: list[_Slot]) -> list[PublishedPrice]:
    taken: dict[datetime, _Slot] = {}
    for slot in sorted(slots, key=lambda s: (s.sequence, s.price.start)):
        steps = slot.price.resolution // QUARTER_HOUR
        quarters = [slot.price.start + step * QUARTER_HOUR for step in range(steps)]
        earlier = [taken[q] for q in quarters if q in taken]
        if not earlier:
            taken.update(dict.fromkeys(quarters, slot))
            continue
        clash = next((e for e in earlier if e.sequence == slot.sequence), None)
        if clash is not None and clash.price != slot.price:
            fail(
                slot.period,
                "Point",
                f"{slot.price.start:%Y-%m-%dT%H:%MZ} has two prices in sequence {slot.sequence}",
            )
        if len(earlier) != len(quarters):
            fail(
                slot.period,
                "resolution",
                f"sequence {slot.sequence} covers {slot.price.start:%Y-%m-%dT%H:%MZ} only in part",
            )
    kept = {slot.price.start: slot.price for slot in taken.values()}
    return [kept[start] for start in sorted(kept)]
