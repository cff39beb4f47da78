"""Ten plants in three towns: the engine, the stand-in for Solcast and the forecast over a day."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.markets.choices import Feed
from apps.markets.models import FeedCall
from apps.markets.pv.grouping import CELLS_PER_DEGREE
from apps.markets.selectors.pv import pv_forecast, weather_cells, weather_request
from apps.markets.services.feeds.engine import feeds_fetch
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.markets.services.pv.plants import pv_plants_ensure
from apps.markets.services.sources import feed_access_configure
from apps.tenants.models import Operator
from tests.contracts.solcast_fake import TOKEN, SolcastFake, solcast_fake
from tests.markets.pv.world import LONGITUDE, MIDNIGHT, NOON, QUARTER, pv_device

STEPS_A_DAY = 96


@pytest.fixture
def solcast() -> Iterator[SolcastFake]:
    with solcast_fake() as fake:
        fake.calls_left = 100
        yield fake


def test_ten_plants_in_three_cells_ask_ten_times_a_day_at_most(
    operator_a: Operator, solcast: SolcastFake
) -> None:
    for n in range(10):
        pv_device(f"pv-{n}", longitude=LONGITUDE + (n % 3) / CELLS_PER_DEGREE)
    pv_plants_ensure()
    feed_access_configure(
        feed=Feed.SOLCAST, area="", base_url=solcast.url, token=TOKEN, quota_per_day=10
    )

    for step in range(STEPS_A_DAY):
        solcast.now = MIDNIGHT + step * QUARTER
        feeds_fetch(now=solcast.now, allow_loopback=True)
        if solcast.now == NOON:
            done = pv_forecast_compute(now=NOON)

    # A day x 3 cells / 10 calls = 7.2 h between two calls of a cell: 0:00, 7:15, 14:30 and 21:45,
    # when one call of the ten is left.
    assert len(solcast.asked) == 10
    by_request = Counter(FeedCall.objects.values_list("request", flat=True))
    assert sorted(by_request.values()) == [3, 3, 4]
    assert set(by_request) == {weather_request(cell) for cell in weather_cells()}
    hours = sorted({at.strftime("%H:%M") for at in FeedCall.objects.values_list("at", flat=True)})
    assert hours == ["00:00", "07:15", "14:30", "21:45"]
    assert done.plants == 10
    ahead = pv_forecast(
        codes=[f"pv-{n}" for n in range(10)], start=NOON, end=NOON + timedelta(hours=43)
    )
    assert {p.origin for points in ahead.values() for p in points} == {"solcast"}
