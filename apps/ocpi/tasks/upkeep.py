"""What keeps the roaming tables small."""

from apps.ocpi.services.exchanges import exchanges_prune as prune
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="ocpi.exchanges_prune")
def exchanges_prune() -> None:
    """Delete exchanges older than the operator keeps them."""
    prune(now=utc_now())
