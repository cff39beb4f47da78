"""Looking after the readings: partitions ahead of time, roll-ups, retention."""

from apps.assets import services
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="assets.partitions_ensure")
def partitions_ahead() -> None:
    """Make the partitions of the coming months."""
    services.partitions_ensure(now=utc_now())


@operator_task(name="assets.rollups_update")
def rollups_update() -> None:
    """Bring the roll-ups up to what is stored."""
    services.rollups_update(now=utc_now())


@operator_task(name="assets.retention_apply")
def retention_apply() -> None:
    """Drop the months of readings that the operator no longer keeps."""
    services.retention_apply(now=utc_now())
