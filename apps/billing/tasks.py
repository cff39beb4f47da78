"""Work in the background, for one operator at a time."""

from apps.billing import services
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
