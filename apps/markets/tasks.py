"""Background work of the markets app."""

from django.conf import settings

from apps.markets.services.feeds import upkeep
from apps.markets.services.feeds.engine import feeds_fetch as fetch
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="markets.feeds_fetch")
def feeds_fetch() -> None:
    """Ask the feeds for what is due."""
    fetch(now=utc_now(), allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED)


@operator_task(name="markets.feeds_tidy")
def feeds_tidy() -> None:
    """Keep what feeds leave behind in bounds."""
    upkeep.feeds_tidy(now=utc_now())


@operator_task(name="markets.pv_forecast", queue="schedule")
def pv_forecast() -> None:
    """Forecast what the PV plants will produce. A process that does it grows by some 100 MB."""
    pv_forecast_compute(now=utc_now())
