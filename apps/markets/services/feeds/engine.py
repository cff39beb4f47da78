"""Asking every feed for what is due: claims, quotas, pauses, states."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from apps.markets.choices import (
    CallOutcome,
    DeliveryStatus,
    DocumentStatus,
    FeedState,
)
from apps.markets.models import FeedAccess, FeedCall, FeedRequest, ImportedDocument
from apps.markets.services.feeds.adapter import (
    Adapter,
    NothingNew,
    QuotaUsedUp,
    Reading,
    Wanted,
)
from apps.markets.services.feeds.documents import document_take
from apps.markets.services.feeds.registry import REGISTRY
from cariflex.common.errors import DomainError, ExternalError

logger = logging.getLogger(__name__)

NOT_PUBLISHED_RETRY: Final = timedelta(minutes=5)
REFUSED_RETRY: Final = timedelta(minutes=15)
UNREACHABLE_RETRY: Final = timedelta(minutes=1)
UNREACHABLE_RETRY_MAX: Final = timedelta(minutes=15)
# While one task works on a request no other takes it; a killed task's is free again after that.
CLAIM: Final = timedelta(minutes=5)


def feeds_fetch(*, now: datetime, allow_loopback: bool) -> list[FeedRequest]:
    """Ask every enabled feed for what is due; gives the requests tried.

    Idempotent and safe to run twice at once: a request is claimed, and its call counted against
    the quota, before it is made. A feed that is paused is not called at all.
    """
    tried: list[FeedRequest] = []
    for access in FeedAccess.objects.filter(enabled=True).order_by("pk"):
        adapter = REGISTRY.of(access.feed)
        if adapter is None:
            continue
        try:
            tried += _access_fetch(adapter, access, now, allow_loopback)
        except Exception:  # noqa: BLE001 - one feed that breaks must not stop the others
            logger.exception("feed broke feed=%s area=%s", access.feed, access.area)
    return tried


def _access_fetch(
    adapter: Adapter, access: FeedAccess, now: datetime, allow_loopback: bool
) -> list[FeedRequest]:
    tried = []
    for wanted in adapter.wanted(access, now=now):
        claimed = _claim(access, wanted, now)
        if claimed is not None:
            request, call = claimed
            _ask(adapter, access, wanted, request, call, now, allow_loopback)
            tried.append(request)
    return tried


def feed_request_retry(*, request_id: int, now: datetime) -> FeedRequest:
    """Ask again at the next run, also for what is complete (a revision); a pause stays a pause."""
    FeedRequest.objects.filter(pk=request_id).update(
        status=DeliveryStatus.MISSING, next_attempt_at=now, last_error=""
    )
    return FeedRequest.objects.get(pk=request_id)


def calls_today(access: FeedAccess, *, now: datetime) -> int:
    """The calls made for an access since midnight UTC, those under way among them."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return FeedCall.objects.filter(access=access, at__gte=midnight).count()


@transaction.atomic
def _claim(
    access: FeedAccess, wanted: Wanted, now: datetime
) -> tuple[FeedRequest, FeedCall] | None:
    request, _created = FeedRequest.objects.get_or_create(
        access=access, request=wanted.request, day=wanted.day, defaults={"next_attempt_at": now}
    )
    if request.next_attempt_at is None or request.next_attempt_at > now:
        return None
    # The quota and the pause are the access's: its row is locked while they are looked at.
    fresh = FeedAccess.objects.select_for_update(no_key=True).get(pk=access.pk)
    if not fresh.enabled or (fresh.paused_until is not None and fresh.paused_until > now):
        return None
    if fresh.quota_per_day is not None and calls_today(fresh, now=now) >= fresh.quota_per_day:
        _pause_until_midnight(fresh, now)
        return None
    taken = FeedRequest.objects.filter(pk=request.pk, next_attempt_at__lte=now).update(
        next_attempt_at=now + CLAIM, last_attempt_at=now, attempts=F("attempts") + 1
    )
    if not taken:
        return None
    request.refresh_from_db()
    call = FeedCall.objects.create(access=access, request=wanted.request, day=wanted.day, at=now)
    FeedAccess.objects.filter(pk=access.pk).update(last_call_at=now)
    return request, call


def _ask(
    adapter: Adapter,
    access: FeedAccess,
    wanted: Wanted,
    request: FeedRequest,
    call: FeedCall,
    now: datetime,
    allow_loopback: bool,
) -> None:
    try:
        documents = adapter.fetch(access, wanted, now=now, allow_loopback=allow_loopback)
        outcome = [
            document_take(
                access=access,
                wanted=wanted,
                fetched=fetched,
                read=lambda fetched=fetched: adapter.read(access, wanted, fetched, now=now),  # type: ignore[misc]
                now=now,
            )
            for fetched in documents
        ]
    except DomainError as err:
        _refused(access, request, call, str(err), now)
    except NothingNew as err:
        _nothing_new(access, request, call, err.again_after, now)
    except ExternalError as err:
        _failed(access, request, call, err, now)
    except QuotaUsedUp as err:
        pause = err.until - now if err.until else None
        told = ExternalError(
            access.feed,
            "quota used up",
            retryable=True,
            retry_after_s=pause.total_seconds() if pause else None,
            status=429,
        )
        _failed(access, request, call, told, now)
    else:
        _answered(access, request, call, outcome, now)


