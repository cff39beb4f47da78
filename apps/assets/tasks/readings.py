"""Looking after the readings: partitions ahead of time."""

from apps.assets.services import partitions_ensure
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="assets.partitions_ensure")
def partitions_ahead() -> None:
    """Make the partitions of the coming months."""
    partitions_ensure(now=utc_now())
