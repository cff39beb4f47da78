"""The sweep of CDRs: what no task issued, whatever was lost on the way."""

import logging
from datetime import datetime
from typing import cast

from django.core.cache import cache
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from redis.exceptions import RedisError

from apps.billing.choices import Resolution
from apps.billing.models import BillingException
from apps.billing.services.cdrs import MISSING_EVENTS_GRACE, cdr_issue
from apps.billing.services.inbox_watch import (
    Held,
    exceptions_open,
    held_by_doubts,
    held_by_refusal,
)
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from apps.chargers.ocpp.plausibility import EARLIEST_START
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

# One sweep issues so many CDRs, and looks at so many sessions, some at a time.
SWEEP_LIMIT, SWEEP_LOOKS, SWEEP_PAGE = 500, 5000, 500
PLACE_KEPT_S = 3600
_PLACE_KEY = "billing.cdrs_sweep.place"
Place = tuple[datetime, int]
"""(end, row) of the session that the last sweep looked at last."""


def cdrs_sweep(*, now: datetime) -> int:
    """Issue the CDRs of ended sessions that have none, whatever was lost on the way; how many.

    Each sweep goes on where the last one ended, so that sessions that are held back, however many,
    never keep the others waiting.
    """
    issued = tried = seen = 0
    refused: dict[str, int] = {}
    held: list[Held] = []
    place = _sweep_place()
    while tried < SWEEP_LIMIT and seen < SWEEP_LOOKS:
        sessions = list(_waiting(now, after=place)[:SWEEP_PAGE])
        for session in sessions:
            seen += 1
            # The database has an end for each session that ended.
            place = cast(datetime, session.ended_at), session.pk
            if not session.may_be_billed:
                refused["billing.session_in_doubt"] = refused.get("billing.session_in_doubt", 0) + 1
                held += held_by_doubts(session)
                continue
            tried += 1
            try:
                cdr_issue(session_id=session.pk)
                issued += 1
            except DomainError as err:
                refused[err.code] = refused.get(err.code, 0) + 1
                held += held_by_refusal(session.pk, err)
            except Exception:
                # One session that nobody foresaw never keeps all the others from their bills.
                logger.exception("cdr not issued session=%s", session.pk)
                refused["unforeseen"] = refused.get("unforeseen", 0) + 1
            if tried == SWEEP_LIMIT:
                break
        else:
            if len(sessions) < SWEEP_PAGE:
                place = None
                break
    exceptions_open(held, now=now)
    _sweep_place_keep(place)
    for code, count in refused.items():
        logger.warning("cdrs not issued reason=%s count=%s", code, count)
    return issued


def _waiting(now: datetime, *, after: Place | None) -> QuerySet[Session]:
    """Ended sessions without a CDR whose events are complete or late for good, oldest end first."""
    # As Session.has_all_events: a 1.6 session has no numbers that could be missing.
    complete = Q(events_count=F("last_seq_no") - F("first_seq_no") + 1) | Q(
        is_numbered=False, first_seq_no=0
    )
    waiting = Session.objects.select_related("station").filter(
        complete | Q(updated_at__lte=now - MISSING_EVENTS_GRACE),
        # Most doubts show here already: they are not even looked at.
        Q(meter_went_backwards=False, started_at__gte=EARLIEST_START) | Q(checked_at__isnull=False),
        ~Exists(_waived()),
        state=SessionState.ENDED,
        cdrs__isnull=True,
    )
    if after is not None:
        ended_at, pk = after
        waiting = waiting.filter(Q(ended_at__gt=ended_at) | Q(ended_at=ended_at, pk__gt=pk))
    return waiting.order_by("ended_at", "pk")


def _waived() -> QuerySet[BillingException]:
    """That somebody decided not to bill the session."""
    return BillingException.objects.filter(
        session=OuterRef("pk"), resolution=Resolution.DO_NOT_BILL
    )


def _sweep_place() -> Place | None:
    try:
        place: Place | None = cache.get(_PLACE_KEY)
    except (RedisError, OSError) as err:
        # From the beginning then: a sweep that repeats itself harms nothing.
        logger.warning("billing.cache_away error=%s", err)
        return None
    return place


def _sweep_place_keep(place: Place | None) -> None:
    try:
        cache.set(_PLACE_KEY, place, PLACE_KEPT_S) if place else cache.delete(_PLACE_KEY)
    except (RedisError, OSError) as err:
        logger.warning("billing.cache_away error=%s", err)
