"""What follows from a change by itself: a mix gives intensities, inputs give a price."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from apps.markets import tasks
from apps.markets.choices import SeriesKind
from apps.markets.models import IslandPricing, SeriesValue
from apps.tenants.tasking import OperatorTask
from tests.markets.island.world import (
    AREA,
    HOUR,
    MORNING,
    calendar_stored,
    cost,
    mix_store,
    pricing_stored,
    store,
)

pytestmark = pytest.mark.usefixtures("operator_a")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The tasks that were enqueued, in order."""
    cache.delete(tasks._ISLAND_MARK)
    found: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        OperatorTask,
        "enqueue_with",
        lambda self, *, args=(), kwargs=None, options=None: found.append((self.name, args)),
    )
    return found


def test_a_mix_enqueues_its_intensities_and_one_price_for_all(
    sent: list[tuple[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        mix_store()

    names = [name for name, _args in sent]
    # Seven fuels, each a series.
    assert names.count("markets.co2_series") == 7
    assert names.count("markets.island_price") == 1
    assert sent[0][1] == (
        AREA, "edf_sei", "2026-03-10T04:00:00+00:00", "2026-03-11T03:45:00+00:00",
    )  # fmt: skip


def test_costs_and_rules_enqueue_a_price_and_the_price_itself_does_not(
    sent: list[tuple[str, Any]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        store(SeriesKind.PRODUCTION_COST, cost, resolution=HOUR)
    assert [name for name, _args in sent] == ["markets.island_price"]
    cache.delete(tasks._ISLAND_MARK)
    with django_capture_on_commit_callbacks(execute=True):
        pricing_stored()
    assert [name for name, _args in sent] == ["markets.island_price"] * 2

    cache.delete(tasks._ISLAND_MARK)
    with (
        django_capture_on_commit_callbacks(execute=True),
        time_machine.travel(MORNING, tick=False),
    ):
        tasks.island_price()
    assert SeriesValue.objects.filter(series__kind=SeriesKind.PRICE).exists()
    # Plans and dynamic tariffs follow the new price; no other price does.
    assert [name for name, _args in sent[2:]] == [
        "flexibility.prices_arrived", "billing.dynamic_prices_fix",
    ]  # fmt: skip


def test_a_price_that_was_begun_may_be_asked_for_again(sent: list[tuple[str, Any]]) -> None:
    tasks.island_price_soon()
    tasks.island_price_soon()
    assert len(sent) == 1

    with time_machine.travel(MORNING, tick=False):
        tasks.island_price()
    tasks.island_price_soon()

    assert len(sent) == 2


def test_the_tasks_do_what_they_say() -> None:
    mix_store()
    pricing_stored(calendar_id=calendar_stored().pk)
    first, last = MORNING - 6 * HOUR, MORNING

    with time_machine.travel(MORNING, tick=False):
        tasks.co2_series(AREA, "edf_sei", first.isoformat(), last.isoformat())
        tasks.co2_factors((MORNING - timedelta(hours=1)).isoformat())
        tasks.island_price()

    intensities = SeriesValue.objects.filter(series__kind=SeriesKind.CO2_LIFECYCLE)
    assert intensities.count() == 96
    assert IslandPricing.objects.get().computed_at == MORNING
