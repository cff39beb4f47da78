"""The client over a real socket against the stand-in, each answer through its reader."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.feeds.entsoe import (
    DocumentError,
    NotYetPublishedError,
    Process,
    Quality,
    generation_document_read,
    load_document_read,
    price_document_read,
    wind_solar_document_read,
)
from cariflex.common.errors import ExternalError
from tests.contracts.entsoe_fake import NO_DATA, TOKEN, EntsoeFake
from tests.contracts.fake_server import Answer

FR = "10YFR-RTE------C"
START = datetime(2026, 3, 10, 23, tzinfo=UTC)
END = START + timedelta(hours=3)
Ask = Callable[[EntsoeClient], bytes]
ASKED: dict[str, Ask] = {
    "prices": lambda c: c.day_ahead_prices(area=FR, start=START, end=END),
    "generation": lambda c: c.generation_per_type(area=FR, start=START, end=END),
    "load": lambda c: c.load(Process.REALISED, area=FR, start=START, end=END),
    "forecast": lambda c: c.wind_solar_forecast(area=FR, start=START, end=END),
}


@pytest.fixture
def client(entsoe: EntsoeFake) -> EntsoeClient:
    return EntsoeClient(base_url=entsoe.url, token=TOKEN, allow_loopback=True)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("prices", {"documentType": "A44", "in_Domain": FR, "out_Domain": FR}),
        ("generation", {"documentType": "A75", "processType": "A16", "in_Domain": FR}),
        ("load", {"documentType": "A65", "processType": "A16", "outBiddingZone_Domain": FR}),
        ("forecast", {"documentType": "A69", "processType": "A01", "in_Domain": FR}),
    ],
)
def test_each_document_is_asked_for_with_its_own_parameters(
    client: EntsoeClient, entsoe: EntsoeFake, name: str, asked: dict[str, str]
) -> None:
    ASKED[name](client)

    (request,) = entsoe.server.requests
    assert request.query == {
        "securityToken": TOKEN,
        "periodStart": "202603102300",
        "periodEnd": "202603110200",
        **asked,
    }


@pytest.mark.parametrize("is_zipping", [False, True])
def test_generation_arrives_without_what_storage_draws(
    client: EntsoeClient, entsoe: EntsoeFake, *, is_zipping: bool
) -> None:
    """B06 at 23:00 is 6 x 100 + 23 MW; pumps (B10) draw half of 10 x 100 + 23."""
    entsoe.is_zipping = is_zipping

    read = generation_document_read(ASKED["generation"](client), area=FR)

    assert {s.psr_type: s.power_mw for s in read.generation} == {
        "B06": (623.0, 600.0, 601.0),
        "B10": (1023.0, 1000.0, 1001.0),
        "B14": (1423.0, 1400.0, 1401.0),
        "B16": (1623.0, 1600.0, 1601.0),
    }
    assert [(s.psr_type, s.power_mw) for s in read.consumption] == [("B10", (511.5, 500.0, 500.5))]


@pytest.mark.parametrize(
    ("process", "quality"),
    [(Process.REALISED, Quality.ACTUAL), (Process.DAY_AHEAD, Quality.FORECAST)],
)
def test_load_arrives_actual_or_forecast(
    client: EntsoeClient, process: Process, quality: Quality
) -> None:
    read = load_document_read(client.load(process, area=FR, start=START, end=END), area=FR)

    assert [(s.power_mw, s.quality) for s in read.consumption] == [
        ((5023.0, 5000.0, 5001.0), quality)
    ]


def test_intraday_forecast_of_wind_and_sun_arrives(client: EntsoeClient) -> None:
    content = client.wind_solar_forecast(area=FR, start=START, end=END, process=Process.INTRADAY)

    read = wind_solar_document_read(content, area=FR)

    assert [s.psr_type for s in read.generation] == ["B16", "B19"]
    assert (read.process, read.quality) == (Process.INTRADAY, Quality.FORECAST)


def test_zipped_prices_are_the_same_prices(client: EntsoeClient, entsoe: EntsoeFake) -> None:
    plain = price_document_read(ASKED["prices"](client), area=FR)
    entsoe.is_zipping = True

    assert price_document_read(ASKED["prices"](client), area=FR) == plain
    assert len(plain.prices) == 12
    assert plain.prices[0].price_eur_per_mwh == Decimal("1023.00")


@pytest.mark.parametrize("status", [200, 400])
def test_no_matching_data_is_an_answer_with_either_status(
    client: EntsoeClient, entsoe: EntsoeFake, status: int
) -> None:
    entsoe.forced = Answer(status, NO_DATA)

    with pytest.raises(NotYetPublishedError):
        generation_document_read(ASKED["generation"](client), area=FR)


def test_process_that_the_platform_does_not_know_is_refused_with_its_reason(
    client: EntsoeClient,
) -> None:
    content = client.load(Process.INTRADAY, area=FR, start=START, end=END)

    with pytest.raises(DocumentError, match="request refused: 401 Invalid request"):
        load_document_read(content, area=FR)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize(
    ("answer", "is_retryable", "wait_s"),
    [
        (Answer(429), True, 600),
        (Answer(429, headers={"Retry-After": "77"}), True, 77),
        (Answer(503), True, None),
        (Answer(401, b"Unauthorized"), False, None),
    ],
)
def test_refused_request_says_when_to_come_back_and_hides_the_token(
    client: EntsoeClient,
    entsoe: EntsoeFake,
    name: str,
    answer: Answer,
    wait_s: float | None,
    *,
    is_retryable: bool,
) -> None:
    entsoe.forced = answer

    with pytest.raises(ExternalError) as caught:
        ASKED[name](client)

    assert (caught.value.retryable, caught.value.retry_after_s) == (is_retryable, wait_s)
    assert TOKEN not in repr(caught.value) + str(caught.value)


def test_document_larger_than_a_price_document_arrives_whole(
    client: EntsoeClient, entsoe: EntsoeFake
) -> None:
    large = b"<a>" + b" " * 6_000_000 + b"</a>"
    entsoe.forced = Answer(200, large)

    assert len(ASKED["generation"](client)) == len(large)
    with pytest.raises(ExternalError, match="more than 5000000 bytes"):
        ASKED["prices"](client)
