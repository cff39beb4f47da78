"""Sessions beside their CDRs, and CDRs beside what the meters told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from apps.billing.choices import ExceptionState, Resolution
from apps.billing.models import BillingException, Cdr, ReconciliationFinding
from apps.billing.services.cdrs import MISSING_EVENTS_GRACE
from apps.billing.services.reconciliation_pages import (
    ENERGY_TOLERANCE_KWH,
    PAGE_ROWS,
    Page,
    Scope,
    findings_insert,
    key_read,
    keys_after,
    page_of_keys,
)
from apps.chargers.choices import SessionState
from apps.chargers.models import Session

_SESSION_KEYS = """
SELECT id, ended_at FROM chargers_session
WHERE state = 'ended' AND ended_at >= %(start)s AND ended_at < %(end)s
  AND (%(after_at)s::timestamptz IS NULL
       OR (ended_at, id) > (%(after_at)s::timestamptz, %(after)s::bigint))
ORDER BY ended_at, id LIMIT %(limit)s
"""
_CDR_KEYS = """
SELECT id, ended_at FROM billing_cdr
WHERE ended_at >= %(start)s AND ended_at < %(end)s
  AND (%(after_at)s::timestamptz IS NULL
       OR (ended_at, id) > (%(after_at)s::timestamptz, %(after)s::uuid))
ORDER BY ended_at, id LIMIT %(limit)s
"""
_LIVE = (
    "NOT {0}.credit AND NOT EXISTS"
    " (SELECT 1 FROM billing_cdr t WHERE t.credit_reference_id = {0}.id)"
)
_DUPLICATES = f"""
FROM (
    SELECT c.session_id, count(*) AS cdrs, max(c.id::text)::uuid AS cdr_id
    FROM billing_cdr c
    WHERE c.session_id = ANY(%(ids)s) AND {_LIVE.format("c")}
    GROUP BY c.session_id HAVING count(*) > 1
) d
"""  # noqa: S608 - our own constants, here and below
# The same charge told twice, under two transaction ids.
_TWINS = f"""
FROM chargers_session s
JOIN billing_cdr c ON c.session_id = s.id AND {_LIVE.format("c")}
JOIN chargers_session o ON o.station_id = s.station_id AND o.id < s.id
    AND o.evse_id IS NOT DISTINCT FROM s.evse_id
    AND o.state = 'ended' AND o.started_at = s.started_at AND o.ended_at = s.ended_at
    AND o.start_meter_kwh = s.start_meter_kwh AND o.meter_kwh = s.meter_kwh
JOIN billing_cdr b ON b.session_id = o.id AND {_LIVE.format("b")}
WHERE s.id = ANY(%(ids)s) AND s.meter_kwh > s.start_meter_kwh
"""  # noqa: S608
_PAIRS = f"""
FROM chargers_session s
JOIN billing_cdr c ON c.session_id = s.id AND {_LIVE.format("c")}
LEFT JOIN LATERAL (
    SELECT n.energy_kwh, n.started_at, n.ended_at FROM billing_sessioncorrection n
    WHERE n.session_id = s.id ORDER BY n.id DESC LIMIT 1
) n ON true
WHERE s.id = ANY(%(ids)s)
"""  # noqa: S608
_ENERGY = _PAIRS + (
    f" AND abs(c.energy_kwh - coalesce(n.energy_kwh, s.energy_kwh)) > {ENERGY_TOLERANCE_KWH}"
)
_GAP_S = (
    "greatest(abs(extract(epoch FROM c.started_at - coalesce(n.started_at, s.started_at))),"
    " abs(extract(epoch FROM c.ended_at - coalesce(n.ended_at, s.ended_at))))"
)
_TIMES = f"{_PAIRS} AND {_GAP_S} > 1"
# As the session counts it (ocpp.sessions): the highest register reading less the first one.
_METERS = f"""
FROM billing_cdr c
JOIN (
    SELECT m.session_id,
           greatest(max(m.value) - (array_agg(m.value ORDER BY m.seq_no, m.ordinal))[1], 0) AS kwh
    FROM chargers_metervalue m
    WHERE m.session_id = ANY(%(session_ids)s) AND m.measurand = 'Energy.Active.Import.Register'
      AND m.unit = 'kWh' AND m.phase = '' AND m.location IN ('', 'Outlet')
    GROUP BY m.session_id
) m ON m.session_id = c.session_id
WHERE c.id = ANY(%(ids)s) AND {_LIVE.format("c")}
  AND abs(c.energy_kwh - m.kwh) > {ENERGY_TOLERANCE_KWH}
  AND NOT EXISTS (SELECT 1 FROM billing_sessioncorrection n
                  WHERE n.session_id = c.session_id AND n.energy_kwh IS NOT NULL)
"""  # noqa: S608
_ORPHANS = f"""
FROM billing_cdr c JOIN chargers_session s ON s.id = c.session_id
WHERE c.id = ANY(%(ids)s) AND s.state <> 'ended' AND {_LIVE.format("c")}
"""  # noqa: S608
_CREDITS = """
FROM billing_cdr c JOIN billing_cdr o ON o.id = c.credit_reference_id
WHERE c.id = ANY(%(ids)s) AND c.credit AND (
    c.total_excl_vat <> -o.total_excl_vat OR c.total_incl_vat <> -o.total_incl_vat
    OR c.currency <> o.currency OR c.energy_kwh <> o.energy_kwh OR c.session_id <> o.session_id)
