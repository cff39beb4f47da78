"""ENTSO-E and Energy-Charts as simulated, asked by our clients and read by our readers."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.markets.clients.energy_charts import EnergyChartsClient
from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.feeds.energy_charts import NotYetPublishedError, energy_charts_read
from apps.markets.feeds.entsoe import (
    NotYetPublishedError as EntsoeNotYetPublishedError,
)
from apps.markets.feeds.entsoe import (
    PowerSeries,
    Process,
    generation_document_read,
    load_document_read,
    price_document_read,
    wind_solar_document_read,
)
from apps.simulation.market.grid import EVENING as PEAK
from apps.simulation.market.grid import grid_between, grid_day
from apps.simulation.market.prices import day_prices
from tests.simulation.market.conftest import Feeds, OpenFeeds

pytestmark = pytest.mark.asyncio

FRANCE = "10YFR-RTE------C"
PARIS_DAY = (datetime(2026, 3, 9, 23, tzinfo=UTC), datetime(2026, 3, 10, 23, tzinfo=UTC))
QUARTER = timedelta(minutes=15)


def entsoe(feeds: Feeds) -> EntsoeClient:
    return EntsoeClient(base_url=f"{feeds.url}/api", token="demo", allow_loopback=True)  # noqa: S106


def powers(series: PowerSeries) -> list[float]:
    return [power for _, power in series.quarter_hours()]


async def test_entsoe_gives_the_generation_that_is_known(feeds: OpenFeeds) -> None:
    start, end = PARIS_DAY
    async with feeds() as running:
        client = entsoe(running)
        content = await running.ask(client.generation_per_type, area=FRANCE, start=start, end=end)

    document = generation_document_read(content, area=FRANCE)

    # An hour after each slot: at 22:07 until 21:00, so 22 hours of 24.
    assert {(one.start, one.end) for one in document.series} == {
        (start, datetime(2026, 3, 10, 21, tzinfo=UTC))
    }
    types = [one.psr_type for one in document.generation]
    assert types == ["B01", "B05", "B06", "B09", "B11", "B16", "B19", "B25"]
    assert [one.psr_type for one in document.consumption] == ["B25"]
    truth = list(grid_between("guadeloupe", start, datetime(2026, 3, 10, 21, tzinfo=UTC)))
    oil = next(one for one in document.generation if one.psr_type == "B06")
    assert powers(oil) == pytest.approx(
        [slot.power_mw["diesel"] + slot.power_mw["turbines_combustion"] for slot in truth],
        abs=0.006,
    )


async def test_entsoe_gives_the_load_and_its_forecast(feeds: OpenFeeds) -> None:
    start, end = PARIS_DAY
    async with feeds() as running:
        client = entsoe(running)
        real = await running.ask(client.load, Process.REALISED, area=FRANCE, start=start, end=end)
        foretold = await running.ask(
            client.load, Process.DAY_AHEAD, area=FRANCE, start=start, end=end
        )

    (load,) = load_document_read(real, area=FRANCE).series
    (forecast,) = load_document_read(foretold, area=FRANCE).series

    assert len(powers(load)) == 88
    assert len(powers(forecast)) == 96
    assert powers(forecast)[:88] != powers(load)
    assert powers(forecast)[:88] == pytest.approx(powers(load), rel=0.1)


async def test_entsoe_gives_the_forecast_of_sun_and_wind(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        client = entsoe(running)
        content = await running.ask(
            client.wind_solar_forecast, area=FRANCE, start=PARIS_DAY[0], end=PARIS_DAY[1]
        )

    sun, wind = wind_solar_document_read(content, area=FRANCE).series

    assert (sun.psr_type, wind.psr_type) == ("B16", "B19")
    # 02:00 to 06:00 UTC is night, 16:00 UTC is noon on the island.
    assert set(powers(sun)[12:28]) == {0.0}
    assert max(powers(sun)) > 25
    assert powers(sun).index(max(powers(sun))) in range(56, 84)
    assert min(powers(wind)) > 1


async def test_entsoe_forecasts_of_tomorrow_come_at_their_hours(feeds: OpenFeeds) -> None:
    """Load at 10:00 in Paris (09:00 UTC), sun and wind at 18:00."""
    words = {"area": FRANCE, "start": PARIS_DAY[1], "end": PARIS_DAY[1] + timedelta(days=1)}
    async with feeds(datetime(2026, 3, 10, 8, 59, tzinfo=UTC)) as running:
        client = entsoe(running)
        early = await running.ask(client.load, Process.DAY_AHEAD, **words)
        running.clock.move(60)
        later = await running.ask(client.load, Process.DAY_AHEAD, **words)
        sun = await running.ask(client.wind_solar_forecast, **words)
        real = await running.ask(client.generation_per_type, **words)

    assert len(powers(load_document_read(later, area=FRANCE).series[0])) == 96
    for content, reader in (
        (early, load_document_read),
        (sun, wind_solar_document_read),
        (real, generation_document_read),
    ):
        with pytest.raises(EntsoeNotYetPublishedError):
            reader(content, area=FRANCE)


async def test_energy_charts_has_the_prices_of_the_auction(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        client = EnergyChartsClient(base_url=running.url, allow_loopback=True)
        content = await running.ask(
            client.day_ahead_prices, zone="FR", start=PARIS_DAY[0], end=PARIS_DAY[1]
        )
        auction = await running.ask(
            entsoe(running).day_ahead_prices, area=FRANCE, start=PARIS_DAY[0], end=PARIS_DAY[1]
        )
        with pytest.raises(NotYetPublishedError):
            await running.ask(
                client.day_ahead_prices,
                zone="FR",
                start=PARIS_DAY[1] + timedelta(days=1),
                end=PARIS_DAY[1] + timedelta(days=2),
            )

    reply = energy_charts_read(content)
    assert [one.price_eur_per_mwh for one in reply.prices] == day_prices(date(2026, 3, 10))
    assert (reply.prices[0].start, reply.prices[0].resolution) == (PARIS_DAY[0], QUARTER)
    assert "synthetic" in reply.licence
    assert price_document_read(auction, area=FRANCE)


@pytest.mark.parametrize(
    ("query", "slots"),
    [
        ({"start": "2026-03-09", "end": "2026-03-10"}, 192),
        ({"start": "2026-03-29"}, 0),
        ({}, 96),
        ({"start": "2026-03-10T00:00+01:00", "end": "2026-03-10T00:45+01:00"}, 4),
    ],
)
async def test_energy_charts_takes_days_and_times(
    feeds: OpenFeeds, query: dict[str, str], slots: int
) -> None:
    async with feeds() as running:
        status, content, _ = await running.get("/price", bzn="FR", **query)

    assert status == (200 if slots else 404)
    if slots:
        assert len(energy_charts_read(content).prices) == slots


@pytest.mark.parametrize(
    "query",
    [
        {"bzn": "ZZ"},
        {"bzn": "FR", "start": "yesterday"},
        {"bzn": "FR", "start": "2026-03-10", "end": "2026-03-09"},
        {"bzn": "FR", "start": "2020-03-10", "end": "2026-03-09"},
    ],
)
async def test_energy_charts_refuses_what_it_does_not_know(
    feeds: OpenFeeds, query: dict[str, str]
) -> None:
    async with feeds() as running:
        assert (await running.get("/price", **query))[0] == 422


async def test_the_peak_of_the_island_is_in_every_feed_that_tells_of_it(feeds: OpenFeeds) -> None:
    """The prices of the auction and the load of the island are highest in the same hours."""
    slots = grid_day("guadeloupe", date(2026, 3, 10), is_alert=False)

    highest = max(range(96), key=lambda number: slots[number].load_mw)

    assert highest in PEAK
    async with feeds() as running:
        client = entsoe(running)
        content = await running.ask(
            client.day_ahead_prices, area=FRANCE, start=PARIS_DAY[0], end=PARIS_DAY[1]
        )
    prices = price_document_read(content, area=FRANCE).prices
    dearest = max(prices, key=lambda one: one.price_eur_per_mwh)
    assert (dearest.start - timedelta(hours=4)).hour in (19, 20, 21)
