"""Background work of the markets app."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.cache import cache

from apps.markets.services import co2
from apps.markets.services.feeds import upkeep
from apps.markets.services.feeds.engine import feeds_fetch as fetch
from apps.markets.services.island.compute import island_price_compute
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.tenants.tasking import operator_task
from cariflex.common.time import parse_rfc3339, utc_now

ISLAND_WAIT_S: Final = 3
"""A document changes many series at once: one computation for all of them."""
_ISLAND_MARK: Final = "markets.island_price.waits"
_ISLAND_MARK_S: Final = 60


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


@operator_task(name="markets.co2_series")
def co2_series(area: str, source: str, first: str, last: str) -> None:
    """The CO2 intensity of an area for the slots that start from `first` to `last` (RFC 3339)."""
    co2.co2_series_update(
        area=area,
        source=source,
        start=parse_rfc3339(first),
        end=parse_rfc3339(last) + timedelta(hours=1),
        now=utc_now(),
    )


@operator_task(name="markets.co2_factors")
def co2_factors(first: str) -> None:
    """The CO2 intensity of every area from `first` (RFC 3339) on, with the factors there are."""
    co2.co2_series_again(start=parse_rfc3339(first), now=utc_now())


@operator_task(name="markets.island_price")
def island_price() -> None:
    """Form the price of the operator's areas for today and tomorrow."""
    # Before the inputs are read: what changes from here on asks for another computation.
    cache.delete(_ISLAND_MARK)
    island_price_compute(now=utc_now())


def island_price_soon() -> None:
    """Have the price formed in a moment; asked many times at once, it is formed once."""
    if cache.add(_ISLAND_MARK, 1, _ISLAND_MARK_S):
        island_price.enqueue_with(options={"countdown": ISLAND_WAIT_S})
