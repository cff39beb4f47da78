"""The client of Energy-Charts against the runnable fake."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.markets.clients.energy_charts import BUSY_S, EnergyChartsClient
from apps.markets.feeds.energy_charts import NotYetPublishedError, energy_charts_read
from apps.markets.feeds.errors import DocumentError
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.energy_charts_fake import (
    GARBAGE,
    OUTAGE,
    QUOTA,
    EnergyChartsFake,
    energy_charts_fake,
)
from tests.contracts.fake_server import Answer

# The market day 20 March 2026 in Central European winter time.
START = datetime(2026, 3, 19, 23, 0, tzinfo=UTC)
END = datetime(2026, 3, 20, 23, 0, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[EnergyChartsFake]:
    with energy_charts_fake() as running:
        yield running


def ask(fake: EnergyChartsFake, zone: str = "FR") -> bytes:
    client = EnergyChartsClient(base_url=fake.url, allow_loopback=True)
    return client.day_ahead_prices(zone=zone, start=START, end=END)


def test_a_market_day_is_96_slots_and_the_next_one_is_not_begun(fake: EnergyChartsFake) -> None:
    prices = energy_charts_read(ask(fake)).prices

    assert len(prices) == 96
    assert (prices[0].start, prices[-1].start) == (
        START,
        datetime(2026, 3, 20, 22, 45, tzinfo=UTC),
    )
    assert {price.start: price.price_eur_per_mwh for price in prices}[
        datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    ] == Decimal("-5.25")
    # 2026-03-19T23:00Z is 1773961200; one second before the end.
    assert fake.asked == [{"bzn": "FR", "start": "1773961200", "end": "1774047599"}]


def test_a_span_without_prices_is_not_yet_published(fake: EnergyChartsFake) -> None:
    fake.published_until = START

    with pytest.raises(NotYetPublishedError):
        ask(fake)


@pytest.mark.parametrize("zone", ["", "FR/..", "FR&start=0", "Ü", "X" * 33])
def test_a_zone_that_is_none_is_never_asked_for(fake: EnergyChartsFake, zone: str) -> None:
    with pytest.raises(DomainError, match="letters, digits and hyphens only"):
        ask(fake, zone)

    assert fake.server.requests == []


def test_an_unknown_zone_is_refused_for_good(fake: EnergyChartsFake) -> None:
    with pytest.raises(ExternalError) as caught:
        ask(fake, "GP")

    assert (caught.value.status, caught.value.retryable) == (400, False)


@pytest.mark.parametrize(("answer", "pause_s"), [(QUOTA, 120.0), (Answer(429), BUSY_S)])
def test_a_refusal_says_how_long_to_wait(
    fake: EnergyChartsFake, answer: Answer, pause_s: float
) -> None:
    fake.forced = answer

    with pytest.raises(ExternalError) as caught:
        ask(fake)

    assert (caught.value.status, caught.value.retry_after_s) == (429, pause_s)
    assert caught.value.retryable


def test_an_outage_may_be_tried_again_and_garbage_is_no_price(fake: EnergyChartsFake) -> None:
    fake.forced = OUTAGE
    with pytest.raises(ExternalError) as caught:
        ask(fake)
    assert (caught.value.status, caught.value.retryable) == (503, True)

    fake.forced = Answer(200, b"{}", close=True)
    with pytest.raises(ExternalError, match="no whole answer"):
        ask(fake)

    fake.forced = GARBAGE
    with pytest.raises(DocumentError, match="is not JSON"):
        energy_charts_read(ask(fake))


def test_a_page_that_is_not_there_is_no_missing_price(fake: EnergyChartsFake) -> None:
    fake.forced = Answer(404, b"<html>Not Found</html>")

    with pytest.raises(ExternalError) as caught:
        ask(fake)

    assert (caught.value.status, caught.value.retryable) == (404, False)
