"""The same plant and the same forecast from several runs at once, with real commits."""

from collections.abc import Callable
from threading import Barrier, Thread

from django.db import connections

from apps.markets.models import PvArray, PvPlant, Series, SeriesValue
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.markets.services.pv.plants import pv_plants_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.markets.pv.world import NOON, pv_device


def at_once(work: Callable[[], int], count: int = 4) -> list[int]:
    """What several runs in one operator's schema give."""
    barrier, found = Barrier(count), []

    def run() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(20)
                found.append(work())
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(found)


def test_four_who_ensure_at_once_make_one_plant(
    live_operators: tuple[Operator, Operator],
) -> None:
    with operator_context("guadeloupe"):
        pv_device()

    made = at_once(lambda: len(pv_plants_ensure()))

    assert made == [0, 0, 0, 1]
    with operator_context("guadeloupe"):
        assert (PvPlant.objects.count(), PvArray.objects.count()) == (1, 1)


def test_four_forecasts_at_once_store_each_quarter_hour_once(
    live_operators: tuple[Operator, Operator],
) -> None:
    with operator_context("guadeloupe"):
        pv_device()
        pv_plants_ensure()

    stored = at_once(lambda: pv_forecast_compute(now=NOON).values_new)

    # A plant and the total, P50 under a clear sky: 2 series of 192 quarter hours.
    assert sum(stored) == 384
    with operator_context("guadeloupe"):
        assert (Series.objects.count(), SeriesValue.objects.count()) == (2, 384)
