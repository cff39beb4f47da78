"""Fills the inbox: what holds a session back, what is odd about a CDR, what solved itself."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from redis.exceptions import RedisError

from apps.billing.choices import ExceptionKind, ExceptionState, Resolution
from apps.billing.models import BillingException, Cdr, SessionCorrection
from apps.chargers.choices import SessionState
from apps.chargers.models import Session
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

# Why issuing was refused -> what the inbox says.
KIND_OF_REFUSAL = {
    "billing.tariff_missing": ExceptionKind.NO_TARIFF,
    "billing.not_priced": ExceptionKind.NOT_PRICED,
}
# A session without a CDR is looked at this long after its end: its task had its turn by then.
_GRACE = timedelta(minutes=10)
_LOOKS = 2000
# CDRs that were issued in a transaction that was slow to commit are not missed.
_SLOW_COMMIT = timedelta(minutes=10)
_FIRST_LOOK_BACK = timedelta(days=3)
_PLACE_KEY, _PLACE_KEPT_S = "billing.exceptions.place", 86_400
_LONGEST_DETAIL = 300
# The next car is plugged in before the last one's end is told: no double billing yet.
_OVERLAP = timedelta(minutes=1)

_HEAD = """
INSERT INTO billing_billingexception
    (session_id, cdr_id, other_session_id, kind, state, detail, opened_at, resolution, reason,
     history)
"""
_TAIL = " ON CONFLICT (session_id, kind, cdr_id) DO NOTHING"
_LIVE = """
    c.issued_at >= %(since)s AND NOT c.credit
    AND NOT EXISTS (SELECT 1 FROM billing_cdr t WHERE t.credit_reference_id = c.id)
"""
_ZERO = f"""
SELECT c.session_id, c.id, NULL::bigint, %(zero)s, 'open',
       'Nothing was charged; ' || trim_scale(c.total_incl_vat) || ' ' || c.currency || ' billed.',
       %(now)s, '', '', '[]'::jsonb
FROM billing_cdr c WHERE c.energy_kwh = 0 AND {_LIVE}
"""  # noqa: S608 - our own constants
_NEGATIVE = f"""
SELECT c.session_id, c.id, NULL::bigint, %(negative)s, 'open',
       trim_scale(c.total_incl_vat) || ' ' || c.currency || ' incl. VAT.',
       %(now)s, '', '', '[]'::jsonb
