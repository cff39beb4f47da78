"""How each access to a feed stands, and the form of one."""

from dataclasses import dataclass
from datetime import datetime

from apps.console.viewmodels.data_source_form import askable_feeds
from apps.console.viewmodels.data_words import age_seconds
from apps.markets.choices import DeliveryStatus, Feed
from apps.markets.models import FeedAccess, FeedRequest
from apps.markets.selectors.feeds import AccessStanding, access_standings

MAY_SEE = "markets.view_feedaccess"
MAY_CHANGE = "markets.change_feedaccess"
REQUESTS_SHOWN = 12
FAILED = (DeliveryStatus.REFUSED, DeliveryStatus.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class SourceCard:
    """One access: `state` is its own or `off`, `quota_percent` None without a quota."""

    access: FeedAccess
    state: str
    calls_today: int
    quota_percent: int | None
    quota_tone: str
    success_age_s: float | None
    next_attempt_at: datetime | None
    is_paused: bool
    is_upload: bool
    requests: tuple[FeedRequest, ...]
    requests_left: int
    failed_count: int


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """All accesses of the operator."""

    cards: tuple[SourceCard, ...]
    feeds: tuple[tuple[str, str], ...]
    may_change: bool
    may_see_imports: bool


def sources_page(*, now: datetime, may_change: bool, may_see_imports: bool) -> SourcesPage:
    """Every access and how it stands. Two queries."""
    return SourcesPage(
        cards=tuple(_card(one, now) for one in access_standings(now=now)),
        feeds=askable_feeds(),
        may_change=may_change,
        may_see_imports=may_see_imports,
    )


def _card(standing: AccessStanding, now: datetime) -> SourceCard:
    access = standing.access
    is_upload = access.feed == Feed.UPLOAD
    quota = access.quota_per_day
    percent = None if not quota else min(100, round(100 * standing.calls_today / quota))
    is_paused = access.paused_until is not None and access.paused_until > now
    next_at = standing.next_attempt_at
    if next_at is not None and access.paused_until is not None:
        next_at = max(next_at, access.paused_until)
    return SourceCard(
        access=access,
        state=access.state if access.enabled else "off",
        calls_today=standing.calls_today,
        quota_percent=percent,
        quota_tone="bad" if percent == 100 else "warn" if (percent or 0) >= 80 else "ok",
        success_age_s=age_seconds(access.last_success_at, now),
        next_attempt_at=next_at if access.enabled and not is_upload else None,
        is_paused=is_paused,
        is_upload=is_upload,
        requests=standing.requests[:REQUESTS_SHOWN],
        requests_left=max(0, len(standing.requests) - REQUESTS_SHOWN),
        failed_count=sum(one.status in FAILED for one in standing.requests),
    )
