"""Open-Meteo and Solcast as simulated, asked by our clients and read by our readers."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.markets.clients.open_meteo import OpenMeteoClient
from apps.markets.clients.solcast import SolcastClient
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.solcast import radiation_forecast_read, rooftop_forecast_read
from apps.simulation.island import load_island
from apps.simulation.market.sky import pv_share, sky_between
from tests.simulation.market.conftest import Feeds, OpenFeeds

pytestmark = pytest.mark.asyncio

PLACE = {"latitude": 16.275, "longitude": -61.525}


def solcast(feeds: Feeds, token: str = "demo") -> SolcastClient:  # noqa: S107
    return SolcastClient(base_url=feeds.url, token=token, allow_loopback=True)


async def test_open_meteo_foretells_the_sun_of_the_roofs(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        client = OpenMeteoClient(base_url=f"{running.url}/v1/forecast", allow_loopback=True)
        content = await running.ask(client.forecast, days=3, **PLACE)

    forecast = open_meteo_read(content)

    weather = forecast.weather
    assert (len(weather.slots), weather.missing) == (3 * 96, ())
    assert weather.slots[0].end == datetime(2026, 3, 10, tzinfo=UTC)
    sky = sky_between(weather.slots[0].start, weather.slots[-1].end, **PLACE)
    assert [slot.p50.ghi_w_per_m2 for slot in weather.slots] == pytest.approx(
        [slot.p50.ghi for slot in sky], abs=0.006
    )
    brightest = max(weather.slots[:96], key=lambda slot: slot.p50.ghi_w_per_m2)
    assert (brightest.start - timedelta(hours=4)).hour in (10, 11, 12, 13)
    assert 600 < brightest.p50.ghi_w_per_m2 < 1_050
    assert all(2 <= slot.wind_m_per_s <= 9 for slot in weather.slots)


@pytest.mark.parametrize(
    "query",
    [
        {"latitude": "95", "longitude": "0", "minutely_15": "temperature_2m"},
        {"latitude": "16", "longitude": "here", "minutely_15": "temperature_2m"},
        {"latitude": "16", "longitude": "0", "minutely_15": "rain"},
        {"latitude": "16", "longitude": "0"},
        {"latitude": "16", "longitude": "0", "minutely_15": "rain", "forecast_days": "17"},
        {
            "latitude": "16",
            "longitude": "0",
            "minutely_15": "temperature_2m",
            "timezone": "Europe/Paris",
        },
    ],
)
async def test_open_meteo_says_what_is_wrong(feeds: OpenFeeds, query: dict[str, str]) -> None:
    async with feeds() as running:
        status, content, _ = await running.get("/v1/forecast", **query)

    assert (status, b'"error": true' in content) == (400, True)


async def test_solcast_has_percentiles_of_the_same_sun(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        reply = await running.ask(solcast(running).radiation_forecast, hours=48, **PLACE)

    weather = radiation_forecast_read(reply.content)

    assert reply.calls_left == 9
    assert (len(weather.slots), weather.missing) == (192, ())
    # 22:07 lies in the slot from 22:00 to 22:15, the first that ends after now.
    assert weather.slots[0].start == datetime(2026, 3, 10, 22, tzinfo=UTC)
    sky = sky_between(weather.slots[0].start, weather.slots[-1].end, **PLACE)
    for slot, truth in zip(weather.slots, sky, strict=True):
        assert slot.p10 is not None
        assert slot.p90 is not None
        assert slot.p10.ghi_w_per_m2 == pytest.approx(truth.p10.ghi, abs=0.006)
        assert slot.p90.ghi_w_per_m2 == pytest.approx(truth.p90.ghi, abs=0.006)


async def test_solcast_foretells_a_roof_as_it_then_feeds_in(feeds: OpenFeeds) -> None:
    async with feeds(datetime(2026, 3, 10, 4, 0, tzinfo=UTC)) as running:
        reply = await running.ask(
            solcast(running).rooftop_forecast, resource_id="guadeloupe-pv-01", hours=24
        )

    forecast = rooftop_forecast_read(reply.content)

    roof = load_island("guadeloupe").devices[0]
    came = sky_between(
        forecast.slots[0].start,
        forecast.slots[-1].end,
        latitude=roof.latitude,
        longitude=roof.longitude,
    )
    metered_kwh = sum(roof.rated_power_kw * pv_share(slot.actual_ghi) / 4 for slot in came)
    assert len(forecast.slots) == 48
    assert sum(slot.p50_kw / 2 for slot in forecast.slots) == pytest.approx(metered_kwh, rel=0.12)
    assert 18 < metered_kwh < 32


async def test_solcast_gives_ten_calls_a_day_to_each_token(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        client = solcast(running)
        left = [
            (await running.ask(client.radiation_forecast, hours=1, **PLACE)).calls_left
            for _ in range(10)
        ]
        status, _, headers = await running.get("/rooftop_sites/guadeloupe-pv-01/forecasts")
        with pytest.raises(Exception, match="429") as refused:
            await running.ask(client.radiation_forecast, hours=1, **PLACE)
        other = await running.ask(solcast(running, "other").radiation_forecast, hours=1, **PLACE)
        running.clock.move(2 * 3_600)
        tomorrow = await running.ask(client.radiation_forecast, hours=1, **PLACE)

    assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert (status, "x-rate-limit-remaining" in headers) == (401, False)
    assert refused.value.retryable  # type: ignore[attr-defined]
    assert (other.calls_left, tomorrow.calls_left) == (9, 9)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/rooftop_sites/nowhere/forecasts", {}, 404),
        ("/rooftop_sites/guadeloupe-bat-01/forecasts", {}, 404),
        ("/rooftop_sites/guadeloupe-pv-01/forecasts", {"hours": "400"}, 400),
        ("/data/forecast/radiation_and_weather", {"output_parameters": "ghi"}, 400),
        (
            "/data/forecast/radiation_and_weather",
            {"output_parameters": "ghi", "latitude": "99", "longitude": "0"},
            400,
        ),
        ("/data/forecast/radiation_and_weather", {"output_parameters": "rain"}, 400),
        (
            "/data/forecast/radiation_and_weather",
            {"output_parameters": "ghi", "period": "PT5M"},
            400,
        ),
    ],
)
async def test_solcast_says_what_is_wrong(
    feeds: OpenFeeds, path: str, query: dict[str, str], status: int
) -> None:
    async with feeds() as running:
        asked, content, _ = await running.get(path, bearer="demo", **query)

    assert (asked, b"response_status" in content) == (status, True)
