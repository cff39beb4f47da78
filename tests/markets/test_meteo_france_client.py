"""The client of Météo-France against the runnable fake: keys, tokens, runs, refusals."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from apps.markets.clients.meteo_france import QUOTA_PAUSE_S, Credentials, MeteoFranceClient
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.fake_server import Answer
from tests.contracts.meteo_france_fake import (
    API_KEY,
    APPLICATION_ID,
    OUTAGE,
    QUOTA,
    MeteoFranceFake,
    meteo_france_fake,
)

RUN = datetime(2026, 3, 20, 0, tzinfo=UTC)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def fake() -> Iterator[MeteoFranceFake]:
    with meteo_france_fake() as running:
        yield running


def client(
    fake: MeteoFranceFake,
    *,
    api_key: str = "",
    application_id: str = "",
    clock: Clock | None = None,
) -> MeteoFranceClient:
    return MeteoFranceClient(
        credentials=Credentials(api_key=api_key, application_id=application_id),
        allow_loopback=True,
        base_url=fake.url,
        token_url=fake.token_url,
        clock_s=clock or Clock(),
    )


def ask(asking: MeteoFranceClient, step_hours: int = 6) -> bytes | None:
    return asking.surface_package(domain="ANTIL", run=RUN, step_hours=step_hours)


def test_a_key_travels_in_its_header(fake: MeteoFranceFake) -> None:
    assert ask(client(fake, api_key=API_KEY)) == b"GRIB 2026032000 6"

    assert fake.asked == [(RUN, 6)]
    assert fake.server.requests[0].query == {
        "referencetime": "2026-03-20T00:00:00Z",
        "time": "006H",
        "format": "grib2",
    }
    assert fake.tokens == []


def test_an_hour_that_is_not_out_is_none(fake: MeteoFranceFake) -> None:
    fake.runs[RUN] = 5

    assert ask(client(fake, api_key=API_KEY), 6) is None


def test_one_token_serves_many_calls_until_its_hour_is_over(fake: MeteoFranceFake) -> None:
    clock = Clock()
    asking = client(fake, application_id=APPLICATION_ID, clock=clock)

    ask(asking, 1)
    clock.now_s += 3_539
    ask(asking, 2)
    assert fake.tokens == ["meteo-token-0"]

    clock.now_s += 1
    ask(asking, 3)
    assert fake.tokens == ["meteo-token-0", "meteo-token-1"]


def test_a_token_that_ended_early_is_bought_anew_once(fake: MeteoFranceFake) -> None:
    asking = client(fake, application_id=APPLICATION_ID)
    ask(asking, 1)
    fake.valid_tokens.clear()

    assert ask(asking, 2) == b"GRIB 2026032000 2"
    assert len(fake.tokens) == 2


def test_a_refusal_of_a_fresh_token_is_final(fake: MeteoFranceFake) -> None:
    fake.forced = Answer.of({"code": "900901"}, 401)

    with pytest.raises(ExternalError) as caught:
        ask(client(fake, application_id=APPLICATION_ID))

    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert len(fake.tokens) == 2


@pytest.mark.parametrize(
    ("answer", "status", "retryable"),
    [
        (Answer.of({"error": "invalid_client"}, 400), 401, False),
        (Answer.of({"error": "invalid_client"}, 401), 401, False),
        (Answer(503), 503, True),
        (Answer(200, b"<html>"), None, True),
        (Answer.of(["no"]), None, True),
        (Answer.of({"access_token": "a\nb"}), None, True),
        (Answer.of({"access_token": "hidden-token", "expires_in": "soon"}), None, True),
    ],
)
def test_a_portal_that_sells_no_token_is_told(
    fake: MeteoFranceFake, answer: Answer, status: int | None, retryable: bool
) -> None:
    fake.forced_token = answer

    with pytest.raises(ExternalError) as caught:
        ask(client(fake, application_id=APPLICATION_ID))

    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert "hidden-token" not in str(caught.value)
    assert fake.asked == []


@pytest.mark.parametrize(("answer", "pause_s"), [(QUOTA, 90.0), (Answer(429), QUOTA_PAUSE_S)])
def test_the_quota_says_how_long_to_wait(
    fake: MeteoFranceFake, answer: Answer, pause_s: float
) -> None:
    fake.forced = answer

    with pytest.raises(ExternalError) as caught:
        ask(client(fake, api_key=API_KEY))

    assert (caught.value.status, caught.value.retry_after_s) == (429, pause_s)


def test_an_outage_may_be_tried_again(fake: MeteoFranceFake) -> None:
    fake.forced = OUTAGE
    with pytest.raises(ExternalError) as caught:
        ask(client(fake, api_key=API_KEY))
    assert (caught.value.status, caught.value.retryable) == (503, True)

    fake.forced = Answer(200, b"GRIB", close=True)
    with pytest.raises(ExternalError, match="no whole answer"):
        ask(client(fake, api_key=API_KEY))


def test_no_secret_is_in_an_error_or_in_a_log(
    fake: MeteoFranceFake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ExternalError) as key:
        ask(client(fake, api_key="wrong-key-88"))
    with pytest.raises(ExternalError) as application:
        ask(client(fake, application_id="d3JvbmctaWQ="))

    told = str(key.value) + str(application.value) + caplog.text
    assert "wrong-key-88" not in told
    assert "d3JvbmctaWQ=" not in told


@pytest.mark.parametrize(
    ("domain", "run", "step_hours", "field"),
    [
        ("FRANCE", RUN, 1, "domain"),
        ("ANTIL/..", RUN, 1, "domain"),
        ("ANTIL", RUN.replace(hour=3), 1, "run"),
        ("ANTIL", RUN.replace(minute=30), 1, "run"),
        ("ANTIL", RUN, 49, "step_hours"),
        ("ANTIL", RUN, -1, "step_hours"),
    ],
)
def test_what_the_service_has_not_is_never_asked_for(
    fake: MeteoFranceFake, domain: str, run: datetime, step_hours: int, field: str
) -> None:
    with pytest.raises(DomainError) as caught:
        client(fake, api_key=API_KEY).surface_package(domain=domain, run=run, step_hours=step_hours)

    assert caught.value.field == field
    assert fake.server.requests == []


@pytest.mark.parametrize(
    ("api_key", "application_id"),
    [("", ""), ("key", "bWV0ZW86YXBw"), ("", "short"), ("two words", ""), ("", "a\r\nHost: b")],
)
def test_credentials_are_one_of_both(api_key: str, application_id: str) -> None:
    with pytest.raises(DomainError) as caught:
        Credentials(api_key=api_key, application_id=application_id)

    assert caught.value.field == "token"