def _answered(
    access: FeedAccess,
    request: FeedRequest,
    call: FeedCall,
    outcome: list[tuple[ImportedDocument, Reading | None]],
    now: datetime,
) -> None:
    refused = [doc for doc, _ in outcome if doc.status == DocumentStatus.REFUSED]
    readings = [reading for _, reading in outcome if reading is not None]
    call.values_new = sum(doc.values_new for doc, _ in outcome)
    request.failures = 0
    if refused:
        _refused(access, request, call, refused[0].error, now)
        return
    if not readings:
        state, call.outcome = FeedState.NOT_PUBLISHED, CallOutcome.NOTHING
        request.status = DeliveryStatus.NOT_PUBLISHED
        request.last_error = outcome[0][0].error if outcome else ""
        request.next_attempt_at = now + NOT_PUBLISHED_RETRY
    else:
        state, call.outcome = FeedState.WORKING, CallOutcome.ANSWERED
        _read(request, readings[-1], now)
    request.save()
    call.save()
    _stand(access, state, "", now)


def _refused(
    access: FeedAccess, request: FeedRequest, call: FeedCall, error: str, now: datetime
) -> None:
    """A document, or settings, that no rule lets pass."""
    request.failures = 0
    request.status, request.last_error = DeliveryStatus.REFUSED, error[:300]
    request.next_attempt_at = now + REFUSED_RETRY
    request.save()
    call.outcome, call.error = CallOutcome.REFUSED, error[:300]
    call.save()
    logger.warning("feed document refused feed=%s request=%s day=%s error=%s",
                   access.feed, request.request, request.day, error[:300])  # fmt: skip
    _stand(access, FeedState.REFUSED, error, now)


def _nothing_new(
    access: FeedAccess,
    request: FeedRequest,
    call: FeedCall,
    again_after: timedelta,
    now: datetime,
) -> None:
    request.failures, request.last_error = 0, ""
    request.status, request.completed_at = DeliveryStatus.COMPLETE, now
    request.next_attempt_at = now + again_after
    request.save()
    call.outcome = CallOutcome.ANSWERED
    call.save()
    _stand(access, FeedState.WORKING, "", now)


def _read(request: FeedRequest, reading: Reading, now: datetime) -> None:
    request.last_error = reading.note[:300]
    if reading.is_complete:
        request.status = DeliveryStatus.COMPLETE
        request.completed_at = now
        request.next_attempt_at = now + reading.again_after if reading.again_after else None
    else:
        request.status = DeliveryStatus.NOT_PUBLISHED
        request.next_attempt_at = now + (reading.again_after or NOT_PUBLISHED_RETRY)


def _failed(
    access: FeedAccess, request: FeedRequest, call: FeedCall, err: ExternalError, now: datetime
) -> None:
    request.failures += 1
    request.status = DeliveryStatus.UNREACHABLE
    request.last_error = err.message[:300]
    if err.retry_after_s is not None:
        pause = timedelta(seconds=err.retry_after_s)
    elif err.retryable:
        pause = min(UNREACHABLE_RETRY * request.failures, UNREACHABLE_RETRY_MAX)
    else:
        pause = UNREACHABLE_RETRY_MAX
    request.next_attempt_at = now + pause
    request.save()
    state = _failure_state(err)
    call.outcome = CallOutcome.QUOTA if state == FeedState.QUOTA else CallOutcome.FAILED
    call.error, call.http_status = err.message[:300], err.status
    call.save()
    # A quota, a Retry-After and a refused token concern every call with this token.
    everything = state != FeedState.UNREACHABLE or err.retry_after_s is not None
    _stand(access, state, err.message, now, paused_until=now + pause if everything else None)


def _failure_state(err: ExternalError) -> FeedState:
    if err.status == 429:
        return FeedState.QUOTA
    if err.status in {401, 403}:
        return FeedState.UNAUTHORISED
    return FeedState.UNREACHABLE


def _pause_until_midnight(access: FeedAccess, now: datetime) -> None:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    _stand(
        access,
        FeedState.QUOTA,
        f"all {access.quota_per_day} calls of the day are made",
        now,
        paused_until=midnight + timedelta(days=1),
    )


def _stand(
    access: FeedAccess,
    state: FeedState,
    error: str,
    now: datetime,
    *,
    paused_until: datetime | None = None,
) -> None:
    """Write down how the feed stands; told in the log once when it changes."""
    if access.state != state:
        access.state_since = now
        logger.info("feed state feed=%s area=%s state=%s", access.feed, access.area, state.value)
    access.state = state
    access.last_error = error[:300]
    access.paused_until = paused_until
    if state in {FeedState.WORKING, FeedState.NOT_PUBLISHED}:
        access.last_success_at = now
    access.save(
        update_fields=["state", "state_since", "last_error", "paused_until", "last_success_at"]
    )
