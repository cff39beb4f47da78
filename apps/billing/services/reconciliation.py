"""Reconciliation: sessions, CDRs, meters and partners' copies set side by side, page by page.

A page is one transaction that holds the run's row: its findings are there or not, two workers never
compare the same page, and a run that was killed goes on with the page that it had not finished.
"""

import logging
from datetime import datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from apps.accounts.models import User
from apps.billing.choices import RunPhase, RunState
from apps.billing.models import ReconciliationRun
from apps.billing.months import local_day, month_interval, month_of
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.services.reconciliation_copies import copies_count, copies_page
from apps.billing.services.reconciliation_findings import accepted_carry
from apps.billing.services.reconciliation_pages import Page, Scope
from apps.billing.services.reconciliation_prices import prices_page
from apps.billing.services.reconciliation_sessions import (
    cdrs_count,
    meters_page,
    sessions_count,
    sessions_page,
)
from apps.tenants.tasking import OperatorTask
from cariflex.common.errors import DomainError
from cariflex.common.time import Interval, utc_now

logger = logging.getLogger(__name__)

RECONCILE_TASK = "billing.reconciliation_run"
# Sessions of the last minutes may be without a CDR rightly: their events are awaited.
GRACE = timedelta(minutes=15)
# A run without a sign of life for so long lost its worker.
STALLED_AFTER = timedelta(minutes=3)
LONGEST = timedelta(days=400)
NIGHTLY_AFTER_H = 3
_PAGES = {
    RunPhase.SESSIONS: sessions_page,
    RunPhase.METERS: meters_page,
    RunPhase.PRICES: prices_page,
    RunPhase.COPIES: copies_page,
}
_ORDER = tuple(RunPhase)
_ACTIVE = (RunState.QUEUED, RunState.RUNNING)


def reconciliation_start(
    *, start: datetime, end: datetime, by: User | None = None
) -> ReconciliationRun:
    """Compare what ended in [start, end), in the background; one that is under way is given back.

    DomainError `billing.period_invalid`.
    """
    if not start < end <= start + LONGEST:
        raise DomainError(
            "billing.period_invalid", "A period ends after its start, within 400 days.", field="end"
        )
    active = ReconciliationRun.objects.filter(start=start, end=end, state__in=_ACTIVE)
    try:
        with transaction.atomic():
            run = ReconciliationRun.objects.create(
                start=start, end=end, requested_at=utc_now(), requested_by=by
            )
    except IntegrityError:
        # Somebody asked for the same at the same time.
        run = active.get()
    _enqueue(run.pk)
    return run


def reconciliation_cancel(*, run_id: int) -> ReconciliationRun:
    """Stop after the page at hand; DomainError for a run that has ended."""
    stopped = ReconciliationRun.objects.filter(pk=run_id, state__in=_ACTIVE).update(
        state=RunState.CANCELLED, finished_at=utc_now()
    )
    if not stopped:
        raise DomainError("billing.run_ended", f"Reconciliation {run_id} has ended.")
    return ReconciliationRun.objects.get(pk=run_id)


def reconciliation_run(*, run_id: int, until: datetime | None = None) -> bool:
    """Compare page after page, to the end or until an instant; True when nothing is left to do.

    What fails is written into the run, for a person; a later start begins anew.
    """
    while until is None or utc_now() < until:
        try:
            if not reconciliation_page(run_id=run_id):
                return True
        except Exception as err:
            logger.exception("reconciliation failed run=%s", run_id)
            ReconciliationRun.objects.filter(pk=run_id, state__in=_ACTIVE).update(
                state=RunState.FAILED,
                finished_at=utc_now(),
                error=f"{type(err).__name__}: {err}"[:300],
            )
            return True
    return False


@transaction.atomic
def reconciliation_page(*, run_id: int) -> bool:
    """Compare one page; False when there was none: the run ended, or another worker has it."""
    run = (
        ReconciliationRun.objects.select_for_update(skip_locked=True)
        .filter(pk=run_id, state__in=_ACTIVE)
        .first()
    )
    if run is None:
        return False
    now = utc_now()
    scope = Scope(run.pk, run.start, min(run.end, now - GRACE), now)
    if run.state == RunState.QUEUED:
        run.state, run.started_at = RunState.RUNNING, now
        run.total_count = sessions_count(scope) + 2 * cdrs_count(scope) + copies_count(scope)
    page = _PAGES[RunPhase(run.phase)](scope, run.place)
    _advance(run, page)
    run.touched_at = utc_now()
    run.save()
    return run.is_active


def reconciliations_sweep(*, now: datetime) -> None:
    """Take up runs whose worker is gone, and compare the month at hand once a night."""
    quiet = Q(touched_at__lt=now - STALLED_AFTER) | Q(
        touched_at=None, requested_at__lt=now - STALLED_AFTER
    )
    for run_id in ReconciliationRun.objects.filter(quiet, state__in=_ACTIVE).values_list(
        "pk", flat=True
    ):
        _enqueue(run_id)
    period = _nightly(now)
    if period is not None:
        reconciliation_start(start=period.start, end=period.end)


def _nightly(now: datetime) -> Interval | None:
    """Yesterday's month, once a day after three in the morning where the books are kept."""
    zone = books_time_zone()
    today = local_day(now - timedelta(hours=NIGHTLY_AFTER_H), zone)
    period = month_interval(month_of(today - timedelta(days=1)), zone)
    morning = datetime.combine(today, time(NIGHTLY_AFTER_H), ZoneInfo(zone))
    had = ReconciliationRun.objects.filter(
        start=period.start, end=period.end, requested_at__gte=morning
    ).exists()
    return None if had else period


def _advance(run: ReconciliationRun, page: Page) -> None:
    run.checked_count = F("checked_count") + page.seen
    run.held_count = F("held_count") + page.held
    run.findings_count = run.findings.count()
    run.place = page.last
    if not page.is_last:
        return
    run.place = ""
    place = _ORDER.index(RunPhase(run.phase)) + 1
    if place < len(_ORDER):
        run.phase = _ORDER[place]
        return
    run.state, run.finished_at = RunState.DONE, utc_now()
    accepted_carry(run_id=run.pk)
    logger.info("reconciliation done run=%s findings=%s", run.pk, run.findings_count)


def _enqueue(run_id: int) -> None:
    cast(OperatorTask, current_app.tasks[RECONCILE_TASK]).enqueue(run_id)
