"""The ways in which the feeds fail on order, as our clients and readers see them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.markets.clients.edf_sei import EdfSeiClient
from apps.markets.clients.energy_charts import EnergyChartsClient
from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.clients.open_meteo import OpenMeteoClient
from apps.markets.clients.solcast import SolcastClient
from apps.markets.feeds.edf_sei import Island, island_mix_read
from apps.markets.feeds.energy_charts import energy_charts_read
from apps.markets.feeds.entsoe import generation_document_read
from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.solcast import radiation_forecast_read
from cariflex.common.errors import DomainError, ExternalError
from tests.simulation.market.conftest import Feeds, OpenFeeds

pytestmark = pytest.mark.asyncio

FRANCE = "10YFR-RTE------C"
START, END = datetime(2026, 3, 9, 23, tzinfo=UTC), datetime(2026, 3, 10, 23, tzinfo=UTC)
ALL = ("edf_sei", "energy_charts", "entsoe", "open_meteo", "solcast")


def _entsoe(url: str) -> Any:
    client = EntsoeClient(base_url=f"{url}/api", token="demo", allow_loopback=True)  # noqa: S106
    content = client.generation_per_type(area=FRANCE, start=START, end=END)
    return generation_document_read(content, area=FRANCE)


def _energy_charts(url: str) -> Any:
    client = EnergyChartsClient(base_url=url, allow_loopback=True)
    return energy_charts_read(client.day_ahead_prices(zone="FR", start=START, end=END))


def _edf_sei(url: str) -> Any:
    content = EdfSeiClient(base_url=url, allow_loopback=True).records(
        dataset="mix-temps-reel-guadeloupe", start=START, end=END
    )
    return island_mix_read(content, island=Island.GUADELOUPE)


def _open_meteo(url: str) -> Any:
    client = OpenMeteoClient(base_url=f"{url}/v1/forecast", allow_loopback=True)
    return open_meteo_read(client.forecast(latitude=16.2, longitude=-61.5, days=3)).weather


def _solcast(url: str) -> Any:
    client = SolcastClient(base_url=url, token="demo", allow_loopback=True)  # noqa: S106
    return radiation_forecast_read(
        client.radiation_forecast(latitude=16.2, longitude=-61.5, hours=48).content
    )


READ: dict[str, Callable[[str], Any]] = {
    "edf_sei": _edf_sei,
    "energy_charts": _energy_charts,
    "entsoe": _entsoe,
    "open_meteo": _open_meteo,
    "solcast": _solcast,
}


async def read(running: Feeds, feed: str) -> Any:
    return await running.ask(READ[feed], running.url)


async def test_every_feed_answers_at_first(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        for feed in ALL:
            assert await read(running, feed)


@pytest.mark.parametrize("feed", ALL)
async def test_an_outage_can_be_tried_again(feeds: OpenFeeds, feed: str) -> None:
    async with feeds() as running:
        await running.control(feed=feed, mode="503")
        with pytest.raises(ExternalError) as outage:
            await read(running, feed)
        await running.control(feed=feed, mode=None)
        assert await read(running, feed)

    assert (outage.value.status, outage.value.retryable) == (503, True)


@pytest.mark.parametrize(
    ("feed", "mode", "pause_s"),
    [
        ("entsoe", "429", 600),
        ("entsoe", "quota", 600),
        ("energy_charts", "429", 60),
        ("energy_charts", "quota", 3_600),
        ("edf_sei", "429", 30),
        ("open_meteo", "429", 60),
        ("open_meteo", "quota", 3_600),
        ("solcast", "429", 900),
    ],
)
async def test_too_many_requests_say_how_long_to_wait(
    feeds: OpenFeeds, feed: str, mode: str, pause_s: int
) -> None:
    async with feeds() as running:
        await running.control(feed=feed, mode=mode)
        with pytest.raises(ExternalError) as refused:
            await read(running, feed)

    assert (refused.value.status, refused.value.retry_after_s) == (429, pause_s)


async def test_a_used_up_quota_of_edf_names_the_end_of_its_day(feeds: OpenFeeds) -> None:
    """2026-03-11T00:00Z is 1773187200 seconds after 1970."""
    path = "/api/explore/v2.1/catalog/datasets/mix-temps-reel-guadeloupe/exports/json"
    async with feeds() as running:
        await running.control(feed="edf_sei", mode="quota")
        status, content, headers = await running.get(path)
        with pytest.raises(ExternalError) as refused:
            await read(running, "edf_sei")

    assert status == refused.value.status == 429
    assert headers["x-ratelimit-reset"] == "1773187200"
    assert b'"errorcode": 10002' in content
    assert b'"reset_time": "2026-03-11T00:00:00Z"' in content


async def test_a_used_up_quota_of_solcast_names_the_end_of_its_day(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        await running.control(feed="solcast", mode="quota")
        _, _, headers = await running.get(
            "/rooftop_sites/guadeloupe-pv-01/forecasts", bearer="demo"
        )
        with pytest.raises(ExternalError) as refused:
            await read(running, "solcast")

    assert refused.value.status == 429
    assert headers["x-rate-limit-remaining"] == "0"
    assert headers["x-rate-limit-reset"] == "1773187200"


@pytest.mark.parametrize("feed", ALL)
@pytest.mark.parametrize("mode", ["garbage", "no_data"])
async def test_a_page_and_an_empty_reply_are_refused_by_the_reader(
    feeds: OpenFeeds, feed: str, mode: str
) -> None:
    async with feeds() as running:
        await running.control(feed=feed, mode=mode)
        with pytest.raises(DomainError):
            await read(running, feed)


async def test_a_stale_feed_stopped_two_days_ago(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        for feed in ALL:
            await running.control(feed=feed, mode="stale")
        for feed in ("entsoe", "energy_charts", "edf_sei"):
            with pytest.raises(DomainError):
                await read(running, feed)
        weather = await read(running, "open_meteo")
        sun = await read(running, "solcast")

    assert weather.slots[0].end == datetime(2026, 3, 8, tzinfo=UTC)
    assert sun.slots[0].start == datetime(2026, 3, 8, 22, tzinfo=UTC)
    assert sun.slots[-1].end - sun.slots[0].start == timedelta(hours=48)


async def test_edf_can_stamp_its_rows_off_the_grid(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        await running.control(feed="edf_sei", mode="off_grid")
        _, content, _ = await running.get(
            "/api/explore/v2.1/catalog/datasets/mix-temps-reel-guadeloupe/exports/json",
            where="date>='2026-03-10T09:00:00Z' and date<'2026-03-10T09:30:00Z'",
        )

    assert content.count(b'"date"') == 2
    assert b"2026-03-10T09:06:00+00:00" in content
    assert b"2026-03-10T09:21:00+00:00" in content
    read_there = island_mix_read(content, island=Island.GUADELOUPE)
    assert [slot.start.minute for slot in read_there.slots] == [0, 15]


async def test_a_mode_touches_its_own_feed_alone(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        assert (await running.control(feed="solcast", mode="503"))[0] == 200
        status, state = await running.control(mode="429")
        assert await read(running, "open_meteo")

    assert status == 200
    assert state["mode"] == "429"
    assert state["feeds"] == {
        "entsoe": "429",
        "energy_charts": "ok",
        "edf_sei": "ok",
        "open_meteo": "ok",
        "solcast": "503",
    }


async def test_today_can_be_made_the_alert_day(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        before = await read(running, "edf_sei")
        await running.control(alert_day="2026-03-09")
        during = await read(running, "edf_sei")
        status, state = await running.control(alert_day=None)
        after = await read(running, "edf_sei")

    def turbines(mix: Any) -> Any:
        # 23:15Z on the 9th is 19:15 island time.
        return mix.slots[1].production[-1].power_mw

    assert turbines(during) > turbines(before) + 30
    assert turbines(after) == turbines(before)
    assert (status, state["alert_days"]) == (200, [])


@pytest.mark.parametrize(
    "order",
    [
        {"mode": "slow"},
        {"mode": 5},
        {"mode": "off_grid"},
        {"feed": "nobody", "mode": "ok"},
        {"alert_day": "tomorrow"},
        {"alert_day": 7},
        {"feed": "solcast"},
    ],
)
async def test_an_order_without_sense_changes_nothing(
    feeds: OpenFeeds, order: dict[str, Any]
) -> None:
    async with feeds() as running:
        status, answer = await running.control(**order)
        _, state = await running.control(mode=None)

    assert status == 400
    assert "error" in answer
    assert set(state["feeds"].values()) == {"ok"}
