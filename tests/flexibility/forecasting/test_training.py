"""Forecasts by FlexMeasures: what is sent, how often, and every way it can go wrong."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.clients.forecasts import ForecastClient, RemoteForecast
from apps.flexibility.forecasting.reasons import ForecastReason
from apps.flexibility.models import FlexmeasuresSensor, Forecast, ForecastRun, ForecastSkill
from apps.flexibility.selectors.forecasts import expected
from apps.flexibility.services.forecasts import forecasts_make, forecasts_train, training
from apps.flexibility.services.forecasts.runs import Outcome
from apps.flexibility.services.provisioning import FlexmeasuresServer, provision
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.fake_server import Answer
from tests.contracts.flexmeasures_fake import TRACEBACK
from tests.contracts.flexmeasures_forecasts import ForecastFake
from tests.flexibility.conftest import Island, island_make
from tests.flexibility.forecasting.scene import DAY, NOW, SLOT, measure, publish

PRICE, PV = ForecastQuantity.PRICE, ForecastQuantity.PV
FLEXMEASURES = ForecastMethod.FLEXMEASURES
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TRIGGER = "/forecasts/trigger"


def run_of(quantity: ForecastQuantity = PRICE) -> ForecastRun:
    return ForecastRun.objects.get(quantity=quantity, method=FLEXMEASURES)


@pytest.fixture
def prices(ready: Island) -> None:
    """Three days of prices, then two more for later runs: 100 EUR/MWh."""
    publish(SeriesKind.PRICE, lambda _slot: 100.0, start=SLOT - 3 * DAY, end=SLOT + 2 * DAY)


@pytest.mark.usefixtures("prices")
def test_history_is_posted_and_the_forecast_is_kept(
    server: FlexmeasuresServer, fake: ForecastFake, price_sensor: FlexmeasuresSensor
) -> None:
    run = forecasts_train(server=server, now=NOW)

    assert run is not None
    assert (run.quantity, run.reason_code, run.lease_until) == (PRICE, "", None)
    ((sensor_id, body),) = fake.asked
    assert sensor_id == price_sensor.sensor_id
    assert body == {
        "start": "2026-03-11T12:00:00+00:00",
        "duration": "PT172800S",
        "config": {
            "train-period": "P30D",
            "model-params": {"likelihood": None, "quantiles": None},
        },
    }
    (posted,) = fake.posted(price_sensor.sensor_id)
    assert datetime.fromisoformat(posted["start"]) == SLOT - 3 * DAY
    assert posted["values"] == [100.0] * 288
    forecast = Forecast.objects.get(method=FLEXMEASURES)
    assert (forecast.made_at, forecast.start, forecast.end) == (SLOT, SLOT, SLOT + 2 * DAY)
    assert forecast.points[:3] == [[0.0, None, None], [0.5, None, None], [1.0, None, None]]
    assert len(forecast.points) == 192
    assert forecast.duration_s is not None


@pytest.mark.usefixtures("prices")
def test_what_cannot_be_forecast_says_why_without_asking(
    server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    measured = Forecast.objects.count()
    forecasts_train(server=server, now=NOW)

    assert forecasts_train(server=server, now=NOW + MINUTE) is None

    assert (run_of(PV).reason_code, run_of(PV).detail) == ("too_little_history", "0/3")
    assert run_of(ForecastQuantity.LOAD).reason_code == "no_meter"
    assert len(fake.asked) == 1
    assert Forecast.objects.count() == measured + 1


@pytest.mark.usefixtures("prices")
def test_next_one_is_after_six_hours_and_posts_what_is_new(
    server: FlexmeasuresServer, fake: ForecastFake, price_sensor: FlexmeasuresSensor
) -> None:
    forecasts_train(server=server, now=NOW)
    # Local midnight is 04:00 UTC, so that quarters of the day start at 10, 16, 22 and 04 UTC.
    edge = SLOT + 4 * HOUR

    assert forecasts_train(server=server, now=edge - MINUTE) is None
    again = forecasts_train(server=server, now=edge)

    assert again is not None
    assert len(fake.asked) == 2
    posted = fake.posted(price_sensor.sensor_id)[-1]
    assert datetime.fromisoformat(posted["start"]) == SLOT - 2 * HOUR
    assert len(posted["values"]) == 6 * 4


@pytest.mark.usefixtures("prices")
def test_band_is_as_wide_as_the_errors_were(ready: Island, server: FlexmeasuresServer) -> None:
    ForecastSkill.objects.create(
        site=ready.site, quantity=PRICE, method=FLEXMEASURES, horizon_from_h=0, horizon_to_h=1,
        slot_count=9, mae=8.0, bias=0.0, rmse=10.0, computed_at=NOW,
    )  # fmt: skip

    forecasts_train(server=server, now=NOW)

    points = Forecast.objects.get().points
    # 1.2816 * 10 on either side within the first hour; of later hours no error is known.
    assert points[4] == [2.0, -10.816, 14.816]
    assert points[5] == [2.5, None, None]


def test_sun_is_negative_there_and_here_and_never_positive(
    ready: Island, server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    measure([ready.pv_1], lambda _slot: -7.5, start=SLOT - 3 * DAY, end=SLOT)
    fake.forecast = lambda slots: [-5.0, 0.3, *[0.0] * (slots - 2)]

    forecasts_train(server=server, now=NOW)

    ((sensor_id, _body),) = fake.asked
    assert fake.posted(sensor_id)[0]["values"][:2] == [-7.5, -7.5]
    assert [row[0] for row in Forecast.objects.get(quantity=PV).points[:2]] == [-5.0, 0.0]


FAILURES: dict[str, tuple[dict[str, Any], str, timedelta | None]] = {
    "rate limited": (
        {"forced": {TRIGGER: Answer.of({"message": "x"}, 429, Retry_After="250")}},
        "rate_limited", timedelta(seconds=250),
    ),
    "rate limited without a time": (
        {"forced": {TRIGGER: Answer.of({"message": "x"}, 429)}}, "rate_limited", 5 * MINUTE,
    ),
    "server error": (
        {"forced": {TRIGGER: Answer.of({"message": TRACEBACK}, 500)}}, "unavailable", 5 * MINUTE,
    ),
    "cut off": ({"forced": {TRIGGER: Answer(200, b"{", close=True)}}, "unavailable", 5 * MINUTE),
    "refused": ({"forced": {TRIGGER: Answer.of({"message": "no"}, 422)}}, "refused", None),
    "unknown": ({"forced": {TRIGGER: Answer.of({"message": "no"}, 404)}}, "unknown_there", None),
    "garbage": (
        {"forced": {TRIGGER: Answer(200, b"<html>", {"Content-Type": "text/html"})}},
        "bad_answer", None,
    ),
    "no job": ({"forced": {TRIGGER: Answer.of({"status": "PROCESSED"}, 200)}}, "bad_answer", None),
    "job failed": ({"job_status": "FAILED", "exc_info": TRACEBACK}, "job_failed", None),
    "too short": ({"forecast": lambda slots: [0.0] * (slots - 1)}, "bad_answer", None),
    "null values": ({"forecast": lambda slots: [None] * slots}, "bad_answer", None),
    "not a number": ({"forecast": lambda slots: [float("nan")] * slots}, "bad_answer", None),
    "values not in": ({"ingestion": "FAILED"}, "ingestion_late", None),
}  # fmt: skip


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("name", FAILURES)
def test_failure_is_a_reason_and_no_forecast(
    server: FlexmeasuresServer, fake: ForecastFake, name: str
) -> None:
    changes, reason, held = FAILURES[name]
    for field, value in changes.items():
        setattr(fake, field, value)

    forecasts_train(server=server, now=NOW)

    run = run_of()
    assert run.reason_code == reason
    assert run.lease_until == (None if held is None else NOW + held)
    assert "Traceback" not in run.detail
    assert not Forecast.objects.exists()


@pytest.mark.usefixtures("prices")
def test_job_that_takes_too_long_is_late(
    server: FlexmeasuresServer, fake: ForecastFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.job_status = "STARTED"
    monkeypatch.setattr(training, "JOB_TIMEOUT_S", 0.0)

    forecasts_train(server=server, now=NOW)

    assert run_of().reason_code == "late"


@pytest.mark.usefixtures("prices")
def test_nothing_is_asked_before_the_retry_after(
    server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    fake.forced = {TRIGGER: Answer.of({"message": "x"}, 429, Retry_After="2400")}
    forecasts_train(server=server, now=NOW)
    fake.forced = {}

    assert forecasts_train(server=server, now=NOW + timedelta(seconds=2399)) is None
    assert fake.asked == []
    again = forecasts_train(server=server, now=NOW + timedelta(seconds=2400))

    assert again is not None
    assert (again.quantity, again.reason_code) == (PRICE, "")


@pytest.mark.usefixtures("prices")
def test_failed_series_waits_half_an_hour(server: FlexmeasuresServer, fake: ForecastFake) -> None:
    fake.job_status = "FAILED"
    forecasts_train(server=server, now=NOW)
    fake.job_status = "FINISHED"

    assert forecasts_train(server=server, now=NOW + 29 * MINUTE) is None
    again = forecasts_train(server=server, now=NOW + 30 * MINUTE)

    assert again is not None
    assert again.reason_code == ""


@pytest.mark.usefixtures("prices")
def test_killed_attempt_gives_way_when_its_lease_ends(
    server: FlexmeasuresServer, fake: ForecastFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> RemoteForecast:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(ForecastClient, "forecast", killed)
        with pytest.raises(SystemExit):
            forecasts_train(server=server, now=NOW)

    assert forecasts_train(server=server, now=NOW + 5 * MINUTE) is None
    assert len(fake.asked) == 1
    forecasts_train(server=server, now=NOW + 6 * MINUTE)
    assert (run_of().reason_code, run_of().lease_until) == ("interrupted", None)
    forecasts_train(server=server, now=NOW + 30 * MINUTE)
    assert (run_of().reason_code, len(fake.asked)) == ("", 2)
    assert Forecast.objects.count() == 1


@pytest.mark.usefixtures("prices")
def test_two_at_once_ask_once(
    ready: Island, server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    ForecastRun.objects.create(
        site=ready.site, quantity=PV, method=FLEXMEASURES, tried_at=NOW,
        lease_until=NOW + MINUTE,
    )  # fmt: skip

    assert forecasts_train(server=server, now=NOW) is None
    assert fake.server.count("POST", TRIGGER) == 0


@pytest.mark.usefixtures("prices")
def test_result_of_an_attempt_that_was_overtaken_is_dropped(
    ready: Island, server: FlexmeasuresServer
) -> None:
    run = training._claim(NOW)
    assert run is not None
    while run.quantity != PRICE:
        training._end(run, Outcome(ForecastReason.NO_METER))
        run = training._claim(NOW)
        assert run is not None
    ForecastRun.objects.filter(pk=run.pk).update(lease_until=NOW + HOUR)

    training._keep(run, SLOT, RemoteForecast(SLOT, (1.0,) * 192), 1.0)

    assert not Forecast.objects.exists()
    assert run_of().lease_until == NOW + HOUR


@pytest.mark.usefixtures("prices")
def test_while_flexmeasures_is_away_the_next_method_is_used(
    ready: Island, server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    forecasts_train(server=server, now=NOW)
    later = NOW + 13 * HOUR
    fake.forced = {TRIGGER: Answer(503)}
    forecasts_train(server=server, now=later)
    forecasts_make(now=later)

    found = expected(
        site_id=ready.site.pk, quantity=PRICE, start=later, end=later + HOUR, now=later
    )

    assert run_of().reason_code == "unavailable"
    assert found.method == ForecastMethod.PERSISTENCE
    assert found.p50[1] == 100.0


def test_without_an_account_nothing_is_tried(
    island: Island, server: FlexmeasuresServer, fake: ForecastFake
) -> None:
    assert forecasts_train(server=server, now=NOW) is None
    assert fake.server.requests == []
    assert not ForecastRun.objects.exists()


@pytest.mark.usefixtures("prices")
def test_each_operator_asks_for_its_own(
    server: FlexmeasuresServer, fake: ForecastFake, operator_b: Operator
) -> None:
    forecasts_train(server=server, now=NOW)
    with operator_context("martinique"):
        island_make()
        provision(server=server, now=NOW)
        publish(SeriesKind.PRICE, lambda _slot: 7.0, start=SLOT - 3 * DAY, end=SLOT)

        forecasts_train(server=server, now=NOW)

        assert Forecast.objects.count() == 1
        theirs = fake.asked[-1][0]
        assert fake.posted(theirs)[0]["values"][0] == 7.0
    assert Forecast.objects.count() == 1
    assert len(fake.asked) == 2
    assert fake.asked[0][0] != theirs
