"""Taking a received document: kept as evidence, its values into their series."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import F

from apps.markets.choices import DocumentStatus
from apps.markets.models import FeedAccess, ImportedDocument
from apps.markets.services.feeds.adapter import Fetched, NothingPublished, Reading, Wanted
from apps.markets.services.series import series_ensure, values_store
from cariflex.common.errors import DomainError


@transaction.atomic
def document_take(
    *,
    access: FeedAccess,
    wanted: Wanted,
    fetched: Fetched,
    read: Callable[[], Reading],
    now: datetime,
    received_by: str = "",
) -> tuple[ImportedDocument, Reading | None]:
    """Keep a document as received and take its values; never raises for what is in it.

    The same document again only counts as received again. Gives the document and what was read;
    None when nothing could be.
    """
    try:
        reading = read()
        with transaction.atomic():
            document = _keep(access, wanted, fetched, now, _status(reading), reading, received_by)
            values_new = sum(
                values_store(
                    series=series_ensure(batch.key),
                    values=batch.values,
                    published_at=reading.published_at,
                    document=document,
                )
                for batch in reading.batches
            )
    except NothingPublished as err:
        return _without(access, wanted, fetched, now, DocumentStatus.NOT_PUBLISHED, str(err)), None
    except DomainError as err:
        kept = _without(access, wanted, fetched, now, DocumentStatus.REFUSED, str(err), received_by)
        return kept, None
    if values_new:
        document.values_new = values_new
        document.save(update_fields=["values_new"])
    return document, reading


def _status(reading: Reading) -> DocumentStatus:
    return DocumentStatus.PARTLY if reading.faults else DocumentStatus.IMPORTED


def _without(
    access: FeedAccess,
    wanted: Wanted,
    fetched: Fetched,
    now: datetime,
    status: DocumentStatus,
    error: str,
    received_by: str = "",
) -> ImportedDocument:
    return _keep(access, wanted, fetched, now, status, None, received_by, error=error)


def _keep(
    access: FeedAccess,
    wanted: Wanted,
    fetched: Fetched,
    now: datetime,
    status: DocumentStatus,
    reading: Reading | None,
    received_by: str,
    *,
    error: str = "",
) -> ImportedDocument:
    # "Nothing published" differs in its creation time each time: one row a day, not thousands.
    is_empty = status == DocumentStatus.NOT_PUBLISHED
    evidence = status.value.encode() if is_empty else fetched.content
    document, created = ImportedDocument.objects.get_or_create(
        access=access,
        request=wanted.request,
        day=wanted.day,
        sha256=hashlib.sha256(evidence).hexdigest(),
        defaults={
            "status": status,
            "error": error[:300],
            "faults": list(reading.faults) if reading else [],
            "raw": fetched.content,
            "name": fetched.name[:200],
            "received_at": now,
            "received_by": received_by[:150],
            "document_id": ((reading and reading.document_id) or fetched.document_id)[:64],
            "revision": reading.revision if reading else 1,
            "published_at": reading.published_at if reading else None,
        },
    )
    if not created:
        ImportedDocument.objects.filter(pk=document.pk).update(
            times_received=F("times_received") + 1, received_at=now, status=status,
            error=error[:300], faults=list(reading.faults) if reading else [],
            **_version(fetched),
        )  # fmt: skip
        document.refresh_from_db()
    return document


def _version(fetched: Fetched) -> dict[str, str]:
    """The same bytes may come again as another version of a file."""
    return {"document_id": fetched.document_id[:64]} if fetched.document_id else {}