"""


def sessions_count(scope: Scope) -> int:
    """How many sessions a run compares."""
    return Session.objects.filter(
        state=SessionState.ENDED, ended_at__gte=scope.start, ended_at__lt=scope.end
    ).count()


def cdrs_count(scope: Scope) -> int:
    """How many CDRs a run compares."""
    return Cdr.objects.filter(ended_at__gte=scope.start, ended_at__lt=scope.end).count()


def sessions_page(scope: Scope, place: str) -> Page:
    """Sessions without a CDR or with two, and CDRs that say other than their session."""
    keys = keys_after(_SESSION_KEYS, _after(scope, place))
    ids = [row for row, _at in keys]
    held = _missing(scope, ids)
    named = {"ids": ids}
    findings_insert(
        scope, rows=_DUPLICATES, named=named, kind="'duplicate_cdr'",
        subject="'session:' || d.session_id", session="d.session_id", cdr="d.cdr_id",
        expected="1", found="d.cdrs", detail="'CDRs that count'",
    )  # fmt: skip
    findings_insert(
        scope, rows=_TWINS, named=named, kind="'duplicate_cdr'",
        subject="'session:' || s.id", session="s.id", cdr="c.id", expected="1", found="2",
        detail="'The same charge as ' || o.transaction_id || ', billed by ' || b.reference",
    )  # fmt: skip
    findings_insert(
        scope, rows=_ENERGY, named=named,
        kind="CASE WHEN c.energy_kwh > coalesce(n.energy_kwh, s.energy_kwh)"
        " THEN 'energy_over' ELSE 'energy_under' END",
        subject="'cdr:' || c.id", session="s.id", cdr="c.id",
        expected="coalesce(n.energy_kwh, s.energy_kwh)", found="c.energy_kwh", unit="'kWh'",
        detail="'CDR and session'",
    )  # fmt: skip
    findings_insert(
        scope, rows=_TIMES, named=named, kind="'times_differ'", subject="'cdr:' || c.id",
        session="s.id", cdr="c.id", expected="0", found=f"round({_GAP_S}, 3)", unit="'s'",
        detail="'Start or end of CDR and session'",
    )  # fmt: skip
    return page_of_keys(keys, held=held)


def meters_page(scope: Scope, place: str) -> Page:
    """CDRs beside the registers, CDRs of no finished session, and credits beside their CDR."""
    keys = keys_after(_CDR_KEYS, _after(scope, place))
    ids = [row for row, _at in keys]
    # Planned for values, not for a join: the index of a session's meter values is used.
    session_ids = _sessions_of(ids)
    findings_insert(
        scope, rows=_METERS, named={"ids": ids, "session_ids": session_ids},
        kind="CASE WHEN c.energy_kwh > m.kwh THEN 'energy_over' ELSE 'energy_under' END",
        subject="'cdr:' || c.id", session="c.session_id", cdr="c.id", expected="m.kwh",
        found="c.energy_kwh", unit="'kWh'", detail="'CDR and meter'",
    )  # fmt: skip
    findings_insert(
        scope, rows=_ORPHANS, named={"ids": ids}, kind="'orphan_cdr'",
        subject="'cdr:' || c.id", session="c.session_id", cdr="c.id",
        detail="'Its session has not ended'",
    )  # fmt: skip
    findings_insert(
        scope, rows=_CREDITS, named={"ids": ids}, kind="'credit_differs'",
        subject="'cdr:' || c.id", session="c.session_id", cdr="c.id",
        expected="-o.total_excl_vat", found="c.total_excl_vat", unit="c.currency",
        detail="'Credit of ' || o.reference",
    )  # fmt: skip
    return page_of_keys(keys)


def _missing(scope: Scope, ids: Sequence[int]) -> int:
    """Write down sessions without a CDR; how many of them the inbox explains."""
    own = BillingException.objects.filter(session=OuterRef("pk"))
    sessions = Session.objects.select_related("station").annotate(
        is_waived=Exists(own.filter(resolution=Resolution.DO_NOT_BILL)),
        is_asked=Exists(own.filter(state=ExceptionState.OPEN, cdr=None)),
    )
    held, missing = 0, []
    for session in sessions.filter(pk__in=ids, cdrs__isnull=True).order_by("pk"):
        waits = not session.has_all_events and session.updated_at > (
            scope.now - MISSING_EVENTS_GRACE
        )
        if session.is_waived or waits:
            continue
        if session.is_asked or not session.may_be_billed:
            held += 1
            continue
        missing.append(
            ReconciliationFinding(
                run_id=scope.run_id,
                kind="missing_cdr",
                subject=f"session:{session.pk}",
                session=session,
                expected=session.energy_kwh,
                unit="kWh",
            )
        )
    ReconciliationFinding.objects.bulk_create(missing, ignore_conflicts=True)
    return held


def _after(scope: Scope, place: str) -> dict[str, Any]:
    key: tuple[datetime, str] | None = key_read(place, scope)
    return {
        "start": key[0] if key else scope.start,
        "end": scope.end,
        "after_at": key[0] if key else None,
        "after": key[1] if key else None,
        "limit": PAGE_ROWS,
    }


def _sessions_of(cdr_ids: Sequence[object]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT session_id FROM billing_cdr WHERE id = ANY(%s)", [list(cdr_ids)]
        )
        return [row[0] for row in cursor.fetchall()]
