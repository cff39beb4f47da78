"""The inbox for the API and the admin: exceptions, corrections, runs and findings."""

from django.db.models import QuerySet

from apps.billing.models import BillingException, ReconciliationFinding, ReconciliationRun
from cariflex.common.api.pages import Page, page_of


def exception_rows() -> QuerySet[BillingException]:
    """Exceptions with session, station, CDR and who resolved them."""
    return BillingException.objects.select_related(
        "session__station", "cdr", "other_session", "resolved_by"
    )


def exceptions_page(
    *,
    after: int | None,
    limit: int,
    state: str | None = None,
    kind: str | None = None,
    session: int | None = None,
) -> Page[BillingException]:
    """Exceptions, those that came last first. One query."""
    rows = exception_rows().order_by("-pk")
    if state is not None:
        rows = rows.filter(state=state)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if session is not None:
        rows = rows.filter(session_id=session)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return page_of(list(rows[: limit + 1]), limit, lambda row: row.pk)


def run_rows() -> QuerySet[ReconciliationRun]:
    """Reconciliations with who asked for them."""
    return ReconciliationRun.objects.select_related("requested_by")


def runs_page(
    *, after: int | None, limit: int, state: str | None = None
) -> Page[ReconciliationRun]:
    """Reconciliations, newest first. One query."""
    rows = run_rows().order_by("-pk")
    if state is not None:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return page_of(list(rows[: limit + 1]), limit, lambda row: row.pk)


def finding_rows() -> QuerySet[ReconciliationFinding]:
    """Findings with what they are about."""
    return ReconciliationFinding.objects.select_related("cdr", "partner_cdr", "resolved_by")


def findings_page(
    *,
    run_id: int,
    after: int | None,
    limit: int,
    state: str | None = None,
    kind: str | None = None,
) -> Page[ReconciliationFinding]:
    """The findings of a run in the order in which they were found. One query."""
    rows = finding_rows().filter(run_id=run_id).order_by("pk")
    if state is not None:
        rows = rows.filter(state=state)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return page_of(list(rows[: limit + 1]), limit, lambda row: row.pk)
