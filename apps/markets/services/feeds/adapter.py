"""What the engine needs of a feed, and what a feed gives the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from apps.markets.choices import Feed
from apps.markets.models import FeedAccess
from apps.markets.services.series import GivenValue, SeriesKey


class NothingPublished(Exception):
    """The source answered that it has nothing of this yet; asked again later."""


class NothingNew(Exception):
    """All that matters is in already and the source has nothing more; looked again later."""

    def __init__(self, again_after: timedelta) -> None:
        super().__init__("nothing new")
        self.again_after = again_after


class QuotaUsedUp(Exception):
    """The source said in its answer that the quota is used up, until `until` if it told."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__(f"quota used up until {until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to ask: what, and of which day (the delivery day, or the UTC day of asking)."""

    request: str
    day: date


@dataclass(frozen=True, slots=True)
class Fetched:
    """One document as it came; `name` when it was a file.

    `document_id` tells versions of a file apart before it is read; `modified_at` is when it was
    written.
    """

    content: bytes
    name: str = ""
    document_id: str = ""
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The values of one series in a document."""

    key: SeriesKey
    values: tuple[GivenValue, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says.

    `is_complete`: the whole of what was wanted is in. `again_after`: when to ask for the same
    anew; None when it is complete for good, else the engine's pause for what is not yet there.
    `faults`: rows or slots left out, in words that name line and rule. `note`: why not complete.
    """

    batches: tuple[Batch, ...]
    published_at: datetime
    is_complete: bool = True
    again_after: timedelta | None = None
    document_id: str = ""
    revision: int = 1
    faults: tuple[str, ...] = ()
    note: str = ""


class Adapter(Protocol):
    """One feed. No method writes; `fetch` is the only one that calls outside."""

    feed: Feed

    def check(self, access: FeedAccess) -> None:
        """Raise DomainError when area, address, token or settings cannot work."""

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """What matters now, the most urgent first; asking again of what is complete is free."""

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """Call the source; empty when what matters is not there.

        Raises ExternalError, NothingNew.
        """

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """Understand a document. Raises DomainError, NothingPublished or QuotaUsedUp."""


@dataclass
class Registry:
    """The adapters by their feed."""

    adapters: dict[Feed, Adapter] = field(default_factory=dict)

    def add(self, adapter: Adapter) -> None:
        """Take an adapter in; a feed has one."""
        self.adapters[adapter.feed] = adapter

    def of(self, feed: str) -> Adapter | None:
        """The adapter of a feed, None for what cannot be asked (uploads)."""
        return self.adapters.get(Feed(feed))