FROM billing_cdr c WHERE (c.total_excl_vat < 0 OR c.total_incl_vat < 0) AND {_LIVE}
"""  # noqa: S608
# Of two that overlap the one that was issued last is asked about.
_OVERLAPPING = f"""
SELECT DISTINCT ON (c.id) c.session_id, c.id, o.session_id, %(overlapping)s, 'open',
       'At the same EVSE as ' || o.transaction_id || ', which ended at '
       || to_char(o.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '.',
       %(now)s, '', '', '[]'::jsonb
FROM billing_cdr c
JOIN chargers_session s ON s.id = c.session_id
JOIN chargers_session n ON n.evse_id = s.evse_id AND n.id <> s.id
    AND n.started_at < s.ended_at AND n.ended_at > s.started_at
JOIN billing_cdr o ON o.session_id = n.id AND NOT o.credit
    AND (o.issued_at, o.id) < (c.issued_at, c.id)
    AND NOT EXISTS (SELECT 1 FROM billing_cdr t WHERE t.credit_reference_id = o.id)
    AND least(o.ended_at, c.ended_at) - greatest(o.started_at, c.started_at) > %(overlap)s
WHERE {_LIVE}
ORDER BY c.id, o.issued_at
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Held:
    """Why a session is not billed."""

    session_id: int
    kind: ExceptionKind
    detail: str = ""


def exceptions_open(held: Iterable[Held], *, now: datetime) -> None:
    """Put reasons into the inbox; one that was known, open or resolved, changes nothing."""
    rows = [
        BillingException(
            session_id=one.session_id,
            kind=one.kind,
            detail=one.detail[:_LONGEST_DETAIL],
            opened_at=now,
        )
        for one in held
    ]
    BillingException.objects.bulk_create(rows, ignore_conflicts=True)


def held_by_doubts(session: Session) -> list[Held]:
    """The doubts of a session that nobody has looked into."""
    if session.may_be_billed:
        return []
    return [Held(session.pk, ExceptionKind(doubt), _words(session)) for doubt in session.doubts]


def held_by_refusal(session_id: int, refusal: DomainError) -> list[Held]:
    """What a refusal to issue comes to in the inbox; nothing for one that passes by itself."""
    kind = KIND_OF_REFUSAL.get(refusal.code)
    return [] if kind is None else [Held(session_id, kind, refusal.message)]


def session_changed_open(session: Session, cdr: Cdr, *, now: datetime) -> None:
    """Ask about a session that late events changed after its CDR."""
    same = (
        cdr.energy_kwh == session.energy_kwh
        and cdr.started_at == session.started_at
        and cdr.ended_at == session.ended_at
    )
    if same or not cdr.is_live or SessionCorrection.objects.filter(session=session).exists():
        return
    detail = (
        f"Billed {cdr.energy_kwh.normalize():f} kWh; the session now has"
        f" {session.energy_kwh.normalize():f} kWh."
    )
    BillingException.objects.bulk_create(
        [
            BillingException(
                session=session,
                cdr=cdr,
                kind=ExceptionKind.SESSION_CHANGED,
                detail=detail,
                opened_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def exceptions_refresh(*, now: datetime) -> int:
    """Bring the inbox up to date; how many exceptions were opened. Safe to run twice at once."""
    exceptions_open(_held(now), now=now)
    opened = _issued(now)
    solved = _solve(now)
    if opened or solved:
        logger.info("exceptions refreshed opened=%s solved=%s", opened, solved)
    return opened


def _held(now: datetime) -> list[Held]:
    """Doubtful sessions whose task was lost; those that have an exception are not looked at."""
    known = BillingException.objects.filter(session=OuterRef("pk"), cdr=None)
    sessions = (
        Session.objects.select_related("station")
        .filter(
            ~Exists(known),
            state=SessionState.ENDED,
            cdrs__isnull=True,
            checked_at__isnull=True,
            updated_at__lte=now - _GRACE,
        )
        .order_by("ended_at", "pk")
    )
    return [held for session in sessions[:_LOOKS] for held in held_by_doubts(session)]


def _issued(now: datetime) -> int:
    """Ask about odd CDRs among those issued since the last look."""
    since = _place() or now - _FIRST_LOOK_BACK
    named: dict[str, Any] = {
        "since": since - _SLOW_COMMIT,
        "now": now,
        "overlap": _OVERLAP,
        "zero": ExceptionKind.ZERO_ENERGY.value,
        "negative": ExceptionKind.NEGATIVE_AMOUNT.value,
        "overlapping": ExceptionKind.OVERLAPPING.value,
    }
    opened = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for select in (_ZERO, _NEGATIVE, _OVERLAPPING):
            cursor.execute(_HEAD + select + _TAIL, named)
            opened += cursor.rowcount
    _place_keep(now)
    return opened


def _solve(now: datetime) -> int:
    """Close what held a session back that has its CDR now, and what was asked of a CDR that is
    taken back."""
    issued = Cdr.objects.filter(session=OuterRef("session"), credit=False)
    is_open = BillingException.objects.filter(state=ExceptionState.OPEN)
    solved = {
        "state": ExceptionState.RESOLVED,
        "resolution": Resolution.SOLVED,
        "resolved_at": now,
    }
    held = is_open.filter(Exists(issued), cdr__isnull=True, kind__in=ExceptionKind.blocking())
    taken_back = is_open.filter(cdr__credited_by__isnull=False)
    return held.update(**solved) + BillingException.objects.filter(
        pk__in=taken_back.values("pk")
    ).update(**solved)


def _words(session: Session) -> str:
    end = session.ended_at
    until = f" to {end:%Y-%m-%dT%H:%M:%SZ}" if end else ""
    return (
        f"{session.energy_kwh.normalize():f} kWh from"
        f" {session.started_at:%Y-%m-%dT%H:%M:%SZ}{until} at {session.station.rated_power_kw:g} kW."
    )


def _place() -> datetime | None:
    try:
        return cast("datetime | None", cache.get(_PLACE_KEY))
    except (RedisError, OSError) as err:
        # The look back of a first time then.
        logger.warning("billing.cache_away error=%s", err)
        return None


def _place_keep(place: datetime) -> None:
    try:
        cache.set(_PLACE_KEY, place, _PLACE_KEPT_S)
    except (RedisError, OSError) as err:
        logger.warning("billing.cache_away error=%s", err)
