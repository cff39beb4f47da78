"""Documents that came: the history, and one document with its refused rows and its head."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator

from apps.markets.choices import DocumentStatus, Feed
from apps.markets.models import FeedRequest, ImportedDocument
from apps.markets.selectors.feeds import (
    DocumentFilter,
    TakenSeries,
    document_found,
    document_request,
    document_series,
    documents_found,
)

PAGE_SIZE = 25
HEAD_BYTES = 4_000
FAULTS_SHOWN = 200
MAY_SEE = "markets.view_importeddocument"
MAY_CHANGE = "markets.change_feedaccess"


@dataclass(frozen=True, slots=True)
class DocumentListing:
    """A page of the history."""

    documents: tuple[ImportedDocument, ...]
    filter: DocumentFilter
    feeds: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[str, str], ...]
    page: int
    page_count: int
    total_count: int
    query: str
    may_change: bool


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One document; `head` is text, cut after its first bytes."""

    document: ImportedDocument
    size: int
    head: str
    is_cut: bool
    is_binary: bool
    faults: tuple[str, ...]
    faults_left: int
    request: FeedRequest | None
    series: tuple[TakenSeries, ...]
    may_change: bool


def document_listing(*, wanted: DocumentFilter, page: int, may_change: bool) -> DocumentListing:
    """A page of the history. Two queries."""
    paginator = Paginator(documents_found(wanted), PAGE_SIZE)
    shown = paginator.get_page(page)
    words = {
        "feed": wanted.feed,
        "status": wanted.status,
        "day": wanted.day.isoformat() if wanted.day else "",
        "access": str(wanted.access_id) if wanted.access_id is not None else "",
    }
    query = urlencode({name: word for name, word in words.items() if word})
    return DocumentListing(
        documents=tuple(shown.object_list),
        filter=wanted,
        feeds=tuple((code, str(label)) for code, label in Feed.choices),
        statuses=tuple((code, str(label)) for code, label in DocumentStatus.choices),
        page=shown.number,
        page_count=paginator.num_pages,
        total_count=paginator.count,
        query=f"{query}&" if query else "",
        may_change=may_change,
    )


def document_page(*, document_id: int, may_change: bool) -> DocumentPage | None:
    """One document; None when there is none."""
    document = document_found(document_id)
    if document is None:
        return None
    raw = bytes(document.raw)
    is_binary = b"\0" in raw[:HEAD_BYTES]
    faults = tuple(str(fault) for fault in document.faults)
    return DocumentPage(
        document=document,
        size=len(raw),
        head="" if is_binary else raw[:HEAD_BYTES].decode("utf-8", errors="replace"),
        is_cut=len(raw) > HEAD_BYTES,
        is_binary=is_binary,
        faults=faults[:FAULTS_SHOWN],
        faults_left=max(0, len(faults) - FAULTS_SHOWN),
        request=document_request(document),
        series=tuple(document_series(document)),
        may_change=may_change,
    )
