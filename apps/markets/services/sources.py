"""Setting up where an operator's series come from."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.markets.choices import Feed, FeedState, SeriesKind
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.days import access_zone
from apps.markets.services.feeds.registry import REGISTRY
from apps.markets.services.series import SeriesKey, series_ensure, series_lead
from apps.markets.tasks import feeds_fetch
from cariflex.common.errors import DomainError


@transaction.atomic
def feed_access_configure(
    *,
    feed: Feed,
    area: str,
    base_url: str = "",
    token: str | None = None,
    settings: dict[str, Any] | None = None,
    quota_per_day: int | None = None,
    enabled: bool = True,
) -> FeedAccess:
    """Set up or change the access to one feed for one area; asked as soon as this is committed.

    `token` None keeps the one there is. Safe to repeat: nothing changes when nothing differs. A
    change lifts a pause, for a new token may do what the old one could not. Raises DomainError
    for what the feed's rules refuse (area, token, settings); one that is switched off may have
    faults.
    """
    access = FeedAccess.objects.select_for_update().filter(feed=feed, area=area).first()
    found = access or FeedAccess(feed=feed, area=area)
    before = (found.base_url, found.token, found.settings, found.quota_per_day, found.enabled)
    found.base_url = base_url
    found.token = found.token if token is None else token
    found.settings = settings or {}
    found.quota_per_day = quota_per_day
    found.enabled = enabled
    adapter = REGISTRY.of(feed)
    if adapter is None:
        raise DomainError("market.feed", f"{feed} cannot be asked", field="feed")
    if enabled:
        adapter.check(found)
    after = (found.base_url, found.token, found.settings, found.quota_per_day, found.enabled)
    if access is None or before != after:
        found.paused_until = None
        found.state, found.last_error = FeedState.NEW, ""
        found.save()
    if enabled:
        feeds_fetch.enqueue()
    return found


@transaction.atomic
def market_source_configure(
    *, area: str, token: str, base_url: str, requests: tuple[str, ...] = ("prices",)
) -> FeedAccess:
    """Take day-ahead prices of market area `area` (EIC) from the ENTSO-E API at `base_url`.

    Safe to repeat. Another area configured before is kept but no longer asked for; the price
    leads unless an operator chose another one.
    Raises DomainError for an area that is no EIC code and for an empty token.
    """
    access = feed_access_configure(
        feed=Feed.ENTSOE,
        area=area,
        base_url=base_url,
        token=token,
        settings={"requests": list(requests)},
    )
    others = FeedAccess.objects.filter(feed=Feed.ENTSOE).exclude(pk=access.pk)
    others.update(enabled=False)
    series = series_ensure(
        SeriesKey(
            kind=SeriesKind.PRICE,
            area=area,
            source=Feed.ENTSOE,
            market_time_zone=access_zone(access).key,
        )
    )
    leading = type(series).objects.filter(kind=SeriesKind.PRICE, is_leading=True).first()
    if leading is None or leading.source == Feed.ENTSOE:
        series_lead(series_id=series.pk)
    return access
