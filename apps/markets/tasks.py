"""Background work of the markets app."""

from django.conf import settings

from apps.markets.services import fetch
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="markets.prices_fetch")
def prices_fetch() -> None:
    """Fetch the delivery days that are due."""
    fetch.prices_fetch(now=utc_now(), allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED)
