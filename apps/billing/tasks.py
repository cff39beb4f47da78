"""Work in the background, for one operator at a time."""

from datetime import timedelta
from uuid import UUID

from apps.billing import services
from apps.billing.months import local_day
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.services import (
    documents,
    drafts,
    exports,
    inbox_watch,
    reconciliation,
    reminders_send,
    taxes,
)
from apps.billing.services.tariffs import dynamic_prices_fix as prices_fix
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="billing.cdr_issue", queue="billing")
def cdr_issue(session_id: int) -> None:
    """A session ended: its CDR, unless events are still missing."""
    services.cdr_issue_when_complete(session_id=session_id, now=utc_now())


@operator_task(name="billing.cdrs_sweep", queue="billing")
def cdrs_sweep() -> None:
    """Every 30 s: the CDRs that no task issued."""
    services.cdrs_sweep(now=utc_now())


@operator_task(name=exports.EXPORT_TASK, queue="billing")
def export_run(job_id: str) -> None:
    """Make a file that somebody asked for; safe to run twice."""
    exports.export_run(job_id=UUID(job_id))


@operator_task(name="billing.exports_sweep", queue="billing")
def exports_sweep() -> None:
    """Every 30 s: exports of killed workers are made again, those that wait are woken."""
    exports.exports_sweep(now=utc_now())


@operator_task(name="billing.exports_expire", queue="billing")
def exports_expire() -> None:
    """Every 10 min: files of exports whose time is over are deleted."""
    exports.exports_expire(now=utc_now())


@operator_task(name="billing.drafts_refresh", queue="billing")
def drafts_refresh() -> None:
    """Every hour: drafts of accounts with CDRs that are on none."""
    today = local_day(utc_now(), books_time_zone())
    drafts.drafts_refresh(today=today)


@operator_task(name="billing.taxes_load", queue="billing")
def taxes_load() -> None:
    """Every day: the tax rates that are shipped, also after an upgrade."""
    taxes.taxes_load()


@operator_task(name="billing.invoice_papers_make", queue="billing")
def invoice_papers_make(invoice_id: int) -> None:
    """An invoice was issued: its papers; safe to run twice."""
    documents.invoice_papers_make(invoice_id=invoice_id)


@operator_task(name="billing.invoice_papers_sweep", queue="billing")
def invoice_papers_sweep() -> None:
    """Every minute: papers that no task made."""
    documents.invoice_papers_sweep()


@operator_task(name="billing.reminders", queue="billing")
def reminders() -> None:
    """Every hour: reminders that are due are proposed; those sent without asking are sent."""
    reminders_send.reminders_send_automatic(now=utc_now())


# Shorter than the time after which a broker takes a task for lost.
_RUN_AT_ONCE = timedelta(seconds=40)


@operator_task(name="billing.exceptions_refresh", queue="billing")
def exceptions_refresh() -> None:
    """Every minute: what is odd about new CDRs, and what was held back unseen."""
    inbox_watch.exceptions_refresh(now=utc_now())


@operator_task(name=reconciliation.RECONCILE_TASK, queue="billing")
def reconciliation_run(run_id: int) -> None:
    """Compare some pages; a longer run sends itself again."""
    if not reconciliation.reconciliation_run(run_id=run_id, until=utc_now() + _RUN_AT_ONCE):
        reconciliation_run.enqueue(run_id)


@operator_task(name="billing.reconciliations_sweep", queue="billing")
def reconciliations_sweep() -> None:
    """Every minute: runs that lost their worker, and the comparison of the night."""
    reconciliation.reconciliations_sweep(now=utc_now())


@operator_task(name="billing.dynamic_prices_fix", queue="billing")
def dynamic_prices_fix() -> None:
    """The market published, and every 5 min: prices of the quarter hours that are to come."""
    prices_fix(now=utc_now())
