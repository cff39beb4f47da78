"""Checking partners in the background."""

from apps.ocpi.services.conformance import conformance_run as run
from apps.tenants.tasking import operator_task


@operator_task(name="ocpi.conformance_run")
def conformance_run(report_id: int) -> None:
    """Fill a report. One that was cut off is not begun again: it is shown as interrupted."""
    run(report_id=report_id)
