"""Computing the energy reports of sites and keeping them."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction

from apps.assets.models import RollupDue, Site
from apps.flexibility.models import EnergyReport
from apps.flexibility.reporting.baselines import WALKS, comparison
from apps.flexibility.reporting.figures import month_figures
from apps.flexibility.reporting.month import local_month, month_interval
from apps.flexibility.reporting.stored import ReportFigures, figures_of
from apps.flexibility.selectors.report_month import report_month
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)
FINAL_AFTER: Final = timedelta(days=3)
"""So long after its month, no reading of it is on its way any more."""
CURRENCY: Final = "EUR"


def report_compute(*, site_id: int, month: date, now: datetime) -> EnergyReport | None:
    """Compute the report of a local month (any day of it) and keep it.

    None where there is nothing to tell: nothing of the month was measured, or somebody else is at
    it. A final report is given as it is. DomainError `report.month` for a month to come.
    """
    month = month.replace(day=1)
    zone = Site.objects.only("time_zone").get(pk=site_id).time_zone
    whole = month_interval(month, zone)
    if whole.start >= now:
        raise DomainError("report.month", "The month has not begun.", field="month")
    row = _claimed(site_id, month, now)
    if row is None:
        return EnergyReport.objects.filter(site_id=site_id, month=month, is_final=True).first()
    try:
        figures = report_figures(site_id=site_id, month=month, now=now)
    except BaseException:
        EnergyReport.objects.filter(pk=row.pk, lease_until=row.lease_until).update(lease_until=None)
        raise
    return _kept(row, figures, whole.end, now)


def report_figures(*, site_id: int, month: date, now: datetime) -> ReportFigures:
    """The report of a local month as it is known at `now`; nothing is written."""
    known = report_month(site_id=site_id, month=month, now=now)
    return ReportFigures(
        start=known.start,
        end=known.end,
        time_zone=known.time_zone,
        currency=CURRENCY,
        feed_in_margin_eur_per_mwh=known.feed_in_margin_eur_per_mwh,
        month=month_figures(known),
        comparison=comparison(known, WALKS),
    )


def reports_refresh(*, now: datetime) -> int:
    """Compute the running month and the past one of every site; gives how many were kept.

    A site that fails is told in the log and leaves the others alone.
    """
    kept = 0
    sites = Site.objects.filter(devices__isnull=False).distinct().order_by("pk")
    for site_id, zone in sites.values_list("pk", "time_zone"):
        running = local_month(now, zone)
        past = (running - timedelta(days=1)).replace(day=1)
        for month in (past, running):
            try:
                kept += report_compute(site_id=site_id, month=month, now=now) is not None
            except Exception:
                logger.exception("report failed site=%s month=%s", site_id, month)
    return kept


@transaction.atomic
def _claimed(site_id: int, month: date, now: datetime) -> EnergyReport | None:
    """The row under our lease; None when it is final, or under another one's."""
    EnergyReport.objects.bulk_create(
        [EnergyReport(site_id=site_id, month=month, computed_at=now)], ignore_conflicts=True
    )
    row = EnergyReport.objects.select_for_update().get(site_id=site_id, month=month)
    if row.is_final and figures_of(row.figures) is not None:
        return None
    if row.lease_until is not None and row.lease_until > now:
        return None
    row.lease_until = now + LEASE
    row.save(update_fields=["lease_until"])
    return row


def _kept(
    row: EnergyReport, figures: ReportFigures, month_end: datetime, now: datetime
) -> EnergyReport | None:
    # Another one may have taken over from us, long after our lease: then its word stays.
    ours = EnergyReport.objects.filter(pk=row.pk, lease_until=row.lease_until)
    if not figures.month.measured_count and not row.figures:
        ours.delete()
        return None
    is_final = now >= month_end + FINAL_AFTER and not _is_rolling_up(month_end)
    told = {"figures": figures.as_json(), "computed_at": now, "is_final": is_final}
    if not ours.update(lease_until=None, **told):
        return None
    return EnergyReport.objects.get(pk=row.pk)


def _is_rolling_up(month_end: datetime) -> bool:
    """Whether readings of the month wait to be taken up: after a long stop of the worker."""
    return RollupDue.objects.filter(start__lt=month_end).exists()
