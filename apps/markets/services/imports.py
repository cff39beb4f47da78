"""Taking a received document into the price series."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from apps.markets.choices import DocumentStatus
from apps.markets.events import PricesChanged
from apps.markets.feeds.entsoe import (
    DocumentError,
    NotYetPublishedError,
    PriceDocument,
    price_document_read,
    quarter_hours,
)
from apps.markets.models import ImportedDocument, PriceSeries, PriceValue
from apps.tenants.context import current_schema
from cariflex.common import events

BATCH_ROWS = 1000


@transaction.atomic
def document_import(
    *, series: PriceSeries, day: date | None, content: bytes, now: datetime
) -> ImportedDocument:
    """Keep a document as received and take its prices; never raises for what is in it.

    The same document again only counts as received again. A price is stored when it is new or
    differs from the one that counts so far; the earlier one stays as history.
    """
    try:
        document = price_document_read(content, area=series.area)
    except NotYetPublishedError as err:
        return _keep(series, day, content, now, DocumentStatus.NOT_PUBLISHED, error=err.reason)
    except DocumentError as err:
        return _keep(series, day, content, now, DocumentStatus.REFUSED, error=err.message)
    imported = _keep(series, day, content, now, DocumentStatus.IMPORTED, document=document)
    prices_new = _values_store(series, imported, document)
    if prices_new:
        imported.prices_new = prices_new
        imported.save(update_fields=["prices_new"])
        events.publish(PricesChanged(schema=current_schema(), day=day or document.start.date()))
    return imported


def _keep(
    series: PriceSeries,
    day: date | None,
    content: bytes,
    now: datetime,
    status: DocumentStatus,
    *,
    error: str = "",
    document: PriceDocument | None = None,
) -> ImportedDocument:
    # "Nothing published" differs in its creation time each time: one row a day, not thousands.
    evidence = content if status != DocumentStatus.NOT_PUBLISHED else status.value.encode()
    imported, created = ImportedDocument.objects.get_or_create(
        series=series,
        day=day,
        sha256=hashlib.sha256(evidence).hexdigest(),
        defaults={
            "status": status,
            "error": error[:300],
            "raw": content,
            "received_at": now,
            "document_id": document.document_id[:64] if document else "",
            "revision": document.revision if document else 1,
            "published_at": document.created_at if document else None,
        },
    )
    if not created:
        ImportedDocument.objects.filter(pk=imported.pk).update(
            times_received=F("times_received") + 1, received_at=now
        )
        imported.refresh_from_db()
    return imported


def _values_store(series: PriceSeries, imported: ImportedDocument, document: PriceDocument) -> int:
    known: dict[datetime, tuple[Decimal, datetime]] = {
        start: (price, published_at)
        for start, price, published_at in PriceValue.objects.filter(
            series=series, start__gte=document.start, start__lt=document.end
        )
        .order_by("start", "-published_at", "-pk")
        .distinct("start")
        .values_list("start", "price_eur_per_mwh", "published_at")
    }
    rows = [
        PriceValue(
            series=series,
            start=start,
            price_eur_per_mwh=price,
            published_at=document.created_at,
            document=imported,
        )
        for start, price in quarter_hours(document.prices)
        if start not in known
        or (known[start][0] != price and known[start][1] < document.created_at)
    ]
    PriceValue.objects.bulk_create(rows, batch_size=BATCH_ROWS, ignore_conflicts=True)
    return len(rows)
